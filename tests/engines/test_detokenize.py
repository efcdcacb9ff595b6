from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.engines.local.detokenize import (
    REPLACEMENT,
    FastDetokenizer,
    SlowDetokenizer,
    make_detokenizer,
)
from tests.engines.tiny import make_tokenizer

tokenizer = make_tokenizer()
kinds = pytest.mark.parametrize("kind", [FastDetokenizer, SlowDetokenizer])
HARD = "你好，世界 👩‍👩‍👧‍👦 e\u0301 naïve 🇩🇪 1️⃣ the user"


def run(kind, ids):
    detokenizer = kind(tokenizer, {})
    return [detokenizer.push(token) for token in ids]


def ids_of(text: str) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=False)


@kinds
def test_it_never_shows_half_a_character(kind):
    pieces = run(kind, ids_of(HARD))
    assert "".join(pieces) == HARD
    assert not any(REPLACEMENT in piece for piece in pieces)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40))
def test_it_gives_back_any_text(text):
    for kind in (FastDetokenizer, SlowDetokenizer):
        pieces = "".join(run(kind, ids_of(text)))
        # A replacement character of the text's own may be held back at the end.
        assert pieces.rstrip(REPLACEMENT) == text.rstrip(REPLACEMENT)


@given(st.lists(st.integers(0, len(tokenizer) - 1), max_size=40))
def test_it_bears_any_tokens(ids):
    for kind in (FastDetokenizer, SlowDetokenizer):
        run(kind, ids)


@kinds
def test_it_drops_an_incomplete_character_at_the_end(kind):
    ids = ids_of("a👍")
    assert len(ids) > 2
    assert "".join(run(kind, ids[:-1])) == "a"


@kinds
def test_it_shows_no_special_tokens_but_the_literal_ones(kind):
    special = tokenizer.convert_tokens_to_ids("<|im_end|>")
    ids = [*ids_of("one"), special, *ids_of("two")]
    assert "".join(run(kind, ids)) == "onetwo"
    detokenizer = kind(tokenizer, {special: "</think>"})
    assert "".join(map(detokenizer.push, ids)) == "one</think>two"


def test_it_takes_the_slow_way_only_where_it_must():
    assert isinstance(make_detokenizer(tokenizer, {}), FastDetokenizer)
    slow = SimpleNamespace(is_fast=False)
    assert isinstance(make_detokenizer(slow, {}), SlowDetokenizer)
