"""Out-of-scope questions, nonsense, and the plain answer to them."""

import random

from demo.corpus.phrasing import dress, is_held_out
from demo.corpus.refusal_words import FRAMES, PEOPLE, PLACES, SYLLABLES, THINGS
from demo.corpus.shapes import Language, Sample, Turn

ANSWERS: dict[Language, str] = {
    "en": "I am only a **tiny demo model**, so I do not know that. I can tell you about "
    "**Chatsite**, count, add small numbers, draw tables and write a poem.\n\nFor real "
    "answers, connect a bigger model with `CHAT_BASE_URL` or `CHAT_MODEL`.",
    "zh": "我只是一个**小型演示模型**，这个我不知道。我可以介绍 **Chatsite**、数数、做简单加减、画表格和写诗。"
    "\n\n想要真正的回答，请用 `CHAT_BASE_URL` 或 `CHAT_MODEL` 接入更大的模型。",
}
NONSENSE: dict[Language, str] = {
    "en": "I could not make sense of that. 🤔 I am only a **tiny demo model**: ask me "
    "about **Chatsite**, or say *“help”*.",
    "zh": "我没有看懂。🤔 我只是一个**小型演示模型**：可以问我关于 **Chatsite** 的问题，或者说*“帮助”*。",
}
MARKERS: dict[Language, str] = {"en": "tiny demo model", "zh": "小型演示模型"}
KEYS = "asdfghjklqwertyuiopzxcvbnm"
MARKS = "!?.,;:#@$%&*()-_=+/\\<>[]{}|~"


def made_up(rng: random.Random) -> str:
    """A word nobody knows, such as `florokeza`."""
    return "".join(rng.choice(SYLLABLES) for _ in range(rng.randrange(2, 5)))


def made_up_zh(rng: random.Random) -> str:
    return "".join(
        chr(rng.randrange(0x4E00, 0x9FA5)) for _ in range(rng.randrange(2, 6))
    )


def question(language: Language, rng: random.Random) -> str:
    """One out-of-scope core: a frame filled with words."""
    things, places = THINGS[language], PLACES[language]
    invent = made_up if language == "en" or rng.random() < 0.3 else made_up_zh
    return rng.choice(FRAMES[language]).format(
        t=rng.choice(things).replace("-", " "),
        t2=rng.choice(things).replace("-", " "),
        p=rng.choice(places),
        p2=rng.choice(places),
        w=rng.choice(PEOPLE[language]).replace("-", " "),
        n=rng.randrange(2, 2100),
        x=invent(rng),
        x2=invent(rng),
    )


def salad(language: Language, rng: random.Random) -> str:
    """A sentence of unrelated words: out of scope, whatever it means."""
    words = [
        rng.choice(THINGS[language] + PLACES[language] + PEOPLE[language]).replace(
            "-", " "
        )
        for _ in range(rng.randrange(2, 7))
    ]
    glue = (" ", " the ", " of ", " is ", " and ", " with my ", " in ", " because ")
    han = ("", "的", "和", "在", "是", "因为", "了", "，")
    text = ""
    for word in words:
        text += word + rng.choice(glue if language == "en" else han)
    return text.strip()


def nonsense(rng: random.Random) -> str:
    """Keys hit at random, marks, or both."""
    kind = rng.random()
    if kind < 0.5:
        return " ".join(
            "".join(rng.choice(KEYS) for _ in range(rng.randrange(3, 11)))
            for _ in range(rng.randrange(1, 4))
        )
    if kind < 0.65:
        return rng.choice(KEYS) * rng.randrange(1, 12)
    if kind < 0.8:
        return "".join(rng.choice(MARKS) for _ in range(rng.randrange(1, 9)))
    if kind < 0.9:
        return str(rng.randrange(10 ** rng.randrange(1, 9)))
    return "".join(rng.choice("😀🎉🐱🚀❤🍕🌧🤖👍🔥") for _ in range(rng.randrange(1, 5)))


def refusal_sample(language: Language, held: bool, rng: random.Random) -> Sample:
    while True:
        core = salad(language, rng) if rng.random() < 0.12 else question(language, rng)
        if is_held_out(core) == held:
            break
    turn = Turn(dress(core, language, rng), (ANSWERS[language],))
    return Sample("refusals", language, (turn,), MARKERS[language])


def nonsense_sample(held: bool, rng: random.Random) -> Sample:
    """Nonsense is answered in English; it has no language of its own."""
    while True:
        text = nonsense(rng)
        if is_held_out(f"non sense {text}") == held:
            return Sample(
                "nonsense", "en", (Turn(text, (NONSENSE["en"],)),), MARKERS["en"]
            )
