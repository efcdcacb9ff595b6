from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from chat.models import ApiKey

LIST = reverse("admin:chat_apikey_changelist")


def revoke(client: Client, row: ApiKey) -> int:
    data = {"action": "revoke_selected", "_selected_action": [str(row.pk)]}
    return client.post(LIST, data).status_code


def test_it_shows_neither_key_nor_hash(admin: Client, alice: User) -> None:
    row, key = ApiKey.objects.create_key(alice, "laptop")
    page = reverse("admin:chat_apikey_change", args=[row.pk])
    for url in (LIST, page):
        text = admin.get(url).content.decode()
        assert "laptop" in text
        assert row.prefix in text
        assert row.hash not in text
        assert key not in text


def test_it_does_not_tell_the_hash_letter_by_letter(admin: Client, alice: User) -> None:
    row, _key = ApiKey.objects.create_key(alice)
    for name in ("hash", "hash__startswith"):
        response = admin.get(f"{LIST}?{name}={row.hash}")
        assert response.status_code == 400


def test_it_revokes(admin: Client, alice: User) -> None:
    row, key = ApiKey.objects.create_key(alice)
    other, other_key = ApiKey.objects.create_key(alice)
    assert revoke(admin, row) == 302
    assert ApiKey.objects.verify(key) is None
    assert ApiKey.objects.verify(other_key) == other
    row.refresh_from_db()
    when = row.revoked
    revoke(admin, row)
    row.refresh_from_db()
    assert row.revoked == when


def test_it_revokes_only_for_those_with_the_permission(
    staff_with: Callable[..., Client], alice: User
) -> None:
    row, key = ApiKey.objects.create_key(alice)
    revoke(staff_with("view_apikey"), row)
    assert ApiKey.objects.verify(key) == row


def test_it_filters(admin: Client, alice: User) -> None:
    row, _key = ApiKey.objects.create_key(alice, "old")
    row.revoke()
    ApiKey.objects.create_key(alice, "new")
    for state, name in (("valid", "new"), ("revoked", "old")):
        found = admin.get(f"{LIST}?state={state}").context["cl"].result_list
        assert [key.name for key in found] == [name]


def test_it_neither_adds_nor_edits(admin: Client, alice: User) -> None:
    row, _key = ApiKey.objects.create_key(alice)
    assert admin.get(reverse("admin:chat_apikey_add")).status_code == 403
    page = reverse("admin:chat_apikey_change", args=[row.pk])
    assert admin.post(page, {"name": "x"}).status_code == 403


def test_it_refuses_staff_without_the_permission(client: Client, charlie: User) -> None:
    client.force_login(charlie)
    assert client.get(LIST).status_code == 403
