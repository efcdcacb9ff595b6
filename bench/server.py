"""A Chatsite of its own to measure: one process, a new SQLite file, an API key."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60
STOP_SECONDS = 20
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Sample:
    """What the process holds at one moment."""

    threads: int
    memory_mb: float
    database_connections: int
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Server:
    url: str
    key: str
    process: subprocess.Popen[bytes]
    database: Path

    def sample(self) -> Sample:
        proc = Path("/proc") / str(self.process.pid)
        status = dict(
            line.split(":", 1) for line in (proc / "status").read_text().splitlines()
        )
        # Behind the command's name, which may hold spaces: utime and stime.
        stat = (proc / "stat").read_text().rsplit(")", 1)[1].split()
        return Sample(
            threads=int(status["Threads"]),
            memory_mb=int(status["VmRSS"].split()[0]) / 1024,
            database_connections=sum(
                target == str(self.database) for target in open_files(proc)
            ),
            cpu_seconds=(int(stat[11]) + int(stat[12])) / TICKS,
        )


def open_files(proc: Path) -> Iterator[str]:
    for link in (proc / "fd").iterdir():
        try:
            yield os.readlink(link)
        except FileNotFoundError:  # closed in between
            continue


@contextmanager
def serve(**settings: str) -> Iterator[Server]:
    """Serve with these settings on a free port; everything is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="chatsite-bench-") as folder:
        database = Path(folder).resolve() / "db.sqlite3"
        env = {
            **os.environ,
            "SECRET_KEY": secrets.token_urlsafe(50),
            "DATABASE_URL": f"sqlite:///{database}",
            "CHAT_ADMIN_PASSWORD": secrets.token_urlsafe(12),
            **settings,
        }
        for command in ("migrate --verbosity 0", "ensure_admin"):
            manage(command, env)
        key = manage("create_api_key admin --name bench", env)
        port = free_port()
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "uvicorn", "chatsite.asgi:application"),
                *("--port", str(port), "--no-access-log", "--log-level", "warning"),
            ],
            cwd=ROOT,
            env=env,
        )
        server = Server(f"http://127.0.0.1:{port}", key, process, database)
        try:
            wait_until_ready(server)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def manage(command: str, env: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *command.split()],
        cwd=ROOT,
        env=env,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout.strip()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_ready(server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            with urllib.request.urlopen(f"{server.url}/readyz", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise RuntimeError("the server did not become ready")
