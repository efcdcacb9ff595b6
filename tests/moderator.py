"""A moderation service and a guard model behind HTTP, scripted by what they are asked.

A text with `bad` is flagged as `violence` (0.9), with `rude` as `harassment` (0.3, not
flagged by itself). `slow` is not answered before `release`, `down` is a 503, `denied` a
401, `odd` makes no sense. `broken`: everything is a 503. A guard model says the same
with `safe` and `unsafe: violence`.
"""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

from tests.script import Json
from tests.upstream import read


class Moderator:
    def __init__(self) -> None:
        self.requests: list[tuple[str, Json]] = []
        self.headers: list[dict[str, str]] = []
        self.broken = False
        self.open = 0
        self.most = 0
        self.left = 0
        self._released = threading.Event()

    def release(self) -> None:
        """Answer what is slow."""
        self._released.set()

    @property
    def texts(self) -> list[str]:
        return [text_of(body) for _path, body in self.requests]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = json.loads(await read(receive))
        self.requests.append((scope["path"], body))
        self.headers.append({k.decode(): v.decode() for k, v in scope["headers"]})
        self.open += 1
        self.most = max(self.most, self.open)
        gone = asyncio.create_task(receive())
        try:
            while "slow" in text_of(body) and not self._released.is_set():
                if gone.done():
                    self.left += 1
                    return
                await asyncio.sleep(0.005)
            await self.answer(scope["path"], text_of(body), send)
        finally:
            gone.cancel()
            self.open -= 1

    async def answer(self, path: str, text: str, send: Any) -> None:
        status = (
            503 if self.broken or "down" in text else 401 if "denied" in text else 200
        )
        said: Any = ["?"] if "odd" in text else verdict(path, text)
        head = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": json.dumps(said).encode()})


def text_of(body: Json) -> str:
    if "input" in body:
        return str(body["input"])
    said = str(body["messages"][-1]["content"])
    return said.removeprefix("<passage>\n").removesuffix("\n</passage>")


def verdict(path: str, text: str) -> Json:
    bad, rude = "bad" in text, "rude" in text
    if path.endswith("/chat/completions"):
        said = "unsafe: violence" if bad else "safe"
        return {"choices": [{"message": {"role": "assistant", "content": said}}]}
    assert path.endswith("/moderations")
    return {
        "id": "modr-1",
        "model": "omni-moderation-latest",
        "results": [
            {
                "flagged": bad,
                "categories": {"violence": bad, "harassment": False},
                "category_scores": {
                    "violence": 0.9 if bad else 0.01,
                    "harassment": 0.3 if rude else 0.0,
                },
            }
        ],
    }
