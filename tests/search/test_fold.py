"""Texts as they are compared."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.search.fold import MAX_TERMS, PRIVATE, composed, fold, terms


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Straße", "straße"),
        ("ÀÉÎ", "àéî"),
        ("e\u0301", "é"),
        ("ＡＢＣ１２", "abc12"),
        ("ΣΊΣΥΦΟΣ Σίσυφος", "σίσυφοσ σίσυφοσ"),
        ("İstanbul", "İstanbul"),
        ("数据库", "数据库"),
        ("👩‍👩‍👧‍👦", "👩‍👩‍👧‍👦"),
        ("\U000f0001", "\ufffd"),
        ("\ud800", "?"),
    ],
)
def test_examples(text: str, folded: str) -> None:
    assert fold(text) == folded


@settings(deadline=None)
@given(st.text())
def test_places_stay_where_they_are(text: str) -> None:
    folded = fold(text)

    assert len(folded) == len(composed(text))
    assert fold(folded) == folded
    assert all(char < PRIVATE for char in folded)


@settings(deadline=None)
@given(st.text(), st.text())
def test_what_is_inside_stays_inside(head: str, tail: str) -> None:
    assert fold("word") in fold(f"{head} WORD {tail}")


def test_words_are_looked_for_once_the_longest_first() -> None:
    assert terms(" b  Abc\n b\0\u3000数据 abc ") == ["abc", "数据", "b"]
    assert len(terms(" ".join(map(str, range(20))))) == MAX_TERMS
    assert terms(" \0 ") == []
