"""Start, regenerate, edit, stop: one transaction each, or nothing at all."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from chat import conversations, generations
from chat.asking import Ask
from chat.errors import BusyError, ChatError, ConflictError, NotFoundError
from chat.models import Conversation, Generation, Message
from chat.running import lease, outcomes
from tests.core.helpers import ask, claim_one, ended, finish, fresh, said
from tests.reading import PATIENCE

pytestmark = pytest.mark.django_db
ASK = Ask("scripted", {})


def answered(user: User, **where: object) -> Generation:
    generation = ask(user, **where)
    held = claim_one()
    finish(held, ended(held))
    return fresh(generation)


def counts() -> tuple[int, int, int]:
    return (
        Conversation.objects.count(),
        Message.objects.count(),
        Generation.objects.count(),
    )


class TestStart:
    def test_it_stores_question_answer_and_generation(self, alice: User) -> None:
        generation = ask(alice, "Hello there")

        row = fresh(generation)
        assert (row.status, row.attempt, row.user) == ("queued", 0, alice)
        assert (row.message.role, row.message.content) == ("assistant", "")
        assert row.message.status == "queued"
        assert row.message.parent.content == "Hello there"
        assert row.message.parent.parent is None
        assert row.conversation.title == "Hello there"
        assert row.conversation.leaf_id == row.message_id

    def test_the_next_question_follows_the_active_answer(self, alice: User) -> None:
        first = answered(alice)

        second = ask(alice, conversation=first.conversation_id)

        assert second.conversation_id == first.conversation_id
        assert fresh(second).message.parent.parent_id == first.message_id

    def test_a_named_parent_makes_a_branch(self, alice: User) -> None:
        first = answered(alice)
        answered(alice, conversation=first.conversation_id)

        branch = ask(alice, conversation=first.conversation_id, parent=first.message_id)

        assert fresh(branch).message.parent.parent_id == first.message_id
        assert fresh(branch).conversation.leaf_id == branch.message_id

    def test_it_takes_exactly_the_longest_prompt(self, alice: User, settings) -> None:
        settings.CHAT_MAX_PROMPT_CHARS = 5

        ask(alice, "你好你好你")
        with pytest.raises(ChatError, match="6 characters, 5 are allowed") as caught:
            ask(alice, "你好你好你好")
        assert (caught.value.code, caught.value.field) == ("prompt_too_long", "prompt")

    @pytest.mark.parametrize("prompt", ["", " \n\t ", "\0", "\u3000", "\0 \0"])
    def test_it_refuses_an_empty_prompt(self, alice: User, prompt: str) -> None:
        with pytest.raises(ChatError) as caught:
            ask(alice, prompt)

        assert caught.value.code == "prompt_empty"
        assert counts() == (0, 0, 0)

    def test_it_stores_text_as_it_is(self, alice: User) -> None:
        prompt = "  a\\n\r\n\u2028 <b> 👩‍👩‍👧‍👦 "

        generation = ask(alice, prompt + "\0")

        assert fresh(generation).message.parent.content == prompt

    def test_it_waits_for_the_answer_before(self, alice: User) -> None:
        first = ask(alice)
        before = counts()

        with pytest.raises(ConflictError) as caught:
            ask(alice, conversation=first.conversation_id)

        assert caught.value.code == "generation_running"
        assert counts() == before

    def test_a_question_cannot_follow_a_question(self, alice: User) -> None:
        first = answered(alice)

        with pytest.raises(ChatError) as caught:
            ask(
                alice,
                conversation=first.conversation_id,
                parent=first.message.parent_id,
            )

        assert caught.value.code == "invalid_parent"

    def test_it_refuses_a_parent_of_another_conversation(self, alice: User) -> None:
        first, other = answered(alice), answered(alice)
        before = counts()

        with pytest.raises(NotFoundError):
            ask(alice, conversation=first.conversation_id, parent=other.message_id)
        assert counts() == before

    def test_it_refuses_a_parent_without_its_conversation(self, alice: User) -> None:
        first = answered(alice)
        before = counts()

        with pytest.raises(NotFoundError):
            ask(alice, parent=first.message_id)
        assert counts() == before

    def test_what_is_bobs_is_not_there(self, alice: User, bob: User) -> None:
        bobs = answered(bob)

        with pytest.raises(NotFoundError):
            ask(alice, conversation=bobs.conversation_id)
        with pytest.raises(NotFoundError):
            ask(alice, conversation=uuid4())

    def test_a_system_prompt_stays_with_the_conversation(self, alice: User) -> None:
        first = answered(alice, system_prompt="Be brief.")
        second = answered(alice, conversation=first.conversation_id)
        assert second.conversation.system_prompt == "Be brief."

        third = ask(alice, conversation=first.conversation_id, system_prompt="Be long.")
        assert fresh(third).conversation.system_prompt == "Be long."

    def test_a_full_queue_refuses_and_stores_nothing(
        self, alice: User, settings
    ) -> None:
        settings.CHAT_MAX_QUEUED = 2
        ask(alice)
        ask(alice)
        before = counts()

        with pytest.raises(BusyError) as caught:
            ask(alice)

        error = caught.value
        assert (error.status, error.code) == (503, "queue_full")
        assert int(error.headers["Retry-After"]) > 0
        assert counts() == before


class TestIdempotency:
    def test_the_same_key_gives_the_same_generation(self, alice: User) -> None:
        first = ask(alice, key="k")

        assert ask(alice, key="k").pk == first.pk
        assert counts() == (1, 2, 1)

    def test_also_when_it_has_long_ended(self, alice: User) -> None:
        first = answered(alice, key="k")

        assert ask(alice, key="k").pk == first.pk

    def test_also_when_the_queue_is_full(self, alice: User, settings) -> None:
        settings.CHAT_MAX_QUEUED = 1
        first = ask(alice, key="k")

        assert ask(alice, key="k").pk == first.pk

    def test_bobs_key_is_his_own(self, alice: User, bob: User) -> None:
        assert ask(alice, key="k").pk != ask(bob, key="k").pk

    def test_without_a_key_each_is_new(self, alice: User) -> None:
        assert ask(alice).pk != ask(alice).pk
        assert ask(alice, key="").pk != ask(alice, key="").pk

    def test_it_covers_regenerating_and_editing(self, alice: User) -> None:
        first = answered(alice)
        keyed = Ask("scripted", {}, "k")
        again = generations.regenerate(alice, first.message_id, keyed)

        assert generations.regenerate(alice, first.message_id, keyed).pk == again.pk

    @pytest.mark.django_db(transaction=True)
    def test_at_the_same_time_one_generation_is_made(self, alice: User) -> None:
        together = threading.Barrier(6)

        def work(_number: int) -> object:
            together.wait(PATIENCE)
            try:
                return ask(alice, key="k").pk
            finally:
                connections.close_all()

        with ThreadPoolExecutor(6) as pool:
            found = set(pool.map(work, range(6)))

        assert len(found) == 1
        assert counts() == (1, 2, 1)


class TestRegenerate:
    def test_it_makes_a_sibling_and_looks_at_it(self, alice: User) -> None:
        first = answered(alice)

        again = generations.regenerate(alice, first.message_id, ASK)

        assert fresh(again).message.parent_id == first.message.parent_id
        assert fresh(again).conversation.leaf_id == again.message_id
        assert fresh(first).message.content == "all"

    def test_how_it_was_asked_for_is_read_together_with_it(self, alice: User) -> None:
        first = answered(alice)

        with CaptureQueriesContext(connection) as asked:
            generations.regenerate(alice, first.message_id, ASK)

        own = [each for each in asked if ' FROM "chat_generation"' in each["sql"]]
        assert own == []

    def test_a_question_can_be_answered_again_too(self, alice: User) -> None:
        first = answered(alice)

        again = generations.regenerate(alice, first.message.parent_id, ASK)

        assert fresh(again).message.parent_id == first.message.parent_id

    def test_not_while_it_is_written(self, alice: User) -> None:
        first = ask(alice)

        with pytest.raises(ConflictError):
            generations.regenerate(alice, first.message_id, ASK)

    def test_not_bobs(self, alice: User, bob: User) -> None:
        bobs = answered(bob)

        for pk in (bobs.message_id, uuid4()):
            with pytest.raises(NotFoundError):
                generations.regenerate(alice, pk, ASK)


class TestEdit:
    def test_it_makes_a_sibling_question_with_its_own_answer(self, alice: User) -> None:
        first = answered(alice)
        question = first.message.parent

        again = generations.edit(alice, question.pk, "Better", ASK)

        asked = fresh(again).message.parent
        assert (asked.content, asked.parent_id) == ("Better", question.parent_id)
        question.refresh_from_db()
        assert question.content != "Better"

    def test_answers_cannot_be_edited(self, alice: User) -> None:
        first = answered(alice)

        with pytest.raises(ChatError) as caught:
            generations.edit(alice, first.message_id, "Better", ASK)

        assert caught.value.code == "not_editable"

    def test_not_bobs(self, alice: User, bob: User) -> None:
        bobs = answered(bob)
        before = counts()

        with pytest.raises(NotFoundError):
            generations.edit(alice, bobs.message.parent_id, "Better", ASK)
        assert counts() == before


class TestStop:
    def test_a_queued_one_ends_here(self, alice: User) -> None:
        generation = ask(alice)

        stopped = generations.stop(alice, generation.pk)

        assert (stopped.status, stopped.finish_reason) == ("stopped", "stopped")
        assert fresh(generation).message.status == "stopped"
        assert lease.claim("owner", 9) == []

    def test_a_running_one_is_asked_to(self, alice: User) -> None:
        generation = ask(alice)
        claim_one("owner")

        row = generations.stop(alice, generation.pk)

        assert (row.status, row.stop_requested) == ("running", True)
        assert lease.stop_requested("owner") == {generation.pk}
        assert lease.stop_requested("other") == set()

    def test_a_finished_one_stays_as_it_is(self, alice: User) -> None:
        generation = answered(alice)

        for _ in range(2):
            assert generations.stop(alice, generation.pk).status == "done"
        assert fresh(generation).message.content == "all"
        assert not fresh(generation).stop_requested

    def test_one_that_was_handed_back_keeps_its_text(self, alice: User) -> None:
        generation = ask(alice)
        held = claim_one()
        outcomes.checkpoint([said(held, "half")])
        lease.release(held)

        generations.stop(alice, generation.pk)

        row = fresh(generation)
        assert (row.status, row.message.content) == ("stopped", "half")
        assert row.completion_tokens == 1

    def test_not_bobs(self, alice: User, bob: User) -> None:
        bobs = ask(bob)

        for pk in (bobs.pk, uuid4()):
            with pytest.raises(NotFoundError):
                generations.stop(alice, pk)
        assert fresh(bobs).status == "queued"


class TestDelete:
    def test_it_tells_which_were_live(self, alice: User) -> None:
        done, live = answered(alice), ask(alice)

        gone = conversations.delete([live.conversation_id, done.conversation_id], alice)

        assert gone == [live.pk]
        assert counts() == (0, 0, 0)

    def test_not_bobs(self, alice: User, bob: User) -> None:
        bobs = ask(bob)

        assert conversations.delete([bobs.conversation_id], alice) == []
        assert counts() == (1, 2, 1)

    @pytest.mark.django_db(transaction=True)
    def test_asking_while_it_is_deleted_finds_nothing_or_is_deleted_too(
        self, alice: User
    ) -> None:
        for _round in range(5):
            first = answered(alice)
            together = threading.Barrier(4)

            def work(
                number: int,
                pk=first.conversation_id,
                message=first.message_id,
                together: threading.Barrier = together,
            ) -> None:
                together.wait(PATIENCE)
                try:
                    if number == 0:
                        conversations.delete([pk], alice)
                    elif number == 1:
                        generations.regenerate(alice, message, ASK)
                    else:
                        ask(alice, conversation=pk)
                except (NotFoundError, ConflictError):
                    pass
                finally:
                    connections.close_all()

            with ThreadPoolExecutor(4) as pool:
                list(pool.map(work, range(4)))

            assert counts() == (0, 0, 0)
