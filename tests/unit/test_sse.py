"""The wire, by WHATWG HTML section 9.2 and by what real parsers trip over."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import sse
from chat.events import Delta, Done, Failed, Queued, Snapshot, Started, from_data
from chat.sse import Decoder, Frame

# Any text at all: hypothesis leaves out lone surrogates unless told otherwise.
any_text = st.text(st.characters(exclude_categories=()))
pure_text = st.text()
events = st.one_of(
    st.builds(Delta, pure_text.filter(bool), pure_text),
    st.builds(Snapshot, pure_text, pure_text),
    st.builds(Queued, st.integers(1, 10**6)),
    st.builds(Failed, pure_text, pure_text, st.booleans()),
    st.builds(Done, pure_text, st.just({"prompt_tokens": 1}), st.just({})),
    st.builds(Started, *[pure_text] * 5, st.integers(1, 9)),
)


def decode(*chunks: bytes) -> list[Frame]:
    decoder = Decoder()
    return [frame for chunk in chunks for frame in decoder.feed(chunk)]


def data_of(*chunks: bytes) -> list[str]:
    return [frame.data for frame in decode(*chunks)]


# The examples of the standard.


def test_example_stock_quotes() -> None:
    stream = b"data: YHOO\ndata: +2\ndata: 10\n\n"

    assert decode(stream) == [Frame(data="YHOO\n+2\n10")]


def test_example_four_blocks() -> None:
    stream = (
        b": test stream\n\n"
        b"data: first event\nid: 1\n\n"
        b"data:second event\nid\n\n"
        b"data:  third event"
    )

    assert decode(stream) == [
        Frame(data="first event", id="1"),
        Frame(data="second event", id=""),
    ]


def test_example_empty_data() -> None:
    """The standard's first block has empty data: it dispatches nothing for it."""
    stream = b"data\n\ndata\ndata\n\ndata:"

    assert decode(stream) == [Frame(data="\n")]


def test_example_optional_space() -> None:
    assert decode(b"data:test\n\ndata: test\n\n") == [Frame(data="test")] * 2


def test_example_named_events() -> None:
    stream = b"event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n"

    assert decode(stream) == [
        Frame(event="add", data="73857293"),
        Frame(event="remove", data="2153"),
    ]


# Lines.


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"], ids=["LF", "CR", "CRLF"])
def test_every_line_end_works(end: bytes) -> None:
    stream = b"data: a%bdata: b%b%bdata: c%b%b" % ((end,) * 5)

    # A CR at the very end may be half of a CRLF: the next byte tells.
    assert data_of(stream, b":") == ["a\nb", "c"]


def test_line_ends_may_be_mixed() -> None:
    assert data_of(b"data: a\r\ndata: b\rdata: c\n\r\n") == ["a\nb\nc"]


def test_a_crlf_cut_in_two_is_one_line_end() -> None:
    assert data_of(b"data: a\r", b"\ndata: b\r", b"\n\r", b"\n") == ["a\nb"]


@pytest.mark.parametrize("odd", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1e"])
def test_other_separators_are_no_line_ends(odd: str) -> None:
    assert data_of(f"data: a{odd}b\n\n".encode()) == [f"a{odd}b"]


def test_a_byte_order_mark_is_skipped_once() -> None:
    assert data_of(b"\xef\xbb\xbfdata: a\n\n") == ["a"]
    assert data_of(b"\xef", b"\xbb", b"\xbfdata: a\n\n") == ["a"]
    assert data_of("data: a\ufeff\n\n\ufeffdata: b\n\n".encode()) == ["a\ufeff"]


def test_bytes_that_are_no_utf8_are_replaced() -> None:
    assert data_of(b"data: a\xffb\n\n") == ["a\ufffdb"]


def test_what_the_body_ends_in_is_discarded() -> None:
    assert data_of(b"data: a\n\ndata: b\n") == ["a"]


# Fields.


def test_comments_and_unknown_fields_are_ignored() -> None:
    stream = b": ping\ndata: a\n:\nbogus: b\nbogus\n\n"

    assert decode(stream) == [Frame(data="a")]


def test_only_one_space_is_removed() -> None:
    assert data_of(b"data:  a \n\n") == [" a "]


def test_field_names_are_exact() -> None:
    assert data_of(b"Data: a\n data: b\ndata : c\n\n") == []


def test_an_event_without_data_is_none_and_its_name_is_forgotten() -> None:
    assert decode(b"event: ping\n\ndata: a\n\n") == [Frame(data="a")]


def test_empty_data_commits_the_id() -> None:
    decoder = Decoder()

    assert list(decoder.feed(b"id: 7\ndata:\n\n")) == []
    assert decoder.last_id == "7"


def test_ids_are_sticky_and_an_empty_one_resets() -> None:
    stream = b"id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n"

    assert [frame.id for frame in decode(stream)] == ["1", "1", ""]


def test_an_id_with_nul_is_ignored() -> None:
    stream = b"id: 1\ndata: a\n\nid: 2\x003\ndata: b\n\n"

    assert [frame.id for frame in decode(stream)] == ["1", "1"]


@pytest.mark.parametrize(
    ("value", "milliseconds"),
    [
        (b"1500", 1500),
        (b"0", 0),
        (b"", None),
        (b"-1", None),
        (b"+1", None),
        (b"1.5", None),
        (b"1e3", None),
        ("١".encode(), None),
        ("²".encode(), None),
        (b"1 ", None),
    ],
)
def test_retry_takes_ascii_digits_only(value: bytes, milliseconds: int | None) -> None:
    decoder = Decoder()
    list(decoder.feed(b"retry: " + value + b"\n"))

    assert decoder.retry == milliseconds


def test_an_endless_retry_does_no_harm() -> None:
    assert data_of(b"retry: " + b"9" * 10_000 + b"\ndata: a\n\n") == ["a"]


@given(
    st.lists(
        st.sampled_from(
            [
                b"data: a\n\n",
                b"data: \xe4\xbd\xa0\n\n",
                b"data: \xff\n\n",
                b"data: \n\n",
                b"data: a\ndata: b\n\n",
                b"id: 7\ndata: a\n\n",
                b"event: x\n\n",
                b"data: a\r\n\r\n",
                b"data: a\r",
                b"\n\n",
                b"data: half",
                b": comment\n\n",
                b"retry: 5\n",
            ]
        )
    )
)
def test_frames_are_the_same_however_they_arrive(parts: list[bytes]) -> None:
    """Also where simple ones take a shorter way."""
    bytewise = [bytes([byte]) for byte in b"".join(parts)]

    assert decode(*parts) == decode(b"".join(parts)) == decode(*bytewise)


# Our own frames.


def test_a_frame_is_id_event_and_one_data_line() -> None:
    assert sse.encode(7, Delta("你\n好\\n")) == (
        'id: 7\nevent: delta\ndata: {"text":"你\\n好\\\\n"}\n\n'.encode()
    )


@given(st.builds(Delta, any_text, st.sampled_from(["", "so"])))
def test_text_alone_is_written_as_any_json(delta: Delta) -> None:
    data = sse.encode(7, delta)

    [line] = [line for line in data.split(b"\n") if line.startswith(b"data: ")]
    expected = {name: clean(part) for name, part in delta.data().items()}
    assert json.loads(line[6:]) == expected


def clean(text: str) -> str:
    return text.encode(errors="replace").decode()


def test_one_write_carries_all_that_is_new() -> None:
    data = sse.encode_all([(1, Delta("a")), (2, Delta("b")), (3, Queued(1))])

    assert data == sse.encode(2, Delta("ab")) + sse.encode(3, Queued(1))


def test_a_heartbeat_dispatches_nothing() -> None:
    """Nor in parsers that keep the last id for ever: no blank line follows it."""
    stream = sse.encode(1, Delta("a")) + sse.HEARTBEAT + sse.encode(2, Delta("b"))

    assert [frame.id for frame in decode(stream)] == ["1", "2"]
    assert sse.HEARTBEAT.count(b"\n") == 1


def test_retry_is_part_of_the_next_frame() -> None:
    decoder = Decoder()
    frames = list(decoder.feed(sse.retry(1000) + sse.encode(1, Queued(1))))

    assert decoder.retry == 1000
    assert [frame.event for frame in frames] == ["queued"]


def test_no_frame_begins_with_a_byte_order_mark() -> None:
    assert not sse.encode(1, Delta("\ufeff")).startswith(b"\xef\xbb\xbf")


@given(st.lists(events), st.data())
def test_what_is_encoded_is_decoded_however_it_is_cut(said, data) -> None:
    numbered = list(enumerate(said, start=1))
    stream = b"".join(sse.encode(seq, event) for seq, event in numbered)
    places = data.draw(st.lists(st.integers(0, len(stream))))
    marks = [0, *sorted(places), len(stream)]
    chunks = [stream[a:b] for a, b in pairwise(marks)]

    frames = decode(*chunks)

    assert [
        (int(frame.id), from_data(frame.event, json.loads(frame.data)))
        for frame in frames
    ] == numbered


def test_every_single_cut_gives_the_same_frames() -> None:
    stream = (
        "\ufeff: hello\r\nretry: 5\r\n"
        "id: 1\r\nevent: delta\r\ndata: 你好 👩‍👩‍👧‍👦\r\ndata: \u2028\r\n\r\n"
        "id: 2\rdata: a\rdata\r\rdata: end\n\n"
    ).encode()
    whole = decode(stream)

    assert len(whole) == 3
    for cut in range(len(stream) + 1):
        assert decode(stream[:cut], stream[cut:]) == whole, cut
    assert decode(*(bytes([byte]) for byte in stream)) == whole


@given(any_text)
def test_any_text_at_all_has_a_wire_form(text: str) -> None:
    """Half of a surrogate pair has none in UTF-8: it becomes a question mark."""
    [frame] = decode(sse.encode(1, Delta(text, "r")))

    shown = json.loads(frame.data).get("text", "")
    assert shown == text.encode(errors="replace").decode()


@given(st.binary())
def test_any_bytes_at_all_do_no_harm(data: bytes) -> None:
    decode(data)


@given(st.lists(st.binary(max_size=6)))
def test_cuts_never_matter(chunks: list[bytes]) -> None:
    assert decode(*chunks) == decode(b"".join(chunks))
