"""Which static files exist: our own, and a short list from the npm packages.

The packages are served as they are, without a bundler. Only what a page loads is
let through: of some 1,800 files in `node_modules` about a hundred.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import PurePath
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import FileSystemFinder
from django.core.files.storage import FileSystemStorage, Storage

# static prefix -> folder in node_modules, what is let through. A source map is on the
# list where the file names one: the hashing storage looks for it.
PACKAGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "vendor/marked": ("marked/lib", ("marked.esm.js", "marked.esm.js.map")),
    "vendor/dompurify": ("dompurify/dist", ("purify.es.mjs",)),
    "vendor/katex": ("katex/dist", ("katex.mjs", "katex.min.css", "fonts/*")),
    "vendor/highlight": ("@highlightjs/cdn-assets/es", ("highlight.min.js",)),
}


def is_allowed(prefix: str, path: str) -> bool:
    """Whether `path`, relative to what `prefix` stands for, may be served."""
    if prefix not in PACKAGES:
        return True
    return any(fnmatchcase(path, pattern) for pattern in PACKAGES[prefix][1])


class AllowListFinder(FileSystemFinder):
    """`STATICFILES_DIRS`, and the listed files of the listed packages."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        packages = settings.BASE_DIR / "node_modules"
        for prefix, (folder, _) in PACKAGES.items():
            storage = FileSystemStorage(location=packages / folder)
            storage.prefix = prefix  # type: ignore[attr-defined]
            self.locations.append((prefix, str(packages / folder)))
            self.storages[str(packages / folder)] = storage

    def find_location(
        self, root: str, path: str, prefix: str | None = None
    ) -> str | None:
        inside = PurePath(path).as_posix().removeprefix(f"{prefix}/")
        if prefix and not is_allowed(prefix, inside):
            return None
        return super().find_location(root, path, prefix)

    def list(
        self, ignore_patterns: Iterable[str] | None
    ) -> Iterator[tuple[str, Storage]]:
        for path, storage in super().list(ignore_patterns):
            if is_allowed(getattr(storage, "prefix", "") or "", path):
                yield path, storage
