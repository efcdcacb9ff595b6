from __future__ import annotations

import base64
import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.api.paging import pack, unpack
from chat.errors import ChatError

ADDRESS_SAFE = set(string.ascii_letters + string.digits + "-_")


def coded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_it_gives_back_what_was_packed(parts: list[str]) -> None:
    cursor = pack(*parts)

    assert set(cursor) <= ADDRESS_SAFE
    assert unpack(cursor, len(parts)) == parts


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "!!!!",
        "你好",
        "AAAA",
        coded("ab"),
        coded({"a": 1, "b": 2}),
        coded([1, 2]),
        coded(["a", None]),
        coded(["a"]),
        coded(["a", "b", "c"]),
        coded(1),
    ],
)
def test_it_rejects_what_it_never_gave_out(cursor: str) -> None:
    with pytest.raises(ChatError) as caught:
        unpack(cursor, 2)

    error = caught.value
    assert (error.status, error.code, error.field) == (400, "invalid_cursor", "cursor")


@given(st.text())
def test_any_text_is_taken_or_rejected(cursor: str) -> None:
    try:
        parts = unpack(cursor, 1)
    except ChatError:
        return
    assert len(parts) == 1
