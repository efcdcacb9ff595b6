import json

from hypothesis import given
from hypothesis import strategies as st

from chat.engines.tool_text import ToolSplitter
from chat.tool_calls import CallPiece

CALL = '<tool_call>\n{"name": "weather", "arguments": {"n": 1}}\n</tool_call>'
FIRST = CallPiece(0, "call_x_0", "weather", '{"n": 1}')


def split(*pieces: str) -> tuple[str, list[CallPiece]]:
    splitter = ToolSplitter("call_x")
    text, calls = "", []
    for piece in pieces:
        more, news = splitter.push(piece)
        text += more
        calls += news
    return text + splitter.finish(), calls


def test_a_call_is_no_text():
    assert split(CALL) == ("", [FIRST])
    assert split(f"Let me see.\n{CALL}") == ("Let me see.\n", [FIRST])


def test_calls_follow_each_other():
    second = CALL.replace("1}", '"π"}').replace("weather", "time")
    text, calls = split(f"{CALL}\n{second}\nDone")
    assert text == "Done"
    assert calls == [FIRST, CallPiece(1, "call_x_1", "time", '{"n": "π"}')]


def test_arguments_may_be_text_or_none():
    asked = '<tool_call>{{"name": "f"{}}}</tool_call>'
    assert split(asked.format(""))[1][0].arguments == "{}"
    as_text = asked.format(', "arguments": "{\\"a\\": 1}"')
    assert split(as_text)[1][0].arguments == '{"a": 1}'


def test_what_is_no_call_stays_text():
    for body in ("{", "[]", "7", '{"name": 7}', '{"name": "f", "arguments": 7}'):
        broken = f"a<tool_call>{body}</tool_call>b"
        assert split(broken) == (broken, [])
    assert split("a < b and <tool_ is no tag") == ("a < b and <tool_ is no tag", [])


def test_a_call_that_is_cut_off_stays_text():
    for end in range(1, len(CALL)):
        assert split(CALL[:end]) == (CALL[:end], [])


@given(st.lists(st.integers(0, 150), max_size=8), st.sampled_from(["", "a\n", "<"]))
def test_it_does_not_matter_how_the_text_is_cut(cuts, before):
    text = f"{before}{CALL}\n\n{CALL} and <tool_call>{{</tool_call> more"
    ends = sorted(cuts)
    starts = zip([0, *ends], [*ends, len(text)], strict=True)
    assert split(*(text[a:b] for a, b in starts)) == split(text)
    assert len(split(text)[1]) == 2
    assert json.loads(split(text)[1][1].arguments) == {"n": 1}


def test_what_nests_too_deep_is_text():
    deep = '{"name": "f", "arguments": ' + "[" * 100_000
    text, calls = split(f"<tool_call>{deep}</tool_call>")
    assert deep in text
    assert not calls
