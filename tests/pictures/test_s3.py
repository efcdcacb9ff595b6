"""Pictures in a bucket: written, read and deleted as files are."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.core.files.storage import storages
from django.test import override_settings

from chat.checks import pictures_can_be_kept
from chat.models import Picture
from chat.pictures import serving
from chatsite.pictures import storage
from tests.core.helpers import runner_of
from tests.pictures.helpers import draw
from tests.reading import finished

Objects = dict[str, bytes]


class Bucket(BaseHTTPRequestHandler):
    """As much of S3 as is needed: objects by their paths."""

    objects: Objects

    def do_PUT(self) -> None:
        size = int(self.headers["Content-Length"])
        self.objects[self.path] = self.rfile.read(size)
        self._answer(200)

    def do_GET(self) -> None:
        data = self.objects.get(self.path.partition("?")[0])
        self._answer(404 if data is None else 200, data or b"")

    do_HEAD = do_GET

    def do_DELETE(self) -> None:
        self.objects.pop(self.path, None)
        self._answer(204)

    def _answer(self, status: int, data: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", '"x"')
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def log_message(self, *_about: Any) -> None:
        """It says nothing."""


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Objects]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    objects: Objects = {}
    handler = type("Handler", (Bucket,), {"objects": objects})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        url = f"s3://chat/some/where?endpoint={endpoint}&region=eu-1"
        with override_settings(
            STORAGES={**settings.STORAGES, "pictures": storage(url)}
        ):
            yield objects
            storages["pictures"].connection.meta.client.close()
        server.shutdown()
        thread.join()


@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_a_picture_lives_there(bucket: Objects, alice: User) -> None:
    async with runner_of():
        row = await finished(await sync_to_async(draw)(alice))

    [picture] = row.drawn
    assert isinstance(picture, Picture)
    names = [
        f"/chat/some/where/{picture.file}",
        f"/chat/some/where/{picture.thumbnail}",
    ]
    assert set(bucket) == set(names)
    read = sync_to_async(serving.read)
    assert await read(picture) == bucket[names[0]]
    assert await read(picture, thumbnail=True) == bucket[names[1]]

    await sync_to_async(picture.delete)()
    assert bucket == {}
    with pytest.raises(FileNotFoundError):
        await read(picture)


def test_without_its_package_nothing_starts(settings: Any) -> None:
    assert pictures_can_be_kept(None) == []
    backend = {"BACKEND": "not_installed.S3Storage"}
    settings.STORAGES = {**settings.STORAGES, "pictures": backend}
    [error] = pictures_can_be_kept(None)

    assert (error.id, error.hint) == ("chat.E014", "pip install -r requirements-s3.txt")
