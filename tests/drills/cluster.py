"""Chatsite as it is deployed: web and runner processes on a shared database."""

from __future__ import annotations

import os
import re
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.processes import Program
from tests.serving import free_port, prepare

from .servers import PostgresServer, RedisServer, private_folder, until

ROOT = Path(__file__).resolve().parent.parent.parent
LEASE_SECONDS = 2
STOP_SECONDS = 60
PEOPLE = ("alice", "bob")
TEMPLATE = "people"
"""A database with tables and these people, to be copied."""
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "chatsite.settings",
    "SECRET_KEY": "a key for drills, and for nothing else in the whole world",
    "DEBUG": "0",
    "CHAT_MODEL": "scripted",
    "CHAT_LEASE_SECONDS": str(LEASE_SECONDS),
    "CHAT_CHECKPOINT_SECONDS": "0.3",
    "CHAT_HEARTBEAT_SECONDS": "1",
    "CHAT_GRACE_SECONDS": "0.2",
    "CHAT_USER_CONCURRENCY": "1000",  # one user asks for everything here
    "CHAT_USER_QUEUE": "10000",
}
COMPLAINTS = re.compile(
    r"Traceback|was never (awaited|retrieved)|was destroyed but it is pending"
)
# What uvicorn says of a stream that does not end in time when its process has to.
BROKEN_OFF = re.compile(
    r"Traceback(?:(?!Traceback).)*CancelledError: Task cancelled, timeout graceful",
    re.DOTALL,
)


@dataclass(slots=True)
class Member:
    """One process: `web`, `runner`, or `all` of it."""

    name: str
    role: str
    folder: Path
    env: dict[str, str]
    port: int = field(default_factory=free_port)
    process: Program | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def lives(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        command = ["manage.py", "rungenerations"]
        if self.role != "runner":
            command = ["-m", "uvicorn", "chatsite.asgi:application", "--no-access-log"]
            command += ["--port", str(self.port), "--timeout-graceful-shutdown", "3"]
        env = {**self.env, "CHAT_ROLE": self.role, "PGAPPNAME": self.name}
        self.process = Program(*command, env=env, log=self.log)

    def is_ready(self, postgres: PostgresServer | None) -> bool:
        assert self.lives, self.log.read_text()
        if self.role == "runner":  # it looks for work by now
            assert postgres is not None
            return self.name in postgres.connections()
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5):
                return True
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)

    def kill(self) -> None:
        """As a crash does it."""
        self.signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()

    def terminate(self) -> int:
        """In good order; how it exited."""
        assert self.process is not None
        self.signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)

    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def complaints(self) -> list[str]:
        text = BROKEN_OFF.sub("", self.said())
        return [line for line in text.splitlines() if COMPLAINTS.search(line)]


class Cluster:
    """Some processes over one Redis and one PostgreSQL, or a SQLite file."""

    def __init__(
        self, folder: Path, roles: Mapping[str, str], env: Mapping[str, str]
    ) -> None:
        self.folder = folder
        own = {
            "STATIC_ROOT": str(folder / "s"),
            "PICTURES_URL": (folder / "p").as_uri(),
        }
        self.env = {**os.environ, **own, **env}
        self.redis: RedisServer | None = None
        self.postgres: PostgresServer | None = None
        self.members = {
            name: Member(name, role, folder, self.env) for name, role in roles.items()
        }
        self.keys: dict[str, str] = {}

    def __getitem__(self, name: str) -> Member:
        return self.members[name]

    @property
    def web(self) -> list[Member]:
        return [m for m in self.members.values() if m.role != "runner"]

    @property
    def urls(self) -> list[str]:
        return [member.url for member in self.web]

    def prepare(self, people: Sequence[str] = PEOPLE) -> None:
        """The tables, the people, their keys."""
        self.keys = prepare(self.env, *people)

    def up(self, *names: str) -> None:
        """Start what is not there, and wait until all of it is ready."""
        wanted = [m for m in self.members.values() if not names or m.name in names]
        for member in wanted:
            member.signal(signal.SIGCONT)
            if not member.lives:
                member.start()
        for member in wanted:
            until(partial(member.is_ready, self.postgres))

    def roll(self) -> None:
        """A new process for each, one after the other, in good order."""
        for name, member in self.members.items():
            member.terminate()
            self.up(name)

    def down(self) -> None:
        for member in self.members.values():
            member.signal(signal.SIGCONT)
            member.signal(signal.SIGTERM)
        for member in self.members.values():
            try:
                if member.process is not None:
                    member.process.wait(STOP_SECONDS)
            finally:
                member.kill()

    def complaints(self) -> list[str]:
        """What the processes logged that no failure may cause."""
        found = ((m, m.complaints()) for m in self.members.values())
        return [f"{m.name}: {line}" for m, lines in found for line in lines]


@contextmanager
def shared(**roles: str) -> Iterator[Cluster]:
    """Processes with a Redis and a PostgreSQL of their own, as drills need them."""
    with stored(roles, SETTINGS) as cluster:
        cluster.prepare()
        assert cluster.postgres is not None
        cluster.postgres.copy(TEMPLATE)  # while nobody is connected
        with served(cluster):
            yield cluster


@contextmanager
def beside(
    cluster: Cluster, number: int, roles: Mapping[str, str], **env: str
) -> Iterator[Cluster]:
    """On the servers of one that is `shared`, processes with a database of their own
    (of Redis the one of this number), in which the same people are."""
    assert cluster.redis is not None
    assert cluster.postgres is not None
    postgres = cluster.postgres.copy(f"beside_{number}", TEMPLATE)
    urls = {
        "REDIS_URL": f"{cluster.redis.url}?db={number}",
        "DATABASE_URL": postgres.url,
    }
    with private_folder() as folder:
        other = Cluster(folder, roles, {**SETTINGS, **urls, **env})
        other.postgres, other.keys = postgres, cluster.keys
        with served(other):
            yield other


@contextmanager
def stored(roles: Mapping[str, str], env: Mapping[str, str]) -> Iterator[Cluster]:
    """The same before anything is in the database, and before they start."""
    with private_folder() as folder, private_folder() as data:
        redis = RedisServer(folder)
        try:
            postgres = PostgresServer(data)
            try:
                urls = {"REDIS_URL": redis.url, "DATABASE_URL": postgres.url}
                cluster = Cluster(folder, roles, {**env, **urls})
                cluster.redis, cluster.postgres = redis, postgres
                yield cluster
            finally:
                postgres.stop()
        finally:
            redis.stop()


@contextmanager
def single(**env: str) -> Iterator[Cluster]:
    """One process with a SQLite file and the tape in its memory."""
    with private_folder() as folder:
        urls = {"REDIS_URL": "", "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}"}
        cluster = Cluster(folder, {"all": "all"}, {**SETTINGS, **urls, **env})
        cluster.prepare()
        with served(cluster):
            yield cluster


@contextmanager
def served(cluster: Cluster) -> Iterator[None]:
    """While they all run."""
    try:
        cluster.up()
        yield
    finally:
        cluster.down()
