"""The OpenAPI document: whole, the same for everybody, and nothing in it twice."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client

from chat.api.document import add

PATHS = {
    "/api/openapi.json": {
        "/api/chat/stream",
        "/api/conversations/{conversation}/messages",
        "/v1/chat/completions",
        "/v1/responses/{name}",
        "/api/v1/services/aigc/text-generation/generation",
    },
    "/v1/openapi.json": {"/v1/chat/completions", "/v1/models"},
    "/api/v1/openapi.json": {"/api/v1/services/aigc/text-generation/generation"},
}


@pytest.fixture(params=sorted(PATHS))
def address(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def document(address: str, db: None) -> dict:
    found: dict = Client().get(address).json()
    return found


def test_it_has_every_call(document: dict, address: str) -> None:
    assert PATHS[address] <= document["paths"].keys()
    if address != "/api/openapi.json":
        common = address.removesuffix("openapi.json")
        assert all(path.startswith(common) for path in document["paths"])


def test_every_reference_leads_somewhere(document: dict) -> None:
    named = re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document))

    assert named
    assert set(named) == document["components"]["schemas"].keys() & set(named)


def test_every_call_says_how_it_refuses_in_its_own_shape(document: dict) -> None:
    shapes = {"/api/v1/": "DashScopeError", "/v1/": "OpenAIError", "/api/": "ErrorOut"}
    for path, calls in document["paths"].items():
        shape = next(shapes[start] for start in shapes if path.startswith(start))
        for call in calls.values():
            refused = call["responses"]["401"]["content"]["application/json"]
            assert refused["schema"]["$ref"].endswith(f"/{shape}")
            assert all(answer["description"] for answer in call["responses"].values())


def test_what_starts_an_answer_says_that_there_are_limits(document: dict) -> None:
    for calls in document["paths"].values():
        for call in calls.values():
            names = {one["name"] for one in call.get("parameters", [])}
            limited = call["responses"].get("429")
            assert ("Idempotency-Key" in names) == (limited is not None)
            if limited:
                assert "Retry-After" in limited["headers"]


def test_one_name_for_two_shapes_is_a_fault() -> None:
    document = {"components": {"schemas": {"A": {"type": "string"}}}}
    add(document, {"A": {"type": "string"}})
    with pytest.raises(ValueError, match="called A"):
        add(document, {"A": {"type": "object"}})
