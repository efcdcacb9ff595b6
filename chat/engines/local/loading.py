"""From a folder or hub id to a model in memory, with errors people can act on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig
from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.utils.logging import disable_progress_bar

from chat.engines.base import EngineError, ModelState
from chat.engines.local.fetching import WRITER, Files, Report, fetch
from chat.engines.local.quantize import (
    Quantization,
    quantize,
    refuse_quantized,
    rounded_bytes,
)
from chat.engines.local.room import WORKING_BYTES, refuse_without_room, weight_bytes
from chat.engines.local.trouble import explained
from chat.engines.local.weights import Source, Stored


@dataclass(frozen=True, slots=True)
class Loaded:
    """`context`: the positions the model was made for, in tokens."""

    model: Any
    tokenizer: Any
    generation: GenerationConfig
    context: int
    vocabulary: int
    bytes_per_token: int
    """Of keys and values, over all layers."""
    spare: int | None = None
    """Bytes that the weights leave of a stated budget."""

    @property
    def ends(self) -> frozenset[int]:
        """Tokens that end a reply."""
        ids = self.generation.eos_token_id
        if ids is None:
            ids = self.tokenizer.eos_token_id
        if ids is None:
            return frozenset()
        return frozenset([ids] if isinstance(ids, int) else ids)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to load. `name`: a folder or hub id; `revision`: of the hub.

    `cache_bytes`: what is to be kept for keys and values, where that is said.
    `budget`: bytes of memory it may take in all; None: what is free. `quantization`:
    how its layers are rounded.
    """

    name: str
    revision: str | None = None
    device: str | None = None
    cache_bytes: int | None = None
    budget: int | None = None
    quantization: Quantization = "none"

    @property
    def place(self) -> str:
        return self.device or ("cuda" if torch.cuda.is_available() else "cpu")

    @property
    def dtype(self) -> torch.dtype:
        # On a CPU greedy replies stay the same bit by bit after a restart.
        return torch.float32 if self.place == "cpu" else torch.bfloat16

    @property
    def load_dtype(self) -> torch.dtype:
        """Of the weights as they come, before any is rounded."""
        return self.dtype if self.quantization == "none" else torch.bfloat16

    def size(self, tensors: Iterable[Stored]) -> int:
        """Bytes of memory these weights take."""
        if self.quantization == "none":
            return weight_bytes(tensors, self.dtype.itemsize)
        rounded = (
            rounded_bytes(tensor, self.quantization, self.dtype.itemsize)
            for tensor in tensors
        )
        return sum(rounded)


def load(wanted: Wanted, report: Report) -> Loaded:
    """Blocks for seconds to minutes. Raises EngineError with what to do about it."""
    with explained(wanted.name, wanted.revision):
        source = find(wanted, report)
        report(ModelState("loading", f"loading {wanted.name}"))
        return load_folder(source, wanted)


def find(wanted: Wanted, report: Report, files: Files = WRITER) -> Source:
    """A folder is taken as it is."""
    path = Path(wanted.name).expanduser()
    if path.is_dir():
        return Source(wanted.name, path)
    if looks_like_path(wanted.name):
        raise EngineError(
            "model_not_found", f"There is no folder {wanted.name}. Check the path."
        )
    return Source(wanted.name, fetch(wanted.name, wanted.revision, report, files))


def looks_like_path(name: str) -> bool:
    return name.startswith((".", "/", "~", "\\")) or name.count("/") > 1


def load_folder(source: Source, wanted: Wanted) -> Loaded:
    """Refuses what cannot be loaded before it takes the time and the memory."""
    refuse_unknown_kind(source)
    rounded = wanted.quantization != "none"
    if rounded:
        refuse_quantized(source.name, source.json("config.json"))
    size = wanted.size(tensors := source.weights())
    at_first = weight_bytes(tensors, wanted.load_dtype.itemsize)
    refuse_without_room(
        source.name, size, at_first, wanted.cache_bytes, wanted.place, wanted.budget
    )
    disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(source.folder, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(
        source.folder,
        local_files_only=True,
        dtype=wanted.load_dtype,
        attn_implementation="sdpa",
    )
    if rounded:
        quantize(source.name, model, wanted.quantization, wanted.place, wanted.dtype)
    model = model.to(wanted.place).eval().requires_grad_(False)
    tokenizer.encode("warm")  # sets truncation and padding once, before any thread
    config = model.config.get_text_config()
    return Loaded(
        model=model,
        tokenizer=tokenizer,
        generation=model.generation_config,
        context=context_of(config),
        vocabulary=int(model.get_input_embeddings().num_embeddings),
        bytes_per_token=cache_bytes_per_token(config, model.dtype.itemsize),
        spare=wanted.budget and wanted.budget - size - WORKING_BYTES,
    )


def refuse_unknown_kind(source: Source) -> None:
    """Raises EngineError where the library has no code for it, or none that writes."""
    config = source.json("config.json")
    kind = config.get("model_type")
    if kind in CONFIG_MAPPING_NAMES:
        if kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
            return
        why = "is no model that writes text"
    elif "auto_map" in config:
        why = "brings code of its own, which is not run here"
    else:
        why = f"is newer than transformers {transformers.__version__}, or of no kind"
    raise EngineError(
        "model_broken",
        f"{source.name} (model_type {kind!r}) {why}: choose another model, or serve it"
        " by an engine of its own and set CHAT_BASE_URL.",
    )


def context_of(config: Any) -> int:
    return int(getattr(config, "max_position_embeddings", 0) or 2048)


def cache_bytes_per_token(config: Any, itemsize: int) -> int:
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None)
    size = size or config.hidden_size // config.num_attention_heads
    return int(2 * config.num_hidden_layers * heads * size * itemsize)
