"""The people, what Alice has, and how each of them asks."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.test import Client
from django.utils import timezone

from chat import sharing
from chat.engines.registry import models
from chat.models import (
    ApiKey,
    Feedback,
    Flag,
    Generation,
    GuardFinding,
    GuardRule,
    Hold,
    PromptTemplate,
    Quota,
    Share,
)
from chat.people import invites
from chat.privacy import audit, removal
from tests.api.helpers import answered
from tests.pictures.helpers import picture_of


class Undo(Exception):
    """Takes back what a request has done."""


def ask(
    client: Client, method: str, path: str, body: Any, *, form: bool = False
) -> Any:
    """The response; whatever it changed is as before, and the client signed in."""
    asked, cookies = getattr(client, method.lower()), deepcopy(client.cookies)
    more = {} if form or body is None else {"content_type": "application/json"}
    try:
        with transaction.atomic():
            response = asked(path, *([] if body is None else [body]), **more)
            raise Undo
    except Undo:
        client.cookies = cookies
        return response


def signed_in(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def program(user: User) -> tuple[Client, ApiKey]:
    row, key = ApiKey.objects.create_key(user, "program")
    header = {"Authorization": f"Bearer {key}"}
    return Client(headers=header, raise_request_exception=False), row


class World:
    """Alice owns all there is."""

    def __init__(self, alice: User, bob: User, charlie: User, root: User) -> None:
        self.alice = alice
        row = answered(alice)
        share, _new = sharing.share(alice, row.conversation_id)
        deleted = answered(alice).conversation_id
        removal.remove([deleted], alice)
        template = PromptTemplate.objects.create(owner=alice, name="x", text="y")
        alices, key = program(alice)
        asked = {"model": "scripted", "input": "Hello"}
        alices.post("/v1/responses", asked, content_type="application/json")
        response = Generation.objects.latest("created")
        tomorrow = timezone.now() + timedelta(days=1)
        invite, invited = invites.make(root, [], expires=tomorrow, uses=1000)
        self.values = {
            "conversation": row.conversation_id,
            "conversation_id": row.conversation_id,
            "deleted": deleted,
            "message": row.message_id,
            "question": row.message.parent_id,
            "generation": row.pk,
            "response": f"resp_{response.pk.hex}",
            "share": share.pk,
            "token": share.token,
            "picture": self.drawn(row, share),
            "template": template.pk,
            "key": key.pk,
            "invite": invited,
            "uidb36": "1",  # with that for a key, it opens nothing
            "model": models()[0].id,
        }
        audit.record(alice, audit.Action.EXPORT, alice, whose=alice.pk)
        found = GuardFinding.objects.create(
            user=alice, generation=row, rule="x", start=0, end=1
        )
        rated = Feedback.objects.create(message=row.message, rating=1)
        self.rows = {
            "auth_group": Group.objects.create(name="school").pk,
            "auth_user": bob.pk,
            "chat_apikey": key.pk,
            "chat_auditentry": audit.AuditEntry.objects.latest("id").pk,
            "chat_conversation": row.conversation_id,
            "chat_feedback": rated.pk,
            "chat_flag": Flag.objects.create(conversation=row.conversation).pk,
            "chat_generation": row.pk,
            "chat_guardfinding": found.pk,
            "chat_guardrule": GuardRule.objects.create(name="x", pattern="y").pk,
            "chat_hold": Hold.objects.create(user=bob, reason="x").pk,
            "chat_invite": invite.pk,
            "chat_picture": self.values["picture"],
            "chat_quota": Quota.objects.create(user=bob).pk,
            "chat_share": share.pk,
        }
        self.owners = {"alice": signed_in(alice), "alice's program": alices}
        self.others = {
            "bob": signed_in(bob),
            "bob's program": program(bob)[0],
            "charlie": signed_in(charlie),
            "root": signed_in(root),
        }
        self.refused = refused()

    def drawn(self, row: Generation, share: Share) -> UUID:
        """A picture of that answer, which the shared copy shows."""
        picture = picture_of(row)
        image = {"id": str(picture.pk), "alt": "", "width": 64, "height": 64}
        share.content[-1]["images"] = [image]
        share.save()
        return picture.pk


def refused() -> dict[str, Client]:
    """Nobody, and who once was somebody: a revoked key, a deactivated superuser."""
    gone = User.objects.create_superuser("gone", password="gone")
    left = {"deactivated": signed_in(gone), "their program": program(gone)[0]}
    User.objects.filter(pk=gone.pk).update(is_active=False)
    left["revoked key"], key = program(User.objects.create_user("once"))
    ApiKey.objects.filter(pk=key.pk).update(revoked=timezone.now())
    return {"anonymous": Client(raise_request_exception=False), **left}


class Staff:
    """One member of the staff, with other permissions each time."""

    def __init__(self) -> None:
        self.user = User.objects.create_user("dora", is_staff=True)
        self.client = signed_in(self.user)
        self._given: tuple[str, ...] = ()
        rows = Permission.objects.select_related("content_type")
        self.every = {
            f"{row.content_type.app_label}.{row.codename}": row for row in rows
        }

    def may(self, names: tuple[str, ...]) -> Client:
        if names == self._given:
            return self.client
        self._given = names
        self.user.user_permissions.set([self.every[name] for name in names])
        return self.client
