"""What a key may do over the socket: `read` watches, `chat` stops."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from chat import consumers, nudges
from chat.models import ApiKey
from chat.running.process import Process

from .socket import Headers, socket

NOWHERE = "00000000-0000-4000-8000-000000000000"


def program(user: User, **options: Any) -> Headers:
    _row, key = ApiKey.objects.create_key(user, **options)
    return [(b"authorization", f"Bearer {key}".encode())]


@pytest.fixture
def reader(transactional_db: None, alice: User) -> Headers:
    return program(alice, scopes="read")


@pytest.fixture
def writer(transactional_db: None, alice: User) -> Headers:
    return program(alice, scopes="chat")


async def answer(headers: Headers, kind: str) -> str:
    async with socket(headers) as page:
        assert await page.connect()
        await page.say(f'{{"type": "{kind}", "generation": "{NOWHERE}"}}')
        return str((await page.hears())["code"])


async def test_a_reading_key_watches_but_does_not_stop(
    reader: Headers, running: Process
) -> None:
    assert await answer(reader, "watch") == "not_found"
    assert await answer(reader, "stop") == "scope_missing"


async def test_a_writing_key_stops_but_does_not_watch(
    writer: Headers, running: Process
) -> None:
    assert await answer(writer, "stop") == "not_found"
    assert await answer(writer, "watch") == "scope_missing"


async def test_news_are_for_reading_keys(
    reader: Headers, writer: Headers, alice: User, running: Process
) -> None:
    async with socket(reader) as reading, socket(writer) as writing:
        assert await reading.connect()
        assert await writing.connect()
        assert await reading.lives()
        assert await writing.lives()
        nudges.conversation_changed(alice.pk, "deleted", "1")
        assert (await reading.hears())["type"] == "conversation"
        assert await writing.hears_nothing(0.1)


@pytest.fixture
def late(transactional_db: None, alice: User) -> Headers:
    return program(alice, expires=timezone.now() - timedelta(seconds=1))


async def test_an_expired_key_is_told_so_and_closed(
    late: Headers, running: Process
) -> None:
    async with socket(late) as page:
        assert await page.connect()
        assert (await page.hears())["code"] == "key_expired"
        assert await page.closes() == consumers.UNAUTHENTICATED


async def test_it_goes_when_its_key_expires(
    reader: Headers, running: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "RECHECK_SECONDS", 0.05)
    async with socket(reader) as page:
        assert await page.connect()
        assert await page.lives()
        await ApiKey.objects.aupdate(expires=timezone.now())
        assert (await page.hears())["code"] == "key_expired"
        assert await page.closes() == consumers.UNAUTHENTICATED
