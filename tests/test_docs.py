"""The documents say what is so."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from chatsite.env import Env

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = [path.name for path in sorted(ROOT.glob("requirements*.txt"))]
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(ROOT.glob("docs/*.md"))]


def tracked() -> list[Path]:
    """What git has, or would add."""
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    paths = {ROOT / name for name in names.split("\0") if name}
    return sorted(path for path in paths if path.is_file())


def documented(title: str) -> set[str]:
    """The names in the first columns of that section's table."""
    text = (ROOT / "docs" / "configuration.md").read_text()
    section = re.split(r"^## ", text, flags=re.MULTILINE)
    body = next(part for part in section if part.startswith(f"{title}\n"))
    cells = re.findall(r"^\| (`.*?) \|", body, flags=re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([A-Z_]+)`", cell)}


def tree() -> list[str]:
    """Paths of the README's annotated tree, two spaces a level."""
    block = re.search(
        r"```\n(manage\.py.*?)```", (ROOT / "README.md").read_text(), re.DOTALL
    )
    assert block is not None
    above: list[str] = []
    paths = []
    for line in block[1].splitlines():
        name = line.split()[0]
        depth = (len(line) - len(line.lstrip())) // 2
        above[depth:] = [name]
        paths.append("".join(above))
    return paths


def test_every_setting_is_documented() -> None:
    titles = ("Site", "Single sign-on", "Model", "Generations", "Pictures")
    described = set().union(*(documented(title) for title in titles))

    assert described == set(Env.model_fields)


@pytest.mark.parametrize("path", tree())
def test_the_tree_in_the_readme_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_internal_links_resolve(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text())
    local = [target for target in targets if not target.startswith("http")]

    missing = [name for name in local if not (document.parent / name).exists()]

    assert missing == []


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_requirement_is_explained(name: str) -> None:
    lines = (ROOT / name).read_text()
    pins = re.findall(r"^([a-z0-9-]+)(?:\[.*\])?==(\S+)$", lines, flags=re.MULTILINE)

    assert pins
    assert unexplained(pins) == []


def test_every_browser_package_is_explained() -> None:
    package = json.loads((ROOT / "package.json").read_text())
    pins = [
        pin
        for kind in ("dependencies", "devDependencies")
        for pin in package.get(kind, {}).items()
    ]

    assert pins
    assert unexplained(pins) == []


def unexplained(pins: list[tuple[str, str]]) -> list[tuple[str, str]]:
    text = (ROOT / "docs" / "dependencies.md").read_text()
    rows = dict(re.findall(r"^\| `([^`]+)` \| (\S+) \|", text, flags=re.MULTILINE))
    return [(name, version) for name, version in pins if rows.get(name) != version]


# Spelt so that they do not find themselves.
FORBIDDEN = [
    r"python[h]osted",
    r"pypi[.]org",
    r"registry[.]npmjs",
    r"deb[.]debian[.]org",
    r'"resolve[d]": *"http',
    r"(?<![\w.}])/(?:wor[k]|far[m]|roo[t])/",
]


def test_no_file_names_a_registry_or_this_machine() -> None:
    pattern = re.compile("|".join(FORBIDDEN).encode())
    found = [
        f"{path.relative_to(ROOT)}: {match[0]!r}"
        for path in tracked()
        if (match := pattern.search(path.read_bytes()))
    ]

    assert found == []
