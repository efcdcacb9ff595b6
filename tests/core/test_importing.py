"""Conversations from elsewhere: put in order, stored once, with bounds."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat.errors import ChatError
from chat.importing import draft, node, own, reader, store
from chat.models import Conversation
from tests.core.bringing import (
    MESSAGE,
    NODE,
    OWN,
    all_json,
    bring,
    forgotten,
    path,
    refused,
    sample,
)
from tests.core.helpers import ask

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ["chatgpt.json", "openwebui.json"])
class TestSamples:
    def test_the_same_file_twice_changes_nothing(self, alice, name) -> None:
        first = bring(alice, sample(name))
        before = all_json(alice)
        again = bring(alice, sample(name))

        assert (again.imported, again.messages) == (0, 0)
        assert again.unchanged == first.imported
        assert forgotten(all_json(alice)) == forgotten(before)

    def test_everybody_has_their_own(self, alice, bob, name) -> None:
        first = bring(alice, sample(name))

        assert bring(bob, sample(name)).imported == first.imported

    def test_it_can_be_exported_and_brought_back(self, alice, bob, name) -> None:
        bring(alice, sample(name))

        assert bring(bob, all_json(alice)).skipped == 0
        assert forgotten(all_json(bob)) == forgotten(all_json(alice))

    def test_asking_goes_on_there(self, alice, name) -> None:
        """The imported path can be continued, and watched like any other."""
        bring(alice, sample(name))
        row = next(
            c for c in Conversation.objects.all() if path(c)[-1].role == "assistant"
        )

        job = ask(alice, "And now?", conversation=row.pk)

        assert job.message.parent.parent_id == row.leaf_id

    @given(data=st.data())
    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    def test_whatever_is_changed_is_refused_or_taken(self, alice, name, data) -> None:
        """Any value anywhere may be something else: never a fault of ours."""
        document = json.loads(sample(name))
        found = list(places(document))
        parent, key = found[data.draw(st.integers(0, len(found) - 1))]
        parent[key] = data.draw(
            st.one_of(
                st.none(),
                st.booleans(),
                st.integers(),
                st.floats(allow_nan=False, allow_infinity=False, width=32),
                st.text(max_size=20),
                st.just([]),
                st.just({}),
                st.just([[]]),
                st.just([{}]),
                st.just({"x": {"message": 1}}),
            )
        )
        raw = json.dumps(document, ensure_ascii=False).encode(errors="replace")
        try:
            report = bring(alice, raw)
            told: Any = report.imported + report.unchanged + len(report.problems)
        except ChatError as error:
            told = error.field
        assert told


def places(value: Any):
    """Every (container, key) below."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, below in list(pairs):
        yield value, key
        if isinstance(below, (dict, list)):
            yield from places(below)


class TestBounds:
    @pytest.mark.parametrize(
        ("module", "name", "limit", "data", "place"),
        [
            (reader, "MAX_CONVERSATIONS", 1, [5, 5], "conversations[1]"),
            (reader, "MAX_SIZE", 50, [{**NODE, "title": "x" * 99}], "conversations[0]"),
            (reader, "MAX_NESTING", 2, [{"mapping": {"a": {}}}], "conversations[0]"),
            (
                own,
                "MAX_MESSAGES",
                1,
                [{**OWN, "messages": [MESSAGE] * 2}],
                "conversations[0].messages",
            ),
            (
                draft,
                "MAX_DEPTH",
                0,
                [{**OWN, "messages": [MESSAGE]}],
                "conversations[0].messages",
            ),
        ],
    )
    def test_more_is_refused(
        self, alice, monkeypatch, module, name, limit, data, place
    ) -> None:
        monkeypatch.setattr(module, name, limit)

        assert refused(alice, data)[0] == place

    def test_a_text_may_be_too_long(self, alice) -> None:
        long = {**MESSAGE, "content": "x" * (node.MAX_TEXT + 1)}

        place, message = refused(alice, [{**OWN, "messages": [long]}])

        assert place == "conversations[0].messages[0].content"
        assert "1000000" in message

    def test_a_deep_tree_is_no_recursion(self, alice) -> None:
        mapping = {
            str(n): {
                "parent": str(n - 1) if n else None,
                "message": {
                    "author": {"role": ("user", "assistant")[n % 2]},
                    "content": {"content_type": "text", "parts": [str(n)]},
                },
            }
            for n in range(1500)
        }

        report = bring(alice, [{**NODE, "mapping": mapping, "current_node": "1499"}])

        assert report.messages == 1500
        Conversation.objects.get().delete()

    def test_problems_are_told_up_to_a_number(self, alice) -> None:
        report = bring(alice, [NODE, *([5] * 150)])

        assert len(report.problems) == 100

    def test_times_are_never_in_the_future(self, alice) -> None:
        bring(alice, [{**NODE, "create_time": 9e10, "update_time": 9e13}])

        row = Conversation.objects.get()
        assert row.created <= row.updated <= datetime.now(UTC)

    def test_characters_no_database_takes_are_dropped(self, alice) -> None:
        bring(alice, [{**NODE, "title": "a\0b"}])

        assert Conversation.objects.get().title == "ab"


def test_the_other_import_was_first(alice, monkeypatch) -> None:
    """Two processes, one file: the second finds everything there."""
    real, calls = store._store, []

    def late(user, what):
        calls.append(what)
        if len(calls) == 1:
            raise IntegrityError
        return real(user, what)

    monkeypatch.setattr(store, "_store", late)

    assert bring(alice, [NODE]).imported == 1


def test_open_pages_are_told(alice, monkeypatch) -> None:
    told = []
    monkeypatch.setattr(
        "chat.nudges.conversation_changed", lambda *news: told.append(news[:2])
    )
    bring(alice, [NODE])
    bring(alice, [NODE])

    assert told == [(alice.pk, "created")]
