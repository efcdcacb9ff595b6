"""Legal holds in the administration: placed with a reason, lifted, and respected."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from chat.models import AuditEntry, Conversation, Hold
from chat.privacy import holds

from .conftest import Talk

ADD = reverse("admin:chat_hold_add")
LIST = reverse("admin:chat_hold_changelist")
REASON = "File 17 of the court"


def place(client: Client, **about: object) -> None:
    form = {"user": "", "conversation": "", "reason": REASON, **about}
    answer = client.post(ADD, form)
    assert answer.status_code == 302, answer.context["adminform"].form.errors


def test_a_user_is_held_and_it_is_written_down(
    admin: Client, root: User, alice: User
) -> None:
    place(admin, user=alice.pk)

    row = Hold.objects.get()
    assert (row.user, row.placed_by, row.reason) == (alice, root, REASON)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.object, entry.reason) == (
        *("held", root.pk, str(alice.pk), REASON),
    )
    page = admin.get(LIST).content.decode()
    assert REASON in page
    assert "everything of this user" in page


def test_a_conversation_is_held_from_its_transcript(
    admin: Client, alice: User, talk: Talk
) -> None:
    talked, _answer, _job = talk(alice, "Private")
    page = reverse("admin:chat_conversation_change", args=[talked.pk])
    form = {"reason": "A complaint."}
    admin.post(f"{reverse('admin:chat_conversation_reason')}?of={talked.pk}", form)
    assert f"{ADD}?conversation={talked.pk}" in admin.get(page).content.decode()

    place(admin, conversation=talked.pk)

    shown = admin.get(page).content.decode()
    assert "legal hold since" in shown
    assert "/delete/" not in shown
    assert "Private" not in admin.get(LIST).content.decode()


def test_it_is_of_one_thing_that_is_there(admin: Client, alice: User) -> None:
    for about in ({}, {"user": 99}, {"conversation": "x"}):
        form = {"user": "", "conversation": "", "reason": REASON, **about}
        assert admin.post(ADD, form).status_code == 200
    assert admin.post(ADD, {"user": alice.pk, "reason": ""}).status_code == 200
    assert not Hold.objects.exists()


def test_it_is_lifted(admin: Client, root: User, alice: User) -> None:
    place(admin, user=alice.pk)
    row = Hold.objects.get()

    page = reverse("admin:chat_hold_delete", args=[row.pk])
    assert admin.post(page, {"post": "yes"}).status_code == 302

    assert not Hold.objects.exists()
    assert AuditEntry.objects.latest("id").action == "released"


def test_several_are_lifted(admin: Client, alice: User, bob: User) -> None:
    for user in (alice, bob):
        place(admin, user=user.pk)
    chosen = list(Hold.objects.values_list("pk", flat=True))
    action = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}

    assert admin.post(LIST, action).status_code == 302

    assert not Hold.objects.exists()
    assert AuditEntry.objects.filter(action="released").count() == 2


@pytest.mark.parametrize("about", ["user", "conversation"])
def test_what_is_held_is_not_deleted_here(
    admin: Client, root: User, alice: User, talk: Talk, about: str
) -> None:
    talked, _answer, _job = talk(alice)
    target = {"user": alice} if about == "user" else {"conversation": talked}
    holds.place(root, REASON, **target)
    yes = {"post": "yes"}
    for name, pk in (("chat_conversation", talked.pk), ("auth_user", alice.pk)):
        page = admin.post(reverse(f"admin:{name}_delete", args=[pk]), yes)
        assert page.status_code == 200
        assert "Legal hold" in page.content.decode()
        action = {"action": "delete_selected", "_selected_action": [pk], **yes}
        page = admin.post(reverse(f"admin:{name}_changelist"), action)
        assert "Legal hold" in page.content.decode()

    assert Conversation.objects.filter(pk=talked.pk).exists()
    assert User.objects.filter(pk=alice.pk).exists()
