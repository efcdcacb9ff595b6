from hypothesis import given
from hypothesis import strategies as st

from chat.engines.local.lookup import GRAMS, Lookup, PromptLookup
from chat.engines.local.sampling import Chooser, Sampling
from chat.engines.local.speculation import Pace

ids = st.lists(st.integers(0, 3), max_size=60)


def lookup(*parts: list[int]) -> PromptLookup:
    index = PromptLookup()
    for part in parts:
        index.extend(part)
    return index


def test_it_says_what_followed_last():
    assert lookup([1, 2, 3, 7, 1, 2, 3, 8, 1, 2, 3]).draft(2) == [8, 1]


def test_it_believes_more_tokens_rather_than_fewer():
    assert lookup([9, 1, 2, 3, 7, 0, 1, 2, 3, 8, 9, 1, 2, 3]).draft(1) == [7]


def test_it_goes_on_with_what_repeats_itself():
    assert lookup([1, 2, 3, 1, 2, 3]).draft(7) == [1, 2, 3, 1, 2, 3, 1]


def test_it_says_nothing_of_what_is_new():
    assert lookup([1, 2, 3, 4]).draft(5) == []
    assert lookup([]).draft(5) == []


@given(ids, ids, st.integers(1, 9))
def test_it_says_the_same_however_it_was_told(head, tail, count):
    assert lookup(head, tail).draft(count) == lookup(head + tail).draft(count)


@given(ids, st.integers(1, 9))
def test_it_says_only_what_stood_behind_the_last_tokens(ids, count):
    draft = lookup(ids).draft(count)
    least = min(GRAMS)
    if draft:
        gram, first = ids[-least:], draft[0]
        assert any(
            ids[at : at + least] == gram and ids[at + least] == first
            for at in range(len(ids) - least)
        )
    else:
        assert not any(
            ids[at : at + least] == ids[-least:] for at in range(len(ids) - least)
        )


def test_it_guesses_further_while_it_is_right_and_seldom_while_it_is_wrong():
    pace = Pace(most=16)
    for _ in range(3):
        pace.learn(pace.length, pace.length, position=10)
    assert pace.length == 16
    pace.learn(16, 6, position=20)
    assert (pace.length, pace.pause_until) == (7, 0)
    pauses = []
    for position in range(100, 108):
        pace.learn(1, 0, position)
        pauses.append(pace.pause_until - position)
    assert pauses == [2, 4, 8, 16, 32, 32, 32, 32]
    pace.learn(2, 2, position=200)
    assert pace.misses == 0


def test_the_text_guesses_for_each_request_by_itself():
    lookup, chooser = Lookup(), Chooser(Sampling())
    ids = [1, 2, 3, 4, 5, 6, 1, 2, 3]
    assert lookup.draft("one", ids, 2, chooser) == [4, 5]
    assert lookup.draft("two", [7, 8, 9], 2, chooser) == []
    assert lookup.draft("one", [*ids, 9], 2, chooser) == []
    assert lookup.draft("one", [*ids, 9, 4, 5, 6], 3, chooser) == [1, 2, 3]
    lookup.forget("one")
    assert lookup.draft("one", [1, 2, 3], 2, chooser) == []
