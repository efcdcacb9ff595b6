"""What an engine streams, as engine events: pure, no I/O.

`take` gets frame after frame, `end` is called when the body has ended. An answer
is complete only when the engine said why it ended.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import msgspec

from chat.sse import Frame

from ..base import Chunk, EngineError, EngineEvent, EngineRequest, Finished, Prompted
from ..fitting import prompt_estimate, tools_estimate
from .called import Called
from .payload import Seam
from .trouble import Trouble, broken, in_stream, nonsense

REASONS = {"length": "length", "content_filter": "content_filter"}
WITH_CALLS = ("stop", "tool_calls", "function_call")
"""What engines say at the end of an answer with calls."""
ABORTED = {"abort", "error", "cancelled"}
DECODE = msgspec.json.Decoder().decode


class Answer(ABC):
    """`begun`: text has been passed on, so asking again from the start is out."""

    def __init__(self, request: EngineRequest, limit: int | None = None) -> None:
        """`limit`: tokens after which we end it ourselves, as the engine will not."""
        self._request = request
        self._limit = limit
        self._seam = Seam(request.progress)
        self._called = Called(request.id)
        self._earlier = request.progress.completion_tokens
        self._reason: str | None = None
        self._prompt: int | None = None
        self._completion: int | None = None
        self._counted = 0
        self._prompted = False
        self.begun = False
        self.complete = False
        """Nothing that matters follows."""

    @property
    def finished(self) -> bool:
        """The engine said why it ended; the usage may still come."""
        return self._reason is not None

    def take_all(
        self, frames: Iterable[Frame]
    ) -> tuple[list[EngineEvent], Trouble | EngineError | None]:
        """What came at once, as few events; and what was wrong behind them."""
        events: list[EngineEvent] = []
        try:
            for frame in frames:
                events += self.take(frame.event, frame.data)
        except (Trouble, EngineError) as trouble:
            return joined(events), trouble
        return joined(events), None

    def take(self, event: str, data: str) -> list[EngineEvent]:
        if data.startswith("[DONE]"):
            self.complete = True
            return []
        said = value_of(data)
        if not isinstance(said, dict):
            raise nonsense("a frame is not an object")
        return self._say(event, said)

    @abstractmethod
    def _say(self, event: str, said: dict[str, Any]) -> list[EngineEvent]:
        """The events in one frame."""

    def end(self) -> Finished:
        """How it ended. Raises `Trouble` when it just stopped."""
        if self._reason is None:
            raise broken("no end was announced")
        if self._reason in ABORTED:
            raise broken(f"it says {self._reason}")
        completion = self._completion
        with_calls = self._called.any and self._reason in WITH_CALLS
        return Finished(
            "tool_calls" if with_calls else REASONS.get(self._reason, "stop"),
            self._prompt_tokens(),
            self._earlier + (self._counted if completion is None else completion),
        )

    def _prompt_tokens(self) -> int:
        """Without the partial answer, which went in as a part of the prompt."""
        if self._prompt is None:
            tools = self._request.params.tools
            return prompt_estimate(self._request.messages) + tools_estimate(tools)
        return max(0, self._prompt - self._earlier)

    def _chunk(self, text: Any, reasoning: Any, calls: Any = None) -> list[EngineEvent]:
        events: list[EngineEvent] = []
        if not self._prompted:
            self._prompted = True
            events.append(Prompted(self._prompt_tokens()))
        text, reasoning = text or "", reasoning or ""
        if not (isinstance(text, str) and isinstance(reasoning, str)):
            raise nonsense("a text is not a string")
        pieces = self._called.take(calls) if calls else ()
        tokens = self._new_tokens(bool(text or reasoning or pieces))
        if text:
            text = self._seam(text)
        elif reasoning and not self._request.progress.text:
            reasoning = self._seam(reasoning)
        if self._called.any and not text.strip():
            text = ""  # the line ends between calls are nobody's text
        if text or reasoning or pieces or tokens:
            self.begun = self.begun or bool(text or reasoning or pieces)
            events.append(Chunk(text, reasoning, tokens, tool_calls=pieces))
        if self._limit is not None and self._counted >= self._limit:
            self._reason = self._reason or "length"
            self.complete = True
        return events

    def _new_tokens(self, said_something: bool) -> int:
        """Exact where usage comes with every chunk, else one a chunk."""
        before = self._counted
        if self._completion is not None:
            self._counted = max(before, self._completion)
        elif said_something:
            self._counted += 1
        return self._counted - before

    def _usage(self, usage: Any, prompt: str, completion: str) -> None:
        if isinstance(usage, dict):
            counts = usage.get(prompt), usage.get(completion)
            self._prompt = counts[0] if isinstance(counts[0], int) else self._prompt
            if isinstance(counts[1], int):
                self._completion = counts[1]


class OpenAIAnswer(Answer):
    """`chat.completion.chunk` frames, and a whole `chat.completion`."""

    def _say(self, event: str, said: dict[str, Any]) -> list[EngineEvent]:
        events: list[EngineEvent] = []
        if error := said.get("error"):
            raise in_stream(error)
        if event == "error":
            raise in_stream(said)
        if usage := said.get("usage"):
            self._usage(usage, "prompt_tokens", "completion_tokens")
        for choice in said.get("choices") or ():
            delta = choice.get("delta") or choice.get("message") or {}
            reasoning = delta.get("reasoning_content") or delta.get("reasoning")
            calls = delta.get("tool_calls")
            events += self._chunk(delta.get("content"), reasoning, calls)
            if reason := choice.get("finish_reason"):
                self._reason = str(reason)
        return events


class DashScopeAnswer(Answer):
    """Native `result` frames, whose text is new only, or all text so far: as it was
    asked for (`incremental_output`)."""

    def __init__(
        self,
        request: EngineRequest,
        limit: int | None = None,
        *,
        incremental: bool = True,
    ) -> None:
        super().__init__(request, limit)
        self._incremental = incremental
        self._whole = {"content": "", "reasoning_content": ""}
        self._arguments: dict[Any, str] = {}

    def _say(self, event: str, said: dict[str, Any]) -> list[EngineEvent]:
        output = said.get("output")
        if event == "error" or not isinstance(output, dict):
            raise in_stream(said)
        self._usage(said.get("usage"), "input_tokens", "output_tokens")
        choice = (output.get("choices") or [output])[0]
        message = choice.get("message") or {"content": output.get("text")}
        events = self._chunk(
            self._news("content", message),
            self._news("reasoning_content", message),
            self._new_calls(message.get("tool_calls")),
        )
        if (reason := choice.get("finish_reason")) and reason != "null":
            self._reason = str(reason)
            self.complete = True
        return events

    def _news(self, name: str, message: dict[str, Any]) -> Any:
        text, before = message.get(name) or "", self._whole[name]
        if self._incremental:
            return text
        self._whole[name] = text
        return behind(text, before)

    def _new_calls(self, calls: Any) -> Any:
        """With only what is new of their arguments."""
        if self._incremental or not isinstance(calls, list):
            return calls
        return [
            {**call, "function": {**function, "arguments": self._new_arguments(call)}}
            for call in calls
            if isinstance(call, dict)
            and isinstance(function := call.get("function") or {}, dict)
        ]

    def _new_arguments(self, call: dict[str, Any]) -> str:
        key = call.get("index", call.get("id"))
        whole = call["function"].get("arguments") or ""
        before, self._arguments[key] = self._arguments.get(key, ""), whole
        return behind(whole, before)


def value_of(data: str) -> Any:
    try:
        return DECODE(data)
    except msgspec.DecodeError:
        pass  # as strict as the standard, which has no halves of surrogate pairs
    try:
        return json.loads(data)
    except ValueError as error:
        raise nonsense("a frame is not JSON") from error


def joined(events: list[EngineEvent]) -> list[EngineEvent]:
    """Neighbouring chunks of text as one, or of reasoning: who is behind, and reads
    several at once, does the rest once for all of them."""
    if len(events) < 2:
        return events
    found = events[:1]
    for event in events[1:]:
        last = found[-1]
        if isinstance(last, Chunk) and isinstance(event, Chunk) and fits(last, event):
            text, reasoning = last.text + event.text, last.reasoning + event.reasoning
            found[-1] = Chunk(text, reasoning, last.tokens + event.tokens)
        else:
            found.append(event)
    return found


def fits(one: Chunk, other: Chunk) -> bool:
    """Nothing changes places when they are joined."""
    if one.tool_calls or other.tool_calls:
        return False
    return not ((one.text or other.text) and (one.reasoning or other.reasoning))


def behind(text: Any, before: str) -> str:
    if not (isinstance(text, str) and text.startswith(before)):
        raise nonsense("the text so far changed")
    return text[len(before) :]
