"""How many tokens one user has, from which group or the settings."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat.limits import usage
from chat.limits.quotas import SECONDS, Allowance, quotas
from chat.limits.rates import Rate
from chat.models import Conversation, Quota, Usage
from tests.core.helpers import ask, claim_one, ended, finish
from tests.core.refusing import refused

pytestmark = pytest.mark.django_db


class TestDailyTokens:
    @pytest.fixture(autouse=True)
    def limit(self, settings) -> None:
        settings.CHAT_DAILY_TOKENS = 12

    def answered(self, user: User) -> None:
        """Five tokens."""
        ask(user)
        held = claim_one()
        finish(held, ended(held))

    def test_when_they_are_used_nothing_is_asked(self, alice: User, bob: User) -> None:
        for _ in range(3):
            self.answered(alice)

        error = refused(alice)

        assert error.code == "daily_tokens_used"
        assert "12 tokens" in str(error.message)
        ask(bob)

    def test_it_says_how_long_until_midnight(
        self, alice: User, settings, monkeypatch
    ) -> None:
        settings.TIME_ZONE = "Asia/Shanghai"
        now = datetime(2026, 5, 1, 15, 0, tzinfo=UTC)
        monkeypatch.setattr(timezone, "now", lambda: now)
        for _ in range(3):
            self.answered(alice)

        assert refused(alice).headers["Retry-After"] == "3600"

        monkeypatch.setattr(timezone, "now", lambda: now + timedelta(hours=1))
        ask(alice)

    def test_an_answer_gets_what_is_left(self, alice: User) -> None:
        self.answered(alice)

        assert ask(alice).params == {"max_tokens": 7}
        assert ask(alice, params={"max_tokens": 5}).params == {"max_tokens": 5}
        assert ask(alice, params={"max_tokens": 9}).params == {"max_tokens": 7}

    def test_deleting_takes_nothing_back(self, alice: User) -> None:
        for _ in range(3):
            self.answered(alice)
        Conversation.objects.all().delete()

        refused(alice)

    def test_off_changes_nothing(self, alice: User, settings) -> None:
        settings.CHAT_DAILY_TOKENS = 0
        Usage.objects.create(
            user=alice, day=usage.today(), model="m", completion_tokens=10**12
        )

        assert ask(alice).params == {}


class TestMonthlyTokens:
    @pytest.fixture(autouse=True)
    def limit(self, settings) -> None:
        settings.CHAT_MONTHLY_TOKENS = 100

    def used(self, user: User, day: date, tokens: int) -> None:
        Usage.objects.create(
            user=user, day=day, model="m", source="web", completion_tokens=tokens
        )

    def test_the_days_of_the_month_count_together(
        self, alice: User, bob: User, monkeypatch
    ) -> None:
        now = datetime(2026, 2, 28, 23, 0, tzinfo=UTC)
        monkeypatch.setattr(timezone, "now", lambda: now)
        self.used(alice, date(2026, 2, 1), 60)
        self.used(alice, date(2026, 2, 28), 40)
        self.used(bob, date(2026, 1, 31), 100)

        error = refused(alice)

        assert (error.code, error.headers["Retry-After"]) == (
            "monthly_tokens_used",
            "3600",
        )
        assert "100 tokens of this month" in str(error.message)
        ask(bob)
        monkeypatch.setattr(timezone, "now", lambda: now + timedelta(hours=1))
        ask(alice)

    def test_an_answer_gets_the_least_that_is_left(self, alice: User, settings) -> None:
        self.used(alice, usage.today(), 60)
        assert ask(alice).params == {"max_tokens": 40}

        settings.CHAT_DAILY_TOKENS = 70
        assert ask(alice).params == {"max_tokens": 10}

        settings.CHAT_DAILY_TOKENS = 130
        assert ask(alice).params == {"max_tokens": 40}

    def test_a_group_may_have_its_own(self, alice: User) -> None:
        self.used(alice, usage.today(), 100)
        group = Group.objects.create(name="team")
        Quota.objects.create(group=group, monthly_tokens=0)
        alice.groups.add(group)

        assert quotas.of(alice).monthly_tokens is None
        assert ask(alice).params == {}


class TestQuotas:
    SETTINGS = Allowance(concurrency=4, queue=20, rate=Rate(60, "m"), daily_tokens=100)

    @pytest.fixture(autouse=True)
    def site(self, settings) -> None:
        settings.CHAT_USER_CONCURRENCY = 4
        settings.CHAT_USER_QUEUE = 20
        settings.CHAT_RATE_LIMIT = "60/m"
        settings.CHAT_DAILY_TOKENS = 100

    def group(self, user: User, name: str, **quota) -> None:
        group = Group.objects.create(name=name)
        user.groups.add(group)
        Quota.objects.create(group=group, **quota)

    def test_without_one_the_settings_hold(self, alice: User, bob: User) -> None:
        Quota.objects.create(user=bob, concurrency=9)

        assert quotas.of(alice) == self.SETTINGS

    def test_what_is_empty_is_inherited(self, alice: User) -> None:
        Quota.objects.create(user=alice, concurrency=9)

        assert quotas.of(alice) == replace(self.SETTINGS, concurrency=9)

    def test_of_the_groups_the_most_generous_counts(self, alice: User) -> None:
        self.group(alice, "a", rate_limit="10/s", daily_tokens=5, queue=2)
        self.group(alice, "b", rate_limit="100/m", daily_tokens=7, concurrency=1)

        assert quotas.of(alice) == Allowance(
            concurrency=1, queue=2, rate=Rate(10, "s"), daily_tokens=7
        )

    def test_no_limit_is_the_most_generous(self, alice: User) -> None:
        self.group(alice, "a", rate_limit="off", daily_tokens=0)
        self.group(alice, "b", rate_limit="1000/s", daily_tokens=10**9)

        found = quotas.of(alice)

        assert (found.rate, found.daily_tokens) == (None, None)

    def test_the_users_own_counts_before_the_groups(self, alice: User) -> None:
        self.group(alice, "a", rate_limit="off", daily_tokens=0, queue=50)
        Quota.objects.create(user=alice, rate_limit="1/h", daily_tokens=1)

        assert quotas.of(alice) == Allowance(
            concurrency=4, queue=50, rate=Rate(1, "h"), daily_tokens=1
        )

    def test_it_is_what_counts_when_asking(self, alice: User, bob: User) -> None:
        Quota.objects.create(user=alice, rate_limit="1/h")
        ask(alice)

        assert refused(alice).code == "rate_limited"
        ask(bob)
        ask(bob)

    def test_a_process_looks_now_and_then(self, alice: User, monkeypatch) -> None:
        Quota.objects.create(user=alice, queue=7)
        with CaptureQueriesContext(connection) as looked:
            assert [quotas.of(alice).queue for _ in range(3)] == [7, 7, 7]
        assert len(looked) == 2

        Quota.objects.update(queue=8)
        now = time.monotonic() + SECONDS + 1
        monkeypatch.setattr(time, "monotonic", lambda: now)
        assert quotas.of(alice).queue == 8

    def test_while_there_are_none_nobody_is_looked_up(
        self, alice: User, bob: User
    ) -> None:
        quotas.of(alice)
        with CaptureQueriesContext(connection) as looked:
            quotas.of(bob)

        assert len(looked) == 0

    @pytest.mark.parametrize("whose", ["both", "nobody"])
    def test_it_belongs_to_one_user_or_one_group(self, alice: User, whose) -> None:
        given = {}
        if whose == "both":
            given = {"user": alice, "group": Group.objects.create(name="a")}

        with pytest.raises(ValidationError, match="Name either a user or a group"):
            Quota(**given).full_clean()
        with pytest.raises(IntegrityError):
            Quota.objects.create(**given)

    @pytest.mark.parametrize(
        "given",
        [
            {"rate_limit": "often"},
            {"rate_limit": "0/m"},
            {"rate_limit": "60/w"},
            {"concurrency": 0},
            {"queue": 0},
            {"daily_tokens": -1},
        ],
    )
    def test_it_refuses_nonsense(self, alice: User, given) -> None:
        with pytest.raises(ValidationError) as caught:
            Quota(user=alice, **given).full_clean()

        assert list(caught.value.message_dict) == list(given)
