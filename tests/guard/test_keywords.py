"""Words: in any case, width and composition, whole or inside others."""

from __future__ import annotations

import pytest

from chat.guard import MASK, Guard, Rule, RuleError, compile_rules


def screened(words: str, text: str, *, whole: bool = True) -> str:
    rules = [Rule(1, "keywords", "mask", words, whole)]
    guard = Guard(compile_rules(rules))
    return "".join([*map(guard.feed, text), guard.finish()]).replace(MASK, "#")


@pytest.mark.parametrize(
    ("word", "text", "shown"),
    [
        ("secret", "A Secret, SECRET ｓｅｃｒｅｔ", "A ######, ###### ######"),
        ("secret", "secrets secretary tosecret secret_", None),
        ("secret", "这是secret。", "这是######。"),
        ("机密", "这是机密文件", "这是##文件"),
        ("top secret", "top\nsecret top\u3000secret", "########## ##########"),
        ("straße", "STRASSE strasse", "####### #######"),
        ("ﬁne", "fine", "####"),
        ("café", "café cafe\u0301 cafe", "#### ##### cafe"),
        ("ano", "año ano", "año ###"),
        ("secret", "se\u200bc\u00adret", "########"),
        ("secret", "se\u200b\u200b\u200b\u200bcret", None),
        ("ガス", "ｶﾞｽ カ\u3099ス", "### ###"),
        ("c++", "c++ and c++11", "### and ###11"),
        ("kg", "5 ㎏ 6 ㎏s", "5 # 6 ㎏s"),
        ("bad\n\nworse\n", "bad worse", "### #####"),
    ],
)
def test_whole_words(word: str, text: str, shown: str | None) -> None:
    assert screened(word, text) == (text if shown is None else shown)


def test_parts_of_words() -> None:
    assert screened("secret", "secretary", whole=False) == "######ary"
    assert screened("gs", "5㎏s", whole=False) == "5##"


def test_what_stands_before_a_word_counts_each_time() -> None:
    rules = compile_rules([Rule(1, "keywords", "mask", "cat")])
    said = []
    for pieces in (["bob", "cat", "."], ["a ", "cat", "."], ["bob", "cat", "."]):
        guard = Guard(rules)
        said.append("".join([*map(guard.feed, pieces), guard.finish()]))

    assert said == ["bobcat.", f"a {MASK * 3}.", "bobcat."]


def test_words_that_overlap_are_all_found() -> None:
    assert screened("abcd\nbc\ncdef", "abcdef abce", whole=False) == "###### a##e"


@pytest.mark.parametrize(
    ("words", "code"), [("", "empty"), (" \n\u200b\n", "empty"), ("x" * 65, "too_long")]
)
def test_it_refuses(words: str, code: str) -> None:
    with pytest.raises(RuleError) as error:
        Rule(1, "keywords", "mask", words).check()
    assert error.value.code == code


def test_it_refuses_too_many_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.guard.rules.MAX_WORDS", 2)
    rule = Rule(1, "keywords", "mask", "a\nb")
    rule.check()
    with pytest.raises(RuleError, match="too_many"):
        Rule(1, "keywords", "mask", "a\nb\nc").check()
    with pytest.raises(RuleError, match="too_many"):
        compile_rules([rule, rule])
