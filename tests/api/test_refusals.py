"""What no endpoint takes: always the same shape, and nothing is stored."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import User
from django.test import Client

from chat.models import ApiKey
from tests.api.helpers import NOWHERE, answered, error_of, stored

pytestmark = pytest.mark.django_db
STARTS = ["/api/chat", "/api/chat/stream"]
GOOD = {"prompt": "Hello"}


@pytest.mark.parametrize("path", STARTS)
class TestStarting:
    @pytest.fixture(autouse=True)
    def nothing_is_stored(self):
        yield
        assert stored() == (0, 0, 0)

    @pytest.mark.parametrize(
        ("body", "code", "field"),
        [
            ({}, "missing", "prompt"),
            ({"prompt": ""}, "prompt_empty", "prompt"),
            ({"prompt": " \n "}, "prompt_empty", "prompt"),
            ({"prompt": "\0"}, "prompt_empty", "prompt"),
            ({"prompt": "x" * 32_001}, "prompt_too_long", "prompt"),
            ({"prompt": None}, "invalid_value", "prompt"),
            ({"prompt": 1}, "invalid_value", "prompt"),
            ({"prompt": ["x"]}, "invalid_value", "prompt"),
            ({"prompt": {"x": 1}}, "invalid_value", "prompt"),
            ({**GOOD, "model": "bogus"}, "model_not_found", "model"),
            ({**GOOD, "model": 1}, "invalid_value", "model"),
            ({**GOOD, "conversation": "bogus"}, "invalid_value", "conversation"),
            ({**GOOD, "conversation": 1}, "invalid_value", "conversation"),
            ({**GOOD, "parent": []}, "invalid_value", "parent"),
            ({**GOOD, "prmpt": 1}, "unknown_field", "prmpt"),
            ({**GOOD, "params": 1}, "invalid_value", "params"),
            ({**GOOD, "params": {"bogus": 1}}, "unknown_field", "params.bogus"),
            ({**GOOD, "system_prompt": 1}, "invalid_value", "system_prompt"),
        ],
    )
    def test_it_names_what_is_wrong(self, post, path, body, code, field) -> None:
        error = error_of(post(path, body), 400)

        assert (error["code"], error.get("field")) == (code, field)

    @pytest.mark.parametrize(
        ("params", "field"),
        [
            ({"temperature": -0.1}, "temperature"),
            ({"temperature": 2.1}, "temperature"),
            ({"temperature": "hot"}, "temperature"),
            ({"top_p": 0}, "top_p"),
            ({"top_p": 1.1}, "top_p"),
            ({"top_k": 0}, "top_k"),
            ({"top_k": 1.5}, "top_k"),
            ({"max_tokens": 0}, "max_tokens"),
            ({"max_tokens": 4097}, "max_tokens"),
            ({"max_tokens": "5"}, "max_tokens"),
            ({"stop": []}, "stop"),
            ({"stop": ["a"] * 5}, "stop"),
            ({"stop": ""}, "stop"),
            ({"stop": "\0"}, "stop"),
            ({"seed": -1}, "seed"),
            ({"seed": 2**63}, "seed"),
            ({"thinking": "yes"}, "thinking"),
            ({"repetition_penalty": 0}, "repetition_penalty"),
        ],
    )
    def test_it_names_the_parameter(self, post, path, params, field) -> None:
        error = error_of(post(path, {**GOOD, "params": params}), 400)

        assert error["field"].startswith(f"params.{field}")

    @pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
    def test_it_refuses_what_is_no_number(self, api: Client, path, number) -> None:
        body = json.dumps({**GOOD, "params": {"temperature": 0}}).replace(
            ": 0", f": {number}"
        )

        error_of(api.post(path, body, content_type="application/json"), 400)

    @pytest.mark.parametrize(
        "body", [b"", b"{", b"prompt=Hello", b"\xff\xfe", b"[1", b"nul"]
    )
    def test_it_refuses_bad_json(self, api: Client, path, body: bytes) -> None:
        response = api.post(path, body, content_type="application/json")

        assert error_of(response, 400)["code"] in ("invalid_json", "missing")

    @pytest.mark.parametrize("body", ["[]", "1", '"prompt"', "null"])
    def test_it_refuses_json_that_is_no_object(self, api: Client, path, body) -> None:
        error_of(api.post(path, body, content_type="application/json"), 400)

    def test_it_refuses_deeply_nested_json(self, api: Client, path) -> None:
        body = "[" * 100_000

        error_of(api.post(path, body, content_type="application/json"), 400)

    def test_it_refuses_half_a_character(self, post, path) -> None:
        """A lone surrogate is no text: no database takes it."""
        error_of(post(path, {"prompt": "a\ud800"}), 400)

    @pytest.mark.parametrize(
        "kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml"]
    )
    def test_it_refuses_other_content_types(self, api: Client, path, kind) -> None:
        response = api.post(path, json.dumps(GOOD), content_type=kind)

        assert error_of(response, 415)["code"] == "unsupported_media_type"

    def test_it_refuses_a_body_that_is_too_large(self, post, path) -> None:
        response = post(path, {"prompt": "x" * 1_100_000})

        assert error_of(response, 413)["code"] == "too_large"

    def test_the_longest_allowed_prompt_fits_the_body_limit(
        self, post, path, settings
    ) -> None:
        """In four-byte characters, escaped, it is refused for another reason."""
        error = error_of(post(path, {"prompt": "😀" * 32_000, "model": "bogus"}), 400)

        assert error["code"] == "model_not_found"

    @pytest.mark.parametrize("field", ["conversation", "parent"])
    def test_what_does_not_exist_is_not_found(self, post, path, field) -> None:
        error = error_of(post(path, {**GOOD, field: NOWHERE}), 404)

        assert (error["code"], error["field"]) == ("not_found", field)

    def test_it_refuses_a_key_that_is_too_long(self, post, path) -> None:
        response = post(path, GOOD, headers={"Idempotency-Key": "k" * 201})

        assert error_of(response, 400)["field"] == "Idempotency-Key"

    def test_it_says_when_to_come_back(self, post, path, settings) -> None:
        settings.CHAT_MAX_QUEUED = 0

        response = post(path, GOOD)

        assert error_of(response, 503)["code"] == "queue_full"
        assert int(response.headers["Retry-After"]) > 0

    def test_it_takes_post_only(self, api: Client, path) -> None:
        for method in (api.get, api.put, api.delete, api.patch):
            response = method(path)
            assert error_of(response, 405)["code"] == "method_not_allowed"
            assert "POST" in response.headers["Allow"]


@pytest.mark.parametrize("path", STARTS)
@pytest.mark.parametrize("field", ["conversation", "parent"])
def test_what_is_bobs_is_not_found(post, alice, bob: User, path, field) -> None:
    bobs, own = answered(bob), answered(alice)
    found = {"conversation": bobs.conversation_id, "parent": bobs.message_id}
    body = {"prompt": "Hello", "conversation": str(own.conversation_id)}
    body[field] = str(found[field])
    before = stored()

    error = error_of(post(path, body), 404)

    assert (error["code"], error["field"]) == ("not_found", field)
    assert stored() == before


def test_an_unknown_address_is_not_found(api: Client) -> None:
    for path in ("/api/bogus", "/api/", "/api/conversations/bogus"):
        assert error_of(api.get(path), 404)["code"] == "not_found"


EVERYTHING = [
    ("post", "/api/chat"),
    ("post", "/api/chat/stream"),
    ("get", f"/api/generations/{NOWHERE}"),
    ("get", f"/api/generations/{NOWHERE}/stream"),
    ("post", f"/api/generations/{NOWHERE}/stop"),
    ("get", "/api/conversations"),
    ("post", "/api/conversations"),
    ("get", f"/api/conversations/{NOWHERE}"),
    ("patch", f"/api/conversations/{NOWHERE}"),
    ("delete", f"/api/conversations/{NOWHERE}"),
    ("get", f"/api/conversations/{NOWHERE}/messages"),
    ("get", f"/api/conversations/{NOWHERE}/context"),
    ("get", "/api/templates"),
    ("post", "/api/templates"),
    ("patch", "/api/templates/1"),
    ("delete", "/api/templates/1"),
    ("post", f"/api/messages/{NOWHERE}/regenerate"),
    ("post", f"/api/messages/{NOWHERE}/edit"),
    ("put", f"/api/messages/{NOWHERE}/feedback"),
    ("get", "/api/models"),
    ("get", "/api/keys"),
    ("post", "/api/keys"),
    ("delete", "/api/keys/1"),
    ("post", f"/api/conversations/{NOWHERE}/share"),
    ("get", "/api/shares"),
    ("delete", f"/api/shares/{NOWHERE}"),
    ("get", "/api/export"),
    ("get", f"/api/conversations/{NOWHERE}/export"),
    ("post", "/api/import"),
]
WRITING = [pair for pair in EVERYTHING if pair[0] != "get"]


def call(client: Client, method: str, path: str, **extra):
    body = {"prompt": "Hello"} if "chat" in path or "edit" in path else {}
    if method == "get":
        return client.get(path, **extra)
    return getattr(client, method)(path, body, content_type="application/json", **extra)


@pytest.mark.parametrize(("method", "path"), EVERYTHING)
class TestCallers:
    """Everything wants a caller it knows."""

    def test_nobody(self, method, path) -> None:
        response = call(Client(), method, path)

        assert error_of(response, 401)["code"] == "unauthenticated"
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert stored() == (0, 0, 0)

    @pytest.mark.parametrize(
        "header", ["Bearer cs-bogus", "Bearer ", "Bearer", "Basic YTpi", "bogus"]
    )
    def test_a_wrong_key(self, alice, method, path, header) -> None:
        client = Client()
        client.force_login(alice)

        response = call(client, method, path, headers={"Authorization": header})

        error_of(response, 401)


@pytest.mark.parametrize(("method", "path"), WRITING)
def test_a_session_needs_its_csrf_token(alice, method, path) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)

    assert error_of(call(client, method, path), 403)["code"] == "csrf_failed"
    assert stored() == (0, 0, 0)


def test_a_session_with_its_csrf_token_may(alice) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    token = client.get("/").cookies["csrftoken"].value

    response = call(
        client, "post", "/api/conversations", headers={"X-CSRFToken": token}
    )

    assert response.status_code == 201


def test_a_key_needs_no_csrf_token(alice, key_of) -> None:
    client = Client(
        enforce_csrf_checks=True, headers={"Authorization": f"bearer {key_of(alice)}"}
    )

    assert call(client, "post", "/api/conversations").status_code == 201


class TestKeys:
    @pytest.fixture
    def key(self, alice, key_of) -> str:
        return key_of(alice)

    def models(self, key: str):
        return Client().get("/api/models", headers={"Authorization": f"Bearer {key}"})

    def test_a_key_opens(self, key) -> None:
        assert self.models(key).status_code == 200

    def test_a_revoked_one_does_not(self, key) -> None:
        ApiKey.objects.get().revoke()

        error_of(self.models(key), 401)

    def test_nor_one_of_a_deactivated_user(self, alice, key) -> None:
        User.objects.update(is_active=False)

        error_of(self.models(key), 401)

    def test_nor_does_the_stored_hash(self, key) -> None:
        row = ApiKey.objects.get()

        assert key not in (row.hash, row.prefix)
        error_of(self.models(row.hash), 401)

    def test_its_use_is_noted(self, key) -> None:
        self.models(key)

        assert ApiKey.objects.get().last_used is not None


def test_a_session_of_a_deactivated_user_is_nobody(alice) -> None:
    client = Client()
    client.force_login(alice)
    User.objects.update(is_active=False)

    error_of(client.get("/api/models"), 401)


def test_a_fault_of_ours_has_the_same_shape(api, monkeypatch, caplog) -> None:
    def broken(*args: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("chat.api.account.models_for", broken)

    error = error_of(api.get("/api/models"), 500)

    assert error["code"] == "internal_error"
    assert "secret" not in error["message"]
    assert "ZeroDivisionError" in caplog.text
