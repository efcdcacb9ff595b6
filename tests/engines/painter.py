"""An engine behind HTTP that draws, in OpenAI's protocol, and misbehaves on request.

A prompt's words steer it: `plain` (cannot stream: 400 that names it, `plain422`: that
names nothing), `url` (an address), `foreign` (of another host), `large`, `partial=2`,
`hang=1` and `cut=1` (after so many partial images), `junk` (no picture), `refuse=503`,
`times=1` (so often), `block`, `error` (a frame), `wide` (too many pixels), `nothing`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from io import BytesIO
from typing import Any

from PIL import Image

from tests.upstream import Call, Cut, Gone, disconnected, read

PARTIALS = 3
Json = dict[str, Any]


def picture(seed: int, kind: str = "PNG", size: tuple[int, int] = (96, 64)) -> bytes:
    file = BytesIO()
    Image.new("RGB", size, (seed % 256, 80, 160)).save(file, kind)
    return file.getvalue()


class Painter:
    def __init__(self) -> None:
        self.requests: list[Json] = []
        self.fetched: list[str] = []
        self.open = self.cancelled = self.refusals = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        call = Drawn(self, send)
        if scope["path"].startswith("/files/"):
            self.fetched.append(scope["path"])
            await call.file(scope["path"])
            return
        if not scope["path"].endswith("/images/generations"):
            await call.reply({"data": []})
            return
        body = json.loads(await read(receive))
        self.requests.append(body)
        gone = asyncio.create_task(disconnected(receive))
        self.open += 1
        try:
            await call.draw(body, gone)
        except Gone:
            self.cancelled += 1
        finally:
            self.open -= 1
            gone.cancel()


class Drawn(Call):
    upstream: Any

    async def file(self, path: str) -> None:
        data = b"x" * 200_000 if "large" in path else picture(7, "WEBP")
        head = [(b"content-type", b"text/html")]
        await self.send({"type": "http.response.start", "status": 200, "headers": head})
        await self.write(data, more=False)

    async def draw(self, body: Json, gone: asyncio.Task[None]) -> None:
        words = dict(re.findall(r"(\w+)=([\w.]+)", body["prompt"]))
        flags = set(body["prompt"].split())
        if await self.refused_for(body, words, flags):
            return
        if not body.get("stream"):
            await self.reply(self.whole(body, flags))
            return
        await self.begin()
        for index in range(int(words.get("partial", body["partial_images"]))):
            for word, at in words.items():
                if int(at) == index and word == "hang":
                    await self.until(gone)
                if int(at) == index and word == "cut":
                    raise Cut
            small = b"no picture" if "blank" in flags else picture(index, "JPEG")
            await self.say(
                "partial_image", partial_image_index=index, b64_json=coded(small)
            )
            await asyncio.sleep(float(words.get("pace", 0)))
        if "error" in flags:
            await self.write('data: {"type":"error","error":{"message":"no"}}\n\n')
        if "nothing" not in flags:
            await self.say("completed", **self.whole(body, flags)["data"][0], **USAGE)
        await self.write(b"", more=False)

    async def say(self, kind: str, **data: Any) -> None:
        said = json.dumps({"type": f"image_generation.{kind}", **data})
        await self.write(f"event: image_generation.{kind}\ndata: {said}\n\n")

    def whole(self, body: Json, flags: set[str]) -> Json:
        found: Json = {"b64_json": coded(picture(body.get("seed", 0)))}
        if "junk" in flags:
            found = {"b64_json": coded(b"<svg onload='alert(1)'>")}
        if "wide" in flags:
            found = {"b64_json": coded(picture(0, size=(5000, 4000)))}
        if "url" in flags:
            found = {"url": "/files/large" if "large" in flags else "/files/one"}
        if "foreign" in flags:
            found = {"url": "http://169.254.169.254/latest/meta-data"}
        return {"created": 1, "data": [found], **USAGE}

    async def refused_for(
        self, body: Json, words: dict[str, str], flags: set[str]
    ) -> bool:
        status, error = 0, {"message": "refused"}
        if "stream" in body and flags & {"plain", "plain422"}:
            status = 400 if "plain" in flags else 422
            error = {"message": "stream is not supported" if status == 400 else "no"}
        elif "strict" in flags and "seed" in body:
            status, error = 400, {"message": "Unknown parameter: 'seed'."}
        elif "block" in flags:
            status = 400
            error = {"code": "moderation_blocked", "message": "not that"}
        elif "refuse" in words and self.upstream.refusals < int(words.get("times", 9)):
            self.upstream.refusals += 1
            status = int(words["refuse"])
        if status:
            await self.reply({"error": error}, status, retry_after="0")
        return bool(status)


USAGE = {"usage": {"input_tokens": 5, "output_tokens": 100, "total_tokens": 105}}


def coded(data: bytes) -> str:
    return base64.b64encode(data).decode()
