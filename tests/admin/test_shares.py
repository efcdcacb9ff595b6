from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from chat import sharing
from chat.models import Share

LIST = reverse("admin:chat_share_changelist")


@pytest.fixture
def share(alice: User, talk) -> Share:
    conversation, _message, _job = talk(alice, "A secret plan")
    return sharing.share(alice, conversation.pk)[0]


def revoke(client: Client, row: Share) -> int:
    data = {"action": "revoke_selected", "_selected_action": [str(row.pk)]}
    return client.post(LIST, data).status_code


def test_it_shows_neither_link_nor_copy(admin: Client, share: Share) -> None:
    page = reverse("admin:chat_share_change", args=[share.pk])
    for url in (LIST, page):
        text = admin.get(url).content.decode()
        assert "alice" in text
        for secret in (share.token, "A secret plan", "Because."):
            assert secret not in text


@pytest.mark.parametrize("name", ["token__startswith", "content", "title__contains"])
def test_it_does_not_tell_them_letter_by_letter(admin: Client, db, name) -> None:
    assert admin.get(f"{LIST}?{name}=a").status_code == 400


def test_it_revokes(admin: Client, share: Share) -> None:
    assert revoke(admin, share) == 302

    assert sharing.find(share.token) is None
    when = Share.objects.get().revoked
    assert revoke(admin, share) == 302
    assert Share.objects.get().revoked == when


def test_it_revokes_only_for_those_with_the_permission(
    staff_with: Callable[..., Client], share: Share
) -> None:
    revoke(staff_with("view_share"), share)

    assert sharing.find(share.token) == share


def test_it_refuses_staff_without_the_permission(client: Client, charlie: User) -> None:
    client.force_login(charlie)

    assert client.get(LIST).status_code == 403
