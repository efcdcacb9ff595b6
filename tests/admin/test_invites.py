"""Invitations in the admin: made with a permission, shown once, revoked."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chat.models import Invite
from chat.people import invites

ADD = reverse("admin:chat_invite_add")
LIST = reverse("admin:chat_invite_changelist")


def given(**values: Any) -> dict[str, Any]:
    day = timezone.localdate() + timedelta(days=2)
    return {"note": "Class 7", "email": "", "uses": "30", "expires": day} | values


def made(answer: Any) -> str:
    """The link that the page shows."""
    found = re.search(
        r'value="http://testserver(/invite/[^"]+)"', answer.content.decode()
    )
    assert found
    return found[1]


def test_it_is_shown_once_and_works(admin: Client, client: Client) -> None:
    school = Group.objects.create(name="school")

    answer = admin.post(ADD, given(groups=[school.pk]))

    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    assert "30 accounts can be made with it" in answer.content.decode()
    url = made(answer)
    row = Invite.objects.get()
    assert (row.note, row.uses, list(row.groups.all())) == ("Class 7", 30, [school])
    assert row.made_by is not None
    assert client.get(url).status_code == 200
    token = url.split("/")[2]
    for page in (LIST, reverse("admin:chat_invite_change", args=[row.pk])):
        text = admin.get(page).content.decode()
        assert "Class 7" in text
        assert token not in text
        assert row.hash not in text


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"uses": "0"}, "uses"),
        ({"uses": "1001"}, "uses"),
        ({"expires": "2020-01-01"}, "expires"),
        ({"expires": "9999-01-01"}, "expires"),
        ({"expires": ""}, "expires"),
        ({"email": "x"}, "email"),
        ({"email": "a@example.org"}, "uses"),
        ({"groups": [999]}, "groups"),
    ],
)
def test_it_refuses_what_makes_no_sense(
    admin: Client, wrong: dict[str, Any], field: str
) -> None:
    answer = admin.post(ADD, given(**wrong))

    assert list(answer.context["adminform"].form.errors) == [field]
    assert not Invite.objects.exists()


def test_staff_invite_into_no_group_that_may_more(
    staff_with: Callable[..., Client],
) -> None:
    client = staff_with("add_invite", "view_invite")
    readers = Group.objects.create(name="readers")
    readers.permissions.add(Permission.objects.get(codename="review_conversation"))
    assert "readers" not in client.get(ADD).content.decode()

    answer = client.post(ADD, given(groups=[readers.pk]))

    assert "groups" in answer.context["adminform"].form.errors
    made(client.post(ADD, given()))


def test_revoked_it_opens_nothing(admin: Client, root: User, client: Client) -> None:
    row, token = invites.make(root, [], expires=timezone.now() + timedelta(days=1))

    action = {"action": "revoke_selected", "_selected_action": [row.pk]}
    page = admin.post(LIST, action, follow=True).content.decode()

    assert "1 invitation was revoked" in page
    assert client.get(f"/invite/{token}/").status_code == 404
    assert (
        "0 invitations were revoked"
        in admin.post(LIST, action, follow=True).content.decode()
    )


def test_staff_need_the_permissions(staff_with: Callable[..., Client]) -> None:
    client = staff_with("view_user", "add_user")
    assert client.get(LIST).status_code == client.get(ADD).status_code == 403

    client.logout()
    User.objects.get(username="dora").delete()
    reader = staff_with("view_invite")
    assert reader.get(LIST).status_code == 200
    assert reader.get(ADD).status_code == 403
