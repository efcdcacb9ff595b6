"""Pieces of words for the PostgreSQL index."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from chat.search.grams import MAX_PIECES, grams, hashed, pieces

LETTERS = st.text("ab1é数据库的😀-あ가", max_size=6)
WORDS = LETTERS.filter(bool)


def test_a_word_asks_for_what_says_the_most() -> None:
    assert pieces("tree") == ["tre", "ree"]
    assert pieces("数据库") == ["数据", "据库"]
    assert pieces("gpt数据") == ["gpt", "数据"]
    assert pieces("ai模型") == ["ai", "i模", "模型"]
    assert pieces("ai") == ["ai"]
    assert pieces("的") == ["的"]
    assert len(pieces("x" + "abcdefghij" * 20)) <= MAX_PIECES


@settings(deadline=None)
@given(LETTERS, WORDS, LETTERS)
def test_whatever_has_the_word_has_its_pieces(head: str, word: str, tail: str) -> None:
    for body in (f"{head}{word}{tail}", f"{head} {word}\n{tail}"):
        assert set(pieces(word)) <= grams(body)
    assert pieces(word)


def test_no_two_owners_share_a_number() -> None:
    words = grams("some words and 一些词")

    assert not set(hashed(1, words)) & set(hashed(2, words))
    assert all(-(2**31) <= number < 2**31 for number in hashed(1, words))
