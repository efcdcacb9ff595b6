"""The site as a process: uvicorn with the scripted engine, as it runs in production."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import time
from pathlib import Path

from tests.processes import Program, output

START_SECONDS = 120
END_SECONDS = 60
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "chatsite.settings",
    "SECRET_KEY": "a key for tests, and for nothing else in the whole world",
    "DEBUG": "0",
    "REDIS_URL": "",
    "CHAT_MODEL": "scripted",
    "CHAT_BASE_URL": "",
    "CHAT_MODELS_FILE": "",
    "CHAT_LEASE_SECONDS": "1",
    "CHAT_CHECKPOINT_SECONDS": "0.1",
    "CHAT_GRACE_SECONDS": "0",
    "CHAT_USER_CONCURRENCY": "1000",  # one user asks for everything in tests
    "CHAT_USER_QUEUE": "10000",
}
COLLECT = (
    *("manage.py", "collectstatic", "--no-input", "-v0"),
    *("-i", "admin", "-i", "ninja"),
)
MIGRATE = """
import django; django.setup()
from django.core.management import call_command
from django.db import connections
call_command("migrate", verbosity=0)
connections.close_all()  # now all of it is in the file
"""
PREPARE = """
import django, json, sys; django.setup()
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.db import connections
from chat.models import ApiKey
PBKDF2PasswordHasher.iterations = 1  # at the first sign-in it becomes a slow one
keys = {}
for name in sys.argv[1:]:
    user = User.objects.create_user(name, password=name + "-password")
    keys[name] = ApiKey.objects.create_key(user, "test")[1]
print(json.dumps(keys))
connections.close_all()
"""

template: Path | None = None
"""The empty database of this run of the tests, once somebody has made it."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def migrate(env: dict[str, str]) -> None:
    output("-c", MIGRATE, env=env)


def copy_tables(file: Path) -> None:
    """An empty database; the first caller of a run makes what the others copy."""
    assert template is not None
    with template.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not template.exists():
            made = template.with_suffix(".new")
            url = f"sqlite:///{made}"
            migrate({**os.environ, **SETTINGS, "DATABASE_URL": url})
            made.rename(template)
    shutil.copy(template, file)


def prepare(env: dict[str, str], *people: str) -> dict[str, str]:
    """Make the tables and these people; their keys."""
    scheme, _, file = env["DATABASE_URL"].partition(":///")
    script = PREPARE
    if scheme == "sqlite" and template is not None:
        copy_tables(Path(file))
    else:
        script = MIGRATE + PREPARE
    said = output("-c", script, *people, env=env)
    keys: dict[str, str] = json.loads(said.splitlines()[-1])
    return keys


class Server:
    """With a SQLite file in `folder`, and no Redis unless `env` says so."""

    def __init__(self, folder: Path, **env: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self.log = folder / "server.log"
        self.env = {
            **os.environ,
            **SETTINGS,
            "DATABASE_URL": f"sqlite:///{folder / 'chat.sqlite3'}",
            "STATIC_ROOT": str(folder / "static"),
            "PICTURES_URL": (folder / "pictures").as_uri(),
            **env,
        }
        self.process: Program | None = None

    def set_up(self, *people: str) -> dict[str, str]:
        return prepare(self.env, *people)

    def collect(self) -> None:
        """What pages load, unless it is there already."""
        folder = Path(self.env["STATIC_ROOT"])
        with folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / "staticfiles.json").exists():
                output(*COLLECT, env=self.env)

    def launch(self, *arguments: str) -> Program:
        command = ["-m", "uvicorn", "chatsite.asgi:application", "--no-access-log"]
        command += ["--port", str(self.port), *arguments]
        return Program(*command, env=self.env, log=self.log)

    def start(self, *arguments: str) -> None:
        """Until it takes connections."""
        self.process = self.launch(*arguments)
        deadline = time.monotonic() + START_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            time.sleep(0.05)
        raise RuntimeError(self.log.read_text())

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code."""
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(END_SECONDS)

    def threads(self) -> int:
        assert self.process is not None
        return len(os.listdir(f"/proc/{self.process.pid}/task"))

    def database_connections(self) -> int:
        """Open files that are the database itself."""
        assert self.process is not None
        folder = Path(f"/proc/{self.process.pid}/fd")
        found = 0
        for link in folder.iterdir():
            with contextlib.suppress(OSError):
                found += os.readlink(link).endswith("chat.sqlite3")
        return found
