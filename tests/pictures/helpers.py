"""Asking for pictures, without HTTP and with it."""

from __future__ import annotations

import json
from typing import Any

from chat import generations
from chat.asking import Ask
from chat.engines.base import Drawn
from chat.engines.scripted_painter import file_of, painted
from chat.models import Generation, Picture
from chat.pictures import keeping
from chat.pictures.asking import params_of
from tests.reading import body

QUICK = "pace=0 a panda"


def draw(user: Any, prompt: str = QUICK, **more: Any) -> Generation:
    """A question and its queued picture."""
    names = ("size", "steps", "guidance", "seed", "negative_prompt", "n")
    params = params_of(**{name: more.pop(name) for name in names if name in more})
    ask = Ask(more.pop("model", ""), params, more.pop("key", None), draws=True)
    return generations.start(user, ask, prompt, **more)


def picture_of(row: Generation) -> Picture:
    """A picture of an answer that has ended, with its files."""
    drawn = Drawn(file_of(painted(1, 64, 64), "png"), "image/png", 64, 64)
    [kept] = keeping.prepared(row, [drawn])
    keeping.write(kept.contents)
    kept.row.save()
    return kept.row


async def asked(client: Any, prompt: str = QUICK, **fields: Any) -> Any:
    """The response with the stream."""
    return await client.post(
        fields.pop("path", "/api/images/stream"),
        {"prompt": prompt, **fields},
        content_type="application/json",
    )


async def pictures(client: Any, prompt: str = QUICK, **fields: Any) -> dict[str, Any]:
    """The whole answer of /api/images."""
    response = await asked(client, prompt, path="/api/images", **fields)
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = json.loads(await body(response))
    return answer
