"""Every example in docs/examples runs as it stands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.reading import scripted

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLES = ROOT / "docs" / "examples"
NODE = [str(ROOT / "scripts" / "with-node"), "node"]
RUNS = {".py": [sys.executable], ".sh": ["bash"], ".mjs": NODE}


IN_A_PAGE = {"eventsource.js"}
"""Run by tests/browser/test_eventsource.py."""
DRAWS = "openai_images.py"
HERE = sorted({path.name for path in EXAMPLES.iterdir()} - IN_A_PAGE - {DRAWS})


def run(site, name, folder=None):
    """What it prints."""
    command = RUNS[Path(name).suffix]
    done = subprocess.run(
        [*command, str(EXAMPLES / name)],
        env={
            **os.environ,
            "CHATSITE_URL": site.url,
            "CHATSITE_KEY": site.key,
            "CHATSITE_MODEL": "scripted",
        },
        capture_output=True,
        text=True,
        timeout=200,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", HERE)
def test_it_runs(site, name):
    assert run(site, name).count(scripted(40)) >= 1


def test_it_draws(site, tmp_path):
    assert "image_generation.completed 256x256" in run(site, DRAWS, tmp_path)

    with Image.open(tmp_path / "fox.png") as picture:
        assert picture.size == (256, 256)
    assert (tmp_path / "fox-0.webp").exists()


def test_the_page_names_every_example():
    page = (EXAMPLES.parent / "dialects.md").read_text()

    assert all(f"examples/{path.name}" in page for path in EXAMPLES.iterdir())
