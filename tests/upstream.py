"""An engine that speaks the OpenAI protocol (and DashScope's), and misbehaves on
request: a bare ASGI application, and how to serve it inside a test's process.

The reply is `t0 t1 t2 …`. Words in the last user message steer it:

===========  ===============================================================
`n=5`        so many tokens (default 5); `pace=0.01` seconds between them
`think`      two tokens of reasoning first, as `reasoning_content`;
             `reason`: as `reasoning`
`zh`         Chinese and emoji instead
`fail=2`     an error frame after two tokens, and `[DONE]`; `failtext=2`: whose
             error is a string
`cut=2`      the connection breaks after two tokens
`end=2`      the body ends, in good order, after two tokens; `enddone=2`: with
             `[DONE]`
`hang=2`     silence after two tokens
`mute`       silence before the headers
`nodone`     no `[DONE]`; usage on the finish chunk
`usage`      usage on every chunk
`bare`       no usage at all
`abort=2`    finish reason `abort` after two tokens
`plainjson`  a whole `chat.completion`, no stream
`junk`       a frame that is no JSON
`endless`    a frame that never ends
`refuse=503` that status; `times=1`: so many times, then not
`strict`     422 for keys that are not OpenAI's; `strict400`: 400 that names them
`status200`  an error with status 200
`tools=2`    calls of so many of the tools that are offered, behind `n` tokens
             (default 0); `same`: all with the index 0; `noid`: without ids;
             `repeat`: id and name with every piece; `object`: whole, as an object;
             `saysstop`: the finish reason is `stop`
`once`       misbehaves only once
===========  ===============================================================

A last message from the assistant is continued: its `t` tokens count as said.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import threading
from collections.abc import Iterator
from typing import Any

import uvicorn

from tests.script import Json, Script

OPENAI_KEYS = {
    *("model", "messages", "stream", "temperature", "top_p", "max_tokens", "stop"),
    *("seed", "presence_penalty", "frequency_penalty", "response_format"),
    *("tools", "tool_choice", "parallel_tool_calls", "logit_bias"),
}


class Upstream:
    def __init__(self, models: tuple[str, ...] = ("bench",)) -> None:
        self.models = models
        self.requests: list[Json] = []
        self.headers: list[dict[str, str]] = []
        self.callers: list[tuple[str, int]] = []
        """The other end of each request's connection."""
        self.open = 0
        self.cancelled = 0
        self.refusals: dict[str, int] = {}
        self.lists_fail = False
        self.misbehaved: set[str] = set()
        self.key = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return None
        headers = {k.decode(): v.decode() for k, v in scope["headers"]}
        call = Call(self, send)
        if self.key and headers.get("authorization") != f"Bearer {self.key}":
            return await call.reply({"error": {"message": "bad key sk-123"}}, 401)
        if scope["path"].endswith("/models"):
            if self.lists_fail:
                return await call.reply({}, 500)
            rows = [{"id": name, "max_model_len": 4096} for name in self.models]
            return await call.reply({"object": "list", "data": rows})
        body = json.loads(await read(receive))
        self.requests.append(body)
        self.headers.append(headers)
        self.callers.append(tuple(scope["client"]))
        gone = asyncio.create_task(disconnected(receive))
        self.open += 1
        try:
            await call.answer(scope["path"], body, gone)
        except Gone:
            self.cancelled += 1
        finally:
            self.open -= 1
            gone.cancel()


class Gone(Exception):
    """The client closed the connection."""


class Cut(RuntimeError):
    """The script breaks the connection: uvicorn does, on an exception."""


async def read(receive: Any) -> bytes:
    data = b""
    while True:
        message = await receive()
        data += message.get("body", b"")
        if not message.get("more_body"):
            return data


async def disconnected(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Call:
    def __init__(self, upstream: Upstream, send: Any) -> None:
        self.upstream = upstream
        self.send = send

    async def reply(self, body: Json, status: int = 200, **headers: str) -> None:
        named = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
        head = [(b"content-type", b"application/json"), *named]
        await self.send(
            {"type": "http.response.start", "status": status, "headers": head}
        )
        await self.send(
            {"type": "http.response.body", "body": json.dumps(body).encode()}
        )

    async def begin(self) -> None:
        head = [(b"content-type", b"text/event-stream; charset=utf-8")]
        await self.send({"type": "http.response.start", "status": 200, "headers": head})

    async def write(self, data: bytes | str, more: bool = True) -> None:
        body = data.encode() if isinstance(data, str) else data
        await self.send({"type": "http.response.body", "body": body, "more_body": more})

    async def answer(self, path: str, body: Json, gone: asyncio.Task[None]) -> None:
        native = path.endswith("/generation")
        messages = body["input"]["messages"] if native else body["messages"]
        asked = [m["content"] for m in messages if m["role"] == "user"]
        words = dict(re.findall(r"(\w+)=([\w.]+)", asked[-1]))
        flags = set(asked[-1].split())
        if await self.refused(body, words, flags):
            return None
        if "mute" in flags:
            await self.until(gone)
        first = 0
        if messages[-1]["role"] == "assistant":
            said = re.findall(r"t(\d+)", messages[-1]["content"])
            first = int(said[-1]) + 1 if said else 0
        script = Script(body, words, flags, first)
        if native:
            return await self.dashscope(script, body, gone)
        if "plainjson" in flags:
            return await self.reply(script.completion())
        await self.stream(script, gone)

    async def refused(self, body: Json, words: dict[str, str], flags: set[str]) -> bool:
        if "status200" in flags:
            await self.reply({"error": "no memory left"})
            return True
        extra = sorted(body.keys() - OPENAI_KEYS)
        if extra and flags & {"strict", "strict400"}:
            status = 422 if "strict" in flags else 400
            said = "Unprocessable" if status == 422 else f"unknown: {extra[0]}"
            await self.reply({"error": {"message": said}}, status)
            return True
        if "refuse" not in words:
            return False
        done = self.upstream.refusals.setdefault(str(words), 0)
        if done >= int(words.get("times", 99)):
            return False
        self.upstream.refusals[str(words)] += 1
        status = int(words["refuse"])
        await self.reply({"error": {"message": "refused"}}, status, retry_after="0")
        return True

    async def until(self, gone: asyncio.Task[None]) -> None:
        await gone
        raise Gone

    async def stream(self, script: Script, gone: asyncio.Task[None]) -> None:
        await self.begin()
        await self.write(": hello\n\n" + script.chunk({"role": "assistant"}))
        for word in script.reasoning:
            await self.write(script.chunk({script.reasoning_name: word}))
        for index in range(script.first, script.count):
            await self.misbehave(script, index, gone)
            await asyncio.sleep(script.pace)
            if gone.done():
                raise Gone
            await self.write(script.chunk({"content": script.token(index)}, index))
        for place, call in enumerate(script.calls, script.count):
            await self.misbehave(script, place, gone)
            await asyncio.sleep(script.pace)
            await self.write(script.chunk({"content": None, "tool_calls": [call]}))
        await self.misbehave(script, script.count + len(script.calls), gone)
        await self.write(script.tail())
        await self.write(b"", more=False)

    async def misbehave(
        self, script: Script, index: int, gone: asyncio.Task[None]
    ) -> None:
        for word, at in script.words.items():
            if not at.isdigit() or int(at) != index or (script.first and index):
                continue
            if "once" in script.flags and word in self.upstream.misbehaved:
                continue
            if word == "fail":
                error = '{"error":{"message":"fell over","code":500}}'
                await self.write(f"data: {error}\n\ndata: [DONE]\n\n")
            elif word == "failtext":
                await self.write('data: {"error":"fell over"}\n\n')
            elif word == "cut":
                self.upstream.misbehaved.add(word)
                raise Cut
            elif word in ("end", "enddone"):
                tail = "data: [DONE]\n\n" if word == "enddone" else ""
                await self.write(tail, more=False)
            elif word == "hang":
                await self.until(gone)
            elif word == "abort":
                await self.write(script.chunk({}, reason="abort"), more=False)
            else:
                continue
            raise Gone

    async def dashscope(
        self, script: Script, body: Json, gone: asyncio.Task[None]
    ) -> None:
        await self.begin()
        whole = ""
        for index in range(script.first, script.count):
            if str(index) == script.words.get("fail"):
                await self.write(
                    "event:error\n:HTTP_STATUS/500\n"
                    'data:{"code":"InternalError","message":"fell over"}\n\n'
                )
                return
            await self.misbehave(script, index, gone)
            whole += script.token(index)
            parts = body["parameters"]["incremental_output"]
            said = script.token(index) if parts else whole
            await self.write(script.result(index, said, "null"))
        parts = body["parameters"]["incremental_output"]
        last, reason = "" if parts else whole, "stop"
        shown: dict[int, Json] = {}
        for call in script.calls:
            reason = "tool_calls"
            now = [call] if parts else list(grown(shown, call).values())
            await self.write(script.result(script.count, last, "null", now))
        end = [] if parts else list(shown.values())
        await self.write(script.result(script.count, last, reason, end), more=False)


def grown(shown: dict[int, Json], call: Json) -> dict[int, Json]:
    """All calls so far, with this piece."""
    before = shown.get(call["index"])
    if before is None:
        shown[call["index"]] = call
    else:
        whole = before["function"]["arguments"] + call["function"]["arguments"]
        function = {**before["function"], "arguments": whole}
        shown[call["index"]] = {**before, "function": function}
    return shown


@contextlib.contextmanager
def serve(application: Any) -> Iterator[str]:
    """Its base URL, while it is served from a thread with a loop of its own."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        application, log_level="critical", lifespan="off", access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    finally:
        server.force_exit = server.should_exit = True
        thread.join(10)
        listening.close()
