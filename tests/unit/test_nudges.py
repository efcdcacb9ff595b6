from __future__ import annotations

import asyncio
import threading

from chat.nudges import Nudge
from tests.reading import eventually


async def test_it_calls_listeners_on_their_loop() -> None:
    nudge, heard = Nudge("test"), []
    nudge.connect(lambda news: heard.append((news, threading.get_ident())))

    await asyncio.to_thread(nudge.send, "a")

    await eventually(lambda: heard == [("a", threading.get_ident())])


async def test_a_disconnected_listener_hears_nothing() -> None:
    nudge, heard = Nudge("test"), []

    def listen(news: str) -> None:
        heard.append(news)

    nudge.connect(listen)
    nudge.disconnect(listen)
    nudge.disconnect(listen)
    nudge.send("a")
    await asyncio.sleep(0.01)

    assert heard == []


def test_without_a_listener_sending_does_nothing() -> None:
    Nudge("test").send("a")


def test_a_loop_that_is_gone_does_not_matter() -> None:
    nudge, heard = Nudge("test"), []

    async def connect() -> None:
        nudge.connect(heard.append)

    asyncio.run(connect())
    nudge.send("a")

    assert heard == []


async def test_others_are_told_by_a_relay_and_deliver_without_telling_again() -> None:
    nudge, heard, told = Nudge("queue"), [], []

    def listen(*news: str) -> None:
        heard.append(news)

    def tell(kind: str, news: str) -> None:
        told.append((kind, news))

    nudge.connect(listen)
    nudge.relay(tell)
    nudge.send("a")
    nudge.deliver("b")
    await eventually(lambda: len(heard) == 2)

    assert (heard, told) == ([("a",), ("b",)], [("queue", "a")])
