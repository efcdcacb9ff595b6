"""The site's server for pages, and a wire to it that can be cut."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
import time
from pathlib import Path

from tests import serving

PEOPLE = ("alice", "bob", "dana", "erin")


class Server(serving.Server):
    """With people, whose passwords are `NAME-password`, and what pages load."""

    def __init__(self, folder: Path, **env: str) -> None:
        bounds = {"CHAT_MAX_PROMPT_CHARS": "500", "CHAT_GRACE_SECONDS": "1"}
        super().__init__(folder, **bounds, **env)

    def prepare(self) -> None:
        self.set_up(*PEOPLE)
        self.collect()

    def kill(self) -> None:
        """As a crash does it: without a word."""
        self.end(signal.SIGKILL)

    def stop(self) -> None:
        self.end()


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
            threading.Thread(
                target=self._carry, args=(browser, server), daemon=True
            ).start()

    def _carry(self, browser: socket.socket, server: socket.socket) -> None:
        """Both ways, until either end breaks. Nobody closes a socket that another
        thread reads: its number might be the next connection's by then."""
        if self.down:  # since it was accepted: `cut` did not see it
            self.cut()
        there = threading.Thread(target=self._pump, args=(browser, server, False))
        there.start()
        self._pump(server, browser, True)
        there.join()
        for end in (browser, server):
            self._open.discard(end)
            end.close()

    def _pump(
        self, source: socket.socket, sink: socket.socket, towards_browser: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self._stops(data, towards_browser=towards_browser):
                    break
                while self.frozen:
                    time.sleep(0.02)
                sink.sendall(data)
        self._break(source)
        self._break(sink)

    def _stops(self, data: bytes, *, towards_browser: bool) -> bool:
        if towards_browser:
            return self.deaf
        return self.no_sockets and data.startswith(b"GET /ws/")

    def _break(self, end: socket.socket) -> None:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
