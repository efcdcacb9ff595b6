"""Reading an engine's response: every wait and every buffer is bounded."""

from __future__ import annotations

import asyncio

import aiohttp
from django.conf import settings

from .answer import Answer
from .trouble import Trouble, broken, nonsense, refused, silent

TAIL_SECONDS = 2.0
"""How long the usage may follow the finish reason."""
MAX_FRAME = 1024 * 1024
MAX_ERROR = 64 * 1024


async def next_data(response: aiohttp.ClientResponse, answer: Answer) -> bytes:
    """What comes next; nothing at the end of the body."""
    if answer.finished:
        seconds = TAIL_SECONDS
    elif answer.begun:
        seconds = settings.CHAT_NEXT_TOKEN_SECONDS
    else:
        seconds = settings.CHAT_FIRST_TOKEN_SECONDS
    try:
        async with asyncio.timeout(seconds):
            return await response.content.readany()
    except (aiohttp.ClientError, OSError) as error:
        if answer.finished:
            return b""
        if type(error) is TimeoutError:
            raise silent(seconds) from error
        raise broken(f"the connection ended ({type(error).__name__})") from error


async def whole_body(response: aiohttp.ClientResponse) -> str:
    """A body that is no stream: a complete answer, or an error with status 200."""
    data = b""
    try:
        async with asyncio.timeout(settings.CHAT_FIRST_TOKEN_SECONDS):
            while len(data) <= MAX_FRAME and (part := await response.content.readany()):
                data += part
    except (aiohttp.ClientError, OSError) as error:
        raise broken(f"the connection ended ({type(error).__name__})") from error
    if len(data) > MAX_FRAME:
        raise nonsense("its body is too large")
    return data.decode(errors="replace")


async def refusal_of(response: aiohttp.ClientResponse) -> Trouble:
    """Reads the error, closes the response."""
    try:
        async with asyncio.timeout(TAIL_SECONDS):
            body = await response.content.read(MAX_ERROR)
    except (aiohttp.ClientError, OSError):
        body = b""
    finally:
        response.close()
    return refused(response.status, body, response.headers.get("Retry-After"))
