"""Each answer is counted once, in the hour it ended; whoever counts."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from chat.models import Feedback, Generation, Traffic, TrafficMark
from chat.reports import overview, traffic
from chat.reports.histogram import bucket, percentile
from tests.api.helpers import answered
from tests.core.racing import race

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 5, 4, 10, 30, tzinfo=UTC)
HOUR = traffic.hour_of(NOW)


@pytest.fixture(autouse=True)
def now(monkeypatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)


def ended(user: User, ago: timedelta = timedelta(minutes=5), **values) -> Generation:
    """Asked a second before its first token, two before its end."""
    row = answered(user)
    end = NOW - ago
    times = {"created": end - timedelta(seconds=2), "started": end - timedelta(2)}
    times |= {"first_token": end - timedelta(seconds=1), "finished": end}
    Generation.objects.filter(pk=row.pk).update(**(times | values))
    return row


def counted() -> dict[tuple[int, str, str], int]:
    while traffic.count_some():
        pass
    rows = Traffic.objects.values_list("hour", "kind", "name", "amount")
    return {(hour, kind, name): amount for hour, kind, name, amount in rows}


def test_an_answer_is_counted(alice: User) -> None:
    ended(alice, started=NOW - timedelta(minutes=5, seconds=2))

    assert counted() == {
        (HOUR, "status", "done"): 1,
        (HOUR, "prompt", "scripted"): 2,
        (HOUR, "completion", "scripted"): 3,
        (HOUR, "queue", "0"): 1,
        (HOUR, "first", str(bucket(1000))): 1,
        (HOUR, "total", str(bucket(2000))): 1,
    }


def test_a_failure_is_counted_by_its_code(alice: User) -> None:
    ended(alice, status="failed", error_code="engine_failed", first_token=None)
    found = counted()

    assert found[HOUR, "status", "failed"] == found[HOUR, "error", "engine_failed"] == 1
    assert not any(kind == "first" for _hour, kind, _name in found)


def test_it_counts_what_is_new_and_nothing_twice(alice: User) -> None:
    ended(alice, timedelta(hours=2))
    ended(alice, timedelta(minutes=5))
    assert counted() == counted()

    ended(alice, timedelta(minutes=1))
    found = counted()

    assert found[HOUR, "status", "done"] == 2
    assert found[HOUR - 2, "status", "done"] == 1


def test_what_has_just_ended_waits(alice: User) -> None:
    """Others may still be writing that they ended before it."""
    ended(alice, traffic.LAG / 2)

    assert counted() == {}


def test_without_news_nothing_is_written(
    alice: User, django_assert_num_queries
) -> None:
    ended(alice)
    counted()

    with django_assert_num_queries(2):
        assert traffic.count_some() is False


def test_it_goes_in_steps_and_takes_equal_moments_together(
    alice: User, monkeypatch
) -> None:
    monkeypatch.setattr(traffic, "AT_ONCE", 2)
    for minutes in (9, 8, 8, 8, 7):
        ended(alice, timedelta(minutes=minutes))

    assert traffic.count_some() is True
    assert Traffic.objects.get(kind="status").amount == 4
    assert counted()[HOUR, "status", "done"] == 5


def test_what_is_deleted_afterwards_stays_counted(alice: User) -> None:
    row = ended(alice)
    before = counted()
    row.conversation.delete()

    assert counted() == before


def test_it_begins_with_the_last_weeks_and_forgets_what_is_older(alice: User) -> None:
    ended(alice, timedelta(days=traffic.KEPT_DAYS + 1))
    ended(alice, timedelta(days=30))
    Traffic.objects.create(
        hour=HOUR - 24 * (traffic.KEPT_DAYS + 1), kind="status", name="done", amount=1
    )

    assert {hour for hour, _kind, _name in counted()} == {HOUR - 24 * 30}


@pytest.mark.django_db(transaction=True)
def test_of_several_that_count_at_once_one_does(alice: User, monkeypatch) -> None:
    monkeypatch.setattr(traffic, "AT_ONCE", 2)
    for minutes in range(3, 9):
        ended(alice, timedelta(minutes=minutes))

    def work(_number: int) -> int:
        steps = 0
        while traffic.count_some():
            steps += 1
        return steps

    race(work)

    assert Traffic.objects.get(kind="status").amount == 6
    assert TrafficMark.objects.count() == 1


class TestOverview:
    def test_the_spans_end_with_the_hour_that_is_not_over(self, alice: User) -> None:
        ended(alice)
        ended(alice, timedelta(hours=1))
        ended(alice, timedelta(hours=23, minutes=29))
        ended(alice, timedelta(hours=25))
        counted()

        seen = overview.look(overview.WINDOWS["24h"], NOW)

        assert seen.of("status", "done") == [1, *[0] * 21, 1, 1]
        assert overview.labels(overview.WINDOWS["24h"], NOW)[-1] == "10:00"
        week = overview.look(overview.WINDOWS["7d"], NOW)
        assert week.of("status", "done")[-5:] == [1, 1, 0, 0, 2]
        month = overview.look(overview.WINDOWS["30d"], NOW)
        assert month.of("status", "done")[-2:] == [1, 3]

    def test_percentiles_hold_over_hours(self, alice: User) -> None:
        chance = random.Random(1)
        times = [chance.uniform(50, 5000) for _ in range(400)]
        Traffic.objects.bulk_create(
            Traffic(hour=hour, kind="first", name=str(name), amount=amount)
            for hour, some in ((HOUR - 20, times[:100]), (HOUR, times[100:]))
            for name, amount in counts(some).items()
        )

        seen = overview.look(overview.WINDOWS["24h"], NOW)
        p50, p95, p99 = seen.shares("first")

        for share, found in ((0.5, p50), (0.95, p95), (0.99, p99)):
            true = sorted(times)[round(share * len(times))]
            assert found == pytest.approx(true, rel=0.1)
        assert seen.durations["first"][-1] == counts(times[100:])
        assert percentile(counts(times[:100]), 0.5) != p50

    def test_ratings_count_when_they_were_given(self, alice: User) -> None:
        for rating, hours in ((1, 0), (1, 3), (-1, 3), (1, 40)):
            row = answered(alice)
            rated = Feedback.objects.create(message_id=row.message_id, rating=rating)
            Feedback.objects.filter(pk=rated.pk).update(
                updated=NOW - timedelta(hours=hours)
            )

        seen = overview.look(overview.WINDOWS["24h"], NOW)

        assert seen.of("rating", "1") == [*[0] * 20, 1, 0, 0, 1]
        assert seen.of("rating", "-1") == [*[0] * 20, 1, 0, 0, 0]


def counts(times: list[float]) -> dict[int, int]:
    found: dict[int, int] = {}
    for time in times:
        found[bucket(time)] = found.get(bucket(time), 0) + 1
    return found


@pytest.mark.parametrize(
    ("ms", "said"),
    [(0.4, "0 ms"), (812.3, "812 ms"), (1234, "1.23 s"), (61_000, "61.0 s")],
)
def test_durations_have_three_digits(ms: float, said: str) -> None:
    assert overview.duration(ms) == said
