"""`/api/models`, the documentation and the probes."""

from __future__ import annotations

import re

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError
from django.test import Client

from chat.observe import probes
from tests.api.test_refusals import EVERYTHING
from tests.reading import eventually

pytestmark = pytest.mark.django_db


def test_models_are_listed_with_their_default(api) -> None:
    writes, draws = api.get("/api/models").json()["items"]

    assert (writes["id"], writes["kind"]) == ("scripted", "text")
    assert (draws["id"], draws["kind"]) == ("scripted-image", "image")
    assert writes["default"]
    assert draws["default"]


class TestDocumentation:
    def test_every_endpoint_is_described(self, api) -> None:
        document = api.get("/api/openapi.json").json()
        described = {
            (method, re.sub(r"\{\w+\}", "ID", path))
            for path, methods in document["paths"].items()
            for method in methods
        }

        wanted = {
            (method, re.sub(r"(?<=/)([0-9a-f-]{36}|1)(?=/|$)", "ID", path))
            for method, path in EVERYTHING
        }
        assert wanted <= described

    def test_the_page_renders_under_the_policy(self, api) -> None:
        """Nothing inline, nothing from other hosts."""
        response = api.get("/api/docs")
        page = response.content.decode()
        policy = response.headers["Content-Security-Policy"]

        assert response.status_code == 200
        assert "unsafe-inline" not in policy
        nonces = re.findall(r"'nonce-([^']+)'", policy)
        for attributes, code in re.findall(
            r"<script([^>]*)>(.*?)</script>", page, re.DOTALL
        ):
            inline = code.strip() and 'type="application/json"' not in attributes
            assert not inline or any(nonce in attributes for nonce in nonces)
        addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
        assert addresses
        assert [name for name in addresses if name.startswith(("http", "//"))] == []


class TestProbes:
    def test_the_process_lives(self) -> None:
        assert Client().get("/healthz").content == b"ok\n"

    def test_it_is_not_ready_before_it_has_started(self) -> None:
        response = Client().get("/readyz")

        assert response.status_code == 503
        assert response.json()["ready"] is False
        assert response.json()["database"] == "ok"

    def test_it_names_the_database_that_is_away(self, monkeypatch) -> None:
        class Away:
            def cursor(self):
                raise OperationalError("secret")

        monkeypatch.setattr(probes, "connection", Away())

        response = Client().get("/readyz")

        assert "OperationalError" in response.json()["database"]
        assert b"secret" not in response.content


@pytest.mark.django_db(transaction=True)
async def test_a_started_process_is_ready(running) -> None:
    async def ready() -> bool:
        response = await sync_to_async(Client().get)("/readyz")
        return response.status_code == 200 and response.json()["ready"]

    assert await eventually(ready)
