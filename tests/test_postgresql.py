"""What touches the database, once more on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
URL = os.environ.get("TEST_POSTGRES_URL")
FOLDERS = ["tests/core", "tests/api", "tests/admin", "tests/commands"]


@pytest.mark.timeout(300)
def test_the_same_holds_on_postgresql() -> None:
    assert URL, "TEST_POSTGRES_URL: run by scripts/with-services, as make test does"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *FOLDERS],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": str(URL)},
        capture_output=True,
        text=True,
    )

    print(done.stdout[-8000:])
    assert done.returncode == 0
