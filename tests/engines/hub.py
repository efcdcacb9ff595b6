"""A hub in a thread: one model's files, and what else a hub may answer."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "c0ffee" + "0" * 34
TAGGED = "beef" + "0" * 36


class Hub:
    """`owner/name` with the files of a folder, at `main` and at the tag `v1`.

    `refusal`: (status, headers) that everything is answered with. `asked`: the paths.
    """

    def __init__(self, folder: Path) -> None:
        self.files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }
        self.refusal: tuple[int, dict[str, str]] | None = None
        self.asked: list[str] = []
        self.url = ""

    def tree(self) -> list[dict[str, Any]]:
        return [
            {"type": "file", "path": name, "size": len(data), "oid": etag(data)}
            for name, data in self.files.items()
        ]

    def info(self, commit: str) -> dict[str, Any]:
        siblings = [
            {"rfilename": name, "size": len(data), "blobId": etag(data)}
            for name, data in self.files.items()
        ]
        return {"id": "owner/name", "sha": commit, "siblings": siblings}


def etag(data: bytes) -> str:
    return sha1(data, usedforsecurity=False).hexdigest()


@contextmanager
def serving(folder: Path) -> Iterator[Hub]:
    hub = Hub(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(hub))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def handler_of(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.respond()

        def do_GET(self) -> None:
            self.respond()

        def respond(self) -> None:
            hub.asked.append(path := self.path.partition("?")[0])
            if hub.refusal:
                return self.send(*hub.refusal, b"")
            match path.strip("/").split("/"):
                case ["api", "models", "owner", "name", "revision", revision]:
                    commits = {"main": COMMIT, "v1": TAGGED, COMMIT: COMMIT}
                    if commit := commits.get(revision):
                        return self.send_json(hub.info(commit))
                    return self.send(404, {"X-Error-Code": "RevisionNotFound"}, b"")
                case ["api", "models", "owner", "name"]:
                    return self.send_json(hub.info(COMMIT))
                case ["api", "models", "owner", "name", "tree", _commit]:
                    return self.send_json(hub.tree())
                case ["owner", "name", "resolve", commit, *parts]:
                    return self.send_file(commit, hub.files["/".join(parts)])
            return self.send(404, {"X-Error-Code": "RepoNotFound"}, b"")

        def send_json(self, value: Any) -> None:
            kind = {"Content-Type": "application/json"}
            self.send(200, kind, json.dumps(value).encode())

        def send_file(self, commit: str, data: bytes) -> None:
            self.send(200, {"ETag": f'"{etag(data)}"', "X-Repo-Commit": commit}, data)

        def send(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *args: Any) -> None: ...

    return Handler
