"""A model from the hub to this machine: what is there already, or a download.

The hub client's own variables count: `HF_HOME`, `HF_TOKEN`, `HF_ENDPOINT`,
`HF_HUB_OFFLINE`.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, constants, snapshot_download
from huggingface_hub.errors import LocalEntryNotFoundError
from huggingface_hub.utils.tqdm import tqdm

from chat.engines.base import EngineError, ModelState

logger = logging.getLogger(__name__)

Report = Callable[[ModelState], None]


@dataclass(frozen=True, slots=True)
class Files:
    """Which of a model's files are fetched: those of `needed` but `others`, which are
    the same weights in another format."""

    needed: tuple[str, ...]
    others: tuple[str, ...]

    def __contains__(self, file: str) -> bool:
        return matches(file, self.needed) and not matches(file, self.others)


WRITER = Files(
    ("*.safetensors", "*.json", "*.model", "*.txt", "*.jinja"),
    ("original/*", "onnx/*", "consolidated*"),
)
"""A model that writes."""
LINE_SECONDS = 5.0
"""Between two lines of the log about one download."""


def fetch(
    name: str, revision: str | None, report: Report, files: Files = WRITER
) -> Path:
    """The folder of that model. Blocks; raises what the hub client does, and
    EngineError where the model cannot be of use here.

    What is complete in the cache is taken without asking the hub: one that cannot be
    reached would cost half a minute of retries.
    """
    snapshot = partial(
        snapshot_download,
        name,
        revision=revision,
        allow_patterns=list(files.needed),
        ignore_patterns=list(files.others),
    )
    try:
        return Path(snapshot(local_files_only=True))
    except LocalEntryNotFoundError as error:  # or not all of it
        logger.debug("%s is not complete in the cache: %s", name, error)
    report(ModelState("downloading", f"asking the hub for {name}"))
    download = Download(name, wanted(name, revision, files), report)
    return Path(snapshot(tqdm_class=download.bar()))


def wanted(name: str, revision: str | None, files: Files) -> dict[str, int]:
    """The sizes of the files to fetch, by their names."""
    info = HfApi().model_info(name, revision=revision, files_metadata=True)
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
    found = {file: size for file, size in sizes.items() if file in files}
    if not any(file.endswith(".safetensors") for file in found):
        raise EngineError(
            "model_broken",
            f"{name} has no weights in the safetensors format on the hub: choose a"
            " model, or a conversion of it, that has.",
        )
    return found


def matches(file: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(file, pattern) for pattern in patterns)


class Download:
    """What has come of one model's files. Its bars are moved by several threads."""

    def __init__(self, name: str, sizes: dict[str, int], report: Report) -> None:
        self._name = name
        self._total = sum(sizes.values())
        self._files = len(sizes)
        self._report = report
        self._lock = threading.Lock()
        self._bytes = self._done = 0
        self._said = -LINE_SECONDS
        refuse_full_disk(name, self._total)
        self._tell(self._state())

    def bar(self) -> type[tqdm]:
        """The class of the bars the hub client moves. They show nothing.

        The network's bytes are a bar of their own; those on the disk count, which
        include what an earlier attempt left.
        """
        moved = self.moved

        class Bar(tqdm):
            def __init__(self, *args: Any, **options: Any) -> None:
                network = str(options.get("name") or "").endswith(".transfer")
                on_disk = "bytes" if options.get("unit") == "B" else "files"
                self.counts = "" if network else on_disk
                options["disable"] = True
                super().__init__(*args, **options)  # type: ignore[no-untyped-call]

            def update(self, n: float | None = 1) -> None:
                moved(self.counts, int(n or 0))

        return Bar

    def moved(self, what: str, by: int) -> None:
        with self._lock:
            if what == "bytes":
                self._bytes += by
            elif what == "files":
                self._done += by
            else:
                return
            self._tell(self._state())

    def _state(self) -> ModelState:
        message = (
            f"downloading {self._name}: {in_gb(self._bytes)} of"
            f" {in_gb(self._total)}, {self._done} of {self._files} files"
        )
        return ModelState(
            "downloading", message, self._bytes, self._total, self._done, self._files
        )

    def _tell(self, state: ModelState) -> None:
        self._report(state)
        now = time.monotonic()
        if now - self._said >= LINE_SECONDS or self._done == self._files:
            self._said = now
            logger.info("%s", state.message)


def refuse_full_disk(name: str, total: int) -> None:
    place = Path(constants.HF_HUB_CACHE)
    needed = total - already_here(place / f"models--{name.replace('/', '--')}")
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if needed > free:
        raise EngineError(
            "disk_full",
            f"{name} takes {in_gb(needed)}, and {in_gb(free)} are free on the disk of"
            f" {place}: make room, or let HF_HOME name a folder on another disk.",
        )


def already_here(folder: Path) -> int:
    """Bytes of earlier attempts, half a file included: they go on where they ended."""
    return sum(blob.stat().st_size for blob in folder.glob("blobs/*"))


def in_gb(amount: int) -> str:
    """As people read it: 2.4 GB, 310 MB."""
    if amount >= 10**9:
        return f"{amount / 10**9:.1f} GB"
    return f"{-(-amount // 10**6)} MB"
