"""`/api/conversations`: list, page, search, make, change, delete."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat.api.paging import pack
from chat.models import Conversation
from tests.api.helpers import NOWHERE, error_of
from tests.core.helpers import ask

pytestmark = pytest.mark.django_db
PATH = "/api/conversations"
NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def make(owner: User, title: str = "", age: int = 0, **fields) -> Conversation:
    updated = NOW - timedelta(minutes=age)
    return Conversation.objects.create(
        owner=owner, title=title, updated=updated, **fields
    )


def titles(api: Client, **query) -> list[str]:
    return [item["title"] for item in api.get(PATH, query).json()["items"]]


def walk(api: Client, **query) -> list[str]:
    """The ids on all pages."""
    found, cursor = [], None
    while True:
        page = api.get(PATH, query | ({"cursor": cursor} if cursor else {})).json()
        found += [item["id"] for item in page["items"]]
        if (cursor := page["next"]) is None:
            return found


class TestList:
    def test_pinned_first_then_newest(self, api, alice) -> None:
        make(alice, "old", 9)
        make(alice, "new", 1)
        make(alice, "pinned", 99, pinned=True)

        assert titles(api) == ["pinned", "new", "old"]

    def test_each_is_shown_whole(self, api, alice) -> None:
        row = make(alice, "Title", model="scripted", system_prompt="Be brief.")

        [item] = api.get(PATH).json()["items"]

        assert item == {
            "id": str(row.pk),
            "title": "Title",
            "model": "scripted",
            "system_prompt": "Be brief.",
            "params": {},
            "pinned": False,
            "archived": False,
            "created": item["created"],
            "updated": "2026-01-01T12:00:00Z",
            "running": False,
            "leaf": None,
            "tags": [],
        }

    def test_it_tells_which_are_being_answered(self, api, alice) -> None:
        ask(alice)

        assert api.get(PATH).json()["items"][0]["running"] is True

    def test_not_bobs(self, api, bob) -> None:
        make(bob, "secret")

        assert titles(api) == []

    def test_archived_ones_are_apart(self, api, alice) -> None:
        make(alice, "here")
        make(alice, "there", archived=True)

        assert titles(api) == ["here"]
        assert titles(api, archived="true") == ["there"]

    def test_the_number_of_queries_does_not_grow(
        self, api, alice, django_assert_max_num_queries
    ) -> None:
        for number in range(20):
            make(alice, str(number))

        with django_assert_max_num_queries(5):
            api.get(PATH)


class TestPaging:
    @pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
    def test_pages_join_without_gaps_or_repeats(self, api, alice, limit) -> None:
        """Also where many have the same time, pinned or not."""
        for number in range(12):
            make(alice, str(number), age=number // 4, pinned=number % 3 == 0)
        order = Conversation.objects.order_by("-pinned", "-updated", "-id")

        assert walk(api, limit=limit) == [str(row.pk) for row in order]

    def test_a_full_last_page_has_no_next(self, api, alice) -> None:
        make(alice)
        make(alice)

        assert api.get(PATH, {"limit": 2}).json()["next"] is None

    def test_a_new_one_does_not_shift_the_next_page(self, api, alice) -> None:
        for number in range(4):
            make(alice, str(number), age=number + 1)
        first = api.get(PATH, {"limit": 2}).json()
        make(alice, "new")

        assert titles(api, limit=2, cursor=first["next"]) == ["2", "3"]

    @pytest.mark.parametrize("limit", ["0", "-1", "101", "many"])
    def test_it_refuses_a_wrong_limit(self, api, limit) -> None:
        assert error_of(api.get(PATH, {"limit": limit}), 400)["field"] == "limit"

    @pytest.mark.parametrize(
        "cursor",
        [
            "bogus",
            pack("1"),
            pack("1", "yesterday", NOWHERE),
            pack("1", NOW.isoformat(), "bogus"),
            pack("1", "0001-01-01T00:00:00+14:00", NOWHERE),
        ],
    )
    def test_it_refuses_a_cursor_it_never_gave_out(self, api, cursor) -> None:
        error = error_of(api.get(PATH, {"cursor": cursor}), 400)

        assert (error["code"], error["field"]) == ("invalid_cursor", "cursor")

    def test_a_time_without_zone_does_no_harm(self, api) -> None:
        cursor = pack("0", "2026-01-01T00:00:00", NOWHERE)

        assert api.get(PATH, {"cursor": cursor}).status_code == 200

    @settings(
        max_examples=15,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        rows=st.lists(st.tuples(st.booleans(), st.integers(0, 2)), max_size=9),
        limit=st.integers(1, 4),
    )
    def test_any_rows_page_completely(self, api, alice, rows, limit) -> None:
        Conversation.objects.all().delete()
        for pinned, age in rows:
            make(alice, age=age, pinned=pinned)
        order = Conversation.objects.order_by("-pinned", "-updated", "-id")

        assert walk(api, limit=limit) == [str(row.pk) for row in order]


class TestCreate:
    def test_it_makes_an_empty_one(self, post, alice) -> None:
        response = post(PATH, {"title": " Title\0 ", "system_prompt": "Be brief."})

        assert response.status_code == 201
        row = Conversation.objects.get(pk=response.json()["id"])
        assert (row.owner, row.title, row.model) == (alice, "Title", "scripted")
        assert row.system_prompt == "Be brief."

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"title": "x" * 201}, "title"),
            ({"title": 1}, "title"),
            ({"model": "bogus"}, "model"),
            ({"system_prompt": "x" * 32_001}, "system_prompt"),
            ({"bogus": 1}, "bogus"),
        ],
    )
    def test_it_names_what_is_wrong(self, post, body, field) -> None:
        assert error_of(post(PATH, body), 400)["field"] == field
        assert Conversation.objects.count() == 0


class TestOne:
    @pytest.fixture
    def row(self, alice) -> Conversation:
        return make(alice, "Title")

    def path(self, row: Conversation) -> str:
        return f"{PATH}/{row.pk}"

    def change(self, api: Client, row: Conversation, body: object):
        return api.patch(self.path(row), body, content_type="application/json")

    def test_it_is_shown(self, api, row) -> None:
        assert api.get(self.path(row)).json()["title"] == "Title"

    def test_it_is_changed(self, api, row) -> None:
        body = {"title": " New ", "pinned": True, "archived": True}

        shown = self.change(api, row, body).json()

        assert (shown["title"], shown["pinned"], shown["archived"]) == (
            "New",
            True,
            True,
        )

    def test_what_is_not_named_stays(self, api, row) -> None:
        self.change(api, row, {"pinned": True})
        shown = self.change(api, row, {}).json()

        assert (shown["title"], shown["pinned"]) == ("Title", True)
        assert shown["updated"] == "2026-01-01T12:00:00Z"

    @pytest.mark.parametrize(
        "body", [{"pinned": "yes"}, {"title": 1}, {"owner": 1}, {"model": "bogus"}]
    )
    def test_it_names_what_is_wrong(self, api, row, body) -> None:
        assert error_of(self.change(api, row, body), 400)["field"] == next(iter(body))

    def test_not_bobs(self, bobs_api, row) -> None:
        error_of(bobs_api.get(self.path(row)), 404)
        error_of(self.change(bobs_api, row, {"title": "mine"}), 404)
        error_of(bobs_api.delete(self.path(row)), 404)
        row.refresh_from_db()
        assert row.title == "Title"
