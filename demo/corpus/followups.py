"""Questions that only make sense after another one, and things to remember."""

import random
from collections.abc import Mapping

from demo.corpus import followup_words as words
from demo.corpus.phrasing import is_held_out
from demo.corpus.refusals import ANSWERS, made_up, refusal_sample
from demo.corpus.shapes import Language, Sample, Turn
from demo.corpus.topic import Topic


def plain_dress(text: str, language: Language, rng: random.Random) -> str:
    """Casing and an ending only: names must arrive unharmed."""
    if rng.random() < 0.5:
        text = text[:1].upper() + text[1:]
    if text[-1:].isalnum() and rng.random() < 0.6:
        text += rng.choice(
            ("?", ".", "!", "?") if language == "en" else ("？", "。", "！", "？")
        )
    return text


def invented_name(language: Language, rng: random.Random) -> str:
    """Names from a list could be learned by heart; invented ones must be copied."""
    if language == "en":
        return made_up(rng).capitalize()
    given = "".join(rng.choice(words.GIVEN) for _ in range(rng.choice((1, 1, 2))))
    return rng.choice(words.SURNAMES) + given


def _pick(options: list[str], held: bool, rng: random.Random) -> str:
    """An option on the wanted side of the split, or any when that side is empty."""
    side = [o for o in options if is_held_out(f"follow up {o}") == held]
    return rng.choice(side or options)


def after_topic(
    topic: Topic, language: Language, kind: str, held: bool, rng: random.Random
) -> Turn:
    side = topic.sides[language]
    ask = plain_dress(_pick(words.ASKS[language][kind], held, rng), language, rng)
    if kind == "other":
        other: Language = "zh" if language == "en" else "en"
        return Turn(ask, tuple(topic.sides[other].answers))
    if kind == "again":
        return Turn(ask, tuple(side.answers))
    return Turn(ask, (side.extras.get(kind) or words.NOTHING[language][kind],))


def topic_followup(
    topics: Mapping[str, tuple[Topic, list[str]]],
    language: Language,
    held: bool,
    rng: random.Random,
) -> Sample:
    """A topic question that was taught, then one or two follow-ups."""
    topic, taught = topics[rng.choice(list(topics))]
    ask = plain_dress(rng.choice(taught), language, rng)
    one_answer = len(topic.sides[language].answers) == 1
    first = rng.choice(
        words.ANYWHERE + words.ONLY_AFTER_ANSWER if one_answer else words.ANYWHERE
    )
    turns = [Turn(ask, tuple(topic.sides[language].answers))]
    turns.append(after_topic(topic, language, first, held, rng))
    if first in words.ANYWHERE and rng.random() < 0.35:
        second = rng.choice(words.ANYWHERE)
        turn = after_topic(topic, language, second, held, rng)
        if second == first:  # there is no third helping
            turn = Turn(turn.ask, (words.NOTHING[language][second],))
        turns.append(turn)
    return Sample("follow-ups", language, tuple(turns))


def refusal_followup(language: Language, held: bool, rng: random.Random) -> Sample:
    first = refusal_sample(language, held, rng).turns[0]
    kind = rng.choice(("why", "why", "more", "example", "short", "again"))
    ask = plain_dress(_pick(words.ASKS[language][kind], held, rng), language, rng)
    answer = words.AFTER_REFUSAL[language] if kind == "why" else ANSWERS[language]
    return Sample("follow-ups", language, (first, Turn(ask, (answer,))))


def lone_followup(language: Language, rng: random.Random) -> Sample:
    """A follow-up with nothing before it."""
    kind = rng.choice(("more", "short", "why", "example", "other", "again"))
    ask = plain_dress(rng.choice(words.ASKS[language][kind]), language, rng)
    return Sample(
        "lone follow-ups", language, (Turn(ask, (words.NO_TOPIC[language],)),)
    )


def memory_sample(
    language: Language, held: bool, rng: random.Random, between: tuple[Turn, ...]
) -> Sample:
    """A name or colour told, other turns, then the question for it."""
    if rng.random() < 0.2:
        told = rng.choice(words.COLOURS[language])
        tell, ask = (
            rng.choice(words.TELL_COLOUR[language]),
            rng.choice(words.ASK_COLOUR[language]),
        )
        reply, recall = words.NOTED[language], words.COLOUR[language]
    else:
        names = [
            n for n in words.NAMES[language] if is_held_out(f"the name {n}") == held
        ]
        told = rng.choice(names)
        if not held and rng.random() < 0.5:
            told = invented_name(language, rng)
        tell, ask = (
            rng.choice(words.TELL_NAME[language]),
            rng.choice(words.ASK_NAME[language]),
        )
        reply, recall = words.GREET[language], words.RECALL[language]
    turns = (
        Turn(tell.format(told), (reply.format(told),)),
        *between,
        Turn(plain_dress(ask, language, rng), (recall.format(told),)),
    )
    return Sample("memory", language, turns)


def forgotten_sample(language: Language, rng: random.Random) -> Sample:
    ask = plain_dress(rng.choice(words.ASK_NAME[language]), language, rng)
    return Sample("unknown name", language, (Turn(ask, (words.UNKNOWN[language],)),))
