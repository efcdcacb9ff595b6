"""A response that is known only later, without a thread that waits for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

from django.http import HttpResponse, StreamingHttpResponse


class LaterResponse(StreamingHttpResponse):
    """A plain response that is known only later: the handler awaits it.

    No thread is held while it waits. Headers and cookies that the middleware set
    on this placeholder are carried over. Where no such handler is at work (the
    test client) the body is produced when it is read, with status 200.
    """

    def __init__(self, later: Callable[[], Awaitable[HttpResponse]]) -> None:
        self._later = later
        super().__init__(self._body(), content_type="application/json")

    async def _body(self) -> AsyncIterator[bytes]:
        yield (await self._later()).content

    async def resolve(self) -> HttpResponse:
        response = await self._later()
        for name, value in self.items():
            response.headers.setdefault(name, value)
        response.cookies.update(self.cookies)
        return response
