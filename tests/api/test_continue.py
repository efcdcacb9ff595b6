"""`POST /api/messages/ID/continue`: what was broken off goes on from its text."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.utils import timezone

from chat import generations
from chat.asking import Ask
from chat.database import in_database
from chat.engines.base import ModelInfo
from chat.errors import ConflictError
from chat.models import Conversation, Generation, Message
from chat.records import load
from chat.running import outcomes, process
from chat.running.process import Process
from tests.api.helpers import NOWHERE, error_of
from tests.core.helpers import ask, claim_one, ended, expire, finish, fresh, said
from tests.reading import Shown, body, finished, scripted, shown, watch

pytestmark = pytest.mark.django_db(transaction=True)


def path(message: object) -> str:
    return f"/api/messages/{message}/continue"


def broken_off(user, text: str = "t0 t1", **how) -> Generation:
    """An answer that ended early, with this text."""
    status = how.get("status", "stopped")
    talk = Conversation.objects.create(
        owner=user, model="scripted", updated=timezone.now()
    )
    question = Message.objects.create(
        conversation=talk, role="user", content=how.get("prompt", "pace=0 n=5")
    )
    answer = Message.objects.create(
        conversation=talk,
        parent=question,
        role="assistant",
        content=text,
        reasoning=how.get("reasoning", ""),
        status=status,
        tokens=2,
    )
    return Generation.objects.create(
        user=user,
        conversation=talk,
        message=answer,
        model="scripted",
        params=how.get("params", {}),
        status=status,
        finish_reason=how.get("reason", status),
        last_seq=1_000_003,
    )


def of(page: Shown) -> Generation:
    return load(UUID(page.events[0].generation))


async def go_on(client, message, data=None, **headers):
    return await client.post(
        path(message),
        data or {},
        content_type="application/json",
        headers=headers,
    )


class TestGoingOn:
    async def test_it_streams_the_old_text_and_then_what_follows(
        self, running: Process, alice, alices
    ) -> None:
        old = await in_database(broken_off, alice)
        page = shown(await body(await go_on(alices, old.message_id)))

        assert page.names[:2] == ["start", "snapshot"]
        assert page.first("snapshot").text.startswith("t0 t1")
        assert page.text == scripted(5)
        assert page.end.finish_reason == "stop"
        assert page.end.usage["completion_tokens"] == 3
        new = await in_database(of, page)
        assert new.message.content == scripted(5)
        assert new.message.tokens == 5
        assert new.message_id != old.message_id
        assert new.message.parent_id == old.message.parent_id
        assert new.conversation.leaf_id == new.message_id
        assert (await in_database(fresh, old)).message.content == "t0 t1"

    @pytest.mark.parametrize(
        "how",
        [
            {"status": "failed"},
            {"status": "done", "reason": "length"},
            {
                "status": "stopped",
                "reasoning": "r0 r1",
                "text": "",
                "prompt": "think pace=0 n=5",
            },
        ],
    )
    async def test_whatever_broke_it_off(
        self, running: Process, alice, alices, how
    ) -> None:
        old = await in_database(lambda: broken_off(alice, **how))
        page = shown(await body(await go_on(alices, old.message_id)))

        assert page.text == scripted(5)
        assert page.reasoning.startswith(how.get("reasoning", ""))

    async def test_a_length_limit_counts_what_is_new(
        self, running: Process, alice, alices
    ) -> None:
        params = {"max_tokens": 2, "top_k": 7}
        how = {"status": "done", "reason": "length", "params": params}
        old = await in_database(lambda: broken_off(alice, **how))

        page = shown(
            await body(
                await go_on(alices, old.message_id, {"params": {"max_tokens": 2}})
            )
        )
        assert page.text == scripted(4)
        assert page.end.finish_reason == "length"

        page = shown(await body(await go_on(alices, page.events[0].message)))
        assert page.text == scripted(5)
        new = await in_database(of, page)
        assert new.params == {}
        page = shown(await body(await go_on(alices, old.message_id)))
        new = await in_database(of, page)
        assert new.params == {"top_k": 7}

    async def test_the_same_key_gives_the_same_generation(
        self, running: Process, alice, alices
    ) -> None:
        old = await in_database(broken_off, alice)
        key = {"Idempotency-Key": "once"}
        pages = [
            shown(await body(await go_on(alices, old.message_id, **key)))
            for _ in range(2)
        ]

        assert pages[0].events[0] == pages[1].events[0]
        assert pages[0].text == pages[1].text

    async def test_it_goes_on_after_a_crash_as_well(self, alice) -> None:
        """Taken over, it knows its own tokens and the text that it began with."""
        new = await in_database(half_continued, alice)
        here = await process.start()
        new = await finished(new)
        page = await watch(here.tape, new)
        await process.stop()

        assert page.text == new.message.content == scripted(9)
        assert (new.attempt, new.completion_tokens, new.message.tokens) == (2, 7, 9)


def half_continued(user) -> Generation:
    """Its owner died after one token of its own."""
    old = broken_off(user, prompt="pace=0 n=9")
    new = generations.go_on(user, old.message_id, Ask("scripted", {}))
    held = claim_one()
    outcomes.checkpoint([said(held, " t2", seq=1_000_001)])
    expire(new)
    return new


class TestReaders:
    def test_one_that_waits_has_the_old_text_and_its_place(self, alice) -> None:
        old = broken_off(alice)
        new = generations.go_on(alice, old.message_id, Ask("scripted", {}))

        assert (new.text, new.status, new.attempt) == ("t0 t1", "queued", 0)

    def test_stopped_before_it_began_it_has_the_old_text(self, alice) -> None:
        old = broken_off(alice)
        new = generations.go_on(alice, old.message_id, Ask("scripted", {}))
        generations.stop(alice, new.pk)

        new = fresh(new)
        assert (new.status, new.message.content) == ("stopped", "t0 t1")


class TestRefusals:
    def test_a_complete_answer(self, post, alice) -> None:
        held_by = ask(alice)
        held = claim_one()
        finish(held, ended(held))

        error = error_of(post(path(held_by.message_id), {}), 400)
        assert (error["code"], error["field"]) == ("not_continuable", "message")

    def test_one_that_a_content_rule_ended(self, post, alice) -> None:
        old = broken_off(alice, status="done", reason="content_filter")
        assert (
            error_of(post(path(old.message_id), {}), 400)["code"] == "not_continuable"
        )

    def test_one_without_any_text(self, post, alice) -> None:
        old = broken_off(alice, text="")
        error = error_of(post(path(old.message_id), {}), 400)
        assert "no text" in error["message"]

    def test_a_question(self, post, alice) -> None:
        old = broken_off(alice)
        error_of(post(path(old.message.parent_id), {}), 400)

    def test_one_that_is_being_written(self, post, alice) -> None:
        old = broken_off(alice)
        new = generations.go_on(alice, old.message_id, Ask("scripted", {}))

        error = error_of(post(path(new.message_id), {}), 409)
        assert error["code"] == "generation_running"
        with pytest.raises(ConflictError):
            generations.go_on(alice, new.message_id, Ask("scripted", {}))

    def test_not_bobs(self, bobs_api, alice) -> None:
        old = broken_off(alice)
        for message in (old.message_id, NOWHERE):
            error_of(
                bobs_api.post(path(message), {}, content_type="application/json"), 404
            )
        assert Message.objects.count() == 2

    def test_a_model_that_cannot(self, post, alice, monkeypatch) -> None:
        old = broken_off(alice)
        info = ModelInfo("scripted", "Scripted", continues=False)
        monkeypatch.setattr("chat.engines.registry.models", lambda: [info])

        error = error_of(post(path(old.message_id), {}), 400)
        assert (error["code"], error["field"]) == ("model_cannot_continue", "model")

    def test_bad_fields_are_named(self, post, alice) -> None:
        old = broken_off(alice)
        assert (
            error_of(post(path(old.message_id), {"model": "x"}), 400)["field"]
            == "model"
        )
        assert (
            error_of(post(path(old.message_id), {"bogus": 1}), 400)["field"] == "bogus"
        )
        assert Message.objects.count() == 2

    def test_a_full_queue(self, post, alice, settings) -> None:
        old = broken_off(alice)
        settings.CHAT_MAX_QUEUED = 0
        assert error_of(post(path(old.message_id), {}), 503)["code"] == "queue_full"
        assert Message.objects.count() == 2
