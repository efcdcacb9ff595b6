"""Checkpoints and ends, as the row has them."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from chat.models import Generation
from chat.running import outcomes
from tests.core.helpers import ask, claim_one, ended, finish, fresh, said

pytestmark = pytest.mark.django_db


def test_a_checkpoint_appends(alice: User) -> None:
    generation = ask(alice)
    held = claim_one()

    outcomes.checkpoint([said(held, "你好 ", seq=1_000_001)])
    outcomes.checkpoint([said(held, "wor\nld\\n", seq=1_000_002)])

    row = fresh(generation)
    assert row.text == "你好 wor\nld\\n"
    assert (row.token_ids, row.last_seq) == ("1 1 ", 1_000_002)


def test_a_whole_one_replaces(alice: User) -> None:
    generation = ask(alice)
    held = claim_one()
    outcomes.checkpoint([said(held, "ab")])

    for _ in range(2):
        outcomes.checkpoint([said(held, "abc", whole=True)])

    assert (fresh(generation).text, fresh(generation).token_ids) == ("abc", "1 ")


def test_the_first_token_is_noted_once(alice: User) -> None:
    generation = ask(alice)
    held = claim_one()
    outcomes.checkpoint([said(held, "a")])
    first = fresh(generation).first_token
    outcomes.checkpoint([said(held, "b")])

    assert first is not None
    assert fresh(generation).first_token == first


def test_many_are_written_together(alice: User) -> None:
    rows = [ask(alice) for _ in range(5)]
    leases = [claim_one() for _ in rows]

    outcomes.checkpoint([said(held, str(n)) for n, held in enumerate(leases)])

    assert [fresh(row).text for row in rows] == ["0", "1", "2", "3", "4"]


def test_the_end_moves_the_text_to_the_message(alice: User) -> None:
    generation = ask(alice)
    held = claim_one()
    outcomes.checkpoint([said(held, "half")])

    finish(held, ended(held, "all of it"))

    row = fresh(generation)
    assert (row.status, row.finish_reason) == ("done", "stop")
    assert (row.message.content, row.message.reasoning) == ("all of it", "so")
    assert (row.message.status, row.message.tokens) == ("done", 3)
    assert (row.text, row.reasoning, row.token_ids) == ("", "", "")
    assert (row.lease_until, row.finished is not None) == (None, True)


def test_finishing_is_safe_to_repeat(alice: User) -> None:
    """The first try was committed, but its answer was lost."""
    generation = ask(alice)
    held = claim_one()
    finish(held, ended(held))
    finished = fresh(generation).finished

    again = finish(held, ended(held))

    assert again is not None
    assert fresh(generation).finished == finished


def test_a_checkpoint_after_the_end_changes_nothing(alice: User) -> None:
    generation = ask(alice)
    held = claim_one()
    finish(held, ended(held))

    outcomes.checkpoint([said(held, "late", whole=True)])

    assert (fresh(generation).text, fresh(generation).message.content) == ("", "all")


def test_deleted_rows_do_not_disturb_the_others(alice: User) -> None:
    kept = ask(alice)
    gone = ask(alice)
    first, second = claim_one(), claim_one()
    Generation.objects.filter(pk=gone.pk).delete()

    outcomes.checkpoint([said(second, "x"), said(first, "y")])

    assert fresh(kept).text == "y"
    assert finish(second, ended(second)) is None
