"""Conversations from elsewhere: read, put in order, stored once."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import BytesIO
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat import exporting, importing, removal, tags
from chat.conversations import path_to, siblings_of
from chat.errors import ChatError
from chat.importing import draft, node, own, reader, store
from chat.models import Conversation, Feedback, Generation, Message
from tests.api.helpers import answered
from tests.core.helpers import ask, fresh

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
pytestmark = pytest.mark.django_db


def bring(user: User, data: Any) -> importing.Report:
    """Import bytes, or what JSON makes of it."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    *_steps, report = importing.run(user, BytesIO(raw))
    return report


def refused(user: User, data: Any) -> tuple[str, str]:
    """The place and the message."""
    with pytest.raises(ChatError) as caught:
        bring(user, data)
    assert (caught.value.status, caught.value.code) == (400, "invalid_import")
    return caught.value.field or "", str(caught.value.message)


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def path(conversation: Conversation) -> list[Message]:
    assert conversation.leaf_id
    return path_to(conversation.leaf_id, conversation.pk, 1000)


def said(messages: list[Message]) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in messages]


def all_json(user: User) -> bytes:
    return b"".join(exporting.whole_as_json(user))


class TestChatGPT:
    @pytest.fixture
    def conversation(self, alice) -> Conversation:
        report = bring(alice, sample("chatgpt.json"))
        assert (report.imported, report.problems) == (1, [])
        return Conversation.objects.get()

    def test_the_active_path_is_the_one_that_was_open(self, conversation) -> None:
        assert said(path(conversation)) == [
            (
                "user",
                "[file: altitude.txt]\n\n"
                "At what temperature does water boil at 3,000 m?",
            ),
            (
                "assistant",
                "```python\nprint(100 - 3000 / 300)\n```\n\n"
                "```\n90.0\n```\n\n"
                "At about 90 °C.",
            ),
            ("user", "[image]\n\nWhat does this photo show?"),
            ("assistant", "A pot on a stove."),
        ]

    def test_thoughts_are_apart(self, conversation) -> None:
        answer = path(conversation)[1]

        assert answer.reasoning == "**Pressure**\n\nAt 3,000 m it is about 70 kPa."

    def test_branches_are_kept(self, conversation) -> None:
        first, answer = path(conversation)[:2]
        families = siblings_of([first, answer])
        texts = {
            key: [Message.objects.get(pk=pk).content for pk in family]
            for key, family in families.items()
        }

        assert texts[first.pk][1:] == ["And at 5,000 m?"]
        assert texts[answer.pk][1:] == ["Roughly 90 °C, says another model."]
        assert Message.objects.count() == 7

    def test_it_keeps_times_names_and_state(self, conversation) -> None:
        assert conversation.title == "Boiling water on a mountain"
        assert conversation.created == datetime.fromtimestamp(1736209400.25, UTC)
        assert conversation.updated == datetime.fromtimestamp(1736209900.5, UTC)
        assert (conversation.archived, conversation.pinned) == (True, False)
        first = path(conversation)[0]
        assert first.created == datetime.fromtimestamp(1736209410, UTC)
        models = Generation.objects.values_list("model", "status")
        assert sorted(models) == [
            ("gpt-9-mini", "done"),
            ("o9", "done"),
            ("o9", "done"),
            ("o9", "done"),
        ]

    def test_it_counts_what_it_left_out(self, alice) -> None:
        """A hologram and a narrator."""
        assert bring(alice, sample("chatgpt.json")).skipped == 2

    def test_two_continuations_of_a_piece_are_two_answers(self, alice) -> None:
        """Both begin with what they share."""

        def piece(text: str, parent: str | None, role: str = "assistant") -> Any:
            return {
                "parent": parent,
                "message": {
                    "author": {"role": role},
                    "content": {"content_type": "text", "parts": [text]},
                },
            }

        mapping = {
            "q": piece("Why?", None, "user"),
            "a": piece("Because", "q"),
            "b": piece("of this.", "a"),
            "c": piece("of that.", "a"),
            "d": piece("And then?", "b", "user"),
        }
        bring(alice, [{"mapping": mapping, "current_node": "c", "id": "1"}])

        answers = Message.objects.filter(role="assistant")
        assert {m.content for m in answers} == {
            "Because\n\nof this.",
            "Because\n\nof that.",
        }
        assert len({m.parent_id for m in answers}) == 1
        below = Message.objects.get(content="And then?").parent
        assert below is not None
        assert below.content == "Because\n\nof this."
        assert path(Conversation.objects.get())[-1].content == "Because\n\nof that."


class TestOpenWebUI:
    @pytest.fixture
    def cats(self, alice) -> Conversation:
        report = bring(alice, sample("openwebui.json"))
        assert (report.imported, report.skipped, report.problems) == (2, 1, [])
        return Conversation.objects.get(title="名字")

    def test_the_active_path_is_the_one_that_was_open(self, cats) -> None:
        assert said(path(cats)) == [
            ("user", "[image]\n\n[file: cats.txt]\n\n给猫起个名字"),
            ("assistant", "咪咪"),
            ("user", "谢谢\n\n[image]"),
        ]

    def test_thoughts_are_apart(self, cats) -> None:
        other = Message.objects.get(content="小花")

        assert other.reasoning == "A cat & its name.\nShort."

    def test_it_keeps_times_state_and_feedback(self, cats) -> None:
        assert (cats.pinned, cats.system_prompt) == (True, "Answer in Chinese.")
        assert cats.created == datetime.fromtimestamp(1737000000, UTC)
        assert cats.updated == datetime.fromtimestamp(1737000040, UTC)
        feedback = Feedback.objects.get()
        assert (feedback.rating, feedback.comment) == (1, "好")
        assert feedback.message.content == "小花"
        assert [tag.name for tag in cats.tags.all()] == ["pets"]

    def test_old_chats_without_a_tree(self, cats) -> None:
        old = Conversation.objects.get(title="Old")

        assert said(path(old)) == [("user", "Hello"), ("assistant", "Hi!")]
        assert old.created == datetime.fromtimestamp(1700000000, UTC)


class TestOwn:
    @pytest.fixture
    def original(self, alice) -> Conversation:
        """With a branch, thoughts, feedback and a system prompt."""
        row = answered(alice, "One", prompt="First", system_prompt="Be kind.")
        answer = row.message
        Message.objects.filter(pk=answer.pk).update(reasoning="Hm", tokens=3)
        Feedback.objects.create(message=answer, rating=-1, comment="No.")
        Message.objects.create(
            conversation=row.conversation,
            parent=answer.parent,
            role="assistant",
            content="Two",
        )
        Conversation.objects.update(pinned=True, title="题目")
        call = {"name": "look", "arguments": "{}"}
        Message.objects.create(
            conversation=row.conversation,
            parent=answer,
            role="assistant",
            tool_calls=[{"id": "c1", "type": "function", "function": call}],
        )
        Message.objects.create(
            conversation=row.conversation,
            parent=answer,
            role="tool",
            tool_call_id="c1",
            content="Seen",
        )
        tags.put(Conversation.objects.get(), ["Physics", "水"])
        return Conversation.objects.get()

    def test_nothing_is_lost_on_the_way(self, alice, bob, original) -> None:
        report = bring(bob, all_json(alice))

        assert (report.imported, report.messages, report.skipped) == (1, 5, 0)
        assert forgotten(all_json(bob)) == forgotten(all_json(alice))

    def test_ones_own_is_still_there(self, alice, original) -> None:
        report = bring(alice, all_json(alice))

        assert (report.imported, report.unchanged) == (0, 1)
        assert Conversation.objects.count() == 1

    def test_what_was_deleted_comes_back(self, alice, original) -> None:
        backup = all_json(alice)
        Conversation.objects.all().delete()

        assert bring(alice, backup).imported == 1
        assert bring(alice, backup).unchanged == 1
        assert Conversation.objects.get().title == "题目"

    def test_what_is_new_in_a_newer_file_is_added(self, alice, bob) -> None:
        first = answered(alice, "One")
        bring(bob, all_json(alice))
        answered(alice, "Two", conversation=first.conversation_id)

        report = bring(bob, all_json(alice))

        assert (report.imported, report.messages) == (1, 2)
        mine = Conversation.objects.get(owner=bob)
        assert [m.content for m in path(mine)][1::2] == ["One", "Two"]

    def test_what_was_written_here_since_stays_open(self, alice, bob) -> None:
        first = answered(alice, "One")
        bring(bob, all_json(alice))
        mine = Conversation.objects.get(owner=bob)
        answered(bob, "Mine", conversation=mine.pk)
        answered(alice, "Two", conversation=first.conversation_id)

        bring(bob, all_json(alice))

        mine.refresh_from_db()
        assert path(mine)[-1].content == "Mine"

    def test_what_was_being_written_has_stopped(self, alice, bob) -> None:
        job = ask(alice)
        Generation.objects.update(text="So far")
        bring(bob, all_json(alice))

        copy = Generation.objects.get(user=bob)
        assert (copy.status, copy.message.content) == ("stopped", "So far")
        assert (copy.text, copy.message.status) == ("", "stopped")
        assert fresh(job).status == "queued"

    def test_it_can_be_found_again(self, bob, alice, original) -> None:
        """The search index hears of what came."""
        Conversation.objects.update(indexed=True)
        bring(bob, all_json(alice))

        assert not Conversation.objects.get(owner=bob).indexed

    def test_too_many_tags_are_left_out(
        self, bob, alice, original, monkeypatch
    ) -> None:
        monkeypatch.setattr(tags, "MAX_OWN", 1)

        report = bring(bob, all_json(alice))

        assert (report.imported, report.skipped) == (1, 2)

    def test_what_was_deleted_a_moment_ago_comes_back(self, alice, bob) -> None:
        answered(alice)
        bring(bob, all_json(alice))
        removal.remove(Conversation.objects.values_list("pk", flat=True), bob)

        report = bring(bob, all_json(alice))

        assert (report.imported, report.messages) == (1, 2)
        assert Conversation.objects.owned_by(bob).count() == 1

    def test_somebody_elses_messages_are_not_taken_over(self, alice, bob) -> None:
        """A file that names Alice's rows makes rows of Bob's own."""
        answered(alice, "Alice's")
        report = bring(bob, all_json(alice))

        assert report.imported == 1
        assert Conversation.objects.get(owner=alice).messages.count() == 2
        assert Message.objects.count() == 4


def forgotten(document: bytes) -> Any:
    """A document without its ids, times of export and accounts."""
    whole = json.loads(document)
    for conversation in whole["conversations"]:
        names = {m["id"]: place for place, m in enumerate(conversation["messages"])}
        conversation["id"] = None
        conversation["leaf"] = names[conversation["leaf"]]
        for message in conversation["messages"]:
            message["parent"] = names.get(message["parent"])
            message["id"] = names[message["id"]]
            for part in ("generation", "feedback"):
                for name in ("id", "updated", "created"):
                    (message[part] or {}).pop(name, None)
    return sorted(whole["conversations"], key=itemgetter("created"))


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


NODE = {"mapping": {}, "id": "1"}
OWN = {
    "id": "00000000-0000-4000-8000-000000000001",
    "leaf": None,
    "messages": [],
}
MESSAGE = {
    "id": "00000000-0000-4000-8000-000000000002",
    "parent": None,
    "role": "user",
    "content": "x",
}


class TestRefusals:
    @pytest.mark.parametrize(
        ("data", "place"),
        [
            (b"", "conversations"),
            (b"nonsense", "conversations"),
            (b"\xff\xfe[]", "conversations"),
            (b"PK\x03\x04", "conversations"),
            (b"5", "conversations"),
            (b"{}", "conversations"),
            (b'{"conversations": {}}', "conversations"),
            (b'{"other": [{"mapping": {}}]}', "conversations"),
            (b'{"format": "x", "conversations": []}', "format"),
            (b'{"version": 2, "conversations": []}', "version"),
            (b"[", "conversations"),
            (b"[{", "conversations[0]"),
            (b"[5]", "conversations[0]"),
            (b"[{}]", "conversations[0]"),
            (b"[[[]]]", "conversations[0]"),
            (b'[{"a": NaN}]', "conversations[0]"),
            (b"[" * 100_000, "conversations[0]"),
            ([{**NODE, "mapping": []}], "conversations[0].mapping"),
            ([{**NODE, "title": 5}], "conversations[0].title"),
            ([{**NODE, "create_time": "soon"}], "conversations[0].create_time"),
            ([{**NODE, "mapping": {"a": 1}}], "conversations[0].mapping.a"),
            (
                [{**NODE, "mapping": {"a": {"message": {"content": "x"}}}}],
                "conversations[0].mapping.a.message.content",
            ),
            (
                [{**NODE, "mapping": {"a": {"parent": "b"}, "b": {"parent": "a"}}}],
                "conversations[0].mapping",
            ),
            (
                [{"id": "1", "chat": {"history": {"messages": [1]}}}],
                "conversations[0].chat.history.messages",
            ),
            ([{**OWN, "id": "x"}], "conversations[0].id"),
            ([{**OWN, "messages": [{}]}], "conversations[0].messages[0].id"),
            (
                [{**OWN, "messages": [{**MESSAGE, "content": 1}]}],
                "conversations[0].messages[0].content",
            ),
            (
                [{**OWN, "messages": [{**MESSAGE, "parent": "?"}]}],
                "conversations[0].messages[0].parent",
            ),
        ],
    )
    def test_it_names_the_place(self, alice, data, place) -> None:
        assert refused(alice, data)[0] == place
        assert Conversation.objects.count() == 0

    def test_others_are_taken_and_the_problem_is_told(self, alice) -> None:
        report = bring(alice, [{**NODE, "title": 5}, NODE, 7])

        assert report.imported == 1
        assert [problem["field"] for problem in report.problems] == [
            "conversations[0].title",
            "conversations[2]",
        ]

    def test_what_came_before_a_broken_end_stays(self, alice) -> None:
        whole = json.dumps([NODE, {**NODE, "id": "2"}]).encode()

        assert refused(alice, whole[:-5])[0] == "conversations[1]"
        assert Conversation.objects.count() == 1

    def test_an_empty_list_is_nothing(self, alice) -> None:
        assert bring(alice, []).imported == 0

    def test_what_the_object_has_besides_is_passed_over(self, alice) -> None:
        document = {"account": {"conversations": [1]}, "conversations": [NODE]}

        assert bring(alice, document).imported == 1

    def test_a_mark_at_the_begin_is_no_harm(self, alice) -> None:
        assert bring(alice, b"\xef\xbb\xbf" + json.dumps([NODE]).encode()).imported == 1


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
