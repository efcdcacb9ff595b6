"""Asking as an API client does, whole or streamed."""

from __future__ import annotations

import json
from uuid import UUID

from chat.database import in_database
from chat.models import Generation
from chat.records import load
from tests.reading import body


async def ask(client, prompt="pace=0 n=5", path="/api/chat/stream", **fields):
    headers = fields.pop("headers", {})
    return await client.post(
        path,
        {"prompt": prompt, **fields},
        content_type="application/json",
        headers=headers,
    )


async def post(client, path, data=None):
    return await client.post(path, data or {}, content_type="application/json")


async def answer(client, prompt="pace=0 n=5", **fields) -> dict:
    """The whole answer, as /api/chat gives it."""
    response = await ask(client, prompt, "/api/chat", **fields)
    assert response.status_code == 200
    return json.loads(await body(response))


async def row_of(response) -> Generation:
    return await in_database(load, UUID(response.headers["X-Generation-Id"]))
