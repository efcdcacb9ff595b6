"""Whose turn it is: round robin between users, a bound for each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest
from django.contrib.auth.models import Group, User

from chat import generations
from chat.database import in_database
from chat.engines import registry
from chat.engines.base import ModelInfo
from chat.engines.scripted import ScriptedEngine
from chat.limits import fair
from chat.models import Generation, Quota
from chat.running import lease
from chat.running import runner as runner_module
from tests.core.helpers import ask, claim_one, ended, expire, finish, fresh, runner_of
from tests.core.racing import race
from tests.reading import eventually, finished

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def bound(settings) -> None:
    settings.CHAT_USER_CONCURRENCY = 4


def claimed(limit: int, owner: str = "owner", *, loading: Iterable[str] = ()) -> list:
    found = lease.claim(owner, limit, loading=frozenset(loading))
    return [held.generation for held in found]


def running(user: User) -> int:
    return Generation.objects.filter(user=user, status="running").count()


@asynccontextmanager
async def ready(owner: str = "runner") -> AsyncIterator[None]:
    """A runner whose engine has loaded."""
    async with runner_of(owner) as runner:
        await runner._engines.loaded()
        runner.wake()
        yield


class TestOrder:
    def test_users_take_turns(self, alice: User, bob: User) -> None:
        a, b, c = (ask(alice).pk for _ in range(3))
        d, e = (ask(bob).pk for _ in range(2))

        assert fair.order() == [a, d, b, e, c]
        assert claimed(9) == [a, d, b, e, c]

    def test_a_small_claim_begins_at_the_same_end(self, alice: User, bob: User) -> None:
        a, b = (ask(alice).pk for _ in range(2))
        c = ask(bob).pk

        assert [claimed(1), claimed(1), claimed(1)] == [[a], [c], [b]]

    def test_what_runs_counts_as_turns_taken(self, alice: User, bob: User) -> None:
        for _ in range(3):
            ask(alice)
        claimed(2)
        later = ask(bob).pk

        assert fair.order()[0] == later

    def test_hundreds_of_one_delay_the_single_one_of_another_by_none(
        self, alice: User, bob: User
    ) -> None:
        for _ in range(30):
            ask(alice)
        claimed(1)
        single = ask(bob).pk

        assert claimed(1) == [single]

    def test_one_handed_back_goes_before_its_users_later_ones(
        self, alice: User
    ) -> None:
        first, second = ask(alice), ask(alice)
        held = claim_one()
        lease.release(held)

        assert claimed(2) == [first.pk, second.pk]

    def test_a_stopped_one_is_in_nobodys_way(self, alice: User, bob: User) -> None:
        first, second, other = ask(alice), ask(alice), ask(bob)
        generations.stop(alice, first.pk)

        assert fair.order() == [second.pk, other.pk]

    def test_finished_ones_do_not_count(self, alice: User, bob: User) -> None:
        for _ in range(3):
            ask(alice)
            held = claim_one()
            finish(held, ended(held))
        first, second = ask(alice), ask(bob)

        assert fair.order() == [first.pk, second.pk]


class TestBound:
    def test_no_more_than_so_many_of_one_user_run(self, alice: User) -> None:
        asked = [ask(alice).pk for _ in range(6)]

        assert claimed(9, "a") == asked[:4]
        assert claimed(9, "b") == []

    def test_the_next_runs_when_one_ends(self, alice: User) -> None:
        asked = [ask(alice).pk for _ in range(5)]
        [held, *_rest] = lease.claim("a", 9)
        finish(held, ended(held))

        assert claimed(9, "b") == [asked[4]]

    def test_it_holds_nobody_else_up(self, alice: User, bob: User) -> None:
        for _ in range(6):
            ask(alice)
        claimed(9)
        others = [ask(bob).pk for _ in range(2)]

        assert claimed(1) == others[:1]
        assert claimed(9) == others[1:]

    def test_a_takeover_needs_no_further_place(self, alice: User) -> None:
        dead, *_rest = [ask(alice) for _ in range(5)]
        claimed(9, "a")
        expire(dead)

        assert claimed(9, "b") == [dead.pk]
        assert running(alice) == 4

    def test_users_and_groups_may_have_another(
        self, alice: User, bob: User, charlie: User
    ) -> None:
        Quota.objects.create(user=alice, concurrency=1)
        for number in (3, 5):
            group = Group.objects.create(name=str(number))
            alice.groups.add(group)
            bob.groups.add(group)
            Quota.objects.create(group=group, concurrency=number)
        Quota.objects.create(user=charlie, queue=9)
        for user in (alice, bob, charlie):
            for _ in range(7):
                ask(user)

        claimed(99)

        assert [running(user) for user in (alice, bob, charlie)] == [1, 5, 4]


@pytest.fixture
def models(monkeypatch) -> None:
    infos = tuple(ModelInfo(name, name) for name in ("slow", "quick", "large"))
    offer = registry.Offer(infos, ScriptedEngine)
    monkeypatch.setattr(registry, "offers", lambda: [offer])


@pytest.mark.usefixtures("models")
class TestModelsThatLoad:
    """What asks for them is not claimed by whoever loads them."""

    def test_it_is_left_where_it_is_and_keeps_its_turn(
        self, alice: User, bob: User
    ) -> None:
        slow = ask(alice, model="slow").pk
        quick = ask(alice, model="quick").pk
        large = ask(bob, model="large").pk

        assert claimed(9, loading=["slow", "large"]) == [quick]
        assert claimed(9, loading=["slow", "large"]) == []
        assert claimed(1, loading=["slow"]) == [large]
        assert claimed(1) == [slow]

    def test_whoever_has_the_model_claims_it_meanwhile(self, alice: User) -> None:
        slow = ask(alice, model="slow").pk

        assert claimed(9, "one", loading=["slow"]) == []
        assert claimed(9, "another", loading=["quick"]) == [slow]

    def test_it_takes_no_turn_from_its_users_others(
        self, alice: User, bob: User, settings
    ) -> None:
        """Nor from others' where as many users wait for the model as are claimed."""
        settings.CHAT_USER_CONCURRENCY = 1
        for _ in range(4):
            ask(alice, model="slow")
        hers, his = ask(alice, model="quick").pk, ask(bob, model="quick").pk

        assert claimed(1, loading=["slow"]) == [hers]
        assert claimed(1, loading=["slow"]) == [his]

    def test_those_who_wait_for_it_do_not_hide_the_others(
        self, alice: User, bob: User
    ) -> None:
        ask(alice, model="slow")
        his = ask(bob, model="quick").pk

        assert claimed(1, loading=["slow"]) == [his]

    def test_its_users_other_answers_count_as_turns_taken(
        self, alice: User, bob: User
    ) -> None:
        ask(alice, model="quick")
        claimed(9, loading=["slow"])
        ask(alice, model="slow")
        his = ask(bob, model="slow").pk

        assert claimed(1) == [his]

    def test_users_bounds_hold_beside_them(self, alice: User) -> None:
        Quota.objects.create(user=alice, concurrency=2)
        asked = [ask(alice, model=name).pk for name in ("slow", *("quick",) * 3)]

        assert claimed(9, loading=["slow"]) == asked[1:3]

    def test_a_dead_owners_is_left_to_others_too(self, alice: User) -> None:
        dead = ask(alice, model="slow")
        claimed(9, "dead")
        expire(dead)

        assert claimed(9, "one", loading=["slow"]) == []
        assert claimed(9, "another", loading=["quick"]) == [dead.pk]

    def test_nothing_is_worth_a_claim_where_all_wait_for_one(self, alice: User) -> None:
        """So nobody takes turns with those who can claim."""
        ask(alice, model="slow")

        assert not fair.is_anything_queued(["slow", "large"])
        assert fair.is_anything_queued(["large"])
        assert fair.is_anything_queued()


@pytest.mark.django_db(transaction=True)
class TestRacing:
    def test_processes_that_claim_at_once_keep_the_bound(
        self, alice: User, bob: User
    ) -> None:
        for _ in range(8):
            ask(alice)
            ask(bob)

        for _round in range(5):
            race(lambda number: lease.claim(f"owner {number}", 2))
            assert (running(alice), running(bob)) == (4, 4)
            for held in Generation.objects.filter(status="running"):
                lease.release(lease.Lease(held.pk, held.owner, held.attempt))

    @pytest.mark.usefixtures("models")
    def test_also_where_some_of_them_load_a_model(self, alice: User, bob: User) -> None:
        for number in range(16):
            ask(alice, model=("slow", "quick")[number % 2])
            ask(bob, model="slow")

        def work(number: int) -> list:
            loading = frozenset(("slow",) if number % 2 else ())
            held = lease.claim(f"owner {number}", 3, loading=loading)
            return [(each.generation, bool(loading)) for each in held]

        taken = [each for found in race(work) for each in found]

        assert len({pk for pk, _ in taken}) == len(taken)
        assert (running(alice), running(bob)) == (4, 4)
        without = [pk for pk, loading in taken if loading]
        models = Generation.objects.filter(pk__in=without).values_list("model")
        assert {name for (name,) in models} <= {"quick"}

    def test_while_some_end_and_some_are_asked_for(self, alice: User) -> None:
        asked = {ask(alice).pk for _ in range(12)}
        most = []

        def work(number: int) -> set:
            seen = set()
            for _ in range(12):
                for held in lease.claim(f"owner {number}", 2):
                    most.append(running(alice))
                    finish(held, ended(held))
                    seen.add(held.generation)
            return seen

        seen = race(work)

        assert max(most) <= 4
        assert sum(map(len, seen)) == len(set().union(*seen))
        assert set().union(*seen) | set(fair.order()) == asked

    def test_a_stop_between_choosing_and_claiming_wins(
        self, alice: User, monkeypatch
    ) -> None:
        first, second = ask(alice), ask(alice)
        choose = fair.next_in_turn

        def slow(*args) -> list:
            chosen = choose(*args)
            Generation.objects.filter(pk=first.pk).update(status="stopped")
            return chosen

        monkeypatch.setattr(fair, "next_in_turn", slow)

        assert claimed(2) == [second.pk]
        assert fresh(first).status == "stopped"


@pytest.mark.django_db(transaction=True)
class TestRunners:
    """The same with runners that work."""

    @pytest.fixture(autouse=True)
    def quick(self, settings, monkeypatch) -> None:
        settings.CHAT_MAX_RUNNING = 1
        # Nothing may depend on looking now and then.
        monkeypatch.setattr(runner_module, "POLL_SECONDS", 600)

    async def test_one_is_delayed_by_one_slot_however_many_wait(
        self, alice: User, bob: User, settings
    ) -> None:
        """Two runners with one slot each; Alice queues 200, then Bob one."""
        settings.CHAT_USER_QUEUE = 200
        hers = [await in_database(ask, alice, "pace=0 hang=3") for _ in range(200)]
        async with ready("one"), ready("two"):
            await eventually(lambda: in_database(lambda: running(alice) == 2))
            bobs = await in_database(ask, bob, "pace=0 n=1")
            await in_database(generations.stop, alice, hers[0].pk)
            bobs = await finished(bobs)

            begun = Generation.objects.filter(user=alice, started__lt=bobs.started)
            assert await in_database(begun.count) == 2
            await in_database(Generation.objects.filter(status="queued").delete)

    async def test_the_next_one_follows_at_once(self, alice: User, settings) -> None:
        settings.CHAT_MAX_RUNNING = 1
        asked = [await in_database(ask, alice, "pace=0 n=2") for _ in range(8)]
        async with ready():
            rows = [await finished(generation) for generation in asked]

        assert Counter(row.status for row in rows) == {"done": 8}

    async def test_also_when_its_user_was_at_the_bound(
        self, alice: User, settings
    ) -> None:
        settings.CHAT_MAX_RUNNING = 9
        settings.CHAT_USER_CONCURRENCY = 1
        asked = [await in_database(ask, alice, "pace=0 n=2") for _ in range(8)]
        async with ready():
            for generation in asked:
                await finished(generation)
