"""`manage.py rungenerations`."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

ROOT = Path(__file__).resolve().parent.parent.parent


def test_it_wants_a_tape_that_processes_share(settings: Any) -> None:
    settings.REDIS_URL = None

    with pytest.raises(CommandError, match="REDIS_URL"):
        call_command("rungenerations")


def test_it_ends_when_its_model_cannot_be_loaded(tmp_path: Path) -> None:
    """A runner that cannot generate must not take what another one can."""
    broken = tmp_path / "model"
    broken.mkdir()
    (broken / "config.json").write_text("{}")
    done = subprocess.run(
        [sys.executable, "manage.py", "rungenerations"],
        cwd=ROOT,
        env={
            **os.environ,
            "SECRET_KEY": "a key for tests, and for nothing else in the whole world",
            "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}",
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "CHAT_MODEL": str(broken),
        },
        capture_output=True,
        text=True,
        timeout=200,
    )

    assert done.returncode == 1
    assert "CommandError" in done.stderr
