"""A user's data as a file, from their page in the administration."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from chat.download import Download
from chat.models import AuditEntry

from .conftest import Talk

REASON = {"reason": "They asked for it."}


def page_of(user: User) -> str:
    return reverse("admin:auth_user_export", args=[user.pk])


def test_it_asks_why_and_gives_everything(
    admin: Client, root: User, alice: User, talk: Talk
) -> None:
    talk(alice, "Private")
    shown = admin.get(reverse("admin:auth_user_change", args=[alice.pk]))
    assert page_of(alice) in shown.content.decode()
    assert admin.get(page_of(alice)).status_code == 200
    assert admin.post(page_of(alice), {"reason": ""}).status_code == 200
    assert not AuditEntry.objects.exists()

    response: Any = admin.post(page_of(alice), REASON)

    assert response["Content-Type"] == "application/json"
    assert response["Content-Disposition"].startswith("attachment")
    assert isinstance(response, Download)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.subject, entry.reason) == (
        *("exported", root.pk, alice.pk, REASON["reason"]),
    )


@pytest.mark.parametrize("setting", ["off", "flagged"])
def test_not_where_not_everything_may_be_read(
    admin: Client, alice: User, settings: Any, setting: str
) -> None:
    settings.CHAT_REVIEW = setting

    assert admin.post(page_of(alice), REASON).status_code == 403
    shown = admin.get(reverse("admin:auth_user_change", args=[alice.pk]))
    assert page_of(alice) not in shown.content.decode()


def test_not_of_nobody(admin: Client) -> None:
    assert admin.post("/admin/auth/user/99/export/", REASON).status_code == 404
