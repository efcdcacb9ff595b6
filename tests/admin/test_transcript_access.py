"""Who may read, that nobody may write, and what deleting does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from chat import nudges
from chat.models import Conversation, Generation

from .conftest import Talk
from .test_transcript import read, url


def test_it_refuses_staff_without_the_permission(
    client: Client, charlie: User, alice: User, talk: Talk
) -> None:
    place, _answer, _job = talk(alice)
    client.force_login(charlie)
    for page in (
        url(place),
        reverse("admin:chat_conversation_delete", args=[place.pk]),
        reverse("admin:chat_conversation_history", args=[place.pk]),
    ):
        assert client.get(page).status_code == 403
    assert client.get(reverse("admin:chat_conversation_add")).status_code == 403


def test_it_lets_readers_read_and_nothing_else(
    staff_with: Callable[..., Client], alice: User, talk: Talk
) -> None:
    place, _answer, _job = talk(alice)
    reader = staff_with("review_conversation")
    page = read(reader, place)
    assert "Because." in page
    assert "/delete/" not in page
    assert reverse("admin:auth_user_change", args=[alice.pk]) not in page
    remove = reverse("admin:chat_conversation_delete", args=[place.pk])
    assert reader.post(remove, {"post": "yes"}).status_code == 403
    assert Conversation.objects.filter(pk=place.pk).exists()


def test_it_lets_nobody_edit(admin: Client, alice: User, talk: Talk) -> None:
    place, _answer, _job = talk(alice)
    assert admin.post(url(place), {"title": "changed"}).status_code == 403
    assert admin.get(reverse("admin:chat_conversation_add")).status_code == 403
    place.refresh_from_db()
    assert place.title == "A talk"


def test_it_ends_what_is_running_when_it_is_deleted(
    staff_with: Callable[..., Client],
    alice: User,
    talk: Talk,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Callable[..., object],
) -> None:
    place, _answer, job = talk(alice, status="running", content="secret words")
    told: list[str] = []
    monkeypatch.setattr(nudges.stop, "send", told.append)
    staff = staff_with("view_conversation", "delete_conversation")
    remove = reverse("admin:chat_conversation_delete", args=[place.pk])
    question = staff.get(remove).content.decode()
    assert "Messages: 2" in question
    assert "secret words" not in question
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
        assert staff.post(remove, {"post": "yes"}).status_code == 302
    assert told == [str(job.pk)]
    assert not Generation.objects.exists()
