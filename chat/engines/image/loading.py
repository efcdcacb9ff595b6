"""From a folder, a hub id or `demo` to a pipeline in memory, with errors people can act
on. What a download or a folder lacks is said before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import diffusers

from chat.engines.base import EngineError, ModelState
from chat.engines.image.demo import build
from chat.engines.image.quiet import quietly
from chat.engines.local.fetching import Files, Report
from chat.engines.local.loading import Wanted, find
from chat.engines.local.room import refuse_without_room, weight_bytes
from chat.engines.local.trouble import explained
from chat.engines.local.weights import Source, Stored

DEMO = "demo"
DEMO_FOLDER = Path(__file__).resolve().parents[3] / "var" / "demo-image"
INDEX = "model_index.json"
VARIANTS = ("*.fp16.*", "*.fp16-*", "*.bf16.*", "*.fp32.*", "*.non_ema.*")
"""The same weights in another precision."""
DRAWER = Files(
    (INDEX, "*/*.safetensors", "*/*.json", "*/*.model", "*/*.txt"),
    (*VARIANTS, "original/*", "onnx/*", "*/*.onnx*", "openvino/*", "*/flax_*"),
)
"""A model that draws: a folder for each of its parts. What lies beside them is the
whole once more."""
ADVICE = "Choose a smaller model, or make room."


def load(wanted: Wanted, report: Report) -> Any:
    """The pipeline. Blocks for seconds to minutes. Raises EngineError."""
    with explained(wanted.name, wanted.revision), quietly():
        source = located(wanted, report)
        report(ModelState("loading", f"loading {wanted.name}"))
        return load_folder(source, wanted)


def located(wanted: Wanted, report: Report) -> Source:
    if wanted.name == DEMO:
        return Source(DEMO, build(DEMO_FOLDER))
    return find(wanted, report, DRAWER)


def load_folder(source: Source, wanted: Wanted) -> Any:
    refuse_unknown_kind(source)
    size = weight_bytes(weights(source), wanted.dtype.itemsize)
    refuse_without_room(
        source.name, size, size, None, wanted.place, None, advice=ADVICE
    )
    pipeline = diffusers.DiffusionPipeline.from_pretrained(
        source.folder,
        dtype=wanted.dtype,
        local_files_only=True,
        use_safetensors=True,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(wanted.place)


def refuse_unknown_kind(source: Source) -> None:
    """Raises EngineError where the library has no code for it."""
    if not (source.folder / INDEX).is_file():
        raise EngineError(
            "model_broken",
            f"{source.folder} has no {INDEX}: it is no folder of a diffusers pipeline."
            " Check the path, or download the model again.",
        )
    kind = source.json(INDEX).get("_class_name")
    if not (isinstance(kind, str) and hasattr(diffusers, kind)):
        raise EngineError(
            "model_broken",
            f"{source.name} ({kind!r}) is newer than diffusers"
            f" {diffusers.__version__}, or brings code of its own, which is not run"
            " here: choose another model.",
        )


def weights(source: Source) -> list[Stored]:
    """All tensors of all parts. Raises EngineError where one is not whole."""
    return [tensor for file in files(source) for tensor in source.read(file)]


def files(source: Source) -> Iterator[str]:
    for part, said in source.json(INDEX).items():
        here = isinstance(said, list) and said[:1] != [None]
        if here and (source.folder / part / "config.json").is_file():
            yield from files_of(source, part)


def files_of(source: Source, part: str) -> list[str]:
    """The weights of one part, without what is there in another precision as well."""
    folder = source.folder / part
    indexes = [path for path in folder.glob("*.safetensors.index.json") if plain(path)]
    if indexes:
        mapped = source.json(f"{part}/{indexes[0].name}").get("weight_map")
        if not isinstance(mapped, dict):
            raise source.damaged(f"{part}/{indexes[0].name} names no files")
        found = [folder / name for name in sorted(set(mapped.values()))]
    else:
        found = [path for path in folder.glob("*.safetensors") if plain(path)]
    for path in found:
        if not path.is_file():
            raise source.damaged(f"{part}/{path.name} is missing")
    if not found:
        raise EngineError(
            "model_broken",
            f"{folder} has no weights in the safetensors format, or only in another"
            " precision: choose a model, or a conversion of it, that has.",
        )
    return [f"{part}/{path.name}" for path in found]


def plain(path: Path) -> bool:
    return not any(path.match(pattern) for pattern in VARIANTS)
