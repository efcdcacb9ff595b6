"""The local engine in a process of its own: no API, no database, no tape.

python -m bench.engines.alone FOLDER
"""

from __future__ import annotations

import asyncio
import sys
import time

from chat.engines.base import ChatMessage, Chunk, EngineRequest, Finished, Params
from chat.engines.local import LocalEngine

from .prompts import prompt
from .replies import Reply
from .talk import answer


class Alone:
    def __init__(self, folder: str) -> None:
        self._engine = LocalEngine(folder)
        self._runner = asyncio.Runner()
        self._runner.run(self._engine.start())

    def stop(self) -> None:
        self._runner.run(self._engine.stop())
        self._runner.close()

    def ask(self, requests: int, tokens: int) -> list[Reply]:
        return self._runner.run(self._all(requests, tokens))

    async def _all(self, requests: int, tokens: int) -> list[Reply]:
        return await asyncio.gather(
            *(self._one(number, tokens) for number in range(requests))
        )

    async def _one(self, number: int, tokens: int) -> Reply:
        reply = Reply(asked=time.perf_counter())
        said = [ChatMessage(role="user", content=prompt(number))]
        params = Params(temperature=0.0, max_tokens=tokens)
        request = EngineRequest(f"{number}", "bench", said, params)
        async for event in self._engine.stream(request):
            if isinstance(event, Chunk) and event.text:
                reply.arrivals.append(time.perf_counter())
            elif isinstance(event, Finished):
                reply.tokens = event.completion_tokens or 0
        return reply


if __name__ == "__main__":
    alone = Alone(sys.argv[1])
    answer(alone.ask)
    alone.stop()
