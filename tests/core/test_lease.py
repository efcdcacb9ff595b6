"""Who may drive a generation: claims, renewals, the fence."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection

from chat import generations
from chat.models import Generation
from chat.running import lease, outcomes
from chat.running.lease import MAX_ATTEMPTS
from tests.core.helpers import ask, claim_one, ended, expire, finish, fresh, said
from tests.core.racing import race

pytestmark = pytest.mark.django_db


def test_it_claims_the_longest_queued_first(alice: User) -> None:
    first, second = ask(alice), ask(alice)

    assert [held.generation for held in lease.claim("a", 1)] == [first.pk]
    assert [held.generation for held in lease.claim("a", 9)] == [second.pk]
    assert lease.claim("a", 9) == []


def test_a_claim_says_who_since_when_and_which_attempt(alice: User) -> None:
    generation = ask(alice)
    held = claim_one("owner")

    row = fresh(generation)
    assert (row.status, row.owner, row.attempt) == ("running", "owner", 1)
    assert held.attempt == 1
    assert row.started is not None
    assert row.lease_until is not None


def test_a_held_one_is_not_claimed(alice: User) -> None:
    ask(alice)
    claim_one("a")

    assert lease.claim("b", 9) == []


def test_an_expired_one_is_taken_over_with_the_next_attempt(alice: User) -> None:
    generation = ask(alice)
    claim_one("a")
    started = fresh(generation).started
    expire(generation)

    held = claim_one("b")

    row = fresh(generation)
    assert (held.attempt, row.attempt, row.owner) == (2, 2, "b")
    assert row.started == started


def test_dead_owners_generations_go_first(alice: User) -> None:
    dead = ask(alice)
    claim_one("a")
    ask(alice)
    expire(dead)

    assert claim_one("b").generation == dead.pk


def test_what_it_still_drives_itself_is_not_claimed(alice: User) -> None:
    """The database was away for longer than the lease: it renews, nobody restarts."""
    generation = ask(alice)
    claim_one("a")
    expire(generation)

    assert lease.claim("a", 9, {generation.pk}) == []
    assert lease.renew("a", {generation.pk}) == {generation.pk}
    assert lease.claim("b", 9) == []


def test_renewing_tells_which_are_still_ours(alice: User) -> None:
    kept, taken, ended_ = ask(alice), ask(alice), ask(alice)
    lease.claim("a", 3)
    expire(taken)
    claim_one("b")
    Generation.objects.filter(pk=ended_.pk).update(status="done")

    assert lease.renew("a", {kept.pk, taken.pk, ended_.pk}) == {kept.pk}


def test_a_released_one_is_claimed_again(alice: User) -> None:
    generation = ask(alice)
    held = claim_one("a")

    lease.release(held)

    row = fresh(generation)
    assert (row.status, row.owner, row.lease_until) == ("queued", "", None)
    assert claim_one("b").attempt == 2


class TestFence:
    """A paused owner wakes up late: nothing it does changes anything."""

    @pytest.fixture
    def generation(self, alice: User) -> Generation:
        return ask(alice)

    @pytest.fixture
    def late(self, generation: Generation) -> lease.Lease:
        late = claim_one("late")
        outcomes.checkpoint([said(late, "ab")])
        expire(generation)
        self.held = claim_one("new")
        return late

    def test_it_cannot_checkpoint(self, generation, late) -> None:
        outcomes.checkpoint([said(late, "XX")])
        outcomes.checkpoint([said(late, "XX", whole=True)])

        assert fresh(generation).text == "ab"

    def test_it_cannot_finish(self, generation, late) -> None:
        assert finish(late, ended(late)) is None

        row = fresh(generation)
        assert (row.status, row.text, row.message.content) == ("running", "ab", "")

    def test_it_cannot_release(self, generation, late) -> None:
        lease.release(late)

        assert fresh(generation).owner == "new"

    def test_it_cannot_renew(self, generation, late) -> None:
        assert lease.renew("late", {generation.pk}) == set()

    def test_nor_after_the_new_owner_has_finished(self, generation, late) -> None:
        assert finish(self.held, ended(self.held, "new text")) is not None

        outcomes.checkpoint([said(late, "XX", whole=True)])
        assert finish(late, ended(late, "late text")) is None

        row = fresh(generation)
        assert (row.status, row.message.content, row.text) == ("done", "new text", "")

    def test_nor_under_the_same_name(self, alice: User) -> None:
        """The fence is the attempt, not the name."""
        generation = ask(alice)
        late = claim_one("same")
        expire(generation)
        claim_one("same")

        assert finish(late, ended(late)) is None
        assert fresh(generation).status == "running"


class TestExhausted:
    """The server died with it again and again: it fails, and keeps what it has."""

    @pytest.fixture
    def generation(self, alice: User) -> Generation:
        generation = ask(alice)
        for number in range(MAX_ATTEMPTS):
            held = claim_one(f"owner {number}")
            outcomes.checkpoint([said(held, f"{number} ")])
            expire(generation)
        return generation

    def test_it_is_not_claimed_again(self, generation: Generation) -> None:
        assert lease.claim("another", 9) == []

    def test_it_fails_with_its_text(self, generation: Generation) -> None:
        [dead] = lease.exhausted()
        generations.fail_exhausted(dead)

        row = fresh(generation)
        assert (row.status, row.error_code) == ("failed", "too_many_attempts")
        assert row.error_retryable
        assert (row.message.content, row.message.status) == ("0 1 2 3 4 ", "failed")
        assert lease.exhausted() == []

    def test_it_fails_once(self, generation: Generation) -> None:
        [dead] = lease.exhausted()
        generations.fail_exhausted(dead)
        last = fresh(generation).last_seq
        generations.fail_exhausted(dead)

        assert fresh(generation).last_seq == last

    def test_before_that_it_is_no_business_of_anybody(self, alice: User) -> None:
        generation = ask(alice)
        claim_one()
        expire(generation)

        assert lease.exhausted() == []


@pytest.mark.django_db(transaction=True)
class TestRacing:
    def test_each_is_claimed_exactly_once(self, alice: User) -> None:
        rows = {ask(alice).pk for _ in range(20)}

        def work(number: int) -> list:
            won = []
            while held := lease.claim(f"owner {number}", 3):
                won += held
            return won

        claimed = [held.generation for won in race(work) for held in won]

        # A thread that only lost its races may give up early: that is no claim.
        claimed += [held.generation for held in lease.claim("rest", 99)]
        assert sorted(claimed) == sorted(rows)

    def test_one_expired_has_one_heir(self, alice: User) -> None:
        generation = ask(alice)
        claim_one("dead")
        expire(generation)

        heirs = race(lambda number: lease.claim(f"owner {number}", 1))

        assert len([heir for heir in heirs if heir]) == 1
        assert fresh(generation).attempt == 2

    def test_of_finish_stop_and_takeover_only_one_comes_true(self, alice: User) -> None:
        for _round in range(5):
            generation = ask(alice)
            held = claim_one("owner")
            expire(generation)

            def work(number: int, held: lease.Lease = held, pk=generation.pk) -> object:
                if number % 3 == 0:
                    return finish(held, ended(held))
                if number % 3 == 1:
                    return generations.stop(alice, pk)
                return lease.claim(f"heir {number}", 1)

            race(work)

            row = fresh(generation)
            if row.attempt == 1:
                assert (row.status, row.message.content) == ("done", "all")
            else:
                assert row.status == "running"
                assert row.message.content == ""
                Generation.objects.filter(pk=row.pk).delete()

    def test_a_stop_is_never_lost_between_running_and_queued(self, alice: User) -> None:
        for _round in range(10):
            generation = ask(alice)
            held = claim_one("owner")

            def work(number: int, held: lease.Lease = held, pk=generation.pk) -> object:
                if number:
                    return generations.stop(alice, pk)
                return lease.release(held)

            race(work)

            row = fresh(generation)
            assert row.status == "stopped" or row.stop_requested
            Generation.objects.filter(pk=row.pk).delete()

    def test_who_changes_many_waits_for_nobody_in_a_circle(self, alice: User) -> None:
        """Renewals and checkpoints of the same rows, in any order they like."""
        for _row in range(24):
            ask(alice)
        held = lease.claim("owner", 99)
        pks = [one.generation for one in held]

        def work(number: int) -> None:
            for turn in range(12):
                step = 1 if turn % 2 else -1
                if number % 2:
                    assert lease.renew("owner", pks[::step]) == set(pks)
                else:
                    outcomes.checkpoint([said(one, "a") for one in held[::step]])

        race(work)

        texts = Generation.objects.values_list("text", flat=True)
        assert set(texts) == {"a" * 36}


def test_the_test_database_is_what_is_served() -> None:
    """Threads must meet in it: a file, or a server."""
    assert "memory" not in str(connection.settings_dict["NAME"])
