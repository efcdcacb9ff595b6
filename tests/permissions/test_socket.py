"""Every message of the WebSocket, sent by everybody."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from chat import consumers
from chat.running.process import Process
from tests.realtime.socket import Headers, socket

from .table import SOCKET, Who
from .world import World


def test_every_message_has_a_row() -> None:
    assert set(SOCKET) == {*consumers.NEEDS, "ping"}, "say who may, in table.SOCKET"


@pytest.fixture
def world(transactional_db: None, alice: User, bob: User, charlie: User) -> World:
    root = User.objects.create_superuser("root", password="root")
    return World(alice, bob, charlie, root)


def headers(client: Client) -> Headers:
    if key := client.defaults.get("HTTP_AUTHORIZATION"):
        return [(b"authorization", key.encode())]
    morsel = client.cookies.get("sessionid")
    return [(b"cookie", f"sessionid={morsel.value}".encode())] if morsel else []


async def test_the_socket(world: World, running: Process) -> None:
    for name, client in world.refused.items():
        async with socket(headers(client)) as page:
            await page.connect()
            if "key" in name or "program" in name:
                assert (await page.hears())["type"] == "error", name
            assert await page.closes() == consumers.UNAUTHENTICATED, name
    people = {**world.owners, **world.others}
    for name, client in people.items():
        async with socket(headers(client)) as page:
            assert await page.connect(), name
            for kind, who in SOCKET.items():
                generation = world.values["generation"]
                await page.say(f'{{"type": "{kind}", "generation": "{generation}"}}')
                if who is Who.OWNER and name in world.others:
                    told = await page.hears()
                    assert (told["type"], told.get("code")) == ("error", "not_found")
                elif kind == "watch":
                    assert (await page.hears())["generation"] == str(generation)
                    while (await page.hears())["type"] != "end":
                        pass
                elif kind == "ping":
                    assert (await page.hears())["type"] == "pong", name
