"""`manage.py prune`: what was deleted or is too old goes for good."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command

from chat.models import AuditEntry, Conversation
from chat.privacy import removal
from tests.api.helpers import answered
from tests.core.test_removal import delete_long_ago
from tests.core.test_retention import used

pytestmark = pytest.mark.django_db


def test_it_removes_all_that_cannot_be_brought_back(alice, monkeypatch) -> None:
    monkeypatch.setattr(removal, "SWEPT_AT_ONCE", 2)
    for _ in range(5):
        delete_long_ago(answered(alice), alice)
    kept = answered(alice)
    removal.remove([kept.conversation_id], alice)

    call_command("prune")

    assert list(Conversation.objects.all()) == [kept.conversation]


def test_it_removes_what_is_too_old(alice, settings) -> None:
    settings.CHAT_RETENTION_DAYS = 7
    used(answered(alice), 8)
    kept = used(answered(alice), 6)

    call_command("prune")

    assert list(Conversation.objects.all()) == [kept.conversation]


def test_dry_it_only_says_what_would_go(alice, settings) -> None:
    settings.CHAT_RETENTION_DAYS = 7
    old = used(answered(alice), 8)
    used(answered(alice), 6)
    delete_long_ago(answered(alice), alice)
    said = io.StringIO()

    call_command("prune", "--dry-run", stdout=said)

    line, total = said.getvalue().splitlines()
    assert line.split()[:2] == [str(old.conversation_id), "alice"]
    assert line.endswith(" 7")
    assert total == (
        "Would be removed: 1 conversations that are too old, 1 deleted ones, "
        "0 entries of the audit log."
    )
    assert Conversation.objects.count() == 3
    assert not AuditEntry.objects.filter(action="pruned").exists()
