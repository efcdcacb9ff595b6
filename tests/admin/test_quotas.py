from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from chat.limits.quotas import quotas
from chat.limits.rates import Rate
from chat.models import Quota

ADD = reverse("admin:chat_quota_add")
LIST = reverse("admin:chat_quota_changelist")
EMPTY = {"user": "", "group": "", "rate_limit": "", "daily_tokens": ""}
EMPTY |= {"monthly_tokens": "", "concurrency": "", "queue": ""}


def problems(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 200
    return response.context["adminform"].form.errors


def test_it_gives_a_user_limits_that_hold_at_once(admin: Client, alice: User) -> None:
    before = quotas.of(alice)

    given = EMPTY | {"user": alice.pk, "rate_limit": "5/m", "concurrency": "2"}
    assert admin.post(ADD, given).status_code == 302

    after = quotas.of(alice)
    assert (after.rate, after.concurrency) == (Rate(5, "m"), 2)
    assert after.queue == before.queue


def test_it_gives_a_group_limits(admin: Client, alice: User) -> None:
    group = Group.objects.create(name="team")
    alice.groups.add(group)

    admin.post(ADD, EMPTY | {"group": group.pk, "daily_tokens": "1000"})

    assert quotas.of(alice).daily_tokens == 1000
    text = admin.get(LIST).content.decode()
    assert "team" in text
    assert "1000" in text


def test_it_chooses_the_models_of_a_group(admin: Client, alice: User) -> None:
    group = Group.objects.create(name="team")
    alice.groups.add(group)
    page = admin.get(ADD).content.decode()
    assert 'name="allowed_models" value="scripted"' in page

    chosen = EMPTY | {"group": group.pk, "allowed_models": ["scripted"]}
    assert admin.post(ADD, chosen).status_code == 302

    assert quotas.may_use(alice.pk, "scripted")
    assert not quotas.may_use(alice.pk, "large")


def test_a_model_that_is_away_stays_chosen(admin: Client) -> None:
    group = Group.objects.create(name="team")
    row = Quota.objects.create(group=group, allowed_models=["away"])
    page = reverse("admin:chat_quota_change", args=[row.pk])
    assert 'value="away"' in admin.get(page).content.decode()

    kept = EMPTY | {"group": group.pk, "allowed_models": ["away", "scripted"]}
    assert admin.post(page, kept).status_code == 302
    row.refresh_from_db()
    assert row.allowed_models == ["away", "scripted"]

    unknown = EMPTY | {"group": group.pk, "allowed_models": ["never heard of"]}
    assert "allowed_models" in problems(admin.post(page, unknown))


def test_what_is_deleted_holds_no_longer(admin: Client, alice: User) -> None:
    row = Quota.objects.create(user=alice, queue=1)
    assert quotas.of(alice).queue == 1

    action = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    admin.post(LIST, action)

    assert quotas.of(alice).queue != 1


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"rate_limit": "often"}, "rate_limit"),
        ({"daily_tokens": "-1"}, "daily_tokens"),
        ({"monthly_tokens": "x"}, "monthly_tokens"),
        ({"concurrency": "0"}, "concurrency"),
        ({"queue": "x"}, "queue"),
        ({"user": ""}, "__all__"),
    ],
)
def test_it_refuses_what_makes_no_sense(
    admin: Client, alice: User, given: dict[str, str], field: str
) -> None:
    found = problems(admin.post(ADD, EMPTY | {"user": alice.pk} | given))

    assert list(found) == [field]
    assert not Quota.objects.exists()


def test_one_user_has_one(admin: Client, alice: User) -> None:
    Quota.objects.create(user=alice, queue=1)

    assert "user" in problems(admin.post(ADD, EMPTY | {"user": alice.pk}))


def test_staff_need_the_permission(
    staff_with: Callable[..., Client], alice: User
) -> None:
    assert staff_with("view_apikey").get(LIST).status_code == 403
