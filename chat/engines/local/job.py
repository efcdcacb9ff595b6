"""One request on its way: what goes to the worker, and where its output lands."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from chat.engines import tool_text
from chat.engines.base import Chunk, EngineError, EngineRequest, Params, Progress
from chat.engines.local.detokenize import make_detokenizer
from chat.engines.local.loading import Loaded
from chat.engines.local.prompt import Prompt, Prompter
from chat.engines.local.reply import Continuation, Reply
from chat.engines.local.sampling import Chooser, model_defaults, resolve, whole
from chat.engines.thinking import CLOSE, OPEN
from chat.engines.tool_text import ToolSplitter

MAX_STOPS = 16
RELEASE_SECONDS = 5.0


class Inbox:
    """The newest output of a request; each holds all tokens so far.

    So nothing queues up behind a slow consumer: it takes all that is new at once.
    """

    def __init__(self) -> None:
        self._changed = asyncio.Event()
        self._released = asyncio.Event()
        self._tokens: list[int] = []
        self._taken = 0
        self._ended = False
        self.failed = False

    def put(self, output: Any) -> None:
        if self._released.is_set():
            return  # of a worker that was given up
        self._tokens = output.generated_tokens
        self._ended = output.is_finished()
        self.failed = output.error is not None
        self._changed.set()

    def release(self) -> None:
        """The worker is gone, or another: nothing comes after what is here."""
        self.failed = self.failed or not self._ended
        self._ended = True
        self._changed.set()
        self._released.set()

    @property
    def exhausted(self) -> bool:
        """All is taken, and nothing more comes."""
        return self._ended and self._taken == len(self._tokens)

    async def fresh(self) -> list[int]:
        """Waits for the ids that came since the last call; none where it failed."""
        await self._changed.wait()
        self._changed.clear()
        fresh = self._tokens[self._taken :]
        self._taken += len(fresh)
        return fresh

    async def released(self) -> None:
        """After a failure: wait for the worker's end, so that a retry finds a new one.

        The library reports failures before its thread ends. Bounded, as no failure
        may leave a reader waiting.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(RELEASE_SECONDS):
                await self._released.wait()


class Job:
    """A validated request.

    `ids` are the prompt's and the progress's; `left` tokens may follow. `ahead` is
    what those of the progress say beyond the text that was shown.
    """

    def __init__(
        self,
        prompt: Prompt,
        continuation: Continuation,
        *,
        limit: int,
        chooser: Chooser,
        ends: frozenset[int],
    ) -> None:
        self.prompt = prompt
        self.ids = [*prompt.ids, *continuation.ids]
        self.reply = continuation.reply
        self.ahead = continuation.ahead
        self.left = min(
            limit - self.reply.completed, prompt.room - len(continuation.ids)
        )
        self.chooser = chooser
        self.ends = ends
        self._continuation = continuation

    def push(self, ids: Sequence[int]) -> Chunk:
        text, reasoning, taken = self.reply.push(ids)
        text, reasoning = self._continuation.unsaid(text, reasoning)
        calls = self.reply.take_calls()
        return Chunk(text, reasoning, len(taken), taken, calls)

    def finish(self) -> Chunk | None:
        """What was held back to the end."""
        text, reasoning = self._continuation.unsaid(*self.reply.finish())
        calls = self.reply.take_calls()
        news = text or reasoning or calls
        return Chunk(text, reasoning, tool_calls=calls) if news else None

    @property
    def finish_reason(self) -> str:
        if not self.reply.over:
            return "length"
        return "tool_calls" if self.reply.called else "stop"


class JobMaker:
    """Everything that could harm the worker is refused here, with EngineError."""

    def __init__(self, loaded: Loaded, *, context: int, max_tokens: int) -> None:
        self._tokenizer = loaded.tokenizer
        self._vocabulary = loaded.vocabulary
        self._ends = loaded.ends
        self._defaults = model_defaults(loaded.generation)
        self._context = context
        self._max_tokens = min(max_tokens, context // 2)
        self._prompter = Prompter(
            loaded.tokenizer, context=context, vocabulary=loaded.vocabulary
        )
        self._literal = literal_tokens(loaded.tokenizer)

    def make(self, request: EngineRequest) -> Job:
        """Tokenises: what is long, in a thread. `max_tokens` is a ceiling: a reply ends
        earlier, with `length`, where the context does."""
        params = request.params
        limit = whole("max_tokens", params.max_tokens, 1)
        limit = self._max_tokens if limit is None else limit
        stop = self._stop(params.stop)
        sampling = resolve(params, self._defaults, self._vocabulary)
        reserve = min(limit, self._context // 2)
        tools = offered(params)
        if tools and not self._prompter.takes_tools:
            raise EngineError("invalid_params", "tools: this model takes none.")
        prompt = self._prompter.fit(request.messages, reserve, params.thinking, tools)
        return Job(
            prompt,
            self._continue(request, prompt, stop),
            limit=limit,
            chooser=Chooser(sampling),
            ends=self._ends,
        )

    def _stop(self, stop: Sequence[str]) -> tuple[str, ...]:
        if isinstance(stop, str) or len(stop) > MAX_STOPS:
            raise EngineError("invalid_params", f"stop: at most {MAX_STOPS} strings.")
        if not all(isinstance(one, str) and one for one in stop):
            raise EngineError(
                "invalid_params", "stop takes strings that say something."
            )
        return (*stop, *self._prompter.stop)

    def _continue(
        self, request: EngineRequest, prompt: Prompt, stop: tuple[str, ...]
    ) -> Continuation:
        """Takes the progress up where it ended.

        Ids of another model, say after a change of settings, do not decode to the
        text that was shown: then the text counts, newly tokenised.
        """
        progress, params = request.progress, request.params

        def replay(ids: list[int]) -> Continuation:
            tools = ToolSplitter(f"call_{request.id}") if offered(params) else None
            reply = Reply(
                make_detokenizer(self._tokenizer, self._literal),
                stop=stop,
                ends=self._ends,
                opened=prompt.opened,
                tools=tools,
                one_call=params.parallel_tool_calls is False,
            )
            text, reasoning, _taken = reply.push(ids)
            return Continuation(ids, reply, (text, reasoning), progress)

        ids = list(progress.token_ids)
        if all(0 <= token < self._vocabulary for token in ids):
            replayed = replay(ids)
            if replayed.faithful:
                return replayed
        ids = self._prompter.tokens(written(progress, prompt.opened))
        replayed = replay(ids)
        # The earlier attempt counted better; what it began with is nobody's count.
        replayed.reply.completed = progress.completion_tokens
        return replayed


def offered(params: Params) -> list[dict[str, Any]] | None:
    """The tools the model is told of. What it must call cannot be said to it."""
    choice = params.tool_choice
    if not params.tools or choice == "none":
        return None
    if choice not in (None, "auto"):
        raise EngineError(
            "invalid_params", "tool_choice: this model takes auto and none only."
        )
    return params.tools


def written(progress: Progress, opened: bool) -> str:
    """The progress as the model wrote it, so far as its text tells."""
    if not progress.reasoning and not opened:
        return progress.text
    head = "" if opened else f"{OPEN}\n"
    tail = f"\n{CLOSE}\n\n{progress.text}" if progress.text else ""
    return f"{head}{progress.reasoning}{tail}"


def literal_tokens(tokenizer: Any) -> dict[int, str]:
    """Tags that are special tokens, whose text decoding would drop."""
    special = set(tokenizer.all_special_ids)
    tags = (OPEN, CLOSE, tool_text.OPEN, tool_text.CLOSE)
    ids = {tag: tokenizer.convert_tokens_to_ids(tag) for tag in tags}
    return {token: tag for tag, token in ids.items() if token in special}
