"""What the document says is what happens: every call, fuzzed, at a live server.

No answer that it does not name (status, headers, content type, shape), and no fault.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.openapi import from_dict
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from chat.api.native import api

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 12
SHORT = "n=2 pace=0 "
"""What makes the scripted engine's answers quick."""
document = json.loads(json.dumps(api.get_openapi_schema()))
schema = from_dict(document)
METHODS = {"get", "post", "put", "patch", "delete"}
CALLS = [
    (method.upper(), path)
    for path, calls in document["paths"].items()
    for method in calls.keys() & METHODS
]


@pytest.fixture(scope="module")
def bob(site: Any) -> dict[str, str]:
    """The headers of a session: it may also do what no key may."""
    token = "x" * 32
    cookies = f"sessionid={site.bobs_session}; csrftoken={token}"
    return {"Cookie": cookies, "X-CSRFToken": token}


def make(site: Any, headers: dict[str, str], path: str) -> dict[str, str]:
    """What this path may name."""

    def post(path: str, **body: str) -> Any:
        url = site.url + path
        return httpx.post(url, json=body, headers=headers, timeout=60).json()

    known = {"model": "remote"}
    names = ("conversation", "generation", "message")
    if any(f"{{{name}}}" in path for name in (*names, "share")):
        asked = post("/api/chat", prompt="n=1 pace=0")
        known |= {name: asked[name] for name in names}
    if "{share}" in path:
        share = post(f"/api/conversations/{known['conversation']}/share")
        known["share"] = str(share["id"])
    if "{name}" in path:
        known["name"] = post("/v1/responses", input="n=1 pace=0")["id"]
    if "{template}" in path:
        made = post("/api/templates", name=uuid4().hex, text="x")
        known["template"] = str(made["id"])
    if "{key}" in path:
        known["key"] = str(post("/api/keys", name="short-lived")["id"])
    return known


def meet(parameters: dict[str, Any], known: dict[str, str]) -> None:
    """Half of what is named is there."""
    for name, value in parameters.items():
        if name in known and ord(str(value)[-1:] or "0") % 2:
            parameters[name] = known[name]


def hurry(body: Any) -> None:
    """Whatever it asks, it asks for few tokens."""
    if isinstance(body, list):
        for part in body:
            hurry(part)
    if not isinstance(body, dict):
        return
    for name in ("prompt", "input", "content"):
        if isinstance(body.get(name), str) and body[name]:
            body[name] = SHORT + body[name]
    for name in ("messages", "input"):
        hurry(body.get(name))


@pytest.mark.parametrize(("method", "path"), sorted(CALLS))
def test_every_answer_is_documented(site, bob, method, path):
    call = schema[path][method]
    known = make(site, bob, path)  # here, as some calls delete it

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=call.as_strategy() | call.as_strategy(GenerationMode.NEGATIVE))
    def hold(case: Case) -> None:
        meet(case.path_parameters or {}, known)
        hurry(case.body)
        case.call_and_validate(
            base_url=site.url, headers=bob, checks=CHECKS, timeout=60
        )

    hold()


def test_what_needs_a_session_says_so(site):
    """The same document is true for keys."""
    case = schema["/api/settings"]["GET"].Case()
    answer = case.call_and_validate(
        base_url=site.url, headers=site.headers, checks=CHECKS, timeout=60
    )
    assert answer.status_code == 403
