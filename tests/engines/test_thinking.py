import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.engines.thinking import ThinkSplitter

REPLIES = [
    ("<think>\nwhy\n</think>\n\nanswer", False, "why\n", "answer"),
    ("  <think>why</think>answer", False, "why", "answer"),
    ("why\n</think>\n\nanswer", True, "why\n", "answer"),
    ("answer", False, "", "answer"),
    ("answer <think>not a tag</think>", False, "", "answer <think>not a tag</think>"),
    ("<thin ice", False, "", "<thin ice"),
    ("<think>only reasoning </th", False, "only reasoning </th", ""),
    ("<think></think>", False, "", ""),
    ("\n\nanswer", False, "", "\n\nanswer"),
    ("<thi", False, "", "<thi"),
]


def run(pieces: list[str], opened: bool) -> tuple[str, str]:
    splitter = ThinkSplitter(opened=opened)
    parts = [*(splitter.push(piece) for piece in pieces), splitter.finish()]
    return "".join(r for r, _ in parts), "".join(t for _, t in parts)


@pytest.mark.parametrize(("reply", "opened", "reasoning", "text"), REPLIES)
def test_it_splits_a_reply(reply, opened, reasoning, text):
    assert run([reply], opened) == (reasoning, text)
    assert run(list(reply), opened) == (reasoning, text)


pieces = st.lists(
    st.sampled_from(["<think>", "</think>", "<th", "ink>", "</", "\n", " ", "a"])
)


@given(pieces, st.booleans())
def test_it_gives_the_same_parts_however_it_is_cut(parts, opened):
    assert run(parts, opened) == run(list("".join(parts)), opened)


def test_it_streams_reasoning_before_its_end():
    splitter = ThinkSplitter()
    assert splitter.push("<think>be") == ("be", "")
    assert splitter.push("cause<") == ("cause", "")
