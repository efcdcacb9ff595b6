"""What a key may do. Every call of every dialect is walked, so none is forgotten."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver
from ninja.operation import PathView

from chat.api import scopes
from chat.models import ApiKey
from chat.urls import urlpatterns
from tests.api.helpers import NOWHERE, answered, error_of

pytestmark = pytest.mark.django_db

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def methods_of(view: Any) -> tuple[str, ...]:
    """Of ninja's operations; of any other view, all."""
    if not inspect.isfunction(view):
        return METHODS
    inside = inspect.getclosurevars(view).nonlocals.get("self")
    if not isinstance(inside, PathView):
        return METHODS
    return tuple(method for one in inside.operations for method in one.methods)


def walk(patterns: Any, before: str = "") -> list[tuple[str, str]]:
    """(method, route) of everything below the APIs."""
    found: list[tuple[str, str]] = []
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found += walk(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern) and re.match(r"(\^\(\?:)?(api|v1)", route):
            found += [(method, route) for method in methods_of(pattern.callback)]
    return found


TYPED = {
    (method, scopes.CONVERTER.sub("<", route)): route
    for method, route in walk(urlpatterns)
}
EVERYTHING = sorted(pair for pair in TYPED if pair[1] not in scopes.OPEN)


def address(method: str, route: str) -> str:
    filled = re.sub(r"<int:\w+>", "1", TYPED[method, route])
    return "/" + re.sub(r"<.+?>", NOWHERE, filled)


def program(user: User, *names: str) -> Client:
    _row, key = ApiKey.objects.create_key(user, scopes=" ".join(names))
    return Client(headers={"Authorization": f"Bearer {key}"})


def call(client: Client, method: str, route: str) -> Any:
    sent = {"data": "{}", "content_type": "application/json"}
    return client.generic(
        method, address(method, route), **(sent if method != "GET" else {})
    )


def code_of(response: Any) -> str:
    said = response.json()
    return str(said.get("error", said)["code"])


def test_the_walk_finds_all_dialects() -> None:
    assert ("POST", "api/chat/stream") in EVERYTHING
    assert ("POST", "v1/chat/completions") in EVERYTHING
    assert ("POST", "api/v1/services/aigc/text-generation/generation") in EVERYTHING


def test_every_get_says_what_it_needs() -> None:
    """Forgotten, it would need `chat`: list it in chat/api/scopes.py."""
    told = scopes.READS | {route for _method, route in scopes.SESSIONS}
    assert {route for method, route in EVERYTHING if method == "GET"} <= told


def test_what_is_listed_exists() -> None:
    assert {route for _method, route in TYPED} >= scopes.READS | scopes.OPEN
    assert set(EVERYTHING) >= scopes.SESSIONS


@pytest.mark.parametrize(("method", "route"), EVERYTHING)
def test_a_key_without_the_scope_is_refused(
    alice: User, method: str, route: str
) -> None:
    needed = scopes.needed(method, route)
    other = {"chat": "read", "read": "chat", "session": "chat read"}[str(needed)]

    response = call(program(alice, *other.split()), method, route)

    assert response.status_code == 403
    if needed == "session":
        assert "session_required" in code_of(response)
        return
    assert code_of(response) in ("scope_missing", "AccessDenied.ScopeMissing")
    assert f"“{needed}”" in str(response.json())
    assert f'scope="{needed}"' in response.headers["WWW-Authenticate"]


@pytest.mark.parametrize("method", METHODS)
def test_what_writes_needs_chat_by_default(method: str) -> None:
    assert scopes.needed(method, "api/something/new") == "chat"


@pytest.mark.parametrize("route", sorted(scopes.READS))
def test_a_reading_key_reads(alice: User, route: str) -> None:
    response = call(program(alice, "read"), "GET", route)

    assert response.status_code in (200, 404)


def test_a_chatting_key_asks(alice: User) -> None:
    response = program(alice, "chat").post(
        "/api/conversations", {}, content_type="application/json"
    )

    assert response.status_code == 201


def test_looking_at_a_branch_is_stored_and_so_needs_chat(alice: User) -> None:
    row = answered(alice)
    path = f"/api/conversations/{row.conversation_id}/messages?leaf={row.message_id}"

    assert error_of(program(alice, "read").get(path), 403)["code"] == "scope_missing"
    assert program(alice, "chat", "read").get(path).status_code == 200


@pytest.mark.parametrize("path", ["/api/openapi.json", "/v1/openapi.json"])
def test_the_documentation_is_for_everybody(alice: User, path: str) -> None:
    for client in (Client(), program(alice, "read"), program(alice, "chat")):
        assert client.get(path).status_code == 200


def test_what_is_not_there_is_not_found_whatever_the_scope(alice: User) -> None:
    for path in ("/api/bogus", "/v1/bogus"):
        assert program(alice, "read").get(path).status_code == 404


def test_a_session_may_everything(alice: User) -> None:
    client = Client()
    client.force_login(alice)

    assert call(client, "POST", "api/keys").status_code == 201


DIALECTS = [
    ("/v1/models", "invalid_api_key", "key_expired"),
    ("/api/models", "invalid_api_key", "key_expired"),
    (
        "/api/v1/services/aigc/text-generation/generation",
        *("InvalidApiKey", "InvalidApiKey.Expired"),
    ),
]


@pytest.mark.parametrize(("path", "invalid", "expired"), DIALECTS)
def test_each_dialect_says_why_a_key_opens_nothing(
    alice: User, path: str, invalid: str, expired: str
) -> None:
    client = program(alice, "chat", "read")
    row = ApiKey.objects.get()
    row.expires = row.created
    row.save()
    assert (said := client.get(path)).status_code == 401
    assert code_of(said) == expired

    row.revoke()
    assert (said := client.get(path)).status_code == 401
    assert code_of(said) == invalid
