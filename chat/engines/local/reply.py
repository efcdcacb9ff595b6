"""One reply on its way from token ids to text and reasoning."""

from __future__ import annotations

from collections.abc import Sequence

from chat.engines.base import Chunk, Progress
from chat.engines.local.detokenize import Detokenizer
from chat.engines.stopping import StopStrings
from chat.engines.thinking import ThinkSplitter
from chat.engines.tool_text import ToolSplitter
from chat.tool_calls import Calls


class Reply:
    """ids → characters → reasoning and text → tool calls → up to a stop string.

    `tools`: reads calls, where any are offered; `one_call`: the reply ends behind the
    first. Stop strings are looked for in the text, not in the reasoning. `completed`
    counts every id taken, an end-of-sequence token included; ids behind the end
    of the reply are not taken.
    """

    calls: Calls = ()
    """Those that came since they were last taken."""

    def __init__(
        self,
        detokenizer: Detokenizer,
        *,
        stop: Sequence[str],
        ends: frozenset[int],
        opened: bool,
        tools: ToolSplitter | None = None,
        one_call: bool = False,
    ) -> None:
        self._tools = tools
        self._one_call = one_call
        self._detokenizer = detokenizer
        self._thinking = ThinkSplitter(opened=opened)
        self._stops = StopStrings(stop)
        self._ends = ends
        self.completed = 0
        self.over = False
        """An end-of-sequence token or a stop string has come."""

    def push(self, ids: Sequence[int]) -> tuple[str, str, tuple[int, ...]]:
        """(text, reasoning, the ids taken)"""
        texts, reasonings = [], []
        taken = 0
        for token in ids:
            if self.over:
                break
            taken += 1
            if token in self._ends:
                self.over = True
                break
            piece = self._detokenizer.push(token)
            if not piece:
                continue
            reasoning, text = self._thinking.push(piece)
            reasonings.append(reasoning)
            if self._tools is not None:
                text, calls = self._tools.push(text)
                self.calls += calls
            texts.append(self._stops.push(text))
            self.over = self._stops.matched is not None or self._is_called
        self.completed += taken
        return "".join(texts), "".join(reasonings), tuple(ids[:taken])

    def finish(self) -> tuple[str, str]:
        """(text, reasoning) that was held back."""
        reasoning, text = self._thinking.finish()
        if self._tools is not None:
            more, calls = self._tools.push(text)
            self.calls += calls
            text = more + self._tools.finish()
        return self._stops.push(text) + self._stops.finish(), reasoning

    @property
    def _is_called(self) -> bool:
        return self._one_call and self.called

    @property
    def called(self) -> bool:
        return self._tools is not None and self._tools.count > 0

    def take_calls(self) -> Calls:
        calls, self.calls = self.calls, ()
        return calls


class Continuation:
    """A reply that has taken `ids` of an earlier attempt, which showed `progress`.

    `said` is (text, reasoning) that these ids gave; `faithful` where it begins with
    what was shown. `ahead` is what it says beyond that.
    """

    def __init__(
        self, ids: list[int], reply: Reply, said: tuple[str, str], progress: Progress
    ) -> None:
        self.ids = ids
        self.reply = reply
        text, reasoning = said
        self.faithful = text.startswith(progress.text) and reasoning.startswith(
            progress.reasoning
        )
        # Retokenised text may be held back although it was shown: do not repeat it.
        self._text = max(0, len(progress.text) - len(text))
        self._reasoning = max(0, len(progress.reasoning) - len(reasoning))
        # Calls are no part of the progress: those it replays are said again.
        ahead = Chunk(
            text[len(progress.text) :],
            reasoning[len(progress.reasoning) :],
            tool_calls=reply.take_calls(),
        )
        news = ahead.text or ahead.reasoning or ahead.tool_calls
        self.ahead = ahead if news else None

    def unsaid(self, text: str, reasoning: str) -> tuple[str, str]:
        """What of the next text and reasoning was not shown before."""
        new_text, new_reasoning = text[self._text :], reasoning[self._reasoning :]
        self._text = max(0, self._text - len(text))
        self._reasoning = max(0, self._reasoning - len(reasoning))
        return new_text, new_reasoning
