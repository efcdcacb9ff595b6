"""Deleting conversations, taking it back, and removing them for good."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from chat import generations, nudges
from chat.errors import NotFoundError
from chat.generations import Ask
from chat.models import Conversation, Generation, Message, Passage
from chat.privacy import removal
from tests.api.helpers import answered
from tests.core.helpers import ask, claim_one, fresh
from tests.search.helpers import catch_up


def delete_long_ago(generation: Generation, owner: User) -> None:
    removal.remove([generation.conversation_id], owner)
    past = timezone.now() - removal.KEPT - timedelta(seconds=1)
    Conversation.objects.filter(pk=generation.conversation_id).update(deleted=past)


class TestRemove:
    def test_it_is_out_of_sight_at_once(self, alice: User) -> None:
        row = answered(alice)

        assert removal.remove([row.conversation_id], alice) == [row.conversation_id]
        for model in (Conversation, Message, Generation):
            assert not model.objects.owned_by(alice).exists()
            assert model.objects.exists()

    def test_twice_is_once(self, alice) -> None:
        row = answered(alice)
        removal.remove([row.conversation_id], alice)

        assert removal.remove([row.conversation_id], alice) == []

    def test_not_bobs(self, alice, bob) -> None:
        row = answered(bob)

        assert removal.remove([row.conversation_id], alice) == []
        assert Conversation.objects.owned_by(bob).exists()

    def test_answers_end_at_once(self, alice, monkeypatch) -> None:
        told: list[str] = []
        monkeypatch.setattr(nudges.stop, "deliver", told.append)
        running = ask(alice)
        claim_one()
        queued = ask(alice)

        removal.remove([running.conversation_id, queued.conversation_id], alice)

        assert fresh(running).stop_requested
        assert fresh(queued).status == "stopped"
        assert set(told) == {str(running.pk), str(queued.pk)}

    def test_nothing_is_asked_there_any_more(self, alice) -> None:
        row = answered(alice)
        removal.remove([row.conversation_id], alice)
        how = Ask("scripted", {})

        with pytest.raises(NotFoundError):
            ask(alice, conversation=row.conversation_id)
        with pytest.raises(NotFoundError):
            generations.regenerate(alice, row.message_id, how)
        with pytest.raises(NotFoundError):
            generations.edit(alice, row.message.parent_id, "again", how)
        with pytest.raises(NotFoundError):
            generations.stop(alice, row.pk)

    def test_an_answer_asked_for_meanwhile_is_refused(self, alice, monkeypatch) -> None:
        """The deletion comes between looking the conversation up and asking there."""
        row = answered(alice)
        found = generations._conversation

        def find_then_delete(*args):
            conversation = found(*args)
            removal.remove([conversation.pk], alice)
            return conversation

        monkeypatch.setattr(generations, "_conversation", find_then_delete)
        with pytest.raises(NotFoundError):
            ask(alice, conversation=row.conversation_id)

        assert Generation.objects.count() == 1


class TestRestore:
    def test_it_comes_back_whole(self, alice) -> None:
        row = answered(alice)
        removal.remove([row.conversation_id], alice)

        assert removal.restore(row.conversation_id, alice) is True
        assert Message.objects.owned_by(alice).count() == 2
        assert removal.restore(row.conversation_id, alice) is False

    def test_not_after_a_while(self, alice) -> None:
        row = answered(alice)
        removal.remove([row.conversation_id], alice)
        past = timezone.now() - removal.UNDO - timedelta(seconds=1)
        Conversation.objects.update(deleted=past)

        assert removal.restore(row.conversation_id, alice) is False

    def test_not_by_bob(self, alice, bob) -> None:
        row = answered(alice)
        removal.remove([row.conversation_id], alice)

        assert removal.restore(row.conversation_id, bob) is False


class TestSweep:
    def test_it_removes_with_everything(self, alice) -> None:
        row = answered(alice)
        catch_up()
        delete_long_ago(row, alice)

        removal.sweep()

        for model in (Conversation, Message, Generation, Passage):
            assert not model.objects.exists()

    def test_it_leaves_what_can_be_taken_back(self, alice) -> None:
        row = answered(alice)
        answered(alice)
        removal.remove([row.conversation_id], alice)

        removal.sweep()

        assert Conversation.objects.count() == 2
        assert removal.restore(row.conversation_id, alice)

    def test_it_takes_some_at_a_time(self, alice, monkeypatch) -> None:
        monkeypatch.setattr(removal, "SWEPT_AT_ONCE", 2)
        for _ in range(3):
            delete_long_ago(answered(alice), alice)

        assert removal.sweep() is True
        assert Conversation.objects.count() == 1
        assert removal.sweep() is False
        assert Conversation.objects.count() == 0
