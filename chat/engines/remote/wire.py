"""Reading an engine's response: every wait and every buffer is bounded."""

from __future__ import annotations

import asyncio
from functools import lru_cache, partial
from math import inf

import aiohttp
from django.conf import settings
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from chat.gathering import gathering
from chat.sse import Decoder, Frame

from .trouble import Trouble, broken, nonsense, refused, silent

ERROR_SECONDS = 2.0
MAX_FRAME = 1024 * 1024
MAX_ERROR = 64 * 1024
NO_HEADERS: CIMultiDictProxy[str] = CIMultiDictProxy(CIMultiDict())


class Frames:
    """The frames of a response, as they come.

    One timer watches it, instead of one a token: when its time is over, it closes
    the connection, which ends the wait.
    """

    def __init__(self, response: aiohttp.ClientResponse, most: int = MAX_FRAME) -> None:
        """`most`: bytes of one frame, or of a body that is no stream."""
        self._response = response
        self._most = most
        self._streams = response.content_type == "text/event-stream"
        forget_heads(response)
        self._decoder = Decoder()
        self._pending = 0
        self._clock = asyncio.get_running_loop().time
        self._seconds = 0.0
        self._deadline = 0.0
        self._due = inf
        self._late = False
        self._timer: asyncio.TimerHandle | None = None

    async def next(self, seconds: float) -> list[Frame]:
        """At least one, within this time; none at the end of the body."""
        self._watch(seconds + gathering.seconds)
        try:
            if not self._streams:
                return await self._whole()
            while data := await self._response.content.readany():
                if frames := self._decoder.feed(data):
                    self._pending = 0
                    return frames
                self._pending += len(data)
                if self._pending > self._most:
                    raise nonsense("a frame has no end")
            return []
        except (aiohttp.ClientError, OSError) as error:
            if self._late:
                raise silent(self._seconds) from error
            raise broken(f"the connection ended ({type(error).__name__})") from error

    def gather(self) -> None:
        """The loop is behind: leave what comes unread for a moment, so that the next
        read takes several tokens."""
        connection = self._response.connection
        transport = connection.transport if connection else None
        if transport is None or not transport.is_reading():
            return
        transport.pause_reading()
        gathering.later(partial(read_on, transport))

    def close(self) -> None:
        """Also closes the connection, at once."""
        if self._timer is not None:
            self._timer.cancel()
        self._response.close()

    async def _whole(self) -> list[Frame]:
        """A body that is no stream: a complete answer, or an error with status 200."""
        body = bytearray()
        while data := await self._response.content.readany():
            body += data
            if len(body) > self._most:
                raise nonsense("its body is too large")
        self._streams = True
        return [Frame(data=body.decode(errors="replace"))]

    def _watch(self, seconds: float) -> None:
        self._seconds, self._deadline = seconds, self._clock() + seconds
        if self._deadline < self._due:
            self._set(self._deadline)

    def _set(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(when, self._look)
        self._due = when

    def _look(self) -> None:
        if self._clock() < self._deadline:
            return self._set(self._deadline)
        self._late = True
        self._response.close()
        return None


def read_on(transport: asyncio.Transport) -> None:
    if not transport.is_closing():
        transport.resume_reading()


def forget_heads(response: aiohttp.ClientResponse) -> None:
    """3 KB that nobody asks for again, of each of thousands that stay for minutes."""
    info = response.request_info
    response._request_info = aiohttp.RequestInfo(
        info.url, info.method, NO_HEADERS, info.real_url
    )
    response._headers, response._raw_headers = NO_HEADERS, ()
    response._cache.clear()


@lru_cache
def address(url: str) -> URL:
    """One for all requests that go there."""
    return URL(url)


async def refusal_of(response: aiohttp.ClientResponse) -> Trouble:
    """Reads the error, closes the response."""
    try:
        async with asyncio.timeout(ERROR_SECONDS):
            body = await response.content.read(MAX_ERROR)
    except (aiohttp.ClientError, OSError):
        body = b""
    finally:
        response.close()
    return refused(response.status, body, response.headers.get("Retry-After"))


async def post(
    session: aiohttp.ClientSession, url: str, body: object, headers: dict[str, str]
) -> aiohttp.ClientResponse:
    """The response's headers, within the time for the first token."""
    seconds = settings.CHAT_FIRST_TOKEN_SECONDS
    try:
        async with asyncio.timeout(seconds):
            return await session.post(
                address(url), json=body, headers=headers, allow_redirects=False
            )
    except (aiohttp.ClientError, OSError) as error:
        # Ours is a TimeoutError itself, that of the connection a subclass.
        if type(error) is TimeoutError:
            raise silent(seconds) from error
        raise Trouble(
            "engine_unavailable",
            f"The engine cannot be reached ({type(error).__name__}).",
        ) from error
