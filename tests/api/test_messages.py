"""`/api/conversations/ID/messages` and `/api/messages/ID/feedback`."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from chat import generations
from chat.api.paging import pack
from chat.asking import Ask
from chat.models import Feedback, Generation
from chat.running.outcomes import checkpoint
from tests.api.helpers import NOWHERE, answered, error_of
from tests.core.helpers import ask, claim_one, said

pytestmark = pytest.mark.django_db


def path(generation) -> str:
    return f"/api/conversations/{generation.conversation_id}/messages"


@pytest.fixture
def talk(alice):
    """Three questions and answers; the last generation."""
    first = answered(alice, "one")
    for text in ("two", "three"):
        last = answered(alice, text, conversation=first.conversation_id)
    return last


def contents(page: dict) -> list[str]:
    return [item["content"] for item in page["items"] if item["role"] == "assistant"]


class TestList:
    def test_the_active_path_oldest_first(self, api, talk) -> None:
        page = api.get(path(talk)).json()

        assert contents(page) == ["one", "two", "three"]
        assert page["next"] is None
        parents = [item["parent"] for item in page["items"]]
        assert parents == [None, *[item["id"] for item in page["items"][:-1]]]

    def test_a_message_is_shown_whole(self, api, talk) -> None:
        item = api.get(path(talk)).json()["items"][-1]

        assert item == {
            "id": str(talk.message_id),
            "parent": str(talk.message.parent_id),
            "role": "assistant",
            "content": "three",
            "reasoning": "so",
            "status": "done",
            "generation": str(talk.pk),
            "finish_reason": "stop",
            "error": None,
            "model": "scripted",
            "usage": {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5},
            "timing": item["timing"],
            "siblings": [str(talk.message_id)],
            "tool_calls": None,
            "tool_call_id": None,
            "images": [],
            "drawing": None,
            "rating": 0,
            "comment": "",
            "created": item["created"],
        }

    @pytest.mark.parametrize("limit", [1, 2, 3, 5, 6, 100])
    def test_pages_lead_back_to_the_beginning(self, api, talk, limit) -> None:
        found, cursor = [], None
        while True:
            query = {"limit": limit} | ({"cursor": cursor} if cursor else {})
            page = api.get(path(talk), query).json()
            found = page["items"] + found
            if (cursor := page["next"]) is None:
                break

        whole = api.get(path(talk)).json()["items"]
        assert found == whole
        assert len(whole) == 6

    @pytest.mark.parametrize("cursor", ["bogus", pack("bogus"), pack("a", "b")])
    def test_it_refuses_a_cursor_it_never_gave_out(self, api, talk, cursor) -> None:
        error = error_of(api.get(path(talk), {"cursor": cursor}), 400)

        assert error["code"] == "invalid_cursor"

    def test_a_cursor_into_another_conversation_shows_nothing(
        self, api, talk, bob
    ) -> None:
        bobs = answered(bob, "secret")

        page = api.get(path(talk), {"cursor": pack(bobs.message_id)}).json()

        assert page["items"] == []

    def test_it_tells_how_long_an_answer_took_and_thought(self, api, talk) -> None:
        times = [talk.created + timedelta(seconds=n) for n in (1, 2, 5, 6)]
        names = ("started", "first_token", "first_text", "finished")
        Generation.objects.filter(pk=talk.pk).update(
            **dict(zip(names, times, strict=True))
        )

        question, item = api.get(path(talk)).json()["items"][-2:]

        assert question["timing"] is None
        assert item["timing"] == {
            "queue_ms": 1000,
            "ttft_ms": 2000,
            "thinking_ms": 3000,
            "total_ms": 6000,
            "tokens_per_second": 0.8,
        }

    def test_one_that_is_thinking_tells_for_how_long(self, api, alice) -> None:
        generation = ask(alice)
        held = claim_one()
        checkpoint([said(held, "")])
        Generation.objects.filter(pk=generation.pk).update(
            first_token=timezone.now() - timedelta(seconds=5)
        )

        timing = api.get(path(generation)).json()["items"][-1]["timing"]

        assert 5000 <= timing["thinking_ms"] < 60_000
        assert timing["total_ms"] is None

    def test_a_live_answer_shows_its_checkpoint(self, api, alice) -> None:
        generation = ask(alice)
        checkpoint([said(claim_one(), "half")])

        item = api.get(path(generation)).json()["items"][-1]

        assert (item["content"], item["status"]) == ("half", "running")

    def test_an_empty_conversation_has_none(self, api, post) -> None:
        made = post("/api/conversations", {}).json()["id"]

        page = api.get(f"/api/conversations/{made}/messages").json()

        assert page == {"items": [], "next": None}

    def test_not_bobs(self, bobs_api, talk) -> None:
        error_of(bobs_api.get(path(talk)), 404)

    def test_the_number_of_queries_does_not_grow(
        self, api, talk, django_assert_max_num_queries
    ) -> None:
        with django_assert_max_num_queries(6):
            api.get(path(talk))


class TestBranches:
    @pytest.fixture
    def branch(self, alice, talk):
        again = generations.regenerate(alice, talk.message_id, Ask("scripted", {}))
        generations.stop(alice, again.pk)
        return again

    def test_siblings_are_listed_in_order(self, api, talk, branch) -> None:
        item = api.get(path(talk)).json()["items"][-1]

        assert item["id"] == str(branch.message_id)
        assert item["siblings"] == [str(talk.message_id), str(branch.message_id)]

    def test_a_leaf_makes_its_branch_the_active_path(self, api, talk, branch) -> None:
        page = api.get(path(talk), {"leaf": str(talk.message_id)}).json()
        assert contents(page)[-1] == "three"

        again = api.get(path(talk)).json()
        assert again == page

    def test_any_message_of_the_branch_will_do(self, api, talk, branch) -> None:
        first = api.get(path(talk)).json()["items"][0]["id"]

        page = api.get(path(talk), {"leaf": first}).json()

        assert page["items"][-1]["id"] == str(branch.message_id)

    def test_it_refuses_a_leaf_that_is_elsewhere(self, api, talk, alice, bob) -> None:
        others = [answered(alice).message_id, answered(bob).message_id, NOWHERE]
        for leaf in others:
            error = error_of(api.get(path(talk), {"leaf": str(leaf)}), 404)
            assert error["field"] == "leaf"
        error_of(api.get(path(talk), {"leaf": "bogus"}), 400)


class TestFeedback:
    def rate(self, api, message, body):
        address = f"/api/messages/{message}/feedback"
        return api.put(address, body, content_type="application/json")

    def test_it_is_given_changed_and_taken_back(self, api, talk) -> None:
        for rating in (1, -1, 0, 0):
            response = self.rate(api, talk.message_id, {"rating": rating})
            assert response.json()["rating"] == rating
        assert Feedback.objects.count() == 0

    def test_a_comment_is_kept(self, api, talk) -> None:
        self.rate(api, talk.message_id, {"rating": 1, "comment": "Good\0!"})

        assert Feedback.objects.get().comment == "Good!"

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "rating"),
            ({"rating": 2}, "rating"),
            ({"rating": "good"}, "rating"),
            ({"rating": None}, "rating"),
            ({"rating": 1, "comment": "x" * 2001}, "comment"),
            ({"rating": 1, "bogus": 1}, "bogus"),
        ],
    )
    def test_it_names_what_is_wrong(self, api, talk, body, field) -> None:
        error = error_of(self.rate(api, talk.message_id, body), 400)

        assert error["field"] == field
        assert Feedback.objects.count() == 0

    def test_questions_are_not_rated(self, api, talk) -> None:
        error_of(self.rate(api, talk.message.parent_id, {"rating": 1}), 404)

    def test_not_bobs(self, bobs_api, talk) -> None:
        for message in (talk.message_id, NOWHERE):
            error_of(self.rate(bobs_api, message, {"rating": 1}), 404)
        assert Feedback.objects.count() == 0
