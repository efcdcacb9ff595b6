"""A live server in a process of its own, with the scripted engine, and its clients.

The real clients of other people's APIs run against it, as they would in production.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.processes import output
from tests.serving import Server, copy_tables
from tests.upstream import Upstream, serve

ROOT = Path(__file__).resolve().parent.parent.parent
SETUP = """
import django; django.setup()
from django.contrib.auth.models import User
from chat.models import ApiKey, Quota
limits = {"hasty": {"rate_limit": "2/h"}, "spent": {"daily_tokens": 5}}
for name in ("alice", "bob", "hasty", "spent"):
    user = User.objects.create_user(name, password=name + "-password")
    print(ApiKey.objects.create_key(user, "test")[1])
    if name in limits:
        Quota.objects.create(user=user, **limits[name])
alice = User.objects.get(username="alice")
print(ApiKey.objects.create_key(alice, "reads", scopes="read")[1])
from django.test import Client
page = Client()
page.force_login(User.objects.get(username="bob"))
print(page.session.session_key)
"""
START_SECONDS = 60
MODELS = """
[[engines]]
name = "elsewhere"
base_urls = ["{url}"]

[[models]]
id = "remote"
engine = "elsewhere"
name = "bench"
can = ["tools", "json", "penalties", "logit_bias"]

[[models]]
id = "plain"
engine = "elsewhere"
name = "bench"
can = []
"""


@dataclass(frozen=True)
class Site:
    url: str
    key: str
    bobs_key: str
    hasty_key: str
    """Of somebody who may ask twice an hour."""
    spent_key: str
    """Of somebody who may use five tokens a day."""
    reading_key: str
    """Of the same person as the first one; it may not ask."""
    bobs_session: str
    upstream: Upstream
    """The engine behind the models `remote` and `plain`, in the test's process."""

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def get(self, path: str, **more: Any) -> httpx.Response:
        return httpx.get(self.url + path, headers=self.headers, timeout=60, **more)

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        named = self.headers | {k.replace("_", "-"): v for k, v in headers.items()}
        return httpx.post(self.url + path, json=body, headers=named, timeout=60)

    def calls(self, mark: str) -> list[dict[str, Any]]:
        """What programs of the first key's owner asked that begins with this word."""
        found = self.get("/api/conversations?source=api&limit=100").json()
        return [row for row in found["items"] if row["title"].startswith(mark)]

    def generation(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/api/generations/{name}").json()
        return found


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    upstream = Upstream()
    with serve(upstream) as url, running(folder, url) as (address, keys):
        yield Site(address, *keys, upstream)


@contextmanager
def running(folder: Path, engine: str) -> Iterator[tuple[str, list[str]]]:
    """The server's address, and the keys of its people."""
    models = folder / "models.toml"
    models.write_text(MODELS.format(url=engine))
    server = Server(
        folder,
        CHAT_HEARTBEAT_SECONDS="0.3",
        CHAT_LEASE_SECONDS="15",
        CHAT_CORS_ORIGINS="https://app.example",
        CHAT_MODELS_FILE=str(models),
    )
    copy_tables(folder / "chat.sqlite3")
    keys = output("-c", SETUP, env=server.env).split()
    server.start()
    yield server.url, keys
    server.end()


@pytest.fixture
def client(site: Site) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{site.url}/v1", api_key=site.key) as client:
        yield client


@pytest.fixture
def once(site: Site) -> Iterator[openai.OpenAI]:
    """Asks only once."""
    with openai.OpenAI(
        base_url=f"{site.url}/v1", api_key=site.key, max_retries=0
    ) as client:
        yield client
