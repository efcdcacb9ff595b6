"""From a folder or hub id to a model in memory, with errors people can act on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)
from safetensors import SafetensorError
from tqdm.auto import tqdm  # type: ignore[import-untyped]
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig
from transformers.utils.logging import disable_progress_bar

from chat.engines.base import EngineError

logger = logging.getLogger(__name__)

Report = Callable[[str], None]

NEEDED_FILES = ("*.safetensors", "*.json", "*.model", "*.txt", "*.jinja")


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

    @property
    def ends(self) -> frozenset[int]:
        """Tokens that end a reply."""
        ids = self.generation.eos_token_id
        if ids is None:
            ids = self.tokenizer.eos_token_id
        if ids is None:
            return frozenset()
        return frozenset([ids] if isinstance(ids, int) else ids)


def load(name: str, report: Report, device: str | None = None) -> Loaded:
    """Blocks for seconds to minutes. Raises EngineError with what to do about it.

    A folder is taken as it is; a hub id from the local cache if it is complete
    there (an unreachable hub would cost half a minute of retries), else downloaded.
    """
    try:
        return load_named(name, report, device)
    except EngineError:
        raise
    except Exception as error:
        raise explain(name, error) from error


def load_named(name: str, report: Report, device: str | None) -> Loaded:
    if Path(name).is_dir():
        return load_folder(Path(name), report, device)
    if looks_like_path(name):
        raise EngineError(
            "model_not_found", f"There is no folder {name}. Check the path."
        )
    try:
        folder = snapshot_download(name, local_files_only=True)
        return load_folder(Path(folder), report, device)
    except OSError as error:  # not in the cache, or not all of it
        logger.debug("%s is not complete in the cache: %s", name, error)
    folder = download(name, report)
    return load_folder(Path(folder), report, device)


def looks_like_path(name: str) -> bool:
    return name.startswith((".", "/", "~", "\\")) or name.count("/") > 1


def download(name: str, report: Report) -> str:
    report(f"downloading {name}")

    class Bar(tqdm):
        """Reports whole percents of the bytes; prints nothing itself."""

        def __init__(self, *args: Any, **options: Any) -> None:
            options.pop("name", None)
            self.percent = -1
            super().__init__(*args, **{**options, "disable": False, "file": Quiet()})

        def update(self, n: float | None = 1) -> bool | None:
            moved: bool | None = super().update(n)
            percent = int(100 * self.n / self.total) if self.total else 0
            if self.unit == "B" and percent > self.percent:
                self.percent = percent
                report(f"downloading {name}: {percent} %")
            return moved

    return str(
        snapshot_download(name, allow_patterns=list(NEEDED_FILES), tqdm_class=Bar)
    )


class Quiet:
    """A file that swallows what is written: progress goes to the log instead."""

    def write(self, _text: str) -> int:
        return 0

    def flush(self) -> None: ...


def load_folder(folder: Path, report: Report, device: str | None) -> Loaded:
    report(f"loading {folder.name}")
    disable_progress_bar()
    place = device or ("cuda" if torch.cuda.is_available() else "cpu")
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(
        folder,
        local_files_only=True,
        # On a CPU greedy replies stay the same bit by bit after a restart.
        dtype=torch.float32 if place == "cpu" else torch.bfloat16,
        attn_implementation="sdpa",
    )
    model = model.to(place).eval().requires_grad_(False)
    tokenizer.encode("warm")  # sets truncation and padding once, before any thread
    config = model.config.get_text_config()
    return Loaded(
        model=model,
        tokenizer=tokenizer,
        generation=model.generation_config,
        context=int(getattr(config, "max_position_embeddings", 0) or 2048),
        vocabulary=int(model.get_input_embeddings().num_embeddings),
        bytes_per_token=cache_bytes_per_token(config, model.dtype.itemsize),
    )


def cache_bytes_per_token(config: Any, itemsize: int) -> int:
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None)
    size = size or config.hidden_size // config.num_attention_heads
    return int(2 * config.num_hidden_layers * heads * size * itemsize)


def explain(name: str, error: Exception) -> EngineError:
    """The friendly form of what the libraries raise, found along `__cause__`."""
    for link in chain(error):
        match link:
            case RepositoryNotFoundError():
                return EngineError(
                    "model_not_found",
                    f"The hub has no model {name}, or it is private or gated:"
                    " check the name, or set HF_TOKEN.",
                )
            case HFValidationError():
                return EngineError(
                    "model_not_found",
                    f"{name} is neither a folder nor a hub id (owner/name).",
                )
            case LocalEntryNotFoundError() | ConnectionError():
                return EngineError(
                    "model_not_found",
                    f"{name} is not on this machine and the hub cannot be reached:"
                    " download it first, or give the path of a folder.",
                    retryable=True,
                )
            case SafetensorError():
                return EngineError(
                    "model_broken",
                    f"A weight file of {name} is damaged or incomplete:"
                    f" download it again ({link}).",
                )
            case torch.OutOfMemoryError() | MemoryError():
                return EngineError("out_of_memory", f"{name} does not fit into memory.")
    return EngineError("model_broken", f"{name} cannot be loaded: {first_line(error)}")


def chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__


def first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
