"""The weights of a model in a folder, without loading them: whole, and how large.

A safetensors file begins with the length of its header (8 bytes), the header (JSON:
each tensor's dtype, shape and place), and then the tensors.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from chat.engines.base import EngineError
from chat.engines.local.trouble import DAMAGED

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
MAX_HEADER = 100 * 2**20
"""The format's own bound."""
FLOATS = {"F64", "F32", "F16", "BF16"}
"""What is converted to the model's dtype; the rest stays as it is stored."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One tensor, as it lies in its file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    size: int

    def bytes_as(self, itemsize: int) -> int:
        """In memory, where floats take so many bytes each."""
        if self.dtype in FLOATS:
            return prod(self.shape) * itemsize
        return self.size


@dataclass(frozen=True, slots=True)
class Source:
    """A model's folder, and what the model is called in messages about it."""

    name: str
    folder: Path

    def json(self, file: str) -> dict[str, Any]:
        """Raises EngineError where that is no JSON object."""
        try:
            found = json.loads((self.folder / file).read_text("utf-8"))
        except FileNotFoundError as error:
            raise EngineError(
                "model_broken",
                f"{self.folder} has no {file}: it is no folder of a transformers"
                " model. Check the path, or download the model again.",
            ) from error
        except ValueError as error:
            raise self.damaged(f"{file} is no JSON") from error
        if not isinstance(found, dict):
            raise self.damaged(f"{file} is no JSON object")
        return found

    def damaged(self, what: str) -> EngineError:
        return EngineError("model_broken", DAMAGED.format(name=self.name, what=what))

    def weights(self) -> list[Stored]:
        """All tensors. Raises EngineError where a file is missing or not whole."""
        return [tensor for file in self._files() for tensor in self.read(file)]

    def _files(self) -> list[str]:
        if (self.folder / INDEX).is_file():
            mapped = self.json(INDEX).get("weight_map")
            if not isinstance(mapped, dict):
                raise self.damaged(f"{INDEX} names no files")
            files = sorted(set(mapped.values()))
            for file in files:
                if not (self.folder / file).is_file():
                    raise self.damaged(f"{file} is missing")
            return files
        if (self.folder / SINGLE).is_file():
            return [SINGLE]
        raise EngineError(
            "model_broken",
            f"{self.folder} has no weights ({SINGLE}). Other formats are not loaded:"
            " convert the model, or choose another one.",
        )

    def read(self, file: str) -> list[Stored]:
        """The tensors of one file, if it is as long as its header says. EngineError
        where it is not."""
        path = self.folder / file
        try:
            header, begin = header_of(path)
            tensors = [tensor_of(name, entry) for name, entry in header.items()]
            ends = [entry["data_offsets"][1] for entry in header.values()]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self.damaged(f"{file} is no safetensors file") from error
        whole, size = begin + max(ends, default=0), path.stat().st_size
        if size < whole:
            raise self.damaged(f"{file} has {size} of {whole} bytes")
        return tensors


def header_of(path: Path) -> tuple[dict[str, Any], int]:
    """The header, and where the tensors begin. ValueError where there is none."""
    with path.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        if not 0 < length <= MAX_HEADER:
            raise ValueError("no header")
        header: dict[str, Any] = json.loads(opened.read(length))
    header.pop("__metadata__", None)
    return header, 8 + length


def tensor_of(name: str, entry: dict[str, Any]) -> Stored:
    begin, end = entry["data_offsets"]
    return Stored(name, entry["dtype"], tuple(entry["shape"]), end - begin)
