"""`/api/keys`: made and revoked by people, shown once, listed without the key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from chat.models import ApiKey
from chat.people import keys
from tests.api.helpers import error_of

pytestmark = pytest.mark.django_db
Make = Callable[..., Any]


@pytest.fixture
def session(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def make(session: Client) -> Make:
    def send(**body: Any) -> Any:
        return session.post("/api/keys", body, content_type="application/json")

    return send


def program(key: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {key}"})


def listed(client: Client) -> list[dict[str, Any]]:
    return list(client.get("/api/keys").json()["items"])


class TestMaking:
    def test_a_key_is_shown_once(self, session, make) -> None:
        response = make(name=" laptop ")
        made = response.json()
        [row] = listed(session)

        assert response.status_code == 201
        assert made["name"] == "laptop"
        assert made["key"].startswith(made["prefix"])
        assert row == {name: made[name] for name in made if name != "key"}

    def test_without_wishes_it_may_everything_for_ever(self, make) -> None:
        made = make().json()

        assert made["scopes"] == ["chat", "read"]
        assert made["expires"] is None
        assert made["last_used"] is None

    @pytest.mark.parametrize(
        ("scopes", "stored"),
        [
            (["read"], ["read"]),
            (["chat"], ["chat"]),
            (["read", "chat"], ["chat", "read"]),
            (["read", "read"], ["read"]),
        ],
    )
    def test_it_takes_scopes(self, make, scopes, stored) -> None:
        assert make(scopes=scopes).json()["scopes"] == stored

    def test_it_takes_an_expiry(self, make) -> None:
        when = datetime(2020, 1, 1, tzinfo=UTC).replace(year=timezone.now().year + 1)

        made = make(expires=when.isoformat()).json()

        assert datetime.fromisoformat(made["expires"]) == when

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"name": "x" * 101}, "name"),
            ({"scopes": []}, "scopes"),
            ({"scopes": ["admin"]}, "scopes.0"),
            ({"scopes": ["chat", "read", "chat"]}, "scopes"),
            ({"scopes": "chat"}, "scopes"),
            ({"scopes": None}, "scopes"),
            ({"expires": "2020-01-01T00:00:00Z"}, "expires"),
            ({"expires": "2999-01-01T00:00:00Z"}, "expires"),
            ({"expires": "9999-12-31T23:59:59-23:00"}, "expires"),
            ({"expires": "2030-01-01T00:00:00"}, "expires"),
            ({"expires": "tomorrow"}, "expires"),
            ({"bogus": 1}, "bogus"),
        ],
    )
    def test_it_names_what_is_wrong(self, make, body, field) -> None:
        assert error_of(make(**body), 400)["field"] == field
        assert not ApiKey.objects.exists()

    def test_there_is_a_bound(self, session, make, monkeypatch) -> None:
        monkeypatch.setattr(keys, "MAX_KEYS", 2)
        first = make().json()
        make()

        assert error_of(make(), 409)["code"] == "too_many_keys"
        session.delete(f"/api/keys/{first['id']}")
        assert make().status_code == 201

    def test_old_revoked_keys_are_forgotten(self, session, make, monkeypatch) -> None:
        monkeypatch.setattr(keys, "MAX_KEYS", 2)
        for _ in range(4):
            session.delete(f"/api/keys/{make().json()['id']}")
        made = make().json()

        revoked = ApiKey.objects.exclude(revoked=None)
        assert revoked.count() == 2
        assert [item["id"] for item in listed(session)] == [made["id"]]

    def test_bobs_keys_do_not_count(self, make, bob, monkeypatch) -> None:
        monkeypatch.setattr(keys, "MAX_KEYS", 1)
        ApiKey.objects.create_key(bob)

        assert make().status_code == 201


class TestLiving:
    def test_it_works_until_it_is_revoked(self, session, make) -> None:
        made = make().json()
        client = program(made["key"])
        assert client.get("/api/keys").status_code == 200

        assert session.delete(f"/api/keys/{made['id']}").status_code == 204

        error = error_of(client.get("/api/keys"), 401)
        assert error["code"] == "invalid_api_key"
        assert listed(session) == []

    def test_it_works_until_it_expires(self, session, make) -> None:
        made = make(expires=(timezone.now() + timedelta(days=1)).isoformat()).json()
        client = program(made["key"])
        assert client.get("/api/models").status_code == 200

        ApiKey.objects.update(expires=timezone.now())

        response = client.get("/api/models")
        assert error_of(response, 401)["code"] == "key_expired"
        assert "invalid_token" in response.headers["WWW-Authenticate"]
        assert [item["id"] for item in listed(session)] == [made["id"]]

    def test_its_use_is_seen(self, session, make) -> None:
        made = make().json()

        program(made["key"]).get("/api/models")

        assert listed(session)[0]["last_used"] is not None

    def test_not_bobs(self, session, bob) -> None:
        row, key = ApiKey.objects.create_key(bob)

        error_of(session.delete(f"/api/keys/{row.pk}"), 404)
        assert ApiKey.objects.verify(key) == row
        assert listed(session) == []

    @pytest.mark.parametrize("key", ["0", "9" * 30])
    def test_an_unknown_one_is_not_found(self, session, key) -> None:
        error_of(session.delete(f"/api/keys/{key}"), 404)


class TestKeysOfKeys:
    """One that leaked makes no others, and locks nobody out."""

    def test_it_makes_none(self, post) -> None:
        assert error_of(post("/api/keys", {}), 403)["code"] == "session_required"
        assert ApiKey.objects.count() == 1

    def test_it_revokes_none(self, api) -> None:
        row = ApiKey.objects.get()

        error_of(api.delete(f"/api/keys/{row.pk}"), 403)

        row.refresh_from_db()
        assert row.revoked is None

    def test_it_lists_them(self, api) -> None:
        assert [item["name"] for item in listed(api)] == ["test"]
