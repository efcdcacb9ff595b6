"""Our own export comes back whole, and never takes over what is somebody else's."""

from __future__ import annotations

import pytest

from chat import tags
from chat.models import Conversation, Feedback, Generation, Message
from chat.privacy import removal
from tests.api.helpers import answered
from tests.core.bringing import all_json, bring, forgotten, path
from tests.core.helpers import ask, fresh

pytestmark = pytest.mark.django_db


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
