"""Tags: on conversations, in the list, and all of them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from chat import tags
from chat.models import Tag
from chat.models.tag import MAX_TAGS
from chat.privacy import removal
from tests.api.helpers import error_of
from tests.search.helpers import catch_up, converse

pytestmark = pytest.mark.django_db
PATH = "/api/conversations"


def put(api: Client, row: Any, *names: str) -> Any:
    body = {"tags": list(names)}
    return api.patch(f"{PATH}/{row.pk}", body, content_type="application/json")


def titles(api: Client, **query: str) -> list[str]:
    return [item["title"] for item in api.get(PATH, query).json()["items"]]


def all_tags(api: Client) -> list[str]:
    return [item["name"] for item in api.get("/api/tags").json()["items"]]


class TestPut:
    def test_exactly_these(self, api, alice) -> None:
        row = converse(alice)

        assert put(api, row, "work", "Idea").json()["tags"] == ["Idea", "work"]
        assert put(api, row, "work").json()["tags"] == ["work"]
        assert all_tags(api) == ["work"]
        assert put(api, row).json()["tags"] == []
        assert Tag.objects.count() == 0

    def test_case_and_spaces_make_no_other_tag(self, api, alice) -> None:
        put(api, converse(alice), "Work")

        shown = put(api, converse(alice), " WORK", "wor k", "work").json()["tags"]

        assert shown == ["wor k", "Work"]

    def test_what_is_not_named_stays(self, api, alice) -> None:
        row = converse(alice)
        put(api, row, "work")

        body = {"pinned": True}
        shown = api.patch(f"{PATH}/{row.pk}", body, content_type="application/json")

        assert shown.json()["tags"] == ["work"]

    @pytest.mark.parametrize(
        "names",
        [["x" * 41], [""], [1], "work", [str(n) for n in range(MAX_TAGS + 1)]],
    )
    def test_it_refuses_wrong_ones(self, api, alice, names) -> None:
        row, body = converse(alice), {"tags": names}
        answer = api.patch(f"{PATH}/{row.pk}", body, content_type="application/json")

        assert error_of(answer, 400)["field"].startswith("tags")
        assert Tag.objects.count() == 0

    def test_it_refuses_more_than_a_user_may_have(
        self, api, alice, monkeypatch
    ) -> None:
        monkeypatch.setattr(tags, "MAX_OWN", 2)
        row = converse(alice)
        put(api, row, "a", "b")

        error = error_of(put(api, converse(alice), "a", "c"), 400)

        assert (error["code"], error["field"]) == ("too_many_tags", "tags")
        assert put(api, converse(alice), "a", "b").status_code == 200

    def test_not_bobs(self, bobs_api, alice) -> None:
        error_of(put(bobs_api, converse(alice), "work"), 404)


class TestList:
    def test_those_with_the_tag(self, api, alice) -> None:
        put(api, converse(alice, "one"), "work")
        put(api, converse(alice, "two"), "work", "idea")
        converse(alice, "three")

        assert titles(api, tag="Work ") == ["two", "one"]
        assert titles(api, tag="idea") == ["two"]
        assert titles(api, tag="bogus") == []

    def test_also_where_many_have_it(self, api, alice, monkeypatch) -> None:
        monkeypatch.setattr(tags, "RARE", 1)
        for number in range(4):
            put(api, converse(alice, str(number)), *["work"] * (number != 2))
        first = api.get(PATH, {"tag": "work", "limit": 2}).json()

        assert [item["title"] for item in first["items"]] == ["3", "1"]
        assert titles(api, tag="work", cursor=first["next"]) == ["0"]

    def test_in_what_a_search_finds(self, api, alice) -> None:
        put(api, converse(alice, "word one"), "work")
        converse(alice, "word two")
        catch_up()

        assert titles(api, tag="work", q="word") == ["word one"]

    def test_not_bobs(self, api, bobs_api, bob) -> None:
        put(bobs_api, converse(bob, "secret"), "work")

        assert titles(api, tag="work") == []
        assert all_tags(api) == []

    def test_a_deleted_one_takes_its_tags_along(self, api, alice) -> None:
        row = converse(alice)
        put(api, row, "work")
        removal.remove([row.pk], alice)

        assert all_tags(api) == []
        removal.restore(row.pk, alice)
        assert all_tags(api) == ["work"]
