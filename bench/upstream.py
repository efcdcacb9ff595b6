"""A scripted engine behind HTTP: a bare ASGI application that speaks OpenAI's protocol.

    python -m bench.upstream PORT

The reply is `t0 t1 t2 …`; `n=40` and `pace=0.05` (seconds) in the last message say how
many tokens and how far apart, the first one a pace after the request.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from typing import Any

import uvicorn

MODEL = "bench"
WORD = re.compile(r"(n|pace)=([\d.]+)")
HEAD = '{"id":"c","object":"chat.completion.chunk","created":1,"model":"bench",'


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["path"].endswith("/models"):
        await begin(send, b"application/json")
        listed = {"object": "list", "data": [{"id": MODEL, "object": "model"}]}
        return await write(send, json.dumps(listed), more=False)
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    words = dict(WORD.findall(json.loads(body)["messages"][-1]["content"]))
    await begin(send, b"text/event-stream")
    await answer(send, int(words.get("n", 40)), float(words.get("pace", 0.05)))


async def answer(send: Any, tokens: int, pace: float) -> None:
    began = time.perf_counter()
    await write(send, chunk({"role": "assistant", "content": ""}))
    for index in range(tokens):
        wait = began + (index + 1) * pace - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        await write(send, chunk({"content": f"{' ' if index else ''}t{index}"}))
    usage = {"prompt_tokens": 1, "completion_tokens": tokens}
    end = chunk({}, "stop") + f'data: {{"choices":[],"usage":{json.dumps(usage)}}}\n\n'
    await write(send, f"{end}data: [DONE]\n\n", more=False)


def chunk(delta: dict[str, str], reason: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return f'data: {HEAD}"choices":[{json.dumps(choice)}]}}\n\n'


async def begin(send: Any, kind: bytes) -> None:
    head = {"type": "http.response.start", "status": 200}
    await send({**head, "headers": [(b"content-type", kind)]})


async def write(send: Any, text: str, *, more: bool = True) -> None:
    body = {"type": "http.response.body", "body": text.encode(), "more_body": more}
    await send(body)


if __name__ == "__main__":
    uvicorn.run(
        application,
        port=int(sys.argv[1]),
        lifespan="off",
        log_level="warning",
        access_log=False,
    )
