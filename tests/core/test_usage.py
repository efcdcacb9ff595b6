"""The ledger: each answer counted once, however it ends, and kept."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from chat import calls, conversations, generations
from chat.asking import Ask
from chat.calls import Told
from chat.database import in_database
from chat.limits import usage
from chat.limits.usage import Used
from chat.models import Generation, Usage
from chat.running import lease, outcomes
from chat.running.lease import MAX_ATTEMPTS
from tests.core.helpers import ask, claim_one, ended, expire, finish, runner_of, said
from tests.core.racing import race
from tests.reading import eventually, finished

pytestmark = pytest.mark.django_db


def sums(user: User) -> tuple[int, int, int]:
    """Requests, tokens of prompts, tokens of answers."""
    found = usage.daily(user, 1)
    return (
        sum(row.requests for row in found),
        sum(row.prompt_tokens for row in found),
        sum(row.completion_tokens for row in found),
    )


def finish_one(user: User, **where) -> Generation:
    generation = ask(user, **where)
    held = claim_one()
    finish(held, ended(held))
    return generation


@pytest.fixture
def died_often(alice: User) -> Generation:
    generation = ask(alice)
    for number in range(MAX_ATTEMPTS):
        held = claim_one(f"owner {number}")
        outcomes.checkpoint([said(held, "a ")])
        expire(generation)
    [dead] = lease.exhausted()
    return dead


class TestOnce:
    def test_a_finished_one(self, alice: User, bob: User) -> None:
        finish_one(alice)

        assert sums(alice) == (1, 2, 3)
        assert usage.used_today(alice) == 5
        assert usage.used_today(bob) == 0

    def test_they_add_up(self, alice: User) -> None:
        for _ in range(3):
            finish_one(alice)

        assert sums(alice) == (3, 6, 9)
        assert Usage.objects.count() == 1

    def test_an_end_that_is_written_again(self, alice: User) -> None:
        ask(alice)
        held = claim_one()
        finish(held, ended(held))
        finish(held, ended(held))

        assert sums(alice) == (1, 2, 3)

    def test_a_takeover(self, alice: User) -> None:
        generation = ask(alice)
        late = claim_one("late")
        outcomes.checkpoint([said(late, "some")])
        expire(generation)
        held = claim_one("new")
        finish(held, ended(held))
        finish(late, ended(late))

        assert sums(alice) == (1, 2, 3)

    @pytest.mark.parametrize("status", ["stopped", "failed"])
    def test_a_bad_end(self, alice: User, status: str) -> None:
        ask(alice)
        held = claim_one()
        finish(held, ended(held, status=status))

        assert sums(alice) == (1, 2, 3)

    def test_one_that_was_stopped_while_it_waited(self, alice: User) -> None:
        generation = ask(alice)
        generations.stop(alice, generation.pk)
        generations.stop(alice, generation.pk)

        assert sums(alice) == (1, 0, 0)

    def test_one_that_was_handed_back_and_stopped(self, alice: User) -> None:
        generation = ask(alice)
        held = claim_one()
        outcomes.checkpoint([said(held, "some")])
        lease.release(held)
        generations.stop(alice, generation.pk)

        assert sums(alice) == (1, 2, 1)

    def test_one_whose_owners_all_died(self, alice: User, died_often) -> None:
        for _ in range(2):
            generations.fail_exhausted(died_often)

        assert sums(alice) == (1, 2, 1)

    def test_one_whose_text_is_not_stored(self, alice: User) -> None:
        calls.start(
            alice,
            Ask("scripted", {}, None, store=False),
            Told("", [{"role": "user", "content": "Hello"}]),
        )
        held = claim_one()
        finish(held, ended(held))

        assert sums(alice) == (1, 2, 3)
        assert Usage.objects.get().source == "api"

    def test_each_model_and_source_has_its_sum(self, alice: User) -> None:
        finish_one(alice)
        Usage.objects.create(
            user=alice,
            day=usage.today(),
            model="scripted",
            source="api",
            requests=2,
            prompt_tokens=10,
        )
        finish_one(alice)

        assert usage.daily(alice, 1) == [Used(usage.today(), "scripted", 4, 14, 6)]
        assert usage.used_today(alice) == 20
        assert Usage.objects.count() == 2


class TestKept:
    def test_when_the_conversation_is_deleted(self, alice: User) -> None:
        generation = finish_one(alice)
        conversations.delete([generation.conversation_id], alice)

        assert sums(alice) == (1, 2, 3)

    def test_when_it_is_deleted_under_a_running_answer(self, alice: User) -> None:
        """Counted as far as the last checkpoint; its owner's end matches nothing."""
        generation = ask(alice)
        held = claim_one()
        outcomes.checkpoint([said(held, "some")])

        assert conversations.delete([generation.conversation_id], alice) == [
            generation.pk
        ]
        assert finish(held, ended(held)) is None
        assert sums(alice) == (1, 2, 1)

    def test_nobody_deletes_what_is_not_theirs(self, alice: User, bob: User) -> None:
        generation = ask(alice)

        assert conversations.delete([generation.conversation_id], bob) == []
        assert sums(alice) == (0, 0, 0)


class TestDays:
    @pytest.fixture
    def on(self, monkeypatch):
        """Let it be a moment."""
        return lambda *when: monkeypatch.setattr(
            timezone, "now", lambda: datetime(*when, tzinfo=UTC)
        )

    def test_a_day_is_the_sites(self, alice: User, settings, on) -> None:
        settings.TIME_ZONE = "Asia/Shanghai"
        on(2026, 5, 1, 15, 59)
        finish_one(alice)
        assert usage.today() == date(2026, 5, 1)
        assert usage.midnight() == datetime(2026, 5, 1, 16, tzinfo=UTC)

        on(2026, 5, 1, 16, 1)
        assert usage.used_today(alice) == 0
        finish_one(alice)

        assert [(row.day.day, row.requests) for row in usage.daily(alice, 2)] == [
            (1, 1),
            (2, 1),
        ]
        assert len(usage.daily(alice, 1)) == 1

    def test_a_day_may_have_25_hours(self, settings, on) -> None:
        settings.TIME_ZONE = "Europe/Berlin"
        on(2026, 10, 24, 22, 30)  # half past midnight there

        left = usage.midnight() - timezone.now()

        assert left == timedelta(hours=24, minutes=30)
        assert usage.midnight().astimezone(ZoneInfo("Europe/Berlin")).hour == 0


@pytest.mark.django_db(transaction=True)
class TestRacing:
    def test_ends_at_the_same_time_all_count(self, alice: User) -> None:
        for _ in range(6):
            ask(alice)
        held = lease.claim("owner", 6)

        race(lambda number: finish(held[number], ended(held[number])))

        assert sums(alice) == (6, 12, 18)

    def test_of_finish_stop_and_delete_one_counts(self, alice: User) -> None:
        for round_ in range(1, 6):
            generation = ask(alice)
            [held] = lease.claim("owner", 1)

            def work(number: int, held=held, row=generation) -> None:
                if number % 3 == 0:
                    finish(held, ended(held))
                elif number % 3 == 1:
                    conversations.delete([row.conversation_id], alice)
                else:
                    finish(held, ended(held, status="stopped"))

            race(work)

            assert sums(alice)[0] == round_

    async def test_a_runner_counts_what_it_said(self, alice: User) -> None:
        done = await in_database(ask, alice, "pace=0 n=5")
        stopped = await in_database(ask, alice, "pace=0.01 n=500 hang=20")
        failed = await in_database(ask, alice, "pace=0 n=50 fail=5")
        async with runner_of():
            await finished(done)
            await finished(failed)
            await eventually(
                lambda: in_database(
                    lambda: Generation.objects.get(pk=stopped.pk).completion_tokens
                )
            )
            await in_database(generations.stop, alice, stopped.pk)
            rows = [await finished(row) for row in (done, stopped, failed)]

        assert await in_database(sums, alice) == (
            3,
            sum(row.prompt_tokens for row in rows),
            sum(row.completion_tokens for row in rows),
        )
