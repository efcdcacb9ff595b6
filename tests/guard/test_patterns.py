"""Expressions: which are taken, and what tells about persons."""

from __future__ import annotations

import pytest

from chat.guard import MASK, Guard, Rule, RuleError, compile_rules


def screened(kind: str, text: str, pattern: str = "") -> str:
    guard = Guard(compile_rules([Rule(1, kind, "mask", pattern)]))
    return "".join([*map(guard.feed, text), guard.finish()]).replace(MASK, "#")


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("", "empty"),
        ("(", "syntax"),
        ("[a", "syntax"),
        ("a{3,2}", "syntax"),
        ("(?z)", "syntax"),
        ("a" * 501, "too_long"),
        ("^a", "unsupported"),
        ("a$", "unsupported"),
        (r"a\Z", "unsupported"),
        (r"(a)\1", "unsupported"),
        (r"(?P<x>a)(?P=x)", "unsupported"),
        ("a(?=bc)", "unsupported"),
        ("a(?!b*)", "unsupported"),
        ("(?>a)", "unsupported"),
        ("a++", "unsupported"),
        ("(?s:.)", "unsupported"),
        ("a{300}", "too_complicated"),
        ("(a{100}){100}", "too_complicated"),
        ("(" * 21 + "a" + ")" * 21, "too_complicated"),
        ("(" * 240 + "a" + ")" * 240, "too_complicated"),
        ("a*", "matches_nothing"),
        (r"\b", "matches_nothing"),
        ("a|", "matches_nothing"),
    ],
)
def test_it_refuses(pattern: str, code: str) -> None:
    with pytest.raises(RuleError) as error:
        Rule(1, "regex", "mask", pattern).check()
    assert error.value.code == code


@pytest.mark.parametrize(
    ("pattern", "text", "shown"),
    [
        (r"a{2}", "aaa a", "### a"),
        (r"x{,2}y", "xxxy y", "x##y #".replace("x##y", "x###")),
        (r"{}a{b{1", "{}a{b{1", "#######"),
        (r"[]a]b", "]b ab", "## ##"),
        (r"[^]a]b", "]b cb", "]b ##"),
        (r"[\]a-]c", "]c -c", "## ##"),
        (r"\x41\u4e2d", "A中", "##"),
        (r"(?P<name>a|b)+c", "abc", "###"),
        (r"(?i)straße", "STRAßE", "######"),
        (r"a.b", "a\nb a-b", "a\nb ###"),
        (r"\bon\b", "on upon 上on", "## upon 上on"),
        (r"a(?=[0-9])", "a1 ab", "#1 ab"),
        (r"(?<=[0-9])a", "1a ba", "1# ba"),
    ],
)
def test_it_reads_pythons_syntax(pattern: str, text: str, shown: str) -> None:
    Rule(1, "regex", "mask", pattern).check()
    assert screened("regex", text, pattern) == shown


def test_what_is_slow_elsewhere_is_not_here() -> None:
    """Takes Python's engine longer than anybody lives."""
    assert screened("regex", "a" * 2000, r"(?:a+)+b") == "a" * 2000
    assert screened("regex", "a" * 2000, r"\w{3,200}!") == "a" * 2000


@pytest.mark.parametrize(
    ("kind", "text", "shown"),
    [
        ("email", "to a.b+c@x-y.example.org.", f"to {'#' * 21}."),
        ("email", "联系zhang@mail.cn吧", f"联系{'#' * 13}吧"),
        ("email", "@x.org a@b a@.org x@y.z9", None),
        ("phone", "13812345678", "#" * 11),
        ("phone", "电话138-1234-5678。", f"电话{'#' * 13}。"),
        ("phone", "+86 138 1234 5678", "#" * 17),
        ("phone", "008613812345678", "#" * 15),
        ("phone", "１３８１２３４５６７８", "#" * 11),
        ("phone", "+44 20 7946 0958 call", f"{'#' * 16} call"),
        ("phone", "+1 (202) 555-0123", "#" * 17),
        ("phone", "12812345678 138123456789 2138123456780 +12 345", None),
        ("chinese_id", "11010519491231002X", "#" * 18),
        ("chinese_id", "身份证11010519491231002x号", f"身份证{'#' * 18}号"),
        ("chinese_id", "110105194912310021", None),
        ("chinese_id", "11010519491331002X", None),
        ("chinese_id", "111010519491231002X", None),
        ("card", "4111111111111111", "#" * 16),
        ("card", "5500 0055 5555 5559", "#" * 19),
        ("card", "6222 0200 0000 0000 007 12", None),
        ("card", "371449635398431", "#" * 15),
        ("card", "3714-496353-98431 and", f"{'#' * 17} and"),
        ("card", "6222020000000000004", None),
        ("card", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", None),
        ("card", "4111111111111112 2222222222222222", None),
    ],
)
def test_what_tells_about_persons(kind: str, text: str, shown: str | None) -> None:
    assert screened(kind, text) == (text if shown is None else shown)
