"""The audit log is added to, and nothing else."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chat import sharing
from chat.models import AuditEntry, Conversation, Share
from chat.models.audit import AppendOnlyError
from chat.people import accounts
from chat.privacy import audit

from .conftest import Talk

LIST = reverse("admin:chat_auditentry_changelist")


@pytest.fixture
def entry(alice: User, bob: User) -> AuditEntry:
    audit.record(bob, audit.Action.READ, alice, whose=alice.pk, reason="number 17")
    return AuditEntry.objects.get()


def told() -> list[tuple[str, int | None, int | None, str]]:
    rows = AuditEntry.objects.order_by("id")
    return list(rows.values_list("action", "actor", "subject", "kind"))


def test_its_list_names_who_still_has_a_name(
    admin: Client, entry: AuditEntry, alice: User, bob: User
) -> None:
    bob_id = bob.pk
    bob.delete()
    page = admin.get(LIST).content.decode()
    assert f"alice #{alice.pk}" in page
    assert f">#{bob_id}<" in page
    assert "number 17" in page
    change = reverse("admin:chat_auditentry_change", args=[entry.pk])
    assert "number 17" in admin.get(change).content.decode()


def test_it_is_searched_and_filtered(
    admin: Client, entry: AuditEntry, alice: User, bob: User
) -> None:
    for query, count in (
        ("q=alice", 1),
        ("q=bob", 1),
        ("q=nobody", 0),
        (f"q={alice.pk}", 1),
        (f"object={alice.pk}", 1),
        ("object=0", 0),
        ("action__exact=read", 1),
        ("action__exact=left", 0),
    ):
        rows = admin.get(f"{LIST}?{query}").context["cl"].result_list
        assert len(rows) == count, query


def test_nobody_changes_it_in_the_admin(
    admin: Client, staff_with: Callable[..., Client], entry: AuditEntry
) -> None:
    staff = staff_with("view_auditentry", "change_auditentry", "delete_auditentry")
    for client in (admin, staff):
        for view in ("change", "delete"):
            page = reverse(f"admin:chat_auditentry_{view}", args=[entry.pk])
            data = {"reason": "another", "post": "yes"}
            assert client.post(page, data).status_code == 403
        chosen = {"action": "delete_selected", "_selected_action": [entry.pk]}
        client.post(LIST, {**chosen, "post": "yes"})
        assert client.get(reverse("admin:chat_auditentry_add")).status_code == 403
    entry.refresh_from_db()
    assert entry.reason == "number 17"


def test_reviewers_do_not_see_it(staff_with: Callable[..., Client]) -> None:
    assert staff_with("review_conversation").get(LIST).status_code == 403


def test_code_cannot_change_it_by_mistake(entry: AuditEntry) -> None:
    rows = AuditEntry.objects.all()
    entry.reason = "another"
    for change in (
        entry.save,
        entry.delete,
        rows.delete,
        lambda: rows.update(reason="another"),
        lambda: rows.bulk_update([entry], ["reason"]),
    ):
        with pytest.raises(AppendOnlyError):
            change()


def test_the_database_itself_refuses_to_change_it(entry: AuditEntry) -> None:
    with (
        pytest.raises(DatabaseError, match="can only be added to"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE chat_auditentry SET reason = 'another'")


def test_it_outlives_whom_it_tells_of(entry: AuditEntry, alice: User) -> None:
    alice.delete()
    assert AuditEntry.objects.filter(pk=entry.pk).exists()


def test_shared_links_are_in_it(
    alice: User, admin: Client, root: User, talk: Talk
) -> None:
    place, _answer, _job = talk(alice)
    row, _new = sharing.share(alice, place.pk)
    sharing.share(alice, place.pk)
    sharing.revoke(alice, row.pk)
    sharing.revoke(alice, row.pk)
    mine = alice.pk
    expected = [
        ("shared", mine, mine, "share"),
        ("shared", mine, mine, "share"),
        ("unshared", mine, mine, "share"),
    ]
    assert told() == expected
    row, _new = sharing.share(alice, place.pk)
    data = {"action": "revoke_selected", "_selected_action": [str(row.pk)]}
    assert admin.post(reverse("admin:chat_share_changelist"), data).status_code == 302
    assert told()[-1] == ("unshared", root.pk, mine, "share")
    assert not Share.objects.live().exists()


def test_exports_imports_and_leaving_are_in_it(
    alice: User, root: User, api: Client, talk: Talk
) -> None:
    place, _answer, _job = talk(alice)
    api.get("/api/export")
    api.get(f"/api/conversations/{place.pk}/export")
    api.post("/api/import", {}, content_type="application/json")
    mine = alice.pk
    accounts.delete(alice)
    assert told() == [
        ("export", mine, mine, "user"),
        ("export", mine, mine, "conversation"),
        ("import", mine, mine, "user"),
        ("left", mine, mine, "user"),
    ]


def test_what_staff_delete_and_stop_is_in_it(
    admin: Client, root: User, alice: User, talk: Talk
) -> None:
    place, _answer, job = talk(alice, "Private", status="queued")
    chosen = {"action": "stop_selected", "_selected_action": [str(job.pk)]}
    admin.post(reverse("admin:chat_generation_changelist"), chosen)
    page = reverse("admin:chat_conversation_delete", args=[place.pk])
    admin.post(page, {"post": "yes"})
    assert told() == [
        ("stopped", root.pk, alice.pk, "generation"),
        ("deleted", root.pk, alice.pk, "conversation"),
    ]
    assert not Conversation.objects.exists()
    assert "Private" not in admin.get(reverse("admin:index")).content.decode()


def test_accounts_that_staff_delete_are_in_it(
    admin: Client, root: User, alice: User, bob: User
) -> None:
    ids = alice.pk, bob.pk
    page = reverse("admin:auth_user_delete", args=[alice.pk])
    assert admin.post(page, {"post": "yes"}).status_code == 302
    chosen = {"action": "delete_selected", "_selected_action": [bob.pk]}
    admin.post(reverse("admin:auth_user_changelist"), {**chosen, "post": "yes"})
    assert told() == [("left", root.pk, pk, "user") for pk in ids]
    assert list(User.objects.all()) == [root]


def test_it_has_ids_and_no_words(alice: User, talk: Talk) -> None:
    place, _answer, _job = talk(alice, "Private", "Private", content="Private")
    sharing.share(alice, place.pk)
    accounts.delete(alice)
    dump = io.StringIO()
    call_command("dumpdata", "chat.auditentry", stdout=dump)
    assert len(json.loads(dump.getvalue())) == 2
    assert "Private" not in dump.getvalue()
    assert "alice" not in dump.getvalue()


@pytest.mark.parametrize(("days", "left"), [(30, 1), (0, 4), (400, 4)])
def test_prune_removes_what_is_older_than_the_setting(
    alice: User, settings: Any, monkeypatch: pytest.MonkeyPatch, days: int, left: int
) -> None:
    monkeypatch.setattr(audit, "EXPIRED_AT_ONCE", 2)
    settings.CHAT_AUDIT_DAYS = days
    for age in (0, 31, 32, 33):
        AuditEntry.objects.create(
            action="read", kind="user", at=timezone.now() - timedelta(days=age)
        )
    call_command("prune")
    assert AuditEntry.objects.count() == left
