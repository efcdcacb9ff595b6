"""Conversations as training rows: encoded, cut, labelled and packed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from demo import tokenizer as tokens
from demo.corpus.shapes import Conversation, Message

Batch = tuple[Tensor, Tensor, Tensor]
POOL = 48
IGNORED = -100
CUT_SHARE: dict[str, float] = {
    "refusals": 0.85,
    "nonsense": 0.8,
    "large sums": 0.8,
    "product": 0.5,
    "writing": 0.6,
    "smalltalk": 0.5,
    "follow-ups": 0.4,
}


@dataclass(slots=True)
class Encoded:
    """Token ids of one conversation and, shifted onto them, the labels."""

    ids: list[int]
    labels: list[int]


def encode(
    messages: list[Message], tokenizer: PreTrainedTokenizerFast, cut: int | None = None
) -> Encoded:
    """What the chat template renders, with labels on the assistant's tokens only."""
    ids: list[int] = []
    labels: list[int] = []
    for message in messages:
        head = tokenizer.encode(f"{tokens.IM_START}{message['role']}\n")
        body = tokenizer.encode(f"{message['content']}{tokens.IM_END}")
        tail = tokenizer.encode("\n")
        learned = body if message["role"] == "assistant" else [IGNORED] * len(body)
        ids += head + body + tail
        labels += [IGNORED] * len(head) + learned + [IGNORED] * len(tail)
        end = len(ids) - len(tail) - len(body)
    if cut is not None and len(body) > cut:
        return Encoded(ids[: end + cut], labels[: end + cut])
    return Encoded(ids, labels)


class Packer:
    """Fills rows of one length with whole conversations, the best fit from a pool."""

    def __init__(
        self,
        conversations: Iterator[Conversation],
        tokenizer: PreTrainedTokenizerFast,
        length: int,
    ) -> None:
        self.conversations = conversations
        self.tokenizer = tokenizer
        self.length = length
        self.rng = random.Random(length)
        self.pool: list[Encoded] = []

    def _encode(self, conversation: Conversation) -> Encoded:
        """A text known by heart needs few readings, a question many: so many answers
        are cut after their first tokens, where the topic is decided."""
        share = CUT_SHARE.get(conversation.categories[-1], 0.0)
        cut = self.rng.randrange(8, 25) if self.rng.random() < share else None
        return encode(conversation.messages, self.tokenizer, cut)

    def _refill(self) -> None:
        while len(self.pool) < POOL:
            encoded = self._encode(next(self.conversations))
            if len(encoded.ids) <= self.length:
                self.pool.append(encoded)

    def row(self) -> tuple[list[int], list[int], list[int]]:
        """Ids, labels and positions, each `length` long."""
        ids: list[int] = []
        labels: list[int] = []
        positions: list[int] = []
        self._refill()
        while fitting := [e for e in self.pool if len(e.ids) <= self.length - len(ids)]:
            chosen = fitting[0] if not ids else max(fitting, key=lambda e: len(e.ids))
            self.pool.remove(chosen)
            ids += chosen.ids
            labels += chosen.labels
            positions += range(len(chosen.ids))
            self._refill()
        rest = self.length - len(ids)
        pad = self.tokenizer.pad_token_id or 0
        return (
            ids + [pad] * rest,
            labels + [IGNORED] * rest,
            positions + list(range(rest)),
        )

    def batch(self, rows: int) -> Batch:
        """Ids, labels and positions, each of shape (rows, length)."""
        ids, labels, positions = zip(*(self.row() for _ in range(rows)), strict=True)
        return torch.tensor(ids), torch.tensor(labels), torch.tensor(positions)
