"""Where a text says it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from chat.search.fold import fold, terms
from chat.search.snippets import ELLIPSIS, SHOWN, snippet


def marked(text: str, query: str) -> list[str]:
    said = snippet(text, terms(query))
    return [said.text[a:b] for a, b in said.ranges] if said else []


def test_every_match_is_marked() -> None:
    assert marked("Tea, tea and coffee", "TEA coffee") == ["Tea", "tea", "coffee"]
    assert marked("数据库与数据", "数据") == ["数据", "数据"]
    assert marked("nothing", "tea") == []


def test_words_that_touch_are_one_mark() -> None:
    assert marked("abcdef", "cde abc") == ["abcde"]
    assert marked("teapot", "tea teapot pot") == ["teapot"]


def test_it_begins_at_a_word_before_the_match() -> None:
    said = snippet("aaaa " * 50 + "needle" + " bbbb" * 50, ["needle"])

    assert said is not None
    assert said.text.startswith(f"{ELLIPSIS}aaaa ")
    assert said.text.endswith(ELLIPSIS)


@settings(deadline=None)
@given(st.text(), st.text(min_size=1).filter(terms), st.text())
def test_the_marks_are_the_words(head: str, word: str, tail: str) -> None:
    words = terms(word)
    said = snippet(f"{head} {word} {tail}", words)

    assert said is not None
    assert len(said.text) <= SHOWN + 2
    for a, b in said.ranges:
        assert 0 <= a < b <= len(said.text)
        assert any(word in fold(said.text[a:b]) for word in words)
