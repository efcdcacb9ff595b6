"""An engine whose replies are scripted by the prompt: for tests and for demos.

Words in the last user message steer it; everything else is ignored:

===============  ============================================================
word             effect
===============  ============================================================
`pace=0.05`      seconds between tokens (default: the constructor's)
`n=40`           tokens of text (default: the constructor's, or the whole text)
`fail=20`        EngineError `engine_failed`, retryable, after 20 tokens
`hang=20`        silence after 20 tokens, until cancelled; `hang=20,50`: the first
                 attempt after 20, the second after 50, later ones never; `hang=20,`:
                 the first one only
`think`          eight tokens of reasoning first
`zh` `emoji`     Chinese; emoji one code point a token, joined ones among them
`markdown`       a document with everything a renderer must handle
`prompt`         a JSON line of what the engine was given
`say=BASE64`     that text (URL-safe base64 of UTF-8, padding optional)
`tools=2`        calls of the first two tools that were offered, instead of
                 text; with a text word behind it
===============  ============================================================

A `tool_choice` that demands a call gets one. Arguments are `{"n": 0, "at": "北京 🙂"}`
with the call's number.

Without a text word the reply is `t0 t1 t2 …`. A continuation goes on behind
`progress.completion_tokens`, or behind the text that is there, so that both parts
together are the uninterrupted reply; `fail` and `hang` act only if they lie ahead (0:
always), so that a retry gets past them. A prompt counts one token a word and one a
message.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import cycle, islice
from math import isfinite

from chat.engines.base import (
    ChatMessage,
    Chunk,
    Engine,
    EngineError,
    EngineEvent,
    EngineRequest,
    Finished,
    ModelInfo,
    Progress,
    Prompted,
)
from chat.engines.scripts import CHINESE, EMOJI, MARKDOWN
from chat.engines.stopping import StopStrings
from chat.tool_calls import CallPiece

MAX_TOKENS = 100_000
MAX_CALLS = 100
MAX_PACE = 60.0
REASONING_TOKENS = 8
CHARACTERS_A_TOKEN = 4

AT_ONCE = 16
"""Tokens between two turns of the others, where there is no pace."""


@dataclass(frozen=True, slots=True)
class Script:
    """One reply: tokens of `reasoning`, `text`, `calls`, and when to misbehave."""

    reasoning: list[str]
    text: list[str]
    calls: list[CallPiece]
    pace: float
    fail: int | None
    hang: int | None
    again: bool

    def __len__(self) -> int:
        return len(self.reasoning) + len(self.text) + len(self.calls)

    def at(self, index: int) -> Chunk:
        """Token `index`: reasoning, or text, or a piece of a call."""
        token = Chunk(tokens=1, token_ids=(index,))
        if index < len(self.reasoning):
            return replace(token, reasoning=self.reasoning[index])
        index -= len(self.reasoning)
        if index < len(self.text):
            return replace(token, text=self.text[index])
        return replace(token, tool_calls=(self.calls[index - len(self.text)],))


class ScriptedEngine(Engine):
    """Deterministic and asynchronous: no thread, no model, no I/O."""

    def __init__(
        self, model: str = "scripted", *, pace: float = 0.02, tokens: int = 40
    ) -> None:
        self.models = [ModelInfo(model, "Scripted", context_tokens=None, demo=True)]
        self._pace = pace
        self._tokens = tokens

    async def stream(self, request: EngineRequest) -> AsyncGenerator[EngineEvent]:
        script = write_script(request, self._pace, self._tokens)
        prompt_tokens = count_tokens(request.messages)
        yield Prompted(prompt_tokens)
        limit = request.params.max_tokens
        start = behind(script, request.progress)
        carried = start - min(request.progress.completion_tokens, start)
        end = len(script) if limit is None else min(len(script), carried + limit)
        start = min(start, end)
        stops = StopStrings(request.params.stop)
        for index in range(start):
            stops.push(script.at(index).text)
        clock = asyncio.get_running_loop().time
        began, used = clock(), start
        for index in range(start, end):
            if stops.matched is not None:
                break
            await misbehave(script, index, start)
            if script.pace or index % AT_ONCE == 0:
                await asyncio.sleep(began + (index - start + 1) * script.pace - clock())
            used = index + 1
            chunk = script.at(index)
            yield replace(chunk, text=stops.push(chunk.text))
        else:
            await misbehave(script, end, start)
        if tail := stops.finish():
            yield Chunk(tail)
        cut = end < len(script) and stops.matched is None
        reason = "tool_calls" if script.calls and stops.matched is None else "stop"
        yield Finished("length" if cut else reason, prompt_tokens, used - carried)


def behind(script: Script, progress: Progress) -> int:
    """The token to go on with: those that are counted are said, and those whose text
    is there."""
    index = min(progress.completion_tokens, len(script))
    unsaid = len(progress.text) + len(progress.reasoning)
    unsaid -= sum(size(script.at(counted)) for counted in range(index))
    while index < len(script) and unsaid > 0:
        unsaid -= size(script.at(index))
        index += 1
    return index


def size(chunk: Chunk) -> int:
    return len(chunk.text) + len(chunk.reasoning)


async def misbehave(script: Script, index: int, start: int) -> None:
    """Fail or hang before token `index`, unless this attempt began behind that; in
    calls, which every attempt begins again, at the first attempt only."""
    in_calls = script.calls and index > len(script) - len(script.calls)
    ahead = (start < index or index == 0) and not (in_calls and script.again)
    if script.fail == index and ahead:
        raise EngineError("engine_failed", "The script says fail.", retryable=True)
    if script.hang == index and ahead:
        await asyncio.Event().wait()


def count_tokens(messages: Sequence[ChatMessage]) -> int:
    return sum(1 + len(message["content"].split()) for message in messages)


def write_script(request: EngineRequest, pace: float, tokens: int) -> Script:
    words = request.messages[-1]["content"].split()
    options = dict(word.split("=", 1) for word in words if "=" in word)
    count = number(options.get("n"), MAX_TOKENS)
    calls = list(write_calls(options, request))
    return Script(
        reasoning=list(ordinals("r", REASONING_TOKENS)) if "think" in words else [],
        text=write_text(words, options, request, count, 0 if calls else tokens),
        calls=calls,
        pace=min(seconds(options.get("pace"), pace), MAX_PACE),
        fail=number(options.get("fail"), MAX_TOKENS),
        hang=number(of_attempt(options.get("hang"), request), MAX_TOKENS),
        again=not request.id.endswith(".1"),
    )


def write_text(
    words: list[str],
    options: dict[str, str],
    request: EngineRequest,
    count: int | None,
    default: int,
) -> list[str]:
    """The tokens of the reply; a text shorter than `count` starts over."""
    whole: list[str] | None = None
    if "say" in options:
        whole = pieces(unquote(options["say"]))
    elif "prompt" in words:
        whole = pieces(describe(request))
    elif "markdown" in words:
        whole = pieces(MARKDOWN)
    elif "zh" in words:
        whole = pieces(CHINESE, 2)
    elif "emoji" in words:
        whole = list(EMOJI)
    if whole is None:
        return list(ordinals("t", default if count is None else count))
    return whole if count is None else list(islice(cycle(whole), count))


def write_calls(options: dict[str, str], request: EngineRequest) -> Iterator[CallPiece]:
    """The tokens of the calls: what is called, then its arguments."""
    choice, tools = request.params.tool_choice, request.params.tools or []
    names = [tool["function"]["name"] for tool in tools]
    if isinstance(choice, dict):
        names = [choice["function"]["name"]]
    least = 0 if choice in (None, "none", "auto") else 1
    count = max(number(options.get("tools"), MAX_CALLS) or 0, least)
    if choice == "none" or not names:
        return
    for place in range(count):
        name = names[place % len(names)]
        yield CallPiece(place, f"call_{request.id}_{place}", name)
        arguments = json.dumps({"n": place, "at": "北京 🙂"}, ensure_ascii=False)
        for piece in pieces(arguments):
            yield CallPiece(place, arguments=piece)


def ordinals(letter: str, count: int) -> Iterator[str]:
    for index in range(count):
        yield f"{' ' if index else ''}{letter}{index}"


def pieces(text: str, size: int = CHARACTERS_A_TOKEN) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def describe(request: EngineRequest) -> str:
    """What reached the engine, as one line of JSON."""
    system = [m["content"] for m in request.messages if m["role"] == "system"]
    return json.dumps(
        {
            "messages": len(request.messages),
            "roles": [message["role"] for message in request.messages],
            "system": "\n".join(system),
            "model": request.model,
            "params": asdict(request.params),
        },
        ensure_ascii=False,
    )


def unquote(data: str) -> str:
    padded = data + "=" * (-len(data) % 4)
    try:
        return base64.urlsafe_b64decode(padded).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""


def of_attempt(value: str | None, request: EngineRequest) -> str | None:
    """Of a list with a place for each attempt, this one's."""
    if value is None or "," not in value:
        return value
    attempt = number(request.id.rpartition(".")[2], MAX_TOKENS) or 1
    return dict(enumerate(value.split(","), start=1)).get(attempt)


def number(value: str | None, top: int) -> int | None:
    return min(int(value), top) if value and value.isdecimal() else None


def seconds(value: str | None, default: float) -> float:
    try:
        given = float(value) if value else default
    except ValueError:
        return default
    return given if isfinite(given) and given >= 0 else default
