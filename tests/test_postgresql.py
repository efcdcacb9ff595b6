"""What touches the database, once more on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from tests.serving import SETTINGS, migrate

ROOT = Path(__file__).resolve().parent.parent
ELSEWHERE = (
    *("commands/test_rungenerations.py", "api/test_openapi.py"),
    *("api/test_refusals.py", "api/test_scopes.py"),
)
"""What uses a database of its own, or none, or is refused before it is asked."""
COVERED = tuple(
    f"{folder}/test_{name}.py"
    for folder, names in {
        "core": "engines importing_refusals logs titles tools",
        "api": "chat_begun continue generations removal siblings",
        "admin": "overview transcript_access",
    }.items()
    for name in names.split()
)
"""What asks it nothing that the others do not ask: no statement, and no odd text."""
GUARD = " ".join(
    f"guard/test_{name}.py" for name in ("answers", "external", "prompts", "rulebook")
)
"""Where the guard has rules, findings and flags in the database."""
SERVER, _, _ = os.environ.get("TEST_POSTGRES_URL", "").rpartition("/")

PARTS = (
    f"core commands pictures/test_forgetting.py {GUARD}",
    "api admin signin/test_signing_in.py search/test_passages.py",
)
"""Together: each of them waits more than it works."""
TABLES = "empty_chatsite"
"""The database that they copy."""


def begin(names: list[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pytest", "-q"]
    command += ["-p", "no:cacheprovider", "-p", "no:schemathesis"]
    command += ["-m", "not on_one_database"]
    command += [f"--ignore=tests/{name}" for name in ELSEWHERE + COVERED]
    return subprocess.Popen(
        [*command, *(f"tests/{name}" for name in names)],
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": f"{SERVER}/{names[0]}",
            "TEST_DATABASE_TEMPLATE": TABLES,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.timeout(1200)
def test_the_same_holds_on_postgresql() -> None:
    assert SERVER, "TEST_POSTGRES_URL: run by scripts/with-services, as make test does"
    with psycopg.connect(f"{SERVER}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {TABLES}")
        connection.execute(f"CREATE DATABASE {TABLES}")
    migrate({**os.environ, **SETTINGS, "DATABASE_URL": f"{SERVER}/{TABLES}"})
    parts = [begin(part.split()) for part in PARTS]
    with ThreadPoolExecutor() as pool:
        said = list(pool.map(lambda part: part.communicate()[0], parts))

    print(*(text[-8000:] for text in said), sep="\n")
    assert [part.returncode for part in parts] == [0] * len(PARTS)
