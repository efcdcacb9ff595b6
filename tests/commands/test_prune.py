"""`manage.py prune`: what was deleted goes for good."""

from __future__ import annotations

import pytest
from django.core.management import call_command

from chat import removal
from chat.models import Conversation
from tests.api.helpers import answered
from tests.core.test_removal import delete_long_ago

pytestmark = pytest.mark.django_db


def test_it_removes_all_that_cannot_be_brought_back(alice, monkeypatch) -> None:
    monkeypatch.setattr(removal, "SWEPT_AT_ONCE", 2)
    for _ in range(5):
        delete_long_ago(answered(alice), alice)
    kept = answered(alice)
    removal.remove([kept.conversation_id], alice)

    call_command("prune")

    assert list(Conversation.objects.all()) == [kept.conversation]
