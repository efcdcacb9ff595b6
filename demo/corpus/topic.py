"""Topics: the text files in topics/, one per area, as values.

A file is a list of `=== key` blocks. Inside, `@en.is`, `@en.do` and `@en.ask` list
phrasings separated by ` | `; `@en.answer` (repeatable), `more`, `short`, `why` and
`example` are followed by their text. `zh` likewise.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from demo.corpus.shapes import Language

FOLDER = Path(__file__).parent / "topics"
PRODUCT_FILES = ("core", "api", "ops")
MARK = re.compile(r"^@(en|zh)\.(is|do|ask|answer|more|short|why|example)\b[ ]?(.*)$")
PHRASES = ("is", "do", "ask")


@dataclass(slots=True)
class Side:
    """One topic in one language."""

    phrases: dict[str, list[str]] = field(default_factory=dict)
    answers: list[str] = field(default_factory=list)
    extras: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Topic:
    key: str
    category: str
    sides: dict[Language, Side]


def parse(text: str, category: str) -> list[Topic]:
    return [
        _topic(block, category)
        for block in re.split(r"^=== ", text, flags=re.MULTILINE)[1:]
    ]


def _topic(block: str, category: str) -> Topic:
    key, _, body = block.partition("\n")
    topic = Topic(key.strip(), category, {"en": Side(), "zh": Side()})
    pieces: list[tuple[Language, str, list[str]]] = []
    for line in body.splitlines():
        mark = MARK.match(line)
        if mark:
            language: Language = "en" if mark[1] == "en" else "zh"
            pieces.append((language, mark[2], [mark[3]]))
        elif pieces:
            pieces[-1][2].append(line)
    for language, kind, lines in pieces:
        _store(topic.sides[language], kind, "\n".join(lines).strip())
    return topic


def _store(side: Side, kind: str, text: str) -> None:
    if kind in PHRASES:
        side.phrases[kind] = [phrase.strip() for phrase in text.split(" | ")]
    elif kind == "answer":
        side.answers.append(text)
    else:
        side.extras[kind] = text


def load() -> list[Topic]:
    """All topics, product topics under the category `product`."""
    topics: list[Topic] = []
    for path in sorted(FOLDER.glob("*.txt")):
        category = "product" if path.stem in PRODUCT_FILES else path.stem
        topics += parse(path.read_text(encoding="utf-8"), category)
    return topics
