"""Where one model's guesses come from: the text itself, a small model, or both."""

from __future__ import annotations

from dataclasses import replace

from chat.engines.base import EngineError
from chat.engines.local.drafting import DraftModel
from chat.engines.local.fetching import Report
from chat.engines.local.loading import Loaded, Wanted, load
from chat.engines.local.lookup import Lookup
from chat.engines.local.memory import footprint
from chat.engines.local.speculation import FEW, Source

MODEL_TOKENS = 8
"""Each costs a run of the draft model, right or wrong."""


class Drafts:
    """The settings of one engine, and the draft model while it is loaded."""

    def __init__(self, lookup_tokens: int, model: str | None) -> None:
        """`lookup_tokens`: guessed from the text at most, 0: none. `model`: a folder
        or hub id."""
        self._lookup_tokens = lookup_tokens
        self._name = model
        self._loaded: Loaded | None = None

    def measure(self, wanted: Wanted, report: Report) -> int:
        """Bytes of memory the draft model will take, for the model that is wanted."""
        if self._name is None:
            return 0
        return sum(footprint(Wanted(self._name, device=wanted.device), report, FEW))

    def load(self, target: Loaded, wanted: Wanted, report: Report) -> Loaded:
        """Blocks. Returns the target with the memory that is left for it. Raises
        EngineError where the draft model cannot be loaded, or cannot guess for it."""
        if self._name is None:
            return target
        mine = Wanted(self._name, device=wanted.device, budget=target.spare)
        draft = load(mine, report)
        refuse_unfit(self._name, draft, target)
        self._loaded = draft
        return replace(target, spare=draft.spare)

    def sources(self, target: Loaded) -> list[Source]:
        """For one worker: what it reads is nobody else's."""
        sources = []
        if self._lookup_tokens > 0:
            sources.append(Source("lookup", Lookup(), self._lookup_tokens))
        if self._loaded is not None:
            model = DraftModel(self._loaded, target.vocabulary)
            sources.append(Source("draft_model", model, MODEL_TOKENS))
        return sources

    def release(self) -> None:
        self._loaded = None


def refuse_unfit(name: str, draft: Loaded, target: Loaded) -> None:
    if draft.tokenizer.get_vocab() != target.tokenizer.get_vocab():
        raise EngineError(
            "draft_model_unfit",
            f"The draft model {name} has another tokenizer than the model it is for:"
            " choose a smaller model of the same family.",
        )
    kinds = getattr(draft.model.config.get_text_config(), "layer_types", None) or ()
    if any(kind != "full_attention" for kind in kinds):
        raise EngineError(
            "draft_model_unfit",
            f"The draft model {name} does not keep all it has read, so that it cannot"
            " take a guess back: choose one with full attention in all layers.",
        )
