"""Deactivating a user ends what they have open."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from chat import nudges
from chat.database import in_database
from chat.running import lease
from chat.running.process import Process
from tests.core.helpers import ask, fresh
from tests.reading import finished

pytestmark = pytest.mark.django_db(transaction=True)


def deactivate(user: User) -> None:
    user.is_active = False
    user.save()


async def test_what_is_being_written_stops_and_what_is_there_is_kept(
    running: Process, alice: User, bob: User
) -> None:
    hers = await in_database(ask, alice, "pace=0.01 hang=20")
    his = await in_database(ask, bob, "n=3 pace=0")
    await finished(his)
    await in_database(deactivate, alice)
    row = await finished(hers)

    assert (row.status, row.finish_reason) == ("stopped", "stopped")
    assert row.completion_tokens <= 20


def test_what_waits_never_begins(alice: User) -> None:
    row = ask(alice, "n=3")
    deactivate(alice)

    assert fresh(row).status == "stopped"
    assert lease.claim("first", 1) == []


def test_others_go_on(alice: User, bob: User) -> None:
    row = ask(bob, "n=3")
    deactivate(alice)

    assert fresh(row).status == "queued"


def test_sockets_are_told_and_nobody_of_an_ordinary_change(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    monkeypatch.setattr(nudges, "access_changed", told.append)
    alice.first_name = "Alice"
    alice.save()
    assert told == []

    deactivate(alice)
    assert told == [alice.pk]


def test_sessions_and_keys_are_refused_at_once(
    alice: User, api: Client, client: Client
) -> None:
    client.force_login(alice)
    assert client.get("/api/models").status_code == 200
    assert api.get("/api/models").status_code == 200
    deactivate(alice)

    assert client.get("/api/models").status_code == 401
    assert api.get("/api/models").status_code == 401


def test_the_administration_does_it(admin_client: Client, alice: User) -> None:
    row = ask(alice, "n=3")
    page = f"/admin/auth/user/{alice.pk}/change/"
    form = admin_client.get(page).context["adminform"].form
    data = {
        name: form[name].value() or "" for name in form.fields if name != "is_active"
    }
    joined = alice.date_joined
    data |= {
        "date_joined_0": f"{joined:%Y-%m-%d}",
        "date_joined_1": f"{joined:%H:%M:%S}",
    }
    answer = admin_client.post(page, {k: v for k, v in data.items() if v != ""})

    assert answer.status_code == 302
    assert fresh(row).status == "stopped"
