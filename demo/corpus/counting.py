"""Counting up, in a range and down."""

import random

from demo.corpus.arithmetic import dress_number, spell
from demo.corpus.phrasing import dress, is_held_out
from demo.corpus.shapes import Language, Sample, Turn

COUNT_TO: dict[Language, list[str]] = {
    "en": [
        "count to {b}",
        "count up to {b}",
        "can you count to {b}",
        "count from 1 to {b}",
        "list the numbers from 1 to {b}",
        "numbers up to {b}",
        "1 to {b}",
    ],
    "zh": ["数到{b}", "从1数到{b}", "数数到{b}", "你能数到{b}吗", "列出1到{b}的数字"],
}
COUNT_RANGE: dict[Language, list[str]] = {
    "en": [
        "count from {a} to {b}",
        "list the numbers from {a} to {b}",
        "numbers {a} to {b}",
        "count {a} to {b}",
        "the numbers between {a} and {b}",
    ],
    "zh": ["从{a}数到{b}", "列出{a}到{b}的数字", "数{a}到{b}", "请从{a}数到{b}"],
}
COUNT_DOWN: dict[Language, list[str]] = {
    "en": [
        "count down from {b}",
        "count backwards from {b}",
        "countdown from {b}",
        "count down from {b} to 1",
        "count backwards from {b} to 1",
        "count from {b} to 1",
    ],
    "zh": ["从{b}倒数", "倒数{b}个数", "从{b}倒着数", "从{b}数到1", "倒数从{b}开始"],
}
TOO_FAR: dict[Language, str] = {
    "en": "That is a lot of numbers! I count up to **100**. Try *“count to 100”*.",
    "zh": "这么多数字！我最多数到 **100**。试试*“数到 100”*。",
}


def spoken(numbers: range, language: Language) -> str:
    return (", " if language == "en" else "、").join(map(str, numbers)) + (
        "." if language == "en" else "。"
    )


def count_sample(language: Language, held: bool, rng: random.Random) -> Sample:
    """Counting up, in a range, or down; far numbers are declined."""
    if not held and rng.random() < 0.06:
        far = rng.choice((rng.randrange(101, 1000), 1000, 10000, 1000000, 200, 500))
        core = rng.choice(COUNT_TO[language]).format(b=far)
        return _count(core, TOO_FAR[language], language, rng)
    while True:
        kind = rng.choice((COUNT_TO, COUNT_RANGE, COUNT_DOWN))
        common = (rng.randrange(2, 16), rng.randrange(2, 31), rng.randrange(5, 61))
        b = rng.choice((*common, *common, 10, 20, 50, 100))
        a = max(1, b - rng.randrange(2, 20)) if kind is COUNT_RANGE else 1
        core = rng.choice(kind[language]).format(a=a, b=spell(b, language, rng))
        if kind is COUNT_RANGE and rng.random() < 0.15:
            core = rng.choice(kind[language]).format(a=b, b=a)
            down = True
        else:
            down = kind is COUNT_DOWN
        numbers = range(b, a - 1, -1) if down else range(a, b + 1)
        if is_held_out(core) == held:
            return _count(core, spoken(numbers, language), language, rng)


def _count(core: str, answer: str, language: Language, rng: random.Random) -> Sample:
    ask = (
        dress(core, language, rng)
        if rng.random() < 0.3
        else dress_number(core, language, rng)
    )
    return Sample("counting", language, (Turn(ask, (answer,)),))
