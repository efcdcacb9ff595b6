"""A Redis, a PostgreSQL and an nginx of one's own, that can be killed and come back.

Redis and PostgreSQL listen on sockets in a private folder, nginx on the loopback.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import redis

START_SECONDS = 90


def until(look: Callable[[], Any], within: float = START_SECONDS) -> Any:
    """The first true thing that `look` gives."""
    deadline = time.monotonic() + within
    while not (found := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within} s")
        time.sleep(0.05)
    return found


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """With a short path: a socket's name may not be long."""
    folder = Path(tempfile.mkdtemp(prefix="drill."))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class RedisServer:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket = folder / "redis.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{self._socket}"
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [
                *("redis-server", "--port", "0", "--unixsocket", str(self._socket)),
                *("--save", "", "--appendonly", "yes", "--dir", str(self._folder)),
            ],
            stdout=subprocess.DEVNULL,
        )
        until(self.answers)

    def answers(self) -> bool:
        with contextlib.suppress(redis.RedisError), self.client() as client:
            return bool(client.ping())
        return False

    def kill(self, *, forget: bool) -> None:
        """Without a word; with or without its data."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        if forget:
            shutil.rmtree(self._folder / "appendonlydir", ignore_errors=True)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill(forget=True)

    def client(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self._socket))

    def connections(self) -> int:
        """Of others."""
        with self.client() as client:
            return len(client.client_list()) - 1


class PostgresServer:
    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        """`durable`: a commit waits for the disk."""
        self._folder = folder
        self._durable = durable
        self._as_owner: list[str] = []
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(folder, "postgres")
            owner = ["runuser", "-u", "postgres", "--"]
            self._as_owner = ["env", "-C", str(folder), *owner]
        self.url = f"postgres://postgres@{quote(str(folder), safe='')}/postgres"
        self._run("initdb", "-U", "postgres", "-A", "trust", "--no-sync")
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
        path = str(found[-1]) if found else program
        data = ["-D", str(self._folder / "data")]
        subprocess.run(
            [*self._as_owner, path, *data, *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def start(self) -> None:
        options = f"-c listen_addresses= -k {self._folder}"
        options += "" if self._durable else " -c fsync=off"
        log = str(self._folder / "postgres.log")
        self._run("pg_ctl", "-l", log, "-w", "-s", "-o", options, "start")

    def stop(self) -> None:
        """As a crash: open connections break, nothing is said."""
        self._run("pg_ctl", "-m", "immediate", "-w", "-s", "stop")

    def sql(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(query, values or None)
            return cursor.fetchall() if cursor.description else []

    def connections(self) -> dict[str, int]:
        """How many each process holds, by its name."""
        rows = self.sql(
            "SELECT application_name, count(*) FROM pg_stat_activity"
            " WHERE application_name <> '' AND pid <> pg_backend_pid() GROUP BY 1"
        )
        return dict(rows)


NGINX = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    gzip on;
    gzip_types text/event-stream;
    upstream chatsite {{ {upstreams} keepalive 16; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://chatsite;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_buffering off;
            proxy_read_timeout 75s;
        }}
    }}
}}
"""


@contextlib.contextmanager
def nginx(folder: Path, port: int, upstreams: list[int]) -> Iterator[str]:
    """As docs/operations.md says, and with compression, which must not hold back."""
    servers = "".join(f"server 127.0.0.1:{number}; " for number in upstreams)
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port, upstreams=servers))
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    process = subprocess.Popen([program, "-p", str(folder), "-c", str(config)])
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
