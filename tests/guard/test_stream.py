"""What leaves the guard depends on the text alone, and nothing forbidden leaves."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.guard import MASK, WINDOW, Guard, Rule, RuleSet, compile_rules
from chat.guard.folding import fold

WORDS = ["abc", "bcd", "b", "敏感词", "感", "bad word", "straße", "caba"]
PATTERNS = [
    r"a+b",
    r"(?:ab|abcd)e?",
    r"(?<!\d)\d{3}(?!\d)",
    r"\bcab\b",
    r"c(?:a|b){2,3}",
    r"(?i)x.y",
    r"[^a-d\s]{2}",
    r"b\B",
    r"1*?2",
]
ALPHABET = "abcdeXxy 123敏感词dß\u200b\u00e9e\u0301\n"
texts = st.text(st.sampled_from(ALPHABET), max_size=24)
Result = tuple[str, list[tuple[int, int, int, str]], int | None]


@cache
def once(rules: tuple[Rule, ...]) -> RuleSet:
    """What it learns from one text must be right for all others."""
    return compile_rules(rules)


def rules_of(*rules: tuple[str, str, str], whole: bool = False) -> list[Rule]:
    return [Rule(key, *rule, whole_words=whole) for key, rule in enumerate(rules)]


def through(rules: Iterable[Rule], pieces: Iterable[str], already: str = "") -> Result:
    guard = Guard(once(tuple(rules)), already)
    said = []
    given_text = ""
    for piece in pieces:
        given_text += piece
        said.append(guard.feed(piece))
        assert len(guard.held) <= WINDOW
        if guard.blocked is None:
            # Let out, masked or held: everything is somewhere.
            assert len("".join(said) + guard.held) == len(given_text)
            assert given_text.endswith(guard.held)
    said.append(guard.finish())
    assert guard.held == ""
    found = [(f.rule.key, f.start, f.end, f.text) for f in guard.findings()]
    blocked = guard.blocked.key if guard.blocked else None
    return "".join(said), sorted(found), blocked


@st.composite
def splits(draw: st.DrawFn, text: st.SearchStrategy[str]) -> tuple[str, list[str]]:
    """A text, and the pieces it may come in; some are empty."""
    whole = draw(text)
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=12)))
    bounds = [0, *cuts, len(whole)]
    return whole, [whole[a:b] for a, b in pairwise(bounds)]


def every_match(pattern: str, text: str) -> set[tuple[int, int]]:
    """All substrings that match, by Python's own engine. The look ahead ties the end
    to a place; the text beyond it can be seen."""
    found = set()
    for end in range(1, len(text) + 1):
        flags, body = ("(?i)", pattern[4:]) if pattern[:4] == "(?i)" else ("", pattern)
        tied = re.compile(rf"{flags}(?:{body})(?=(?s:.{{{len(text) - end}}})\Z)")
        for start in range(end):
            if tied.match(text, start):
                found.add((start, end))
    return found


def masked(text: str, matches: Iterable[tuple[int, int]]) -> str:
    hidden = {place for start, end in matches for place in range(start, end)}
    return "".join(MASK if at in hidden else char for at, char in enumerate(text))


@given(splits(texts), st.sampled_from(PATTERNS))
@settings(max_examples=150, deadline=None)
def test_it_masks_all_that_matches_and_nothing_else(split, pattern) -> None:
    text, pieces = split
    said, found, _blocked = through(rules_of(("regex", "mask", pattern)), pieces)

    assert said == masked(text, every_match(pattern, text))
    assert all(of == text[start:end] for _key, start, end, of in found)


@given(splits(texts))
@settings(max_examples=150, deadline=None)
def test_it_masks_every_keyword(split) -> None:
    text, pieces = split
    rules = rules_of(("keywords", "mask", "\n".join(WORDS)))
    said, _found, _blocked = through(rules, pieces)

    # By folding whole texts. A word may end inside a character: all of it is masked.
    places = [at for at, char in enumerate(text) for _part in fold(char)]
    folded = fold(text)
    matches = [
        (places[match.start()], places[match.start() + len(word) - 1] + 1)
        for word in map(fold, WORDS)
        for match in re.finditer(f"(?={re.escape(word)})", folded)
    ]
    assert said == masked(text, matches)


MIXED = [
    rules_of(("keywords", "mask", "\n".join(WORDS)), ("regex", "block", r"e\s?\d")),
    rules_of(("keywords", "block", "敏感词\nabcd"), ("regex", "mask", r"\w{2}c")),
    rules_of(
        ("keywords", "flag", "ab\n感"),
        ("regex", "block", r"(?<!\d)12(?!\d)"),
        ("regex", "mask", r"[a-c]{3,}"),
    ),
    rules_of(
        ("keywords", "mask", "abc\nb\nbad"), ("keywords", "flag", "cab"), whole=True
    ),
    rules_of(
        ("keywords", "block", "abc\nbad word\nxy"),
        ("keywords", "mask", "b"),
        whole=True,
    ),
    rules_of(
        *((kind, "mask", "") for kind in ("email", "phone", "chinese_id", "card"))
    ),
]
TELLING = ["a.b@c.de", "13812345678", "4111 1111 1111 1111", "11010519491231002X"]
personal = st.lists(st.sampled_from([*TELLING, *"1a .@-+敏"]), max_size=6).map("".join)


@given(splits(texts | personal), st.sampled_from(MIXED))
@settings(max_examples=200, deadline=None)
def test_it_does_not_matter_how_a_text_is_cut(split, rules) -> None:
    text, pieces = split

    assert through(rules, pieces) == through(rules, [text]) == through(rules, text)


@given(splits(st.tuples(texts, texts).map("敏感词".join)))
@settings(max_examples=80, deadline=None)
def test_what_blocks_never_begins_to_leave(split) -> None:
    text, pieces = split
    said, found, blocked = through(rules_of(("keywords", "block", "敏感词")), pieces)

    assert blocked == 0
    # As far as the first one, of which unseen characters may be a part.
    plain = text.replace("\u200b", "")
    assert said.replace("\u200b", "") == plain[: plain.index("敏感词")]
    assert fold(found[0][3]) == "敏感词"


@given(texts, texts)
@settings(max_examples=80, deadline=None)
def test_it_knows_what_was_let_out_before(before, after) -> None:
    """A process that continues: no whole match over the seam, and nothing masked
    that stands behind it alone."""
    rules = rules_of(("keywords", "mask", "敏感词\nabc"), ("regex", "mask", r"\d{3}"))
    said, _found, _blocked = through(rules, after, already=before)

    whole, _found, _blocked = through(rules, before + after)
    assert said == whole[len(before) :]


def test_clean_text_is_not_held() -> None:
    rules = rules_of(("keywords", "mask", "abc"), ("regex", "mask", r"\d{3}x"))
    guard = Guard(compile_rules(rules))

    assert [guard.feed(piece) for piece in ("hello ", "ab", "d", "12", "3", "4")] == [
        *("hello ", "", "abd", "", "", "1")
    ]


def test_it_holds_the_window_at_most() -> None:
    guard = Guard(compile_rules(rules_of(("regex", "mask", r"a.*z"))))
    assert guard.feed("a" + "b" * (WINDOW - 1)) == ""
    assert guard.feed("b") == "ab" + "b" * (WINDOW - 1)

    long = Guard(compile_rules(rules_of(("regex", "mask", r"[a-z]+"))))
    out = "".join(long.feed("b") for _time in range(3 * WINDOW)) + long.finish()
    assert out == MASK * (3 * WINDOW)


def test_a_finding_has_the_beginning_of_what_was_held() -> None:
    rules = rules_of(("regex", "mask", "[a-z]+"))
    _said, [(_key, start, end, text)], _blocked = through(rules, "b" * 1000)

    assert (start, end, text) == (0, 1000, "b" * WINDOW)


def test_a_long_text_full_of_matches_is_no_burden() -> None:
    rules = rules_of(("keywords", "mask", "ab"), ("regex", "flag", r"b a"))
    said, found, _blocked = through(rules, ["ab " * 30_000])

    assert said == f"{MASK}{MASK} " * 30_000
    assert len(found) == 59_999


@pytest.mark.parametrize("already", ["forbid", "x" * 1000 + "forbid"])
def test_what_began_before_the_seam_is_masked_behind_it(already: str) -> None:
    rules = rules_of(("keywords", "mask", "forbidden"))
    said, [found], _blocked = through(rules, ["den fruit"], already)

    assert said == f"{MASK * 3} fruit"
    assert found[1:] == (len(already) - 6, len(already) + 3, "forbidden")
