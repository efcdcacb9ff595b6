"""An administrator, a reader, and conversations to look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chat.admin import people
from chat.models import Conversation, Generation, Message
from chat.screening import dry_run
from tests.reading import PATIENCE

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"
Talk = Callable[..., tuple[Conversation, Message, Generation]]


def give_reason(client: Client, page: str = "") -> None:
    """To the page that asks for one; without, for titles and search."""
    page = page or reverse("admin:chat_conversation_reason")
    answer = client.post(page, {"reason": "A complaint, number 17."})
    assert answer.status_code == 302, answer.content.decode()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has a few seconds, and goes on later or says that there was more."""
    for module in (people, dry_run):
        monkeypatch.setattr(module, "SECONDS", PATIENCE)


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root", password="root-password")


@pytest.fixture
def admin(root: User) -> Client:
    client = Client()
    client.force_login(root)
    return client


@pytest.fixture
def reviewer(admin: Client) -> Client:
    """Who said why titles are to be seen."""
    give_reason(admin)
    return admin


@pytest.fixture
def staff_with(db: None) -> Callable[..., Client]:
    """Staff with these permissions and no other."""

    def make(*codenames: str) -> Client:
        user = User.objects.create_user("dora", password="dora", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client = Client()
        client.force_login(user)
        return client

    return make


@pytest.fixture
def talk(db: None) -> Talk:
    """A conversation with a question and an answer, and its generation."""

    def make(
        person: User, /, title: str = "A talk", question: str = "Why?", **of: Any
    ) -> tuple[Conversation, Message, Generation]:
        now = timezone.now()
        model = of.pop("model", "demo")
        content, reasoning = of.pop("content", "Because."), of.pop("reasoning", "")
        status = of.setdefault("status", "done")
        place = Conversation.objects.create(
            owner=person, title=title, model=model, updated=now
        )
        asked = Message.objects.create(
            conversation=place, role="user", content=question
        )
        answer = Message.objects.create(
            conversation=place,
            parent=asked,
            role="assistant",
            content=content,
            reasoning=reasoning,
            status=status,
        )
        Conversation.objects.filter(pk=place.pk).update(leaf=answer)
        place.refresh_from_db()
        job = Generation.objects.create(
            user=person, conversation=place, message=answer, model=model, **of
        )
        return place, answer, job

    return make
