"""The contract between the runner and whatever produces tokens.

An engine yields values, never strings: one `Prompted`, any number of `Chunk`s (of a
model that draws: `Stepped` and `Drawn`), one `Finished`; or it raises `EngineError`.
Cancelling is closing the iterator (`aclose`, or cancelling the task that iterates): by
the time that returns the engine has freed what it held for the request (batch slot,
upstream connection).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NotRequired, TypedDict

from ..tool_calls import Calls


class ChatMessage(TypedDict):
    """`tool_calls` (in OpenAI's shape) of an assistant, `tool_call_id` of a tool."""

    role: str
    content: str
    tool_calls: NotRequired[list[dict[str, Any]] | None]
    tool_call_id: NotRequired[str]


@dataclass(frozen=True, slots=True)
class Params:
    """Sampling parameters of one request. None: the model's own default."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    thinking: bool | None = None
    # Only for engines whose models say they can (`ModelInfo.can`):
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    response_format: dict[str, Any] | None = None
    logit_bias: dict[str, float] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    # How much to think, in the engine's words; one that does not know it ignores it.
    reasoning_effort: str | None = None
    # Only for models that draw; `size` is width and height in pixels, `n` pictures.
    size: tuple[int, int] | None = None
    steps: int | None = None
    guidance: float | None = None
    negative_prompt: str | None = None
    n: int = 1

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Params:
        known = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
        size = known.get("size")
        return cls(
            **{
                **known,
                "stop": tuple(known.get("stop") or ()),
                "size": tuple(size) if size else None,
            }
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """What an earlier attempt left: the engine continues behind it. Tool calls are
    not a part of it: they are begun again.

    `token_ids` are the emitted ids where the engine has them (exact continuation);
    `completion_tokens` counts them in any case. Neither includes what the text began
    with where an earlier answer is continued: that is not bounded by this request.
    """

    text: str = ""
    reasoning: str = ""
    token_ids: tuple[int, ...] = ()
    completion_tokens: int = 0

    def __bool__(self) -> bool:
        return bool(self.text or self.reasoning or self.token_ids)


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """`id` is unique per attempt. `messages` ends with the user's turn. `trace`: W3C's
    `traceparent`, for an engine elsewhere."""

    id: str
    model: str
    messages: Sequence[ChatMessage]
    params: Params = field(default_factory=Params)
    progress: Progress = field(default_factory=Progress)
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Prompted:
    """The request is accepted: so many prompt tokens (without the progress)."""

    prompt_tokens: int


@dataclass(slots=True)
class Chunk:
    """New text, or pieces of tool calls, and the tokens they came from. Never changed;
    a frozen one would take five times as long to make, for each token.

    `tokens` counts every token consumed since the last chunk, also those whose
    text is held back (half a character, a stop string) or is a special token.
    """

    text: str = ""
    reasoning: str = ""
    tokens: int = 0
    token_ids: tuple[int, ...] = ()
    tool_calls: Calls = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """`finish_reason` is stop, length, content_filter or tool_calls.

    Exact counts when the engine knows them better than the sum of its chunks.
    """

    finish_reason: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Stepped:
    """A step of drawing is done: `preview` is a WebP of at most 20 KB. At most five a
    second; of several pictures, `step` and `steps` count all of them together."""

    step: int
    steps: int
    preview: bytes


@dataclass(frozen=True, slots=True)
class Drawn:
    """A finished picture, as the file it becomes: PNG, WebP or JPEG. The k-th one of a
    request (from 0) is drawn from its seed plus k."""

    image: bytes
    content_type: str
    width: int
    height: int


EngineEvent = Prompted | Chunk | Stepped | Drawn | Finished


class EngineError(Exception):
    """The request cannot go on. `retryable`: the same request may work later.

    `code` is stable for programs; `message` is a sentence for people.
    """

    def __init__(self, code: str, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = retryable


class EngineLost(EngineError):
    """The engine died under the request, through no fault of the request.

    The generation goes back to the queue and is continued, a few times.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message, retryable=True)


Kind = Literal["text", "image"]
"""What a model makes."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What `/api/models` says of one model. `context_tokens` None: unknown.

    `can`: what not every engine takes: `penalties`, `json` (a response format),
    `tools`, `logit_bias`; `own_choice`: it cannot be told which tool to call.
    `continues`: whether it goes on from a text that is there. `kind`: what it makes.
    """

    id: str
    label: str
    context_tokens: int | None = None
    demo: bool = False
    can: frozenset[str] = frozenset()
    continues: bool = True
    kind: Kind = "text"


StateName = Literal["waiting", "downloading", "loading", "ready", "failed"]


@dataclass(frozen=True, slots=True)
class ModelState:
    """How far a model is in this process, for those who run it.

    `waiting`: it is loaded when it is asked for. `message`: what it does, or what to do
    about it. `bytes` and `files` are those of a download. `seconds`: how long it took
    from the start to the first token.
    """

    name: StateName
    message: str = ""
    bytes: int = 0
    total_bytes: int = 0
    files: int = 0
    total_files: int = 0
    seconds: float | None = None


class Engine(ABC):
    """One backend that serves one or more models in this process."""

    models: Sequence[ModelInfo]

    async def start(self) -> None:
        """Load and warm up. Raises `EngineError` with what to do about it."""

    async def stop(self) -> None:
        """Release everything; running requests end with `EngineError`."""

    @property
    def problem(self) -> str | None:
        """Why the engine cannot serve right now; None when it is ready."""
        return None

    def states(self) -> dict[str, ModelState]:
        """Of each of its models."""
        problem = self.problem
        state = ModelState("failed", problem) if problem else ModelState("ready")
        return {info.id: state for info in self.models}

    @property
    def loading(self) -> frozenset[str]:
        """Once it has started: the models that it is about to be able to serve. When
        it is, or cannot, it sends `nudges.queue`."""
        return frozenset()

    def serves(self, model: str) -> bool:
        return any(info.id == model for info in self.models)

    @abstractmethod
    def stream(self, request: EngineRequest) -> AsyncGenerator[EngineEvent]:
        """Generate; see the module docstring for the order of events."""
