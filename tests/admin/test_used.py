"""Usage: of everybody, a user or a group; today, this month, by model."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from chat.limits.usage import today
from chat.models import Usage

PAGE = reverse("admin:chat_usage_changelist")


def use(user: User, tokens: int, back: int = 0, model: str = "large") -> None:
    Usage.objects.create(
        user=user,
        day=today() - timedelta(days=back),
        model=model,
        source="web",
        requests=1,
        prompt_tokens=tokens,
        completion_tokens=2 * tokens,
    )


def page(client: Client, query: str = "") -> str:
    response = client.get(PAGE + query)
    assert response.status_code == 200
    return response.content.decode()


def table(text: str, title: str) -> list[list[str]]:
    """Its body, cell by cell."""
    body = text[text.index(f"<h2>{title}") :].split("<tbody>")[1].split("</tbody>")[0]
    return [
        [re.sub("<[^>]*>", "", cell) for cell in re.findall("<t[hd].*?</t[hd]>", row)]
        for row in body.split("</tr>")[:-1]
    ]


@pytest.fixture(autouse=True)
def middle_of_the_month(monkeypatch) -> None:
    now = datetime(2026, 5, 14, 12, tzinfo=UTC)
    monkeypatch.setattr(timezone, "now", lambda: now)


@pytest.fixture
def school(alice: User, bob: User, charlie: User) -> Group:
    """Alice and Bob; Charlie is in no group."""
    group = Group.objects.create(name="school")
    group.user_set.add(alice, bob)
    use(alice, 1000)
    use(alice, 10, model="small")
    use(bob, 100, back=3)
    use(bob, 7, back=20)
    use(charlie, 5000)
    return group


def test_everybodys(admin: Client, school: Group) -> None:
    text = page(admin)

    assert [" ".join(row) for row in table(text, "By model")] == [
        "large 2 6,000 12,000 18,000 3 6,100 12,200 18,300",
        "small 1 10 20 30 1 10 20 30",
        "All together 3 6,010 12,020 18,030 4 6,110 12,220 18,330",
    ]
    assert table(text, "Users this month") == [
        ["charlie", "1", "15,000"],
        ["alice", "2", "3,030"],
        ["bob", "1", "300"],
    ]
    assert table(text, "Groups this month") == [["school", "3", "3,330"]]
    assert "6,117 tokens of prompts and 12,234 tokens of answers." in text
    assert text.count('role="img"') == text.count("<details>") == 2
    assert "style=" not in text


def test_one_users(admin: Client, school: Group) -> None:
    text = page(admin, "?user=bob")

    assert "What bob used." in text
    assert table(text, "By model")[-1][5:] == ["1", "100", "200", "300"]
    assert "107 tokens of prompts" in text
    assert "Users this month" not in text


def test_a_groups(admin: Client, school: Group) -> None:
    text = page(admin, f"?group={school.pk}")

    assert "What the members of school used." in text
    assert [row[0] for row in table(text, "Users this month")] == ["alice", "bob"]
    assert table(text, "By model")[-1][5:] == ["3", "1,110", "2,220", "3,330"]


def test_who_is_in_two_groups_counts_in_each(admin: Client, alice: User) -> None:
    for name in ("a", "b"):
        alice.groups.add(Group.objects.create(name=name))
    use(alice, 1)

    assert len(table(page(admin), "Groups this month")) == 2


@pytest.mark.parametrize("query", ["?user=nobody", "?group=9999", "?group=x"])
def test_of_nobody_it_says_so(admin: Client, school: Group, query: str) -> None:
    text = page(admin, query)

    assert "There is no such user or group." in text
    assert "charlie" in text


def test_names_cannot_run(admin: Client) -> None:
    hostile = User.objects.create(username="<b>x&y")
    use(hostile, 1)
    text = page(admin)

    assert "<b>x" not in text
    assert "?user=%3Cb%3Ex%26y" in text
    assert "&lt;b&gt;" in page(admin, "?user=%3Cb%3Ex%26y")


def test_without_any_there_is_nothing_to_draw(admin: Client) -> None:
    assert page(admin).count("Nothing in this time.") == 2


def test_staff_need_the_permission(
    staff_with: Callable[..., Client], school: Group
) -> None:
    client = staff_with("view_traffic", "view_user")
    assert client.get(PAGE).status_code == 403
    assert PAGE not in client.get(reverse("admin:index")).content.decode()


def test_who_has_it_may_see_it(staff_with: Callable[..., Client], school) -> None:
    client = staff_with("view_usage")

    assert "charlie" in page(client)
    assert PAGE in client.get(reverse("admin:index")).content.decode()


def test_deleting_a_user_asks_for_no_more_than_before(
    staff_with: Callable[..., Client], alice: User
) -> None:
    use(alice, 1)
    client = staff_with("delete_user", "view_user")
    url = reverse("admin:auth_user_delete", args=[alice.pk])

    assert client.post(url, {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=alice.pk).exists()
