"""A socket lives only as long as its user may be there."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from channels.layers import get_channel_layer
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client

from chat import consumers, notices, nudges
from chat.database import in_database
from chat.models import ApiKey
from chat.people import callers
from chat.running.process import Process
from tests.reading import eventually

from .socket import Headers, socket


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes half a minute in life."""
    assert consumers.RECHECK_SECONDS <= 60
    monkeypatch.setattr(consumers, "RECHECK_SECONDS", 0.05)


@pytest.fixture
def browser(transactional_db: None, alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def cookie(browser: Client) -> Headers:
    value = browser.cookies["sessionid"].value
    return [(b"cookie", f"other=1; sessionid={value}".encode())]


@pytest.fixture
def program(
    transactional_db: None, alice: User, key_of: Callable[[User], str]
) -> Headers:
    return [(b"authorization", f"Bearer {key_of(alice)}".encode())]


class TestLeaving:
    async def goes(self, headers: Headers, change: Callable[[], Any], told: str = ""):
        async with socket(headers) as page:
            assert await page.connect()
            assert await page.lives()
            await in_database(change)
            if told:
                assert (await page.hears())["code"] == told
            assert await page.closes() == consumers.UNAUTHENTICATED

    async def test_it_goes_when_the_user_logs_out(
        self, cookie: Headers, browser: Client, running: Process
    ) -> None:
        await self.goes(cookie, browser.logout)

    async def test_it_goes_when_the_user_is_deactivated(
        self, cookie: Headers, running: Process
    ) -> None:
        people = User.objects.filter(username="alice")
        await self.goes(cookie, lambda: people.update(is_active=False))

    async def test_it_goes_when_the_password_changes(
        self, cookie: Headers, alice: User, running: Process
    ) -> None:
        def change() -> None:
            alice.set_password("another")
            alice.save()

        await self.goes(cookie, change)

    async def test_it_goes_with_its_key(
        self, program: Headers, running: Process
    ) -> None:
        await self.goes(program, ApiKey.objects.all().delete, "invalid_api_key")

    async def test_it_goes_with_the_keys_owner(
        self, program: Headers, running: Process
    ) -> None:
        people = User.objects.filter(username="alice")
        deactivate = partial(people.update, is_active=False)
        await self.goes(program, deactivate, "invalid_api_key")


class TestStaying:
    async def test_it_stays_while_the_user_may_be_there(
        self, cookie: Headers, running: Process
    ) -> None:
        async with socket(cookie, b"http://localhost") as page:
            assert await page.connect()
            assert await page.hears_nothing(0.5)
            assert await page.lives()

    async def test_it_stays_while_the_database_is_away(
        self, cookie: Headers, running: Process, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls = 0
        of_scope = callers.of_scope

        def away(scope: Any) -> Any:
            nonlocal calls
            calls += 1
            if 1 < calls < 4:
                raise OperationalError("away")
            return of_scope(scope)

        monkeypatch.setattr(callers, "of_scope", away)
        async with socket(cookie) as page:
            assert await page.connect()
            assert await eventually(lambda: calls > 4)
            assert await page.lives()

    async def test_news_find_it_again_when_the_layer_forgot_its_group(
        self, program: Headers, alice: User, running: Process
    ) -> None:
        """As Redis does when it loses its data, and the layer does after a day."""
        layer, group = get_channel_layer(), notices.group_of(alice.pk)
        async with socket(program) as page:
            assert await page.connect()
            assert await page.lives()
            layer.groups.clear()
            await eventually(lambda: group in layer.groups)
            nudges.conversation_changed(alice.pk, "deleted", "1")
            assert await page.hears() == {
                "type": "conversation",
                "action": "deleted",
                "conversation": {"id": "1"},
            }


class TestNonsense:
    @pytest.mark.parametrize(
        "text",
        [
            "",
            "[]",
            "null",
            "{",
            '{"type": "watch", "generation": 7}',
            '{"type": "watch", "generation": "7"}',
            '{"type": "bogus"}',
            "[" * 5000,
        ],
    )
    async def test_it_is_said_so_and_the_socket_stays(
        self, program: Headers, running: Process, text: str
    ) -> None:
        async with socket(program) as page:
            assert await page.connect()
            await page.say(text)
            answer = await page.hears()
            assert answer == {"type": "error", "code": "invalid_message"}
            assert await page.lives()

    async def test_a_page_can_ask_whether_it_is_heard(
        self, program: Headers, running: Process
    ) -> None:
        async with socket(program) as page:
            assert await page.connect()
            await page.say('{"type": "ping"}')
            assert await page.hears() == {"type": "pong"}

    async def test_a_cursor_beyond_all_numbers_is_nonsense(
        self, program: Headers, running: Process
    ) -> None:
        pk = "00000000-0000-0000-0000-000000000000"
        async with socket(program) as page:
            assert await page.connect()
            text = f'{{"type": "watch", "generation": "{pk}", "after": 1e999}}'
            await page.say(text)
            answer = await page.hears()
            assert answer["code"] == "invalid_message"

    async def test_what_is_too_big_closes_it(
        self, program: Headers, running: Process
    ) -> None:
        async with socket(program) as page:
            assert await page.connect()
            await page.say("x" * (consumers.MAX_MESSAGE + 1))
            assert await page.closes() == consumers.TOO_BIG

    async def test_a_foreign_page_gets_no_socket(
        self, cookie: Headers, running: Process
    ) -> None:
        for origin in (b"https://evil.example", b"null", b"http://localhost.evil"):
            async with socket(cookie, origin) as page:
                assert not await page.connect()
