"""What touches the database, once more on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ELSEWHERE = ("commands/test_rungenerations.py", "api/test_openapi.py")
"""What uses a database of its own, or none."""
GUARD = " ".join(
    f"guard/test_{name}.py" for name in ("answers", "external", "prompts", "rulebook")
)
"""Where the guard has rules, findings and flags in the database."""
SERVER, _, _ = os.environ.get("TEST_POSTGRES_URL", "").rpartition("/")


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "folders", ["core", "api", f"admin commands signin/test_signing_in.py {GUARD}"]
)
def test_the_same_holds_on_postgresql(folders: str) -> None:
    assert SERVER, "TEST_POSTGRES_URL: run by scripts/with-services, as make test does"
    names = folders.split()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += [f"--ignore=tests/{name}" for name in ELSEWHERE]
    done = subprocess.run(
        [*command, *(f"tests/{name}" for name in names)],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": f"{SERVER}/{names[0].split('/')[0]}"},
        capture_output=True,
        text=True,
    )

    print(done.stdout[-8000:])
    assert done.returncode == 0
