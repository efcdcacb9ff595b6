"""Tool calls are as durable as text: on the tape, in the checkpoint, at the end."""

from __future__ import annotations

import json

import pytest

from chat import conversations, generations
from chat.database import in_database
from chat.engines.base import Chunk, Engine, Finished, ModelInfo
from chat.events import Delta, Snapshot
from chat.models import Generation, Message
from chat.running import runner as runner_module
from chat.tape import MemoryTape
from chat.tool_calls import CallPiece
from tests.core.helpers import ask, crash, expire, runner_of
from tests.reading import eventually, finished, watch

pytestmark = pytest.mark.django_db(transaction=True)
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {}}}
    for name in ("weather", "time")
]
ARGUMENTS = '{"n": 0, "at": "北京 🙂"}'


@pytest.fixture(autouse=True)
def quick(settings, monkeypatch) -> None:
    settings.CHAT_CHECKPOINT_SECONDS = 0.02
    monkeypatch.setattr(runner_module, "POLL_SECONDS", 0.05)


async def start(user, prompt: str, **params):
    return await in_database(ask, user, prompt, params={"tools": TOOLS, **params})


def names(row: Generation) -> list[str]:
    return [call["function"]["name"] for call in row.message.tool_calls or ()]


async def called(tape: MemoryTape, generation: Generation, characters: int) -> None:
    """Until so much of the calls was said."""

    def look() -> bool:
        state = tape.state(str(generation.pk))
        return state is not None and sum(map(len, state[1].tool_calls)) >= characters

    await eventually(look)


async def test_calls_are_stored_with_the_message(alice) -> None:
    generation = await start(alice, "tools=2 n=1 pace=0")
    tape = MemoryTape()
    async with runner_of(tape=tape):
        row = await finished(generation)
        page = await watch(tape, row)

    assert (row.status, row.finish_reason) == ("done", "tool_calls")
    assert (row.message.content, names(row)) == ("t0", ["weather", "time"])
    assert row.message.tool_calls[0]["function"]["arguments"] == ARGUMENTS
    assert row.tool_calls == ""
    assert page.said == row.message.said


async def test_a_takeover_begins_the_calls_again_behind_the_text(alice) -> None:
    """It has the same ids, and its count has only what is in the answer."""
    generation = await start(alice, "tools=1 n=3 pace=0.01 hang=8")
    tape = MemoryTape()
    async with runner_of("first", tape) as runner:
        await called(tape, generation, 50)
        await eventually(lambda: in_database(has_checkpoint, generation))
        await crash(runner)
    (before,) = (await in_database(fresh_said, generation)).tool_calls
    await in_database(expire, generation)
    tape = MemoryTape()
    async with runner_of("second", tape):
        row = await finished(generation)
        page = await watch(tape, row)

    assert row.attempt == 2
    assert (row.message.content, names(row)) == ("t0 t1 t2", ["weather"])
    assert row.message.tool_calls[0]["id"] == before.id
    assert row.message.tool_calls[0]["function"]["arguments"] == ARGUMENTS
    assert row.completion_tokens == 3 + 1 + -(-len(ARGUMENTS) // 4)
    assert page.said == row.message.said


def has_checkpoint(generation: Generation) -> bool:
    return fresh_said(generation).tool_calls != ()


def fresh_said(generation: Generation) -> Snapshot:
    return Generation.objects.get(pk=generation.pk).said


async def test_a_reader_sees_the_calls_taken_back_and_made_again(alice) -> None:
    generation = await start(alice, "tools=1 pace=0.01 hang=4")
    tape = MemoryTape()
    async with runner_of("first", tape) as runner:
        await called(tape, generation, 50)
        await crash(runner)
    seq, heard = tape.state(str(generation.pk)) or (0, Snapshot())
    await in_database(expire, generation)
    async with runner_of("second", tape):
        await finished(generation)
        page = await watch(tape, generation, after=seq)

    assert heard.tool_calls
    assert page.names[:2] == ["start", "snapshot"]
    assert not page.first("snapshot").tool_calls
    assert page.said.tool_calls[0].arguments == ARGUMENTS
    assert page.said.tool_calls[0].id == heard.tool_calls[0].id


async def test_stopping_keeps_what_was_called(alice) -> None:
    generation = await start(alice, "tools=1 pace=0 hang=3")
    tape = MemoryTape()
    async with runner_of(tape=tape):
        await called(tape, generation, 45)
        await in_database(generations.stop, alice, generation.pk)
        row = await finished(generation)

    assert row.status == "stopped"
    [call] = row.message.tool_calls
    assert ARGUMENTS.startswith(call["function"]["arguments"])
    # No engine is told of half a call.
    assert conversations.as_told(row.message) is None


async def test_what_no_database_takes(alice) -> None:
    class Odd(Engine):
        models = [ModelInfo("scripted", "Odd")]

        async def stream(self, request):
            yield Chunk(tool_calls=(CallPiece(0, "a\0", "b\ud800", "{\0}"),), tokens=1)
            yield Finished("tool_calls")

    generation = await start(alice, "hello")
    async with runner_of(engine=Odd()):
        row = await finished(generation)

    assert row.message.tool_calls == [
        {"id": "a", "type": "function", "function": {"name": "b?", "arguments": "{}"}}
    ]


async def test_an_engine_is_told_of_calls_and_results(alice) -> None:
    generation = await start(alice, "tools=1 pace=0")
    async with runner_of():
        row = await finished(generation)
    told = await in_database(history, row, tools=True)

    assert [message["role"] for message in told] == ["user", "assistant", "tool"]
    [call] = told[1]["tool_calls"]
    assert json.loads(call["function"]["arguments"])["n"] == 0
    assert told[2] == {"role": "tool", "content": "", "tool_call_id": call["id"]}
    # One that knows no tools gets what people said.
    told = await in_database(history, row, tools=False)
    assert [message["role"] for message in told] == ["user"]


def history(row: Generation, *, tools: bool):
    """What an engine is told behind that answer, whose tool said nothing."""
    inside = {"conversation": row.conversation}
    result = Message.objects.create(
        parent=row.message,
        role="tool",
        tool_call_id=row.message.tool_calls[0]["id"],
        **inside,
    )
    answer = Message.objects.create(parent=result, role="assistant", **inside)
    job = Generation(conversation=row.conversation, message=answer)
    return conversations.prompts([job], lambda model: tools)[answer.pk]


async def test_what_is_not_to_be_stored_is_gone(alice) -> None:
    def quietly() -> Generation:
        params = {"tools": TOOLS, "temperature": 0.5}
        quiet = generations.Ask("scripted", params, store=False)
        return generations.start(alice, quiet, "tools=1 pace=0")

    generation = await in_database(quietly)
    async with runner_of():
        row = await finished(generation)

    assert row.message.tool_calls is None
    assert row.params == {"temperature": 0.5}


def test_a_delta_with_calls_counts_towards_what_a_read_may_hold() -> None:
    assert len(Delta(tool_calls=(CallPiece(0, "id", "name", "{}"),))) == 8
