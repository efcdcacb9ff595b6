"""`/api/models`, `/api/keys`, the documentation and the probes."""

from __future__ import annotations

import re

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError
from django.test import Client

from chat import probes
from chat.models import ApiKey
from tests.api.helpers import error_of
from tests.api.test_refusals import EVERYTHING
from tests.reading import eventually

pytestmark = pytest.mark.django_db


def test_models_are_listed_with_their_default(api) -> None:
    [model] = api.get("/api/models").json()["items"]

    assert (model["id"], model["default"]) == ("scripted", True)


class TestKeys:
    def test_a_key_is_shown_once(self, api, post) -> None:
        response = post("/api/keys", {"name": " laptop "})
        made = response.json()
        listed = api.get("/api/keys").json()["items"]

        assert response.status_code == 201
        assert made["name"] == "laptop"
        assert made["key"].startswith(made["prefix"])
        assert made["key"] not in str(listed)
        assert made["id"] in [item["id"] for item in listed]

    def test_it_works_until_it_is_revoked(self, api, post) -> None:
        made = post("/api/keys", {}).json()
        other = Client(headers={"Authorization": f"Bearer {made['key']}"})
        assert other.get("/api/keys").status_code == 200

        assert api.delete(f"/api/keys/{made['id']}").status_code == 204

        error_of(other.get("/api/keys"), 401)
        assert made["id"] not in [
            item["id"] for item in api.get("/api/keys").json()["items"]
        ]

    def test_not_bobs(self, bobs_api, api, post) -> None:
        made = post("/api/keys", {}).json()

        error_of(bobs_api.delete(f"/api/keys/{made['id']}"), 404)
        assert ApiKey.objects.get(pk=made["id"]).revoked is None
        assert len(bobs_api.get("/api/keys").json()["items"]) == 1

    @pytest.mark.parametrize("key", ["0", "9" * 30])
    def test_an_unknown_one_is_not_found(self, api, key) -> None:
        error_of(api.delete(f"/api/keys/{key}"), 404)

    def test_it_names_what_is_wrong(self, post) -> None:
        assert error_of(post("/api/keys", {"name": "x" * 101}), 400)["field"] == "name"


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
