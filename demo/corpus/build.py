"""The corpus: an endless stream of conversations, and the held-out samples.

`python -m demo.corpus.build` prints a few of each.
"""

import random
from collections.abc import Iterator

from demo.corpus import arithmetic, counting, followups, refusals
from demo.corpus.phrasing import cores, dress, is_held_out, normalise
from demo.corpus.probes import all_probes
from demo.corpus.shapes import (
    LANGUAGES,
    Conversation,
    Language,
    Message,
    Sample,
    Turn,
)
from demo.corpus.topic import Topic, load

KINDS: dict[str, float] = {
    "product": 30,
    "other topic": 12,
    "refusal": 12,
    "nonsense": 2,
    "sum": 14,
    "product sum": 1.5,
    "large sum": 1.5,
    "count": 12,
    "follow-up": 23,
    "refusal follow-up": 1.5,
    "memory": 3,
    "lone": 0.8,
    "forgotten": 0.8,
}
SMALL_TALK = "smalltalk"
FIRST_ONLY = {"lone", "forgotten"}
SYSTEM_PROMPTS: tuple[str, ...] = (
    "You are a helpful assistant.",
    "You are a helpful assistant. Answer briefly.",
    "You are the assistant of Chatsite.",
    "You are a friendly assistant. Be concise and polite.",
    "Answer in Markdown.",
    "Reply in a friendly tone.",
    "You are Qwen, a helpful assistant.",
    "You are an expert in Django and streaming.",
    "You are a pirate. Talk like one.",
    "Be short.",
    "Always tell the truth. If you do not know something, say so.",
    "Today is Monday. The user is called Sam and works in Berlin.",
    "You are a teacher who explains things to children in simple words.",
    "Think step by step.",
    "Never use emoji. Write complete sentences and stay on the subject.",
    "你是一个有帮助的助手。",
    "你是 Chatsite 的助手，请简短回答。",
    "请用友好的语气回答。",
    "你是一位老师，说话要清楚、准确。",
    "回答要使用 Markdown 格式。",
)


class Corpus:
    """All topics, split into taught and held-out cores."""

    def __init__(self) -> None:
        self.topics: list[Topic] = load()
        self.taught: dict[Language, dict[str, tuple[Topic, list[str]]]] = {}
        self.held: dict[Language, dict[str, tuple[Topic, list[str]]]] = {}
        for language in LANGUAGES:
            self.taught[language], self.held[language] = {}, {}
            for topic in self.topics:
                asked = cores(topic.sides[language], language)
                split = topic.category != SMALL_TALK  # no way to guess those
                held = [core for core in asked if split and is_held_out(core)]
                taught = [core for core in asked if core not in held]
                self.taught[language][topic.key] = (topic, taught)
                self.held[language][topic.key] = (topic, held)
        self.forbidden: set[str] = {
            normalise(core)
            for language in LANGUAGES
            for _, held in self.held[language].values()
            for core in held
        }
        self.forbidden |= {normalise(turns[-1]) for _, turns, _ in all_probes()}

    def conversations(self, seed: int, long: bool = False) -> Iterator[Conversation]:
        """Endless training conversations; long ones have 8 to 20 samples."""
        rng = random.Random(seed)
        while True:
            language: Language = "en" if rng.random() < 0.5 else "zh"
            count = (
                rng.choice((1, 1, 1, 1, 1, 2, 2, 3))
                if not long
                else rng.randrange(6, 15)
            )
            yield self._conversation(language, count, rng)

    def _conversation(
        self, language: Language, count: int, rng: random.Random
    ) -> Conversation:
        messages: list[Message] = []
        categories: list[str] = []
        if rng.random() < 0.25:
            messages.append({"role": "system", "content": rng.choice(SYSTEM_PROMPTS)})
        for n in range(count):
            if n and rng.random() < 0.1:
                language = "zh" if language == "en" else "en"
            sample = self.sample(language, rng, first=n == 0)
            categories.append(sample.category)
            for turn in sample.turns:
                answer = rng.choice(turn.answers[:3])
                messages.append({"role": "user", "content": turn.ask})
                messages.append({"role": "assistant", "content": answer})
        return Conversation(messages, tuple(categories), language)

    def sample(
        self, language: Language, rng: random.Random, first: bool = True
    ) -> Sample:
        """One training sample; its questions never are held-out ones."""
        while True:
            kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
            if not first and kind in FIRST_ONLY:
                continue
            sample = self._sample(kind, language, rng, held=False)
            if not any(normalise(turn.ask) in self.forbidden for turn in sample.turns):
                return sample

    def _sample(
        self, kind: str, language: Language, rng: random.Random, held: bool
    ) -> Sample:
        match kind:
            case "product" | "other topic":
                return self._topic_sample(language, kind == "product", rng)
            case "refusal":
                return refusals.refusal_sample(language, held, rng)
            case "nonsense":
                return refusals.nonsense_sample(held, rng)
            case "sum":
                return arithmetic.sum_sample(language, held, rng)
            case "product sum":
                return arithmetic.product_sample(language, rng)
            case "large sum":
                return arithmetic.too_large_sample(language, rng)
            case "count":
                return counting.count_sample(language, held, rng)
            case "follow-up":
                taught = self.taught[language]
                return followups.topic_followup(taught, language, held, rng)
            case "refusal follow-up":
                return followups.refusal_followup(language, held, rng)
            case "memory":
                between = self._between(language, rng)
                return followups.memory_sample(language, held, rng, between)
            case "lone":
                return followups.lone_followup(language, rng)
            case _:
                return followups.forgotten_sample(language, rng)

    def _topic_sample(
        self, language: Language, product: bool, rng: random.Random
    ) -> Sample:
        topic = rng.choice(
            [t for t in self.topics if (t.category == "product") is product]
        )
        _, taught = self.taught[language][topic.key]
        ask = dress(
            _balanced(topic, taught, language, rng), language, rng, place=product
        )
        turn = Turn(ask, tuple(topic.sides[language].answers))
        return Sample(topic.category, language, (turn,))

    def _between(self, language: Language, rng: random.Random) -> tuple[Turn, ...]:
        turns: list[Turn] = []
        for _ in range(rng.choice((0, 0, 1, 1, 2))):
            turns += self._topic_sample(language, rng.random() < 0.5, rng).turns
        return tuple(turns)

    def held_out(self, seed: int, each: int) -> Iterator[Sample]:
        """Samples for scoring: every held-out topic core, then `each` of the rest."""
        rng = random.Random(seed)
        for language in LANGUAGES:
            for topic, held in self.held[language].values():
                for core in rng.sample(held, min(len(held), 4)):
                    turn = Turn(
                        dress(core, language, rng, place=False),
                        tuple(topic.sides[language].answers),
                    )
                    yield Sample(topic.category, language, (turn,))
            kinds = (
                "refusal",
                "sum",
                "count",
                "follow-up",
                "refusal follow-up",
                "memory",
            )
            for kind in kinds:
                for _ in range(each):
                    yield self._sample(kind, language, rng, held=True)
        for _ in range(each // 2):
            yield refusals.nonsense_sample(True, rng)


def _balanced(
    topic: Topic, taught: list[str], language: Language, rng: random.Random
) -> str:
    """Plain questions weigh as much as framed ones, although they are fewer."""
    asks = [a for a in topic.sides[language].phrases.get("ask", []) if a in taught]
    if asks and rng.random() < 0.4:
        return rng.choice(asks)
    return rng.choice(taught)


def main() -> None:
    corpus = Corpus()
    for index, conversation in enumerate(corpus.conversations(seed=0)):
        print(f"--- {', '.join(conversation.categories)} ({conversation.language})")
        for message in conversation.messages:
            print(f"{message['role']}: {message['content']}")
        if index == 20:
            break


if __name__ == "__main__":
    main()
