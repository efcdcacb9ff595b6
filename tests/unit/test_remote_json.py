"""What engines send is read as the standard library reads it, only faster."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.engines.remote.answer import value_of
from chat.engines.remote.trouble import Trouble

TEXT = st.text(st.characters(exclude_categories=()))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
)


@given(VALUES)
def test_it_reads_whatever_can_be_written(value):
    """Also halves of surrogate pairs, of which engines send one a token."""
    assert value_of(json.dumps(value)) == value


def test_it_reads_numbers_that_are_none():
    assert math.isnan(value_of("[NaN]")[0])


@pytest.mark.parametrize("text", ["", "{", "{'a': 1}", "[1,]", '"\n"', "[DONE]"])
def test_it_refuses_what_is_not_json(text):
    with pytest.raises(Trouble):
        value_of(text)
