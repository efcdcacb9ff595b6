"""How people ask: frames around subjects, prefixes, suffixes, casing and typos.

The *core* of a question is what a frame makes of a phrase. A hash of the normalised
core decides whether it is held out, so the split needs no list and no seed.
"""

import hashlib
import random
import re

from demo.corpus.shapes import Language
from demo.corpus.topic import Side

HELD_OUT_OF_256 = 20
FRAMES: dict[Language, dict[str, list[str]]] = {
    "en": {
        "is": [
            "where is {}",
            "do i need {}",
            "is {} required",
            "is {} optional",
            "what is the default for {}",
            "which {} are there",
            "anything about {}",
            "i have a question about {}",
            "i read about {}, what is that",
            "what's the deal with {}",
            "where do i find {}",
            "how does chatsite use {}",
            "why is there {}",
            "what's {} good for",
            "does chatsite have {}",
            "can i use {} with this",
            "can i use {}",
            "does it support {}",
            "is there {}",
            "where can i see {}",
            "show me {}",
            "what about {}",
            "how many {}",
            "when do i need {}",
            "can you say something about {}",
            "where does {} live",
            "how is {} used",
            "the purpose of {}",
            "is {} important",
            "what should i know about {}",
            "{} explained",
            "my question is about {}",
            "how about {}",
            "what's the url of {}",
            "give me an overview of {}",
            "what is {}",
            "what's {}",
            "what are {}",
            "explain {}",
            "tell me about {}",
            "how does {} work",
            "can you explain {}",
            "{}",
            "describe {}",
            "what does {} mean",
            "help me understand {}",
            "what do you know about {}",
            "i want to know about {}",
            "what exactly is {}",
            "what is {} for",
            "give me information about {}",
            "could you describe {}",
            "how do {} work",
            "i don't understand {}",
            "info on {}",
            "teach me about {}",
        ],
        "do": [
            "what do i type to {}",
            "which command do i use to {}",
            "what is the command to {}",
            "how do you {}",
            "how do i {} here",
            "i was wondering how to {}",
            "can you show me how to {}",
            "is it possible to {}",
            "any idea how to {}",
            "i am trying to {}",
            "what must i do to {}",
            "could i {}",
            "what if i want to {}",
            "do you know how to {}",
            "how do we {}",
            "where do i go to {}",
            "how should i {}",
            "what's the command to {}",
            "where can i {}",
            "am i able to {}",
            "i would like to {}",
            "can you {}",
            "how can we {}",
            "what do i do to {}",
            "what happens when i {}",
            "how do i {}",
            "how can i {}",
            "how to {}",
            "i want to {}",
            "show me how to {}",
            "what is the way to {}",
            "how would i {}",
            "is there a way to {}",
            "help me {}",
            "what do i need to {}",
            "can i {}",
            "{}",
            "how does one {}",
            "steps to {}",
            "i need to {}",
            "i'd like to {}",
            "how could we {}",
            "explain how to {}",
            "what's the best way to {}",
            "tell me how to {}",
        ],
        "ask": ["{}"],
    },
    "zh": {
        "is": [
            "{}在哪里",
            "需要{}吗",
            "一定要有{}吗",
            "{}默认是什么",
            "{}有哪些",
            "chatsite的{}",
            "chatsite有{}吗",
            "能用{}吗",
            "可以把{}接进来吗",
            "关于{}的问题",
            "{}的作用",
            "{}怎么样",
            "听说有{}，是什么",
            "为什么要有{}",
            "{}怎么用",
            "{}能做什么",
            "给我讲讲{}吧",
            "想问{}",
            "{}是多少",
            "{}呢",
            "看看{}",
            "你知道{}吗",
            "{}的地址",
            "什么是{}",
            "{}是什么",
            "介绍一下{}",
            "解释一下{}",
            "说说{}",
            "{}是什么意思",
            "{}怎么工作",
            "{}",
            "讲讲{}",
            "{}有什么用",
            "我想了解{}",
            "什么叫{}",
            "告诉我{}是什么",
            "{}是怎么回事",
            "关于{}",
            "我不懂{}",
            "详细说说{}",
            "{}是干什么的",
        ],
        "do": [
            "{}怎么办",
            "想要{}怎么办",
            "用什么命令{}",
            "在哪里{}",
            "我想要{}，该怎么做",
            "有办法{}吗",
            "{}需要什么",
            "帮我{}",
            "{}的命令是什么",
            "请教怎么{}",
            "我打算{}",
            "哪里可以{}",
            "怎么样才可以{}",
            "怎么能{}",
            "能{}吗",
            "要{}该做什么",
            "怎么{}",
            "如何{}",
            "怎样{}",
            "我想{}",
            "教我{}",
            "{}的方法",
            "怎么才能{}",
            "我要{}",
            "我该怎么{}",
            "可以{}吗",
            "能不能{}",
            "{}",
            "如何才能{}",
            "{}要怎么做",
            "告诉我怎么{}",
            "{}的步骤",
        ],
        "ask": ["{}"],
    },
}
PREFIXES: dict[Language, list[str]] = {
    "en": [
        "please ",
        "hi, ",
        "hey, ",
        "hello, ",
        "ok, ",
        "so ",
        "can you tell me ",
        "could you tell me ",
        "i would like to know ",
        "quick question: ",
        "sorry, ",
        "um ",
        "well, ",
        "hi! ",
        "and ",
        "now ",
        "please tell me ",
        "hey ",
        "tell me ",
        "do you know ",
        "good morning, ",
        "one question: ",
        "then ",
        "but ",
    ],
    "zh": [
        "请问",
        "你好，",
        "请",
        "那么",
        "我想知道",
        "能告诉我",
        "想问一下，",
        "嗨，",
        "麻烦问下",
        "那",
        "请告诉我",
        "你知道",
        "请教一下，",
        "好的，",
        "问一下",
        "您好，",
        "现在",
    ],
}
SUFFIXES: dict[Language, list[str]] = {
    "en": [
        " please",
        ", please",
        " thanks",
        ", thank you",
        " for me",
        " again",
        " now",
    ],
    "zh": ["，谢谢", "呢", "啊", "呀", "，拜托了", "吧", "谢谢"],
}
ENDINGS: dict[Language, list[str]] = {
    "en": ["?", "?", "?", "", "", "", ".", "!", "??", " ?"],
    "zh": ["？", "？", "？", "", "", "", "。", "！", "?", "……"],
}
PLACES: dict[Language, list[str]] = {
    "en": [" in chatsite", " in Chatsite", " here", " with chatsite"],
    "zh": [],
}


def normalise(text: str) -> str:
    """Lower case, letters and digits only: what two phrasings have in common."""
    return " ".join(re.findall(r"[\w/+*×÷-]+", text.lower()))


def is_held_out(core: str) -> bool:
    """True for about 8 % of cores; very short ones are always taught."""
    plain = normalise(core)
    short = (
        len(plain) < 6
        if re.search(r"[\u4e00-\u9fff]", plain)
        else len(plain.split()) < 3
    )
    digest = hashlib.blake2b(plain.encode(), digest_size=1).digest()
    return not short and digest[0] < HELD_OUT_OF_256


def cores(side: Side, language: Language) -> list[str]:
    """Every undressed question of one topic in one language."""
    return [
        frame.format(phrase)
        for kind, phrases in side.phrases.items()
        for phrase in phrases
        for frame in FRAMES[language][kind]
    ]


def typo(text: str, rng: random.Random) -> str:
    """One slip of the finger: a letter lost, doubled or swapped with its neighbour."""
    if len(text) < 6:
        return text
    at = rng.randrange(1, len(text) - 1)
    if not text[at].isalpha():
        return text
    slips = [
        text[:at] + text[at + 1 :],
        text[:at] + text[at] + text[at:],
        text[: at - 1] + text[at] + text[at - 1] + text[at + 1 :],
    ]
    return rng.choice(slips)


def _case(text: str, rng: random.Random) -> str:
    roll = rng.random()
    if roll < 0.4:
        return text.lower()
    if roll < 0.8:
        return text[:1].upper() + text[1:]
    return text.upper() if roll < 0.83 else text


def dress(
    core: str, language: Language, rng: random.Random, place: bool = False
) -> str:
    """Put manners, casing, punctuation and now and then a typo around a core."""
    text = core
    if (
        place
        and PLACES[language]
        and rng.random() < 0.1
        and "chatsite" not in core.lower()
    ):
        text += rng.choice(PLACES[language])
    if rng.random() < 0.3:
        text = rng.choice(PREFIXES[language]) + text
    if rng.random() < 0.1:
        text += rng.choice(SUFFIXES[language])
    for _ in range(rng.choice((0, 0, 0, 0, 0, 0, 0, 1, 1, 2))):
        text = typo(text, rng)
    return _case(text, rng) + rng.choice(ENDINGS[language])
