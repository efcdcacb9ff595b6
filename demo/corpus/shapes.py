"""The values the corpus is made of. No randomness, no files."""

from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
Message = dict[str, str]


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and the answers that count as right (the first two are taught)."""

    ask: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """Turns that belong together: follow-ups need the turns before them.

    `marker` is a fragment that also proves a right answer where wording may vary.
    """

    category: str
    language: Language
    turns: tuple[Turn, ...]
    marker: str = ""


@dataclass(frozen=True, slots=True)
class Conversation:
    """Chat messages as the template takes them, with where they came from."""

    messages: list[Message]
    categories: tuple[str, ...]
    language: Language
