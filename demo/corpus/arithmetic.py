"""Sums, differences and small products, worked out step by step.

A small network adds reliably when it may write the tens and units down first, which
also streams nicely. Pairs are held out by a hash, like phrasings.
"""

import random

from demo.corpus.phrasing import is_held_out
from demo.corpus.shapes import Language, Sample, Turn

LIMIT = 100
ADD: dict[Language, list[str]] = {
    "en": [
        "what is {a} + {b}",
        "{a} + {b}",
        "{a}+{b}",
        "{a} plus {b}",
        "what is {a} plus {b}",
        "calculate {a} + {b}",
        "add {a} and {b}",
        "how much is {a} + {b}",
        "{a} + {b} =",
        "what's {a}+{b}",
        "the sum of {a} and {b}",
        "{a}+{b}=",
        "how much is {a} plus {b}",
        "compute {a} + {b}",
        "add {b} to {a}",
    ],
    "zh": [
        "{a} + {b} 等于多少",
        "{a}+{b}",
        "{a}加{b}等于多少",
        "{a}+{b}等于几",
        "计算{a}+{b}",
        "{a} + {b} 是多少",
        "{a}加{b}",
        "{a}+{b}=",
        "{a}加上{b}是多少",
        "算一下{a}+{b}",
        "{a}与{b}的和",
    ],
}
SUBTRACT: dict[Language, list[str]] = {
    "en": [
        "what is {a} - {b}",
        "{a} - {b}",
        "{a}-{b}",
        "{a} minus {b}",
        "what is {a} minus {b}",
        "calculate {a} - {b}",
        "subtract {b} from {a}",
        "how much is {a} - {b}",
        "{a}-{b}=",
        "what's {a} - {b}",
        "{a} take away {b}",
        "compute {a} - {b}",
    ],
    "zh": [
        "{a} - {b} 等于多少",
        "{a}-{b}",
        "{a}减{b}等于多少",
        "{a}-{b}等于几",
        "计算{a}-{b}",
        "{a} - {b} 是多少",
        "{a}减{b}",
        "{a}-{b}=",
        "{a}减去{b}是多少",
        "算一下{a}-{b}",
    ],
}
MULTIPLY: dict[Language, list[str]] = {
    "en": [
        "what is {a} times {b}",
        "{a} * {b}",
        "{a} x {b}",
        "{a} times {b}",
        "{a}*{b}",
        "multiply {a} by {b}",
        "{a} × {b}",
    ],
    "zh": [
        "{a}乘以{b}等于多少",
        "{a}乘{b}",
        "{a}×{b}",
        "{a}*{b}等于几",
        "{a}乘{b}等于多少",
    ],
}
DIVIDE: dict[Language, list[str]] = {
    "en": ["what is {a} divided by {b}", "{a} / {b}", "divide {a} by {b}", "{a}/{b}"],
    "zh": ["{a}除以{b}等于多少", "{a}÷{b}", "{a}除以{b}"],
}
STEPS: dict[Language, tuple[str, str, str]] = {
    "en": ("tens", "units", "together"),
    "zh": ("十位", "个位", "合起来"),
}
NEGATIVE: dict[Language, str] = {
    "en": "The second number is larger, so the answer is negative:",
    "zh": "第二个数更大，所以答案是负数：",
}
TOO_LARGE: dict[Language, str] = {
    "en": "That is too hard for a **tiny demo model**: I add and subtract numbers below "
    "100 and know the times table. A real model behind `CHAT_BASE_URL` can do more.",
    "zh": "这对**小型演示模型**来说太难了：我只会 100 以内的加减和乘法表。"
    "用 `CHAT_BASE_URL` 接入真正的模型就能算更多。",
}
WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen "
    "fourteen fifteen sixteen seventeen eighteen nineteen twenty"
).split()
HAN = "零一二三四五六七八九十"


def worked_sum(a: int, b: int, language: Language) -> str:
    if a < 10 and b < 10:
        return f"{a} + {b} = **{a + b}**"
    tens, units, together = STEPS[language]
    high, low = a // 10 * 10 + b // 10 * 10, a % 10 + b % 10
    return (
        f"{a} + {b}:\n\n- {tens}: {a // 10 * 10} + {b // 10 * 10} = {high}\n"
        f"- {units}: {a % 10} + {b % 10} = {low}\n"
        f"- {together}: {high} + {low} = **{a + b}**"
    )


def worked_difference(a: int, b: int, language: Language) -> str:
    if a < b:
        steps = worked_difference(b, a, language).replace("**", "")
        return f"{NEGATIVE[language]}\n\n{steps}\n\n{a} - {b} = **{a - b}**"
    if a < 10:
        return f"{a} - {b} = **{a - b}**"
    tens, units, _ = STEPS[language]
    rest = a - b // 10 * 10
    return (
        f"{a} - {b}:\n\n- {tens}: {a} - {b // 10 * 10} = {rest}\n"
        f"- {units}: {rest} - {b % 10} = **{a - b}**"
    )


def _pair(sign: str, held: bool, rng: random.Random) -> tuple[int, int]:
    """Two numbers whose hash puts them on the wanted side of the split."""
    while True:
        top = 10 if not held and rng.random() < 0.12 else LIMIT
        a, b = rng.randrange(top), rng.randrange(top)
        if is_held_out(f"{a} {sign} {b}") == held:
            return a, b


def spell(number: int, language: Language, rng: random.Random) -> str:
    """Digits, or now and then a word for a small number."""
    if language == "en" and number < len(WORDS) and rng.random() < 0.3:
        return WORDS[number]
    if language == "zh" and number < len(HAN) and rng.random() < 0.3:
        return HAN[number]
    return str(number)


def _ask(
    frames: list[str], a: int, b: int, language: Language, rng: random.Random
) -> str:
    core = rng.choice(frames).format(
        a=spell(a, language, rng), b=spell(b, language, rng)
    )
    return dress_number(core, language, rng)


def dress_number(core: str, language: Language, rng: random.Random) -> str:
    """A light dress: typos in numbers would teach wrong sums."""
    text = core[:1].upper() + core[1:] if rng.random() < 0.5 else core
    if rng.random() < 0.15:
        text = ("please " if language == "en" else "请问") + text
    return text + rng.choice(
        ("?", "", "", "=?") if text[-1].isdigit() else ("?", "", "")
    )


def sum_sample(language: Language, held: bool, rng: random.Random) -> Sample:
    """A sum or difference, now and then followed by one more step."""
    plus = rng.random() < 0.55
    a, b = _pair("+" if plus else "-", held, rng)
    if not plus and a < b and rng.random() < 0.7:
        a, b = (b, a) if is_held_out(f"{b} - {a}") == held else (a, b)
    frames = (ADD if plus else SUBTRACT)[language]
    work = (worked_sum if plus else worked_difference)(a, b, language)
    result = a + b if plus else a - b
    turns = [Turn(_ask(frames, a, b, language, rng), (work,))]
    if not held and 0 <= result < LIMIT and rng.random() < 0.12:
        turns.append(_next_step(result, language, rng))
    return Sample("sums", language, tuple(turns), f"**{result}**")


def _next_step(result: int, language: Language, rng: random.Random) -> Turn:
    c = rng.randrange(1, 30)
    if rng.random() < 0.5:
        asks = {"en": ["plus {}", "and plus {}", "add {}"], "zh": ["再加{}", "加{}"]}
        return Turn(
            rng.choice(asks[language]).format(c), (worked_sum(result, c, language),)
        )
    asks = {"en": ["minus {}", "and minus {}", "subtract {}"], "zh": ["再减{}", "减{}"]}
    work = worked_difference(result, c, language)
    return Turn(rng.choice(asks[language]).format(c), (work,))


def product_sample(language: Language, rng: random.Random) -> Sample:
    a, b = rng.randrange(11), rng.randrange(11)
    turn = Turn(
        _ask(MULTIPLY[language], a, b, language, rng), (f"{a} × {b} = **{a * b}**",)
    )
    return Sample("products", language, (turn,))


def too_large_sample(language: Language, rng: random.Random) -> Sample:
    """Numbers and operations the model has not learned: it should say so."""
    frames = rng.choice((ADD, SUBTRACT, MULTIPLY))[language]
    a, b = rng.randrange(100, 10 ** rng.randrange(3, 7) + 1), rng.randrange(1, 5000)
    if frames is MULTIPLY[language] and rng.random() < 0.5:
        a, b = rng.randrange(11, 100), rng.randrange(11, 100)
    if rng.random() < 0.25:
        frames, a = DIVIDE[language], rng.randrange(1, 500)
    if rng.random() < 0.4 and frames not in (MULTIPLY[language], DIVIDE[language]):
        a, b = b % 100, a
    turn = Turn(_ask(frames, a, b, language, rng), (TOO_LARGE[language],))
    return Sample("large sums", language, (turn,))
