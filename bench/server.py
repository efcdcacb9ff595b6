"""A Chatsite of its own to measure: one process, a new database, users with keys.

SQLite in a file, or PostgreSQL; answered by the scripted engine in its own process,
or by a scripted upstream that speaks OpenAI's protocol.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from tests.drills.servers import PostgresServer, private_folder

from . import upstream
from .readers import Target

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60
STOP_SECONDS = 20
TICKS = os.sysconf("SC_CLK_TCK")
POSTGRES_NAME = "bench"
DatabaseName = Literal["sqlite", "postgresql"]
SETUP = """
import django, json, sys; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.contrib.auth.models import User
from chat.models import ApiKey
names = ["admin", *(f"user{n}" for n in range(1, int(sys.argv[1])))]
users = [User.objects.get_or_create(username=name)[0] for name in names]
print(json.dumps([ApiKey.objects.create_key(user, "bench")[1] for user in users]))
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the process holds at one moment."""

    threads: int
    memory_mb: float
    database_connections: int
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Database:
    """Where it is, and how many connections a process holds to it."""

    url: str
    connections: Callable[[int], int]


@dataclass(frozen=True, slots=True)
class Server:
    url: str
    keys: list[str]
    process: subprocess.Popen[bytes]
    database: Database
    path: str = "/api/chat/stream"

    @property
    def target(self) -> Target:
        return Target(self.url, self.path, keys=self.keys)

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
            database_connections=self.database.connections(self.process.pid),
            cpu_seconds=(int(stat[11]) + int(stat[12])) / TICKS,
        )


@contextmanager
def sqlite() -> Iterator[Database]:
    with tempfile.TemporaryDirectory(prefix="chatsite-bench-") as folder:
        path = Path(folder).resolve() / "db.sqlite3"
        yield Database(f"sqlite:///{path}", partial(open_count, str(path)))


def open_count(path: str, pid: int) -> int:
    return sum(target == path for target in open_files(Path("/proc") / str(pid)))


def open_files(proc: Path) -> Iterator[str]:
    for link in (proc / "fd").iterdir():
        try:
            yield os.readlink(link)
        except FileNotFoundError:  # closed in between
            continue


@contextmanager
def postgresql() -> Iterator[Database]:
    """Each commit reaches the disk, as it does where answers matter."""
    with private_folder() as folder:
        server = PostgresServer(folder, durable=True)
        try:
            yield Database(
                server.url, lambda _pid: server.connections().get(POSTGRES_NAME, 0)
            )
        finally:
            server.stop()


DATABASES = {"sqlite": sqlite, "postgresql": postgresql}


@contextmanager
def serve(
    database: DatabaseName = "sqlite", users: int = 1, **settings: str
) -> Iterator[Server]:
    """Serve with these settings on a free port; everything is gone afterwards."""
    with DATABASES[database]() as store:
        env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "chatsite.settings",
            "SECRET_KEY": secrets.token_urlsafe(50),
            "DATABASE_URL": store.url,
            "PGAPPNAME": POSTGRES_NAME,
            **settings,
        }
        keys = json.loads(python(["-c", SETUP, str(users)], env))
        port = free_port()
        arguments = ["uvicorn", "chatsite.asgi:application", "--port", str(port)]
        arguments += ["--no-access-log", "--log-level", "warning"]
        with running(arguments, env) as process:
            server = Server(f"http://127.0.0.1:{port}", keys, process, store)
            wait_until_ready(f"{server.url}/readyz", process)
            yield server


@contextmanager
def serve_upstream() -> Iterator[Target]:
    """A scripted engine behind HTTP; its base URL as `CHAT_BASE_URL` is `url`/v1."""
    port = free_port()
    with running(["bench.upstream", str(port)], dict(os.environ)) as process:
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(f"{url}/v1/models", process)
        yield Target(url, "/v1/chat/completions", model=upstream.MODEL)


@contextmanager
def serve_bare(kind: str, path: str) -> Iterator[Server]:
    """One of `bench.bare`."""
    port = free_port()
    with running(["bench.bare", str(port), kind], dict(os.environ)) as process:
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(f"{url}/readyz", process)
        yield Server(url, [], process, Database("", lambda _pid: 0), path)


@contextmanager
def running(
    arguments: list[str], env: dict[str, str], out: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A Python module as a process, until it is left. `out`: where it prints to."""
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments], cwd=ROOT, env=env, stdout=out
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def manage(command: str | list[str], env: dict[str, str]) -> str:
    words = command.split() if isinstance(command, str) else command
    return python(["manage.py", *words], env)


def python(arguments: list[str], env: dict[str, str], given: str | None = None) -> str:
    """What it prints; `given` is what it reads."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=env,
        check=True,
        stdout=subprocess.PIPE,
        input=given,
        text=True,
    )
    return done.stdout.strip()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise RuntimeError(f"{url} did not become ready")
