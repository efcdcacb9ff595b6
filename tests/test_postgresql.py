"""What touches the database, once more on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SERVER, _, _ = os.environ.get("TEST_POSTGRES_URL", "").rpartition("/")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("folder", ["core", "api", "admin", "commands"])
def test_the_same_holds_on_postgresql(folder: str) -> None:
    assert SERVER, "TEST_POSTGRES_URL: run by scripts/with-services, as make test does"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, f"tests/{folder}"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": f"{SERVER}/{folder}"},
        capture_output=True,
        text=True,
    )

    print(done.stdout[-8000:])
    assert done.returncode == 0
