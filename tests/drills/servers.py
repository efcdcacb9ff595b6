"""A Redis, a PostgreSQL and an nginx of one's own, that can be killed and come back.

Redis and PostgreSQL listen on sockets in a private folder, nginx on the loopback.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import redis
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from tests.serving import free_port

START_SECONDS = 150
CONFIGURATION = Path(__file__).resolve().parents[2] / "deploy" / "nginx"


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
            start_new_session=True,  # who made it ends it, not a Ctrl-C
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

    def copy(self, name: str, template: str = "postgres") -> PostgresServer:
        """This server with another database, a copy to which nobody is connected."""
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        other = copy(self)
        other.url = f"{self.url.rpartition('/')[0]}/{name}"
        return other

    def connections(self) -> dict[str, int]:
        """How many each process holds to this database, by its name."""
        rows = self.sql(
            "SELECT application_name, count(*) FROM pg_stat_activity"
            " WHERE application_name <> '' AND pid <> pg_backend_pid()"
            " AND datname = current_database() GROUP BY 1"
        )
        return dict(rows)


# What deploy/nginx leaves to the site: it is served on the loopback, without TLS and
# with it. Compression must not hold back a stream.
UPSTREAM = """
upstream chatsite {{ least_conn; {servers} keepalive 64; keepalive_timeout 4s; }}
client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
uwsgi_temp_path uwsgi; scgi_temp_path scgi;
gzip on; gzip_types text/event-stream;
"""
SERVERS = """
server {{ listen 127.0.0.1:{port} backlog=4096 sndbuf=64k; include locations.conf; }}
server {{
    listen 127.0.0.1:{tls} ssl http2 backlog=4096 sndbuf=64k;
    ssl_certificate cert.pem;
    ssl_certificate_key key.pem;
    include locations.conf;
}}
"""


class Nginx:
    """With the configuration in deploy/nginx, before the processes on these ports."""

    def __init__(self, folder: Path, upstreams: Iterable[int], port: int) -> None:
        self._folder = folder / "nginx"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{port}"
        tls = free_port()
        self.tls = ("127.0.0.1", tls)
        shutil.copytree(CONFIGURATION, self._folder)
        make_certificate(self._folder)
        self._write("upstream.conf", UPSTREAM, servers=servers(upstreams))
        self._write("servers.conf", SERVERS, port=port, tls=tls)
        self.start()

    def _write(self, name: str, text: str, **values: object) -> None:
        (self._folder / name).write_text(text.format(**values))

    def start(self) -> None:
        log = self._folder / "error.log"
        options = f"daemon off; pid {self._folder}/nginx.pid; error_log {log};"
        if os.geteuid() == 0:  # the folder is nobody else's
            options += " user root;"
        self._process = subprocess.Popen(
            [*nginx_in(self._folder), "-g", options], start_new_session=True
        )
        until(self.answers)

    def answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "nginx ended: see what it said"
        with contextlib.suppress(OSError):
            socket.create_connection(self.tls, 1).close()
            return True
        return False

    def stop(self) -> None:
        """At once; what is open breaks."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(60)


def nginx_in(folder: Path) -> list[str]:
    """Relative names in its configuration are of this folder."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    first_log = str(folder / "error.log")
    return [program, "-p", str(folder), "-e", first_log, "-c", "nginx.conf"]


def servers(ports: Iterable[int]) -> str:
    return " ".join(f"server 127.0.0.1:{number} max_fails=0;" for number in ports)


def make_certificate(folder: Path) -> None:
    """Of itself, for this machine: `cert.pem` and `key.pem`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(now).not_valid_after(now + timedelta(days=30))
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(builder.sign(key, SHA256()).public_bytes(pem))
    private = serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(pem, private, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(secret)


@contextlib.contextmanager
def nginx(folder: Path, upstreams: Iterable[int], port: int = 0) -> Iterator[Nginx]:
    proxy = Nginx(folder, upstreams, port or free_port())
    try:
        yield proxy
    finally:
        proxy.stop()
