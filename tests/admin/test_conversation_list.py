from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from chat.admin import conversations
from chat.models import Conversation, Feedback, Flag, Message
from chat.search.passages import index_some

from .conftest import HOSTILE, Talk

LIST = reverse("admin:chat_conversation_changelist")


def titles(client: Client, query: str = "") -> set[str]:
    response = client.get(f"{LIST}?{query}")
    assert response.status_code == 200, response.headers
    return {row.title for row in response.context["cl"].result_list}


def test_it_shows_owner_title_model_and_counts(
    reviewer: Client, alice: User, talk: Talk
) -> None:
    talk(alice, "关于猫", model="qwen")
    page = reviewer.get(LIST).content.decode()
    for part in (
        "alice",
        "关于猫",
        "qwen",
        '<td class="field-size">2</td>',
        "pill-done",
    ):
        assert part in page


def test_it_escapes_titles(reviewer: Client, alice: User, talk: Talk) -> None:
    talk(alice, HOSTILE)
    page = reviewer.get(LIST).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_it_counts_messages_up_to_a_bound(
    admin: Client, alice: User, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversations, "MESSAGES_COUNTED", 2)
    talk(alice)
    assert '<td class="field-size">2+</td>' in admin.get(LIST).content.decode()


def test_it_searches_what_is_said_by_its_index(
    reviewer: Client, alice: User, bob: User, talk: Talk
) -> None:
    talk(alice, "Cats", "Do they purr?", content="Loudly.")
    talk(bob, "Dogs", "Do they bark?", content="它们汪汪叫。")
    while index_some():
        pass
    with CaptureQueriesContext(connection) as seen:
        assert titles(reviewer, "q=cat") == {"Cats"}
        assert titles(reviewer, "q=purr") == {"Cats"}
        assert titles(reviewer, "q=汪汪") == {"Dogs"}
        assert titles(reviewer, "q=fish") == set()
        assert titles(reviewer, "q=they&user=bob") == {"Dogs"}
        assert titles(reviewer, "q=alice") == {"Cats"}
    assert not [query for query in seen if "LIKE" in query["sql"]]


def test_it_filters_by_user_group_flag_and_length(
    reviewer: Client, root: User, alice: User, bob: User, talk: Talk
) -> None:
    cats, _answer, _job = talk(alice, "Cats")
    long, above, _job = talk(bob, "Dogs")
    Message.objects.bulk_create(
        Message(conversation=long, parent=above, role="user", content=str(number))
        for number in range(49)
    )
    group = Group.objects.create(name="school")
    bob.groups.add(group)
    flag = Flag.objects.create(conversation=cats, assignee=root)
    assert titles(reviewer, "user=bob") == {"Dogs"}
    assert titles(reviewer, "user=nobody") == set()
    assert titles(reviewer, f"group={group.pk}") == {"Dogs"}
    assert titles(reviewer, "group=x") == {"Cats", "Dogs"}
    assert titles(reviewer, "length=long") == {"Dogs"}
    assert titles(reviewer, "flag=open") == titles(reviewer, "flag=mine") == {"Cats"}
    assert titles(reviewer, "flag=dismissed") == set()
    Flag.objects.filter(pk=flag.pk).update(state="dismissed")
    assert titles(reviewer, "flag=dismissed") == {"Cats"}
    assert titles(reviewer, "flag=open") == set()


def test_it_finds_ids(admin: Client, alice: User, talk: Talk) -> None:
    place, answer, job = talk(alice, "This")
    talk(alice, "Other")
    for pk in (place.pk, answer.pk, job.pk):
        assert titles(admin, f"q={pk}") == {"This"}


def test_it_filters(admin: Client, alice: User, talk: Talk) -> None:
    for status in ("queued", "running", "failed", "stopped"):
        talk(alice, status, status=status)
    _place, good, _job = talk(alice, "good")
    _place, bad, _job = talk(alice, "bad", model="qwen")
    Feedback.objects.create(message=good, rating=1)
    Feedback.objects.create(message=bad, rating=-1)
    Conversation.objects.filter(title="queued").update(pinned=True)
    Conversation.objects.filter(title="failed").update(archived=True)
    for query, found in (
        ("answers=running", {"queued", "running"}),
        ("answers=failed", {"failed"}),
        ("answers=stopped", {"stopped"}),
        ("rating=1", {"good"}),
        ("rating=-1", {"bad"}),
        ("model=qwen", {"bad"}),
        ("model=unknown", set()),
        ("pinned__exact=1", {"queued"}),
        ("archived__exact=1", {"failed"}),
        (f"owner__id__exact={alice.pk + 100}", set()),
    ):
        assert titles(admin, query) == found, query


def test_it_drills_down_by_date(admin: Client, alice: User, talk: Talk) -> None:
    old, _answer, _job = talk(alice, "old")
    talk(alice, "new")
    then = datetime(2024, 2, 29, 12, tzinfo=UTC)
    Conversation.objects.filter(pk=old.pk).update(updated=then)
    page = admin.get(LIST).content.decode()
    assert "?updated__year=2024" in page
    assert f"?updated__year={timezone.now().year}" in page
    assert titles(admin, "updated__year=2024") == {"old"}
    page = admin.get(f"{LIST}?updated__year=2024&updated__month=2").content.decode()
    assert "updated__day=29" in page
    assert "updated__day=28" not in page, "before the first"
    day = "updated__year=2024&updated__month=2&updated__day=29"
    assert titles(admin, day) == {"old"}


def test_it_pages_newest_first(admin: Client, alice: User, talk: Talk) -> None:
    for number in range(60):
        talk(alice, f"talk {number}")
    shown: list[list[str]] = []
    link: str | None = ""
    while link is not None:
        changes = admin.get(f"{LIST}{link}").context["cl"]
        shown.append([row.title for row in changes.result_list])
        link = changes.next_link
    assert [len(page) for page in shown] == [50, 10]
    assert [title for page in shown for title in page] == [
        f"talk {number}" for number in reversed(range(60))
    ]


def test_its_pages_begin_behind_a_row_whatever_comes_before_it(
    admin: Client, alice: User, talk: Talk
) -> None:
    for number in range(55):
        talk(alice, f"talk {number}")
    link = admin.get(LIST).context["cl"].next_link
    talk(alice, "newer")
    page = admin.get(f"{LIST}{link}")
    rows = page.context["cl"].result_list
    assert [row.title for row in rows] == [f"talk {n}" for n in reversed(range(5))]
    assert "First page" in page.content.decode()
    for nonsense in ("after=x", "after=x~y", "after=2024-01-01"):
        assert admin.get(f"{LIST}?{nonsense}")["Location"].endswith("?e=1")


@pytest.mark.on_one_database
def test_it_asks_as_many_queries_for_300_as_for_one(
    admin: Client, alice: User, talk: Talk
) -> None:
    talk(alice)
    admin.get(LIST)
    with CaptureQueriesContext(connection) as one:
        admin.get(LIST)
    for number in range(300):
        owner = User.objects.create_user(f"user{number}") if number % 10 == 0 else alice
        talk(owner, f"talk {number}")
    with CaptureQueriesContext(connection) as many:
        admin.get(LIST)
    assert len(many) == len(one) <= 10
    said = [query["sql"] for query in many]
    assert not [sql for sql in said if "DISTINCT" in sql]
    assert not [sql for sql in said if sql.startswith("SELECT COUNT(")]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's plan")
def test_it_reads_the_list_from_an_index(
    admin: Client, alice: User, talk: Talk
) -> None:
    talk(alice)
    with CaptureQueriesContext(connection) as seen:
        admin.get(LIST)
    said = [query["sql"] for query in seen]
    page = plan(next(sql for sql in said if "LIMIT 51" in sql))
    rows = plan(next(sql for sql in said if "counted" in sql))
    assert "chat_conversation USING COVERING INDEX conversation_recent" in page
    assert "TEMP B-TREE" not in page
    assert "message_transcript (conversation_id=?)" in rows
    assert "SCAN chat_conversation" not in rows


def plan(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        return "\n".join(row[3] for row in cursor.fetchall())


def test_it_is_only_for_those_with_the_permission(
    client: Client, charlie: User, staff_with: object
) -> None:
    client.force_login(charlie)
    assert client.get(LIST).status_code == 403


def test_it_shows_nothing_to_users(client: Client, alice: User, talk: Talk) -> None:
    place, _answer, _job = talk(alice)
    client.force_login(alice)
    page = reverse("admin:chat_conversation_change", args=[place.pk])
    for url in (LIST, page):
        response = client.get(url)
        assert response.status_code == 302
        assert "/admin/login/" in response["Location"]


def test_it_deletes_what_is_selected(admin: Client, alice: User, talk: Talk) -> None:
    place, _answer, _job = talk(alice, HOSTILE)
    kept, _answer, _job = talk(alice, "kept")
    chosen = {"action": "delete_selected", "_selected_action": [str(place.pk)]}
    page = admin.post(LIST, chosen).content.decode()
    assert "Messages: 2" in page
    assert "<script>alert" not in page
    assert "Because." not in page, "no contents in a question about deleting"
    admin.post(LIST, {**chosen, "post": "yes"})
    assert list(Conversation.objects.all()) == [kept]
    assert Message.objects.count() == 2


def test_it_tells_what_programs_asked(admin: Client, alice: User, talk: Talk) -> None:
    talk(alice, "of a person")
    program = talk(alice, "of a program")[0]
    Conversation.objects.filter(pk=program.pk).update(source="api")

    assert titles(admin, "source__exact=api") == {"of a program"}
    assert titles(admin, "source__exact=web") == {"of a person"}
    assert len(titles(admin)) == 2
