"""A real server in a process of its own, and a wire to it that can be cut."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PEOPLE = ("alice", "bob", "dana", "erin")
SETUP = f"""
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("collectstatic", interactive=False, verbosity=0,
             ignore_patterns=["admin", "ninja"])
from django.contrib.auth.models import User
for name in {PEOPLE!r}:
    User.objects.create_user(name, password=name + "-password")
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """uvicorn with the scripted engine, as it runs in production: DEBUG is off."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.log = folder / "server.log"
        self.env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "chatsite.settings",
            "SECRET_KEY": "a key for browser tests, and for nothing else at all",
            "DEBUG": "0",
            "DATABASE_URL": f"sqlite:///{folder / 'chat.sqlite3'}",
            "STATIC_ROOT": str(folder / "static"),
            "CHAT_MODEL": "scripted",
            "CHAT_MAX_PROMPT_CHARS": "500",
            "CHAT_LEASE_SECONDS": "1",
            "CHAT_CHECKPOINT_SECONDS": "0.1",
            "CHAT_GRACE_SECONDS": "1",
            "CHAT_USER_CONCURRENCY": "1000",  # what earlier tests asked for goes on
            "CHAT_USER_QUEUE": "10000",
        }
        self.env.pop("REDIS_URL", None)
        self.process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        command = [sys.executable, "-c", SETUP]
        subprocess.run(command, cwd=ROOT, env=self.env, check=True)

    def start(self) -> None:
        command = [sys.executable, "-m", "uvicorn", "chatsite.asgi:application"]
        command += ["--port", str(self.port), "--log-level", "warning"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.env, stdout=log, stderr=log
            )
        self.wait()

    def wait(self) -> None:
        for _ in range(300):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            if self.process is None or self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(self.log.read_text())

    def kill(self) -> None:
        """As a crash does it: without a word."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait(20)


class Wire:
    """A TCP proxy between browser and server.

    `cut` breaks what is open. While `down`, nothing gets through. While `deaf`,
    requests reach the server, but no answer comes back: the connection breaks. While
    `frozen`, nothing comes back and nothing breaks. With `no_sockets` it is a proxy
    that knows no WebSocket.
    """

    def __init__(self, port: int) -> None:
        self.target = port
        self.reset()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        for end in list(self._open):
            self._break(end)

    def reset(self) -> None:
        self.down = self.deaf = self.frozen = self.no_sockets = False

    def _accept(self) -> None:
        while True:
            try:
                browser, _ = self._listener.accept()
            except OSError:
                return
            if self.down:
                browser.close()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                browser.close()
                continue
            self._open |= {browser, server}
            self._pump(browser, server, towards_browser=False)
            self._pump(server, browser, towards_browser=True)

    def _pump(
        self, source: socket.socket, sink: socket.socket, *, towards_browser: bool
    ) -> None:
        def run() -> None:
            with contextlib.suppress(OSError):
                while data := source.recv(65536):
                    if self._stops(data, towards_browser=towards_browser):
                        break
                    while self.frozen:
                        time.sleep(0.02)
                    sink.sendall(data)
            self._break(source)
            self._break(sink)

        threading.Thread(target=run, daemon=True).start()

    def _stops(self, data: bytes, *, towards_browser: bool) -> bool:
        if towards_browser:
            return self.deaf
        return self.no_sockets and data.startswith(b"GET /ws/")

    def _break(self, end: socket.socket) -> None:
        self._open.discard(end)
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
