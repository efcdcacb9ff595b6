"""The commands of the README, as somebody would type them."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
READY_SECONDS = 160


def clean_environment(**extra: str) -> dict[str, str]:
    """A login shell's variables, without those of an outer make or of the tests."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "USER")
    return {name: os.environ[name] for name in kept if name in os.environ} | extra


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments],
        cwd=ROOT,
        env=clean_environment(),
        check=True,
        capture_output=True,
        text=True,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Running:
    def __init__(self, port: int, log: Path, process: subprocess.Popen[bytes]) -> None:
        self.port = port
        self.log = log
        self.process = process

    def status(self, path: str) -> int:
        url = f"http://127.0.0.1:{self.port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=60) as response:
                return response.status
        except urllib.error.HTTPError as error:
            return error.code
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return 0

    def wait_until(self, path: str, seconds: float) -> None:
        began = time.monotonic()
        while self.status(path) != 200:
            if self.process.poll() is not None or time.monotonic() - began > seconds:
                print(self.log.read_text())
                pytest.fail("it did not become ready")
            time.sleep(0.1)


@contextmanager
def make_run(home: Path, target: str = "run", **extra: str) -> Iterator[Running]:
    """`make run` with its data in `home`, until the block ends."""
    port = free_port()
    log = home / "log"
    env = clean_environment(
        PORT=str(port),
        SECRET_KEY_FILE=str(home / "key"),
        DATABASE_URL=f"sqlite:///{home}/db.sqlite3",
        **extra,
    )
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["make", target],
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield Running(port, log, process)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def test_help_names_every_public_target() -> None:
    text = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^\.PHONY: (\S+)", text, flags=re.MULTILINE))

    shown = {line.split()[0] for line in make("help").stdout.splitlines()}

    assert targets == shown
    assert {"install", "run", "test", "lint", "bench", "train-demo"} <= shown


def test_scripts_can_be_executed() -> None:
    scripts = [path for path in (ROOT / "scripts").iterdir() if not path.suffix]
    files = [ROOT / ".ci" / "run", *scripts]

    assert scripts
    assert [path.name for path in files if not os.access(path, os.X_OK)] == []


def test_installing_again_does_nothing() -> None:
    make("install")

    again = make("install")

    assert "Installing" not in again.stdout


@pytest.mark.timeout(600)
def test_run_needs_nothing_and_starts_quickly_again(tmp_path: Path) -> None:
    with make_run(tmp_path) as site:
        site.wait_until("/readyz", READY_SECONDS)
        assert site.status("/accounts/login/") == 200
        assert site.status("/admin/login/") == 200
        first = site.log.read_text()
    # Its model was there once: to load it again would say nothing new.
    with make_run(tmp_path, CHAT_MODEL="scripted") as site:
        site.wait_until("/readyz", READY_SECONDS)
        second = site.log.read_text()

    assert len(re.findall(r"Created the user admin\. Password: \S{16}", first)) == 1
    assert "Password" not in second
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert (tmp_path / "key").read_text().strip() not in first + second
    assert "Installing" not in second


@pytest.mark.timeout(600)
def test_a_cluster_serves_behind_nginx_and_ends_in_order(tmp_path: Path) -> None:
    with make_run(tmp_path, "cluster", CHAT_MODEL="scripted") as site:
        site.wait_until("/readyz", READY_SECONDS * 2)
        assert site.status("/accounts/login/") == 200
        os.killpg(site.process.pid, signal.SIGINT)  # Ctrl-C
        site.process.wait(120)

    said = site.log.read_text()
    pids = [int(pid) for pid in re.findall(r": process (\d+)", said)]
    assert len(pids) == 4
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
    [folder] = re.findall(r"logs: (\S+)\)", said)
    assert not Path(folder).exists()
    assert "Traceback" not in said
    assert site.process.returncode in (0, -signal.SIGINT)  # make says how it was told


def test_missing_packages_are_named_where_none_can_be_installed(
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        ["/bin/bash", str(ROOT / "scripts" / "system-packages"), "redis-server"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert "redis-server" in done.stderr
