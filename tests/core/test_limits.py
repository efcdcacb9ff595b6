"""How many at once and how often: refused before anything is stored, exactly."""

from __future__ import annotations

import time
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import F

from chat.errors import LimitError, NotFoundError
from chat.limits import enforce as limits
from chat.models import Generation, Message, Pace
from chat.running import lease
from tests.core.helpers import ask
from tests.core.racing import race
from tests.core.refusing import refused

pytestmark = pytest.mark.django_db


class TestQueue:
    @pytest.fixture(autouse=True)
    def bound(self, settings) -> None:
        settings.CHAT_USER_QUEUE = 2

    def test_so_many_of_one_user_may_wait(self, alice: User) -> None:
        ask(alice)
        ask(alice)

        error = refused(alice)

        assert error.code == "user_queue_full"
        assert int(error.headers["Retry-After"]) > 0
        assert "2 of your questions are waiting" in str(error.message)

    def test_in_a_conversation_too(self, alice: User) -> None:
        first = ask(alice)
        Generation.objects.update(status="done")
        Message.objects.update(status="done")
        ask(alice)
        ask(alice)

        assert refused(alice, conversation=first.conversation_id)

    def test_others_are_served(self, alice: User, bob: User) -> None:
        ask(alice)
        ask(alice)

        ask(bob)

    def test_what_runs_does_not_wait(self, alice: User) -> None:
        ask(alice)
        ask(alice)
        lease.claim("owner", 1)

        ask(alice)
        refused(alice)

    def test_the_same_key_is_answered_all_the_same(self, alice: User) -> None:
        first = ask(alice, key="k")
        ask(alice)

        assert ask(alice, key="k").pk == first.pk

    @pytest.mark.django_db(transaction=True)
    def test_at_the_same_time_exactly_so_many(
        self, alice: User, bob: User, settings, monkeypatch
    ) -> None:
        settings.CHAT_USER_QUEUE = 3
        fetch = limits.fetch

        def slow(*query) -> list:
            """Others may come between what is counted and what is stored."""
            found = fetch(*query)
            time.sleep(0.01)
            return found

        monkeypatch.setattr(limits, "fetch", slow)

        def work(number: int) -> int:
            done = 0
            for user in (alice, bob, alice, bob):
                try:
                    ask(user)
                    done += 1
                except LimitError:
                    continue
            return done

        assert sum(race(work)) == 6
        assert Generation.objects.filter(user=alice).count() == 3

    @pytest.mark.django_db(transaction=True)
    def test_a_key_used_twice_at_once_fills_one_place(
        self, alice: User, settings
    ) -> None:
        settings.CHAT_USER_QUEUE = 1

        found = race(lambda _number: ask(alice, key="k").pk)

        assert len(set(found)) == 1


def rest(user: User, seconds: float) -> None:
    """As if so much time had passed since."""
    Pace.objects.filter(user=user).update(due=F("due") - seconds)


class TestRate:
    @pytest.fixture(autouse=True)
    def limit(self, settings) -> None:
        settings.CHAT_RATE_LIMIT = "3/m"

    @pytest.fixture
    def still(self, monkeypatch) -> None:
        """The database's clock, but for `rest`."""
        now = "CAST(1000000000 AS double precision)"
        monkeypatch.setitem(limits.NOW, connection.vendor, now)

    def test_so_many_at_once(self, alice: User) -> None:
        for _ in range(3):
            ask(alice)

        error = refused(alice)

        assert error.code == "rate_limited"
        assert "3 times a minute" in str(error.message)

    def test_then_one_each_interval(self, alice: User, still) -> None:
        for _ in range(3):
            ask(alice)
        assert refused(alice).headers["Retry-After"] == "20"

        rest(alice, 15.5)
        assert refused(alice).headers["Retry-After"] == "5"
        rest(alice, 5)
        ask(alice)
        assert refused(alice).headers["Retry-After"] == "20"

    def test_all_of_them_again_after_a_period(self, alice: User, still) -> None:
        for _ in range(3):
            ask(alice)
        rest(alice, 60)

        for _ in range(3):
            ask(alice)
        refused(alice)

    def test_nothing_is_saved_up(self, alice: User, still) -> None:
        ask(alice)
        rest(alice, 3600)

        for _ in range(3):
            ask(alice)
        refused(alice)

    def test_one_a_day(self, alice: User, settings, still) -> None:
        settings.CHAT_RATE_LIMIT = "1/d"
        ask(alice)

        assert refused(alice).headers["Retry-After"] == "86400"
        rest(alice, 86400)
        ask(alice)

    def test_others_are_served(self, alice: User, bob: User) -> None:
        for _ in range(3):
            ask(alice)

        ask(bob)

    def test_who_is_refused_waits_no_longer_for_it(self, alice: User) -> None:
        for _ in range(3):
            ask(alice)
        for _ in range(5):
            refused(alice)

        rest(alice, 20)
        ask(alice)

    def test_the_same_key_again_does_not_count(self, alice: User) -> None:
        for _ in range(5):
            ask(alice, key="k")
        ask(alice)
        ask(alice)

        refused(alice)
        assert ask(alice, key="k")

    def test_what_is_wrong_does_not_count(self, alice: User) -> None:
        for _ in range(5):
            with pytest.raises(NotFoundError):
                ask(alice, conversation=uuid4())

        for _ in range(3):
            ask(alice)

    def test_off_writes_nothing(self, alice: User, settings) -> None:
        settings.CHAT_RATE_LIMIT = "off"
        for _ in range(5):
            ask(alice)

        assert not Pace.objects.exists()

    @pytest.mark.django_db(transaction=True)
    def test_at_the_same_time_exactly_so_many(self, alice: User) -> None:
        def work(_number: int) -> int:
            done = 0
            for _ in range(3):
                try:
                    ask(alice)
                    done += 1
                except LimitError:
                    continue
            return done

        assert sum(race(work)) == 3
        assert Generation.objects.count() == 3
