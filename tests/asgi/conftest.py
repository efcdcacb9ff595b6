"""A server for the package, and one for each test that kills its own."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.asgi.connection import Connection
from tests.serving import Server

Send = Callable[..., Awaitable[Connection]]


@pytest.fixture(scope="package")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A migrated database, and the key of its user."""
    folder = tmp_path_factory.mktemp("prepared")
    keys = Server(folder).set_up("alice")
    return folder / "chat.sqlite3", keys["alice"]


@pytest.fixture(scope="package")
def server(
    tmp_path_factory: pytest.TempPathFactory, prepared: tuple[Path, str]
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(prepared[0], folder)
    server = Server(folder, CHAT_HEARTBEAT_SECONDS="0.2")
    server.start()
    yield server
    server.end()


@pytest.fixture
def mortal(tmp_path: Path, prepared: tuple[Path, str]) -> Iterator[Server]:
    """Not started yet."""
    shutil.copy(prepared[0], tmp_path)
    server = Server(tmp_path)
    yield server
    if server.process is not None and server.process.poll() is None:
        server.end(signal.SIGKILL)


@pytest.fixture
def key(prepared: tuple[Path, str]) -> str:
    return prepared[1]


@pytest.fixture
def ask(key: str) -> Callable[..., Any]:
    """Begin a stream (or another call) at a server."""

    async def send(
        server: Server, prompt: str, path: str = "/api/chat/stream"
    ) -> Connection:
        return await Connection(server.port, key).open("POST", path, {"prompt": prompt})

    return send


@pytest.fixture
def get(key: str) -> Callable[..., Any]:
    async def send(server: Server, path: str, **headers: str) -> Connection:
        return await Connection(server.port, key).open("GET", path, None, **headers)

    return send
