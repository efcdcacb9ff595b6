from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.sentences import LONGEST, Sentences


def split(text: str) -> list[str]:
    sentences = Sentences()
    found = sentences.push(text)
    return [*found, rest] if (rest := sentences.finish()) else found


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("你好！我是引擎。好吗？", ["你好！", "我是引擎。", "好吗？"]),
        ("他说：“走吧。”然后走了。", ["他说：“走吧。”", "然后走了。"]),
        ("等等……好。", ["等等……", "好。"]),
        ("（真的！）是的。", ["（真的！）", "是的。"]),
        ("One. Two! Three? Four", ["One. ", "Two! ", "Three? ", "Four"]),
        ('He said "Go." She went.', ['He said "Go." ', "She went."]),
        ("Pi is 3.14. Yes.", ["Pi is 3.14. ", "Yes."]),
        ("Dr. Who met J. Smith. Fine.", ["Dr. Who met J. Smith. ", "Fine."]),
        ("Use it, e.g. this one. Ok.", ["Use it, e.g. this one. ", "Ok."]),
        ("See a.b.c and x.py now. Ok.", ["See a.b.c and x.py now. ", "Ok."]),
        ("Well... maybe. Yes", ["Well... maybe. ", "Yes"]),
        ("What?! No.", ["What?! ", "No."]),
        ("1. First\n2. Second", ["1. First\n", "2. Second"]),
        ("Title\n\nText.", ["Title\n\n", "Text."]),
        ("好OK.然后 Python。Yes. 对", ["好OK.", "然后 Python。", "Yes. ", "对"]),
        ("v1.2.3", ["v1.2.3"]),
        ("", []),
        ("\n\n", ["\n\n"]),
        (" \n a", [" \n ", "a"]),
    ],
)
def test_examples(text, parts):
    assert split(text) == parts


def test_what_has_no_end_is_cut_at_a_space():
    first, *_ = split("word " * 100)

    assert first.endswith("word ")
    assert LONGEST - 5 <= len(first) <= LONGEST
    assert len(split("x" * 1000)) == 4


TEXT = st.text(alphabet='aB1.!? \n。！”")，,…é中', max_size=700) | st.text(max_size=50)


@given(TEXT, st.lists(st.integers(1, 40), max_size=60))
def test_joined_it_is_the_text_however_it_came(text, sizes):
    sentences, found, at = Sentences(), [], 0
    for size in sizes:
        found += sentences.push(text[at : at + size])
        at += size
    found += sentences.push(text[at:])
    if rest := sentences.finish():
        found.append(rest)

    assert "".join(found) == text
    assert found == split(text)
    assert all(found)
    assert all(len(sentence) <= LONGEST for sentence in found[:-1])
