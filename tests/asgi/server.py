"""A real uvicorn in a process of its own, and raw connections to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from chat import sse
from tests.reading import Shown, sequenced

ROOT = Path(__file__).resolve().parent.parent.parent
SETUP = """
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.contrib.auth.models import User
from chat.models import ApiKey
user = User.objects.create_user("alice", password="alice-password")
print(ApiKey.objects.create_key(user)[1])
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    def __init__(self, folder: Path, **env: str) -> None:
        self.port = free_port()
        self.folder = folder
        self.log = folder / "server.log"
        self.env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "chatsite.settings",
            "SECRET_KEY": "a key for tests, and for nothing else in the whole world",
            "DEBUG": "0",
            "DATABASE_URL": f"sqlite:///{folder / 'chat.sqlite3'}",
            "STATIC_ROOT": str(folder / "static"),
            "CHAT_MODEL": "scripted",
            "CHAT_LEASE_SECONDS": "1",
            "CHAT_CHECKPOINT_SECONDS": "0.1",
            "CHAT_GRACE_SECONDS": "0",
            "CHAT_USER_CONCURRENCY": "1000",  # one user asks for everything here
            "CHAT_USER_QUEUE": "10000",
            **env,
        }
        self.env.pop("REDIS_URL", None)
        self.process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> str:
        """Make the database; the key of its user."""
        done = subprocess.run(
            [sys.executable, "-c", SETUP],
            cwd=ROOT,
            env=self.env,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.split()[-1]

    def launch(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "uvicorn", "chatsite.asgi:application"]
        command += ["--port", str(self.port), "--no-access-log", *arguments]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command, cwd=ROOT, env=self.env, stdout=log, stderr=log
            )

    def start(self, *arguments: str) -> None:
        self.process = self.launch(*arguments)
        for _ in range(600):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def end(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Its exit code, and the seconds it took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(how)
        code = self.process.wait(20)
        return code, time.monotonic() - began

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


class Connection:
    """One HTTP/1.1 exchange, byte by byte."""

    def __init__(self, port: int, key: str) -> None:
        self.port, self.key = port, key
        self.status = 0
        self.headers: dict[str, str] = {}
        self.data = b""
        self.complete = False
        """Whether the body ended as it should: with its terminating chunk."""

    async def open(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> Connection:
        """Send the request, and read the head of the answer."""
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        data = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
        lines += [f"Authorization: Bearer {self.key}"]
        lines += [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + data)
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.CancelledError:
            self.close()
            raise
        first, *rest = head.decode().rstrip().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {
            name.lower(): text
            for name, _, text in (line.partition(": ") for line in rest)
        }
        return self

    async def chunk(self) -> bytes:
        """The next one of a chunked body; empty at its end."""
        try:
            size = int(await self.reader.readuntil(b"\r\n"), 16)
            data = (await self.reader.readexactly(size + 2))[:-2]
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            return b""
        self.complete = not data
        self.data += data
        return data

    async def rest(self) -> Connection:
        if "content-length" in self.headers:
            self.data = await self.reader.readexactly(
                int(self.headers["content-length"])
            )
            self.complete = True
        else:
            while await self.chunk():
                pass
        self.close()
        return self

    async def until(self, text: bytes) -> None:
        while text not in self.data:
            assert await self.chunk(), self.data

    def close(self) -> None:
        self.writer.close()

    @property
    def page(self) -> Shown:
        return Shown().take(sequenced(self.data))

    @property
    def json(self) -> Any:
        return json.loads(self.data)

    @property
    def cursor(self) -> str:
        decoder = sse.Decoder()
        list(decoder.feed(self.data))
        return decoder.last_id
