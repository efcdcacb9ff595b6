"""`/api/templates`: prompts of one's own, kept under names."""

from __future__ import annotations

from typing import Any

import pytest

from chat.api import templates
from chat.models import PromptTemplate
from tests.api.helpers import error_of

pytestmark = pytest.mark.django_db
TRANSLATE = {"name": "Translate", "text": "Translate into Chinese:\n"}


def patch(client: Any, pk: int, body: dict[str, Any]) -> Any:
    path = f"/api/templates/{pk}"
    return client.patch(path, body, content_type="application/json")


def test_it_keeps_them_by_name(api, post) -> None:
    post("/api/templates", {"name": "Z", "text": "z"})
    made = post("/api/templates", {"name": "  Two\n words ", "text": " as it is \n"})

    assert made.status_code == 201
    items = api.get("/api/templates").json()["items"]
    assert [(item["name"], item["text"]) for item in items] == [
        ("Two words", " as it is \n"),
        ("Z", "z"),
    ]


def test_it_changes_and_deletes_them(api, post) -> None:
    pk = post("/api/templates", TRANSLATE).json()["id"]

    assert patch(api, pk, {"text": "翻译："}).json()["text"] == "翻译："
    assert patch(api, pk, {"name": "翻译"}).json()["name"] == "翻译"
    assert api.delete(f"/api/templates/{pk}").status_code == 204
    assert not PromptTemplate.objects.exists()


def test_it_rejects_a_name_that_is_taken(api, bobs_api, post) -> None:
    post("/api/templates", TRANSLATE)
    other = post("/api/templates", {"name": "Other", "text": "x"}).json()["id"]

    error = error_of(post("/api/templates", TRANSLATE), 409)
    assert (error["code"], error["field"]) == ("name_taken", "name")
    error_of(patch(api, other, {"name": "Translate"}), 409)
    mine = bobs_api.post("/api/templates", TRANSLATE, content_type="application/json")
    assert mine.status_code == 201


def test_it_rejects_nothing_and_too_much(post) -> None:
    for body, field in (
        ({"name": "", "text": "x"}, "name"),
        ({"name": " \n", "text": "x"}, "name"),
        ({"name": "x" * 81, "text": "x"}, "name"),
        ({"name": "x", "text": ""}, "text"),
        ({"name": "x", "text": "x" * 32_001}, "text"),
        ({"name": "x", "text": "x", "extra": 1}, "extra"),
    ):
        assert error_of(post("/api/templates", body), 400)["field"] == field


def test_it_bounds_their_number(post, monkeypatch) -> None:
    monkeypatch.setattr(templates, "MAX_TEMPLATES", 1)
    post("/api/templates", TRANSLATE)

    error = error_of(post("/api/templates", {"name": "x", "text": "x"}), 400)
    assert error["code"] == "too_many_templates"


def test_it_hides_alices_from_bob(bobs_api, post) -> None:
    pk = post("/api/templates", TRANSLATE).json()["id"]

    error_of(patch(bobs_api, pk, {"name": "Mine"}), 404)
    error_of(bobs_api.delete(f"/api/templates/{pk}"), 404)
    assert bobs_api.get("/api/templates").json()["items"] == []
    assert PromptTemplate.objects.get().name == "Translate"
