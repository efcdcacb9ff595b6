"""What a process knows of the rules, and how it learns."""

from __future__ import annotations

import logging

import pytest

from chat import nudges
from chat.database import in_database
from chat.models import GuardFinding, GuardRule
from chat.screening import findings
from chat.screening.rulebook import Rulebook, announce, rulebook
from tests.guard.test_answers import rule
from tests.reading import eventually

pytestmark = pytest.mark.django_db


def test_a_new_version_is_compiled_once(django_assert_num_queries) -> None:
    rule("mask")
    book = Rulebook()
    with django_assert_num_queries(2):
        known = book.now()
    assert known.prompts.keywords is not None
    assert list(known.names.values()) == ["no mask"]

    with django_assert_num_queries(0):
        assert book.now() is known
    book.forget()
    with django_assert_num_queries(1):
        assert book.now() is known


@pytest.mark.parametrize(
    "change",
    [
        lambda row: row.delete(),
        lambda row: row.save(),
        lambda row: rule("block"),
    ],
)
def test_every_change_is_a_new_version(change) -> None:
    row = rule("mask")
    rule("flag")
    book = Rulebook()
    known = book.now()
    change(row)
    book.forget()

    assert book.now() is not known


def test_what_changes_while_it_looks_is_not_missed(monkeypatch) -> None:
    book = Rulebook()
    look = GuardRule.objects.all

    def slow():
        book.forget()
        return look()

    monkeypatch.setattr(GuardRule.objects, "all", slow)
    book.now()
    monkeypatch.undo()
    row = rule("mask")

    assert book.now().names == {row.pk: "no mask"}


def test_a_rule_that_is_wrong_does_not_undo_the_others(caplog) -> None:
    rule("mask")
    GuardRule.objects.create(name="broken", kind="regex", pattern="(")
    with caplog.at_level(logging.ERROR):
        known = Rulebook().now()

    assert list(known.names.values()) == ["no mask"]
    assert "not in force" in caplog.text


@pytest.mark.django_db(transaction=True)
async def test_a_process_learns_when_it_is_told(running) -> None:
    await in_database(rule, "mask")
    await in_database(announce)

    await eventually(lambda: rulebook.known.answers)


@pytest.mark.django_db(transaction=True)
async def test_other_processes_are_told() -> None:
    told: list[str] = []

    def relay(name: str, _news: str) -> None:
        told.append(name)

    nudges.rules.relay(relay)
    try:
        await in_database(announce)
        await eventually(lambda: told == ["rules"])
    finally:
        nudges.rules.unrelay(relay)


def test_old_findings_are_removed(alice, monkeypatch) -> None:
    monkeypatch.setattr(findings, "MOST", 3)
    rows = [GuardFinding(user=alice, part="text", start=0, end=n) for n in range(8)]
    findings.keep(rows)

    assert findings.trim() is False
    assert [row.end for row in GuardFinding.objects.order_by("id")] == [5, 6, 7]


def test_findings_of_what_is_gone_are_dropped(alice) -> None:
    here = GuardFinding(user=alice, part="text", start=0, end=1)
    findings.keep([here])

    assert GuardFinding.objects.count() == 1
