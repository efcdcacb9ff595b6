"""An account is deleted while its pages are open and an answer is being written."""

from __future__ import annotations

import asyncio

import pytest
from django.contrib.auth.models import User
from django.test import Client

from chat import consumers
from chat.database import in_database
from chat.models import ApiKey, Generation
from chat.people import accounts, keys
from chat.running.process import Process
from chat.waiting import RETRY_MS
from tests.core.helpers import ask
from tests.reading import eventually, watch

from .socket import Headers, socket


@pytest.fixture(autouse=True)
def seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks whether a user may still be there: who leaves is told of at once."""
    monkeypatch.setattr(consumers, "RECHECK_SECONDS", 3600)


@pytest.fixture
def cookie(transactional_db: None, alice: User) -> Headers:
    client = Client()
    client.force_login(alice)
    return [(b"cookie", f"sessionid={client.cookies['sessionid'].value}".encode())]


@pytest.fixture
def program(transactional_db: None, alice: User) -> Headers:
    _row, key = ApiKey.objects.create_key(alice, scopes="chat")
    return [(b"authorization", f"Bearer {key}".encode())]


async def test_sockets_close_at_once(
    cookie: Headers, program: Headers, alice: User, running: Process
) -> None:
    async with socket(cookie) as page, socket(program) as other:
        assert await page.connect()
        assert await other.connect()
        assert await page.lives()
        assert await other.lives()
        await in_database(accounts.delete, alice)
        assert await page.closes() == consumers.UNAUTHENTICATED
        assert (await other.hears())["code"] == "invalid_api_key"
        assert await other.closes() == consumers.UNAUTHENTICATED


async def test_a_socket_goes_at_once_with_its_revoked_key(
    cookie: Headers, program: Headers, alice: User, running: Process
) -> None:
    async with socket(cookie) as page, socket(program) as other:
        assert await page.connect()
        assert await other.connect()
        assert await other.lives()
        await in_database(keys.revoke, await ApiKey.objects.aget())
        assert (await other.hears())["code"] == "invalid_api_key"
        assert await other.closes() == consumers.UNAUTHENTICATED
        assert await page.lives()


async def test_an_answer_that_is_written_ends(alice: User, running: Process) -> None:
    generation = await in_database(ask, alice, "pace=0 hang=3")
    assert running.runner is not None
    reading = asyncio.create_task(watch(running.tape, generation))
    await eventually(lambda: running.runner.running)

    await in_database(accounts.delete, alice)

    async with asyncio.timeout(60):
        assert (await reading).end is not None
    assert not await Generation.objects.aexists()
    assert await eventually(lambda: not running.runner.running)


async def test_a_process_that_ends_says_when_to_come_back(
    cookie: Headers, alice: User, running: Process
) -> None:
    generation = await in_database(ask, alice, "pace=0 hang=3")
    async with socket(cookie) as page:
        assert await page.connect()
        await page.say(f'{{"type": "watch", "generation": "{generation.pk}"}}')
        assert (await page.hears())["event"] == "start"
        running.close_readers()
        assert await page.closes(after="event") == consumers.RESTARTING
    assert int(page.reason) >= RETRY_MS
