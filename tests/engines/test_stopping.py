from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from chat.engines.stopping import StopStrings

letters = st.text(alphabet="ab", max_size=30)
stop_lists = st.lists(st.text(alphabet="ab", min_size=1, max_size=4), max_size=4)


def run(stops: list[str], pieces: list[str]) -> tuple[str, str | None]:
    stopping = StopStrings(stops)
    shown = "".join(stopping.push(piece) for piece in pieces)
    return shown + stopping.finish(), stopping.matched


def cut(text: str, points: list[int]) -> list[str]:
    bounds = [0, *sorted(point % (len(text) + 1) for point in points), len(text)]
    return [text[a:b] for a, b in pairwise(bounds)]


@given(letters, stop_lists, st.lists(st.integers(0, 30), max_size=8))
def test_it_gives_the_same_text_however_it_is_cut(text, stops, points):
    assert run(stops, cut(text, points)) == run(stops, list(text))


@given(letters, stop_lists)
def test_it_shows_nothing_of_a_stop_string(text, stops):
    shown, matched = run(stops, list(text))
    assert not any(stop in shown for stop in stops)
    if matched is None:
        assert shown == text
    else:
        assert text.startswith(shown + matched)


@given(letters, stop_lists)
def test_it_delays_only_what_could_still_become_a_match(text, stops):
    stopping = StopStrings(stops)
    shown = "".join(stopping.push(letter) for letter in text)
    if stopping.matched is None:
        held = text[len(shown) :]
        assert not held or any(stop.startswith(held) for stop in stops)


def test_it_takes_the_string_completed_first():
    assert run(["abcd", "bc"], ["abcd"]) == ("a", "bc")


def test_it_takes_the_longest_of_those_completed_together():
    assert run(["c", "bc"], ["abcd"]) == ("a", "bc")


def test_it_passes_everything_without_stop_strings():
    assert run([], ["a", "b"]) == ("ab", None)
    assert run([""], ["a", "b"]) == ("ab", None)


def test_it_tells_what_followed_the_match():
    stopping = StopStrings(["</x>"])
    assert stopping.push("one</") == "one"
    assert stopping.push("x>two") == ""
    assert stopping.rest == "two"
