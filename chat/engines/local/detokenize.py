"""Token ids to text, one token at a time, never half a character.

Bytes that do not make a whole character are held back; where a reply ends in the
middle of one, its bytes are dropped. Special tokens have no text, except those a
caller names in `literal` (the thinking tags of some models).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from tokenizers.decoders import DecodeStream

REPLACEMENT = "\ufffd"


class Detokenizer(Protocol):
    def push(self, token: int) -> str:
        """The text that `token` completes; often empty."""


def make_detokenizer(tokenizer: Any, literal: Mapping[int, str]) -> Detokenizer:
    if getattr(tokenizer, "is_fast", False):
        return FastDetokenizer(tokenizer, literal)
    return SlowDetokenizer(tokenizer, literal)


class FastDetokenizer:
    """Over the Rust library's own incremental decoder: 0.5 µs a token."""

    def __init__(self, tokenizer: Any, literal: Mapping[int, str]) -> None:
        self._tokenizer = tokenizer.backend_tokenizer
        self._literal = literal
        self._stream = DecodeStream(skip_special_tokens=True)

    def push(self, token: int) -> str:
        if (text := self._literal.get(token)) is not None:
            return text
        try:
            return self._stream.step(self._tokenizer, token) or ""
        except Exception:  # the library raises nothing narrower
            # Bytes that are no UTF-8 can decode to less text than before, which
            # the decoder takes for a fault; a new one goes on behind them.
            self._stream = DecodeStream(skip_special_tokens=True)
            return self._stream.step(self._tokenizer, token) or ""


class SlowDetokenizer:
    """For tokenizers in Python: decode a short window twice and take what is new.

    The window starts at the last token whose text is out, so that decoders which
    look at their left neighbour (for a space) see it.
    """

    def __init__(self, tokenizer: Any, literal: Mapping[int, str]) -> None:
        self._tokenizer = tokenizer
        self._literal = literal
        self._shown: list[int] = []
        self._held: list[int] = []

    def push(self, token: int) -> str:
        if (text := self._literal.get(token)) is not None:
            return text
        self._held.append(token)
        before = self._decode(self._shown)
        text = self._decode(self._shown + self._held)
        if text.endswith(REPLACEMENT) or len(text) <= len(before):
            return ""
        self._shown, self._held = self._held, []
        return text[len(before) :]

    def _decode(self, tokens: list[int]) -> str:
        text: str = self._tokenizer.decode(
            tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text
