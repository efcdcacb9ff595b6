"""An event stream on its way out: until its end, or until its client is gone."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest

from chat.api.stream import EventStream
from chat.models import Generation
from chatsite.leaving import WhileItStays
from chatsite.streaming import WRITE_BYTES, begin, forget_headers, pass_on


class Client:
    """What an ASGI server passes on."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.gone = asyncio.Event()

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    @property
    def bodies(self) -> list[bytes]:
        return [message["body"] for message in self.sent if "body" in message]


class Parts:
    """A generator that waits between its parts, and knows whether it was closed."""

    def __init__(self, *parts: bytes) -> None:
        self.parts = parts
        self.closed = False

    async def __call__(self) -> Any:
        try:
            for part in self.parts:
                yield part
            await asyncio.Event().wait()
        finally:
            self.closed = True


async def given(*parts: bytes) -> Any:
    for part in parts:
        yield part


class TestBegin:
    async def test_it_keeps_nothing_of_the_response(self) -> None:
        client, response = Client(), EventStream(given(b"a"), Generation())
        response.set_cookie("kept", "yes")
        held = weakref.ref(response)

        parts = await begin(response, client.send)
        assert response.closed
        del response
        gc.collect()

        assert held() is None
        [start] = client.sent
        assert start["status"] == 200
        headers = dict(start["headers"])
        assert headers[b"Content-Type"] == b"text/event-stream; charset=utf-8"
        assert headers[b"Set-Cookie"] == b"kept=yes; Path=/"
        assert [part async for part in parts] == [b"a"]

    async def test_large_parts_are_several_writes(self) -> None:
        client = Client()

        await pass_on(given(b"a", b"b" * WRITE_BYTES + b"c"), client.send)

        assert client.bodies == [b"a", b"b" * WRITE_BYTES, b"c", b""]
        assert [m["more_body"] for m in client.sent] == [True, True, True, False]


class TestWhileItStays:
    async def test_what_it_was_sent_ends_when_it_goes(self) -> None:
        client, parts = Client(), Parts(b"a")
        asyncio.get_running_loop().call_later(0.01, client.gone.set)

        async with asyncio.timeout(60), WhileItStays(client.receive):
            await pass_on(parts(), client.send)

        assert parts.closed
        assert client.bodies == [b"a"]
        task = asyncio.current_task()
        assert task is not None
        assert not task.cancelling()

    async def test_one_that_stays_gets_everything(self) -> None:
        client = Client()

        async with WhileItStays(client.receive) as stay:
            await pass_on(given(b"a", b"b"), client.send)

        assert client.bodies == [b"a", b"b", b""]
        assert not stay.left

    async def test_it_goes_with_the_answer(self) -> None:
        client, told = Client(), asyncio.Event()
        async with WhileItStays(client.receive) as stay:
            await asyncio.sleep(0)  # so that it waits for the client
        known = weakref.ref(stay, lambda _known: told.set())

        del stay

        async with asyncio.timeout(60):
            await told.wait()
        assert known() is None

    async def test_a_failure_and_a_cancellation_from_outside_are_not_hidden(
        self,
    ) -> None:
        client = Client()
        with pytest.raises(ZeroDivisionError):
            async with WhileItStays(client.receive):
                raise ZeroDivisionError

        async def wait() -> None:
            async with WhileItStays(client.receive):
                await asyncio.Event().wait()

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def test_a_server_that_keeps_the_headers_keeps_an_empty_list() -> None:
    kept = [(b"cookie", b"long")]
    others = ((b"cookie", b"long"),)

    for headers in (kept, others):
        forget_headers({"headers": headers})

    assert kept == []
    assert others == ((b"cookie", b"long"),)
