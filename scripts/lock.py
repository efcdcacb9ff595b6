"""Pin what the direct requirements brought along, in constraints.txt.

Run by `make lock` in .venv. Follows the requirements of the installed packages, so
that whatever else somebody installed there stays out.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
FILES = (
    "requirements.txt",
    "requirements-dev.txt",
    "requirements-tracing.txt",
    "requirements-images.txt",
    "requirements-s3.txt",
)
# Only with a CUDA build of torch, which pins them itself.
ELSEWHERE = re.compile(r"nvidia-|cuda-|triton")


def direct() -> list[Requirement]:
    lines = [line for name in FILES for line in (ROOT / name).read_text().splitlines()]
    return [Requirement(line) for line in lines if re.match(r"[a-z]", line)]


def closure(wanted: list[Requirement]) -> dict[str, str]:
    """Name and installed version of everything `wanted` needs here, itself too."""
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            continue  # for another platform
        found[name] = installed.version.partition("+")[0]
        for extra in {"", *requirement.extras}:
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            for line in installed.requires or []:
                needed = Requirement(line)
                if not needed.marker or needed.marker.evaluate({"extra": extra}):
                    wanted.append(needed)
    return found


def main() -> None:
    named = direct()
    own = {canonicalize_name(requirement.name) for requirement in named}
    pins = [
        f"{name}=={version}"
        for name, version in sorted(closure(named).items())
        if name not in own and not ELSEWHERE.match(name)
    ]
    head = "# Indirect requirements, pinned. Written by `make lock`."
    (ROOT / "constraints.txt").write_text("\n".join([head, *pins]) + "\n")


if __name__ == "__main__":
    main()
