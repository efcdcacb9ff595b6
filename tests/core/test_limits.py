"""What one user may ask for: refused before anything is stored, exactly."""

from __future__ import annotations

import time

import pytest
from django.contrib.auth.models import User

from chat import lease, limits
from chat.errors import LimitError
from chat.models import Conversation, Generation, Message
from tests.core.helpers import ask
from tests.core.racing import race

pytestmark = pytest.mark.django_db


def stored() -> tuple[int, int, int]:
    return (
        Conversation.objects.count(),
        Message.objects.count(),
        Generation.objects.count(),
    )


def refused(user: User, **where) -> LimitError:
    """How it is refused; nothing is stored."""
    before = stored()
    with pytest.raises(LimitError) as caught:
        ask(user, **where)
    assert stored() == before
    assert caught.value.status == 429
    return caught.value


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
