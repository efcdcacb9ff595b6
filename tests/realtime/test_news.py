"""News of a user's conversations over the socket."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from chat import nudges
from chat.models import Conversation
from chat.people import callers
from chat.running.process import Process

from .socket import Headers, socket


@pytest.fixture
def cookie(transactional_db: None, alice: User) -> Headers:
    client = Client()
    client.force_login(alice)
    return [(b"cookie", f"sessionid={client.cookies['sessionid'].value}".encode())]


async def test_it_hears_all_from_the_moment_it_is_open(
    cookie: Headers, alice: User, running: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_scope = callers.of_scope

    def slowly(scope: dict[str, Any]) -> callers.Caller | None:
        time.sleep(0.3)
        return of_scope(scope)

    monkeypatch.setattr(callers, "of_scope", slowly)
    async with socket(cookie) as page:
        assert await page.connect()
        made = Conversation(owner=alice, updated=timezone.now())
        await made.asave()
        nudges.conversation_changed(alice.pk, "created", made.pk)
        news = await page.hears()
    assert news["type"] == "conversation"
    assert news["conversation"]["id"] == str(made.pk)
