"""The demo model's corpus: facts, the split, and the tokenizer when it is there."""

import random
from itertools import islice
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from demo.corpus import arithmetic, counting, followups
from demo.corpus.build import Corpus
from demo.corpus.followup_words import ASKS
from demo.corpus.phrasing import cores, is_held_out, normalise
from demo.corpus.probes import all_probes
from demo.corpus.shapes import LANGUAGES
from demo.corpus.topic import Topic, load

MODEL = Path(__file__).parent.parent / "demo" / "model"
DEFAULTS = {
    "CHAT_LEASE_SECONDS": "15",
    "CHAT_HEARTBEAT_SECONDS": "15",
    "CHAT_MODEL": "`demo`",
    "CHAT_ROLE": "`all`",
    "CHAT_MAX_NEW_TOKENS": "4096",
    "CHAT_USER_CONCURRENCY": "4",
}


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus()


def topic(key: str) -> Topic:
    return next(t for t in load() if t.key == key)


def test_it_knows_forty_product_topics_in_both_languages() -> None:
    product = [t for t in load() if t.category == "product"]
    assert len(product) >= 40
    for each in product:
        for language in LANGUAGES:
            side = each.sides[language]
            assert side.answers, each.key
            assert side.extras["short"], each.key
            assert len(cores(side, language)) >= 20, each.key


def test_topic_keys_are_unique() -> None:
    keys = [t.key for t in load()]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_states_the_defaults(language: str) -> None:
    side = topic("settings").sides["en" if language == "en" else "zh"]
    rows = [row for row in side.answers[0].splitlines() if row.startswith("|")]
    for name, default in DEFAULTS.items():
        assert any(f"`{name}`" in row and default in row for row in rows), name


@pytest.mark.parametrize(
    ("key", "facts"),
    [
        ("run", ["make run", "127.0.0.1:8000"]),
        ("resume", ["Last-Event-ID", "?after=", "204"]),
        ("stop", ["/stop", "200"]),
        ("apikey", ["create_api_key", "Authorization: Bearer"]),
        ("limits", ["32000", "4096", "600"]),
        ("queue", ["1024", "10000", "20"]),
        ("probes", ["/healthz", "/readyz", "/metrics"]),
        ("licence", ["Apache-2.0"]),
        ("vllm", ["CHAT_BASE_URL", "SGLang", "Ollama"]),
        ("dashscope", ["/api/v1/services/aigc/text-generation/generation"]),
    ],
)
def test_it_states_the_facts_in_both_languages(key: str, facts: list[str]) -> None:
    for language in LANGUAGES:
        answer = topic(key).sides[language].answers[0]
        assert all(fact in answer for fact in facts)


def test_held_out_phrasings_are_never_taught(corpus: Corpus) -> None:
    assert len(corpus.forbidden) > 300
    for conversation in islice(corpus.conversations(seed=5), 3000):
        asked = {
            normalise(m["content"])
            for m in conversation.messages
            if m["role"] == "user"
        }
        assert not asked & corpus.forbidden


def test_every_topic_keeps_most_phrasings_for_training(corpus: Corpus) -> None:
    for language in LANGUAGES:
        for key, (_, taught) in corpus.taught[language].items():
            held = corpus.held[language][key][1]
            assert len(held) < len(taught), key


def test_probes_are_never_taught_word_for_word(corpus: Corpus) -> None:
    for _, turns, _ in all_probes():
        assert normalise(turns[-1]) in corpus.forbidden


def test_the_same_seed_gives_the_same_corpus(corpus: Corpus) -> None:
    first = list(islice(corpus.conversations(seed=3), 50))
    assert first == list(islice(Corpus().conversations(seed=3), 50))


def test_sums_are_right() -> None:
    assert arithmetic.worked_sum(47, 38, "en").endswith("70 + 15 = **85**")
    assert arithmetic.worked_difference(82, 47, "en").endswith("42 - 7 = **35**")
    assert arithmetic.worked_difference(23, 57, "zh").endswith("23 - 57 = **-34**")


def test_held_out_sums_are_never_taught() -> None:
    rng = random.Random(0)
    for _ in range(2000):
        sample = arithmetic.sum_sample("en", False, rng)
        sign = "-" if " - " in sample.turns[0].answers[0] else "+"
        if sign == "+" and "tens" in sample.turns[0].answers[0]:
            head = sample.turns[0].answers[0].partition(":")[0]
            assert not is_held_out(head)


def test_counting_ends_where_it_should() -> None:
    assert counting.spoken(range(3, 0, -1), "zh") == "3、2、1。"


def test_every_followup_kind_has_an_answer(corpus: Corpus) -> None:
    rng = random.Random(1)
    for language in LANGUAGES:
        for kind in ASKS[language]:
            for each in corpus.topics:
                assert followups.after_topic(each, language, kind, False, rng).answers


@pytest.mark.parametrize(
    "text", ["你好，世界！🌍", "a  b\n\n\tc", "47 + 38 = 85", "é ü 𝄞 ﷽"]
)
def test_the_tokenizer_gives_back_what_it_got(text: str) -> None:
    tokenizer = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_the_weights_stay_small() -> None:
    assert (MODEL / "model.safetensors").stat().st_size < 8_000_000
