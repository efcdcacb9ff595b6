from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chat.models import ApiKey
from chat.people import keys

ADD = reverse("admin:chat_apikey_add")
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


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("state=valid", {"new", "reader"}),
        ("state=revoked", {"old"}),
        ("state=expired", {"late"}),
        ("scopes__exact=read", {"reader"}),
        ("used=month", {"new"}),
        ("used=before", {"old"}),
        ("used=never", {"late", "reader"}),
        ("state=bogus", {"new", "reader", "old", "late"}),
    ],
)
def test_it_filters(admin: Client, alice: User, query: str, names: set[str]) -> None:
    now = timezone.now()
    rows = {
        "old": {"revoked": now, "last_used": now - timedelta(days=31)},
        "new": {"last_used": now, "expires": now + timedelta(days=1)},
        "late": {"expires": now},
        "reader": {"scopes": "read"},
    }
    for name, values in rows.items():
        row, _key = ApiKey.objects.create_key(alice, name)
        ApiKey.objects.filter(pk=row.pk).update(**values)
    found = admin.get(f"{LIST}?{query}").context["cl"].result_list
    assert {key.name for key in found} == names


def test_it_tells_scopes_expiry_and_use(admin: Client, alice: User) -> None:
    row, _key = ApiKey.objects.create_key(alice, scopes="read")
    when = timezone.now() - timedelta(days=400)
    ApiKey.objects.filter(pk=row.pk).update(expires=when, last_used=when)
    text = admin.get(LIST).content.decode()
    assert "expired" in text
    assert text.count(when.strftime("%Y-%m-%d %H:%M")) == 2


def test_it_edits_nothing(admin: Client, alice: User) -> None:
    row, _key = ApiKey.objects.create_key(alice)
    page = reverse("admin:chat_apikey_change", args=[row.pk])
    assert admin.post(page, {"name": "x"}).status_code == 403


class TestMaking:
    @pytest.fixture
    def wish(self, alice: User) -> dict[str, object]:
        return {"user": alice.pk, "name": "robot", "scopes": "read"}

    def test_it_shows_the_key_once(
        self, admin: Client, alice: User, wish: dict[str, object]
    ) -> None:
        assert admin.get(ADD).status_code == 200
        day = timezone.localdate() + timedelta(days=2)
        soon = {"expires_0": str(day), "expires_1": "00:00"}

        response = admin.post(ADD, wish | soon)

        row = ApiKey.objects.get()
        found = re.search(r"cs-[\w-]{40,}", response.content.decode())
        assert found
        assert ApiKey.objects.verify(found[0]) == row
        assert (row.user, row.name, row.scopes) == (alice, "robot", "read")
        assert row.expires is not None
        assert "no-store" in response["Cache-Control"]
        assert found[0] not in admin.get(LIST).content.decode()
        assert found[0] not in str(list(LogEntry.objects.values()))

    def test_it_names_what_is_wrong(
        self, admin: Client, wish: dict[str, object], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        late = {"expires_0": "2020-01-01", "expires_1": "00:00"}
        page = admin.post(ADD, wish | late).content.decode()
        assert "in the future" in page
        monkeypatch.setattr(keys, "MAX_KEYS", 0)
        assert "revoke one" in admin.post(ADD, wish).content.decode()
        assert not ApiKey.objects.exists()

    def test_only_superusers_may(
        self, staff_with: Callable[..., Client], wish: dict[str, object]
    ) -> None:
        """A key opens everything that its user has."""
        client = staff_with("add_apikey", "view_apikey", "change_apikey")
        assert client.get(ADD).status_code == 403
        assert client.post(ADD, wish).status_code == 403
        assert not ApiKey.objects.exists()


def test_it_refuses_staff_without_the_permission(client: Client, charlie: User) -> None:
    client.force_login(charlie)
    assert client.get(LIST).status_code == 403
