"""What of a conversation fits into a model's context."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chat.engines.fitting import estimate, kept, prompt_estimate, reserve


def said(role: str, letters: int) -> dict[str, str]:
    return {"role": role, "content": "x" * letters}


SYSTEM, SHORT = said("system", 40), said("user", 4)


def test_it_counts_four_letters_or_a_chinese_character_as_about_a_token() -> None:
    assert estimate("four") == 2
    assert 3 <= estimate("流式输出") <= 5


def test_it_keeps_everything_that_fits() -> None:
    told = [SYSTEM, SHORT, said("assistant", 4), SHORT]

    assert kept(told, 1000) == told


def test_it_drops_whole_turns_from_the_oldest_on() -> None:
    told = [said("user", 400), said("assistant", 400), SHORT, said("assistant", 4)]

    assert kept([SYSTEM, *told], 60) == [SYSTEM, *told[2:]]


def test_it_never_drops_the_system_prompt_or_the_last_message() -> None:
    assert kept([SYSTEM, SHORT, said("user", 9000)], 10) == [
        SYSTEM,
        said("user", 9000),
    ]


def test_it_keeps_a_quarter_free_unless_told_how_much() -> None:
    assert (reserve(2048, None), reserve(2048, 100)) == (512, 100)


ROLES = st.sampled_from(["user", "assistant", "tool"])
MESSAGES = st.lists(st.builds(said, ROLES, st.integers(0, 300)), min_size=1)


@given(MESSAGES, st.booleans(), st.integers(0, 500))
def test_it_is_the_longest_end_that_fits(messages, system, room) -> None:
    told = [*([SYSTEM] if system else []), *messages]
    result = kept(told, room)
    rest = result[1:] if system else result

    assert rest
    assert messages[-len(rest) :] == rest
    assert (
        prompt_estimate(result) <= room
        or rest == messages[-len(rest) :][-1:]
        or (
            # No user message after the first of these: there is nothing to begin with.
            all(one["role"] != "user" for one in rest[1:-1])
        )
    )
    if len(rest) < len(messages):
        assert rest[0]["role"] == "user" or len(rest) == 1
