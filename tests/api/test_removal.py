"""`DELETE /api/conversations/ID` and its undoing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from chat import sharing
from chat.models import Conversation, Generation
from chat.privacy import removal
from tests.api.helpers import answered, error_of
from tests.core.helpers import ask

pytestmark = pytest.mark.django_db
PATH = "/api/conversations"


@pytest.fixture
def row(alice: User) -> Generation:
    return answered(alice)


def path(row: Generation, *rest: str) -> str:
    return "/".join([PATH, str(row.conversation_id), *rest])


def restore(api: Client, row: Generation) -> Any:
    return api.post(path(row, "restore"), content_type="application/json")


class TestDelete:
    def test_it_is_nowhere_any_more(self, api: Client, row: Generation) -> None:
        assert api.delete(path(row)).status_code == 204

        assert api.get(PATH).json()["items"] == []
        for gone in (
            path(row),
            path(row, "messages"),
            path(row, "context"),
            f"/api/generations/{row.pk}",
        ):
            error_of(api.get(gone), 404)
        error_of(api.delete(path(row)), 404)
        body = {"title": "New"}
        error_of(api.patch(path(row), body, content_type="application/json"), 404)

    def test_what_was_being_answered_ends(self, api, alice) -> None:
        row = ask(alice)

        assert api.delete(path(row)).status_code == 204
        row.refresh_from_db()
        assert row.status == "stopped"

    def test_shared_copies_go_with_it_and_come_back(self, api, alice, row) -> None:
        link, _new = sharing.share(alice, row.conversation_id)

        api.delete(path(row))

        assert sharing.find(link.token) is None
        assert api.get("/api/shares").json()["items"] == []
        restore(api, row)
        assert sharing.find(link.token) is not None

    def test_not_bobs(self, bobs_api, row) -> None:
        error_of(bobs_api.delete(path(row)), 404)
        assert Conversation.objects.get().deleted is None


class TestRestore:
    def test_it_is_all_there_again(self, api, row) -> None:
        api.delete(path(row))

        shown = restore(api, row)

        assert shown.status_code == 200
        assert shown.json()["id"] == str(row.conversation_id)
        assert len(api.get(path(row, "messages")).json()["items"]) == 2
        assert restore(api, row).status_code == 200

    def test_not_after_a_while(self, api, row) -> None:
        api.delete(path(row))
        past = timezone.now() - removal.UNDO - timedelta(seconds=1)
        Conversation.objects.update(deleted=past)

        error_of(restore(api, row), 404)

    def test_not_by_bob(self, api, bobs_api, row) -> None:
        api.delete(path(row))

        error_of(restore(bobs_api, row), 404)
