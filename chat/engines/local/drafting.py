"""Drafts from a small model that speaks like the large one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad
from transformers import DynamicCache

from chat.engines.local.loading import Loaded
from chat.engines.local.sampling import Chooser, Row, choose

PORTION = 128
"""Tokens read at a time: a long prompt stalls no step."""


@dataclass(slots=True)
class Reading:
    """What the draft model has read of one request: `ids`, and its cache of them. The
    first `sure` are the request's own; behind them is what was drafted."""

    ids: list[int] = field(default_factory=list)
    cache: Any = field(default_factory=DynamicCache)
    sure: int = 0


class DraftModel:
    """It draws as the large model does, by the same parameters, seed and position: so
    the two agree wherever their probabilities do."""

    def __init__(self, loaded: Loaded, vocabulary: int) -> None:
        """`vocabulary`: the large model's, in tokens."""
        self._model = loaded.model
        self._context = loaded.context
        self._vocabulary = vocabulary
        self._readings: dict[str, Reading] = {}

    @torch.no_grad()
    def draft(
        self, name: str, ids: Sequence[int], count: int, chooser: Chooser
    ) -> list[int]:
        """What may follow `ids`; [] until the model has read them."""
        count = min(count, self._context - len(ids))
        if count < 1:
            return []
        reading = self._readings.setdefault(name, Reading())
        self._rewind(reading, ids)
        behind = ids[len(reading.ids) :]
        scores = self._read(reading, behind[:PORTION])
        if len(behind) > PORTION:
            return []
        drafted: list[int] = []
        while True:
            row = Row(chooser, ids, (), tuple(drafted))
            token = int(choose(scores, [row]).argmax())
            drafted.append(token)
            if len(drafted) == count:
                return drafted
            scores = self._read(reading, [token])

    def forget(self, name: str) -> None:
        self._readings.pop(name, None)

    def _rewind(self, reading: Reading, ids: Sequence[int]) -> None:
        """To before the first token that came otherwise than drafted, and before the
        last one: its scores are needed."""
        read, last = len(reading.ids), len(ids) - 1
        keep = min(reading.sure, last)
        while keep < min(read, last) and reading.ids[keep] == ids[keep]:
            keep += 1
        if keep < read:
            del reading.ids[keep:]
            reading.cache.crop(keep)
        reading.sure = keep

    def _read(self, reading: Reading, ids: Sequence[int]) -> Tensor:
        """The scores of what follows: [1, vocabulary of the large model]"""
        tokens = torch.tensor([list(ids)], device=self._model.device)
        read = self._model(
            tokens, past_key_values=reading.cache, use_cache=True, logits_to_keep=1
        )
        reading.ids.extend(ids)
        scores: Tensor = read.logits[0, -1:].float()
        missing = self._vocabulary - scores.size(-1)
        return pad(scores, (0, missing), value=-torch.inf)
