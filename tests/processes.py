"""Programs in processes of their own that start quickly.

Each is a fork of one process that has imported the libraries and nothing of the site,
which reads its environment afterwards. That saves more than half of a start's work,
and there are more than a hundred. Otherwise they are what `python …` starts; what the
README names (`make run`) is started as it says.
"""

from __future__ import annotations

import fcntl
import gc
import multiprocessing
import os
import runpy
import signal
import sys
import tempfile
import threading
from multiprocessing.connection import wait
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SLOW_SECONDS = 240
"""A new database on a machine with much else to do."""
LIBRARIES = (
    *("uvicorn.main", "uvicorn.protocols.http.httptools_impl", "uvloop", "websockets"),
    *("aiohttp", "channels_redis.core", "redis.asyncio", "psycopg", "servestatic"),
    *("pydantic_settings", "django.core.management", "django.contrib.admin.views.main"),
    *("django.test", "django.db.backends.sqlite3.base"),
    *("requests", "prometheus_client", "ijson", "pythonjsonlogger.json"),
    *("fido2.server", "cryptography.x509", "PIL.Image", "PIL.ExifTags"),
)

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload([__name__, *LIBRARIES])
# A process may be looked at by several threads, but only one may read how it exited;
# starting one looks at all others.
_lock = threading.Lock()


class Program:
    """A running one: as much of `subprocess.Popen` as tests need."""

    def __init__(self, *arguments: str, env: dict[str, str], log: Path) -> None:
        """As `python ARGUMENTS` at the repository's root, its output added to `log`."""
        self._process = _forks.Process(
            target=_become, args=(arguments, env, log), daemon=True
        )
        with _lock:
            self._process.start()

    @property
    def pid(self) -> int:
        return int(self._process.pid or 0)

    def poll(self) -> int | None:
        """How it exited, if it did; of a signal the negative number."""
        with _lock:
            return self._process.exitcode

    def wait(self, seconds: float | None = None) -> int:
        wait([self._process.sentinel], seconds)
        code = self.poll()
        if code is None:
            raise TimeoutError(f"It did not end within {seconds} s.")
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def output(*arguments: str, env: dict[str, str]) -> str:
    """All that it says until it ends well."""
    with tempfile.NamedTemporaryFile() as file:
        log = Path(file.name)
        code = Program(*arguments, env=env, log=log).wait(SLOW_SECONDS)
        text = log.read_text()
    assert code == 0, text
    return text


def _end_with_tests() -> None:
    """SIGIO, which ends a process, comes when the tests' end of this pipe is closed."""
    tests = multiprocessing.parent_process()
    assert tests is not None
    fcntl.fcntl(tests.sentinel, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(tests.sentinel, fcntl.F_SETFL, os.O_ASYNC)


def _become(arguments: tuple[str, ...], env: dict[str, str], log: Path) -> None:
    gc.freeze()  # the libraries: a quarter of the start looked for garbage in them
    _end_with_tests()
    os.setpgid(0, 0)  # who started it ends it, not a Ctrl-C
    os.environ.clear()
    os.environ.update(env)
    os.chdir(ROOT)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    how, *rest = arguments
    if how == "-m":
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif how == "-c":
        sys.argv = ["-c", *rest[1:]]
        exec(rest[0], {"__name__": "__main__"})
    else:
        sys.argv = [*arguments]
        runpy.run_path(how, run_name="__main__")
