"""Flags, notes, files of a selection, and what is being written now."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from chat import nudges
from chat.exporting import pages, selection
from chat.models import (
    AuditEntry,
    Conversation,
    Feedback,
    Flag,
    Generation,
    Message,
    Note,
)
from chat.privacy import review
from tests.pictures.helpers import picture_of

from .conftest import HOSTILE, Talk
from .test_transcript import read, url

LIST = reverse("admin:chat_conversation_changelist")
FLAGS = reverse("admin:chat_flag_changelist")
LIVE = reverse("admin:chat_generation_live")
FORMULAS = ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", " =1", "＝1"]
Staff = Callable[..., Client]


def act(client: Client, action: str, *rows: Any, page: str = LIST, **more: Any) -> Any:
    chosen = [str(row.pk) for row in rows]
    return client.post(page, {"action": action, "_selected_action": chosen, **more})


def step(client: Client, place: Conversation, name: str, **more: Any) -> int:
    page = reverse("admin:chat_conversation_review", args=[place.pk])
    return client.post(page, {"step": name, **more}).status_code


# Flags


def test_a_flag_is_raised_taken_and_decided(
    admin: Client, root: User, alice: User, talk: Talk
) -> None:
    place, _answer, _job = talk(alice)
    assert step(admin, place, "flag", text=HOSTILE) == 302
    flag = Flag.objects.get()
    assert (flag.state, flag.made_by, flag.reason) == ("open", root, HOSTILE)
    assert step(admin, place, "assign", flag=flag.pk) == 302
    page = read(admin, place)
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "assigned to root" in page
    assert step(admin, place, "reviewed", flag=flag.pk) == 302
    assert step(admin, place, "dismissed", flag=flag.pk) == 302
    flag.refresh_from_db()
    assert (flag.state, flag.assignee) == ("reviewed", root), "decided once"
    actions = AuditEntry.objects.filter(kind__in=("flag", "conversation"))
    told = list(actions.order_by("id").values_list("action", "kind", "subject"))
    assert told == [
        ("flagged", "conversation", alice.pk),
        ("assigned", "flag", alice.pk),
        ("opened", "conversation", alice.pk),
        ("read", "conversation", alice.pk),
        ("reviewed", "flag", alice.pk),
    ]


def test_many_are_flagged_taken_and_dismissed_at_once(
    admin: Client, root: User, alice: User, talk: Talk
) -> None:
    one, two, other = (talk(alice)[0] for _ in range(3))
    for _twice in range(2):
        act(admin, "flag_selected", one, two)
    assert Flag.objects.open().count() == 2
    act(admin, "assign_selected", one, two, other)
    assert Flag.objects.filter(assignee=root).count() == 2
    act(admin, "dismiss_selected", one)
    act(admin, "review_selected", two)
    assert set(Flag.objects.values_list("conversation", "state")) == {
        (one.pk, "dismissed"),
        (two.pk, "reviewed"),
    }
    act(admin, "flag_selected", one)
    assert Flag.objects.filter(conversation=one).count() == 2, "raised again"


def test_the_list_of_flags_does_the_same(
    admin: Client, root: User, alice: User, talk: Talk
) -> None:
    rows = [Flag.objects.create(conversation=talk(alice)[0]) for _ in range(3)]
    act(admin, "assign_to_me", *rows, page=FLAGS)
    act(admin, "mark_reviewed", rows[0], page=FLAGS)
    act(admin, "dismiss", rows[1], page=FLAGS)
    states = Flag.objects.order_by("id").values_list("state", "assignee")
    assert list(states) == [
        ("reviewed", root.pk),
        ("dismissed", root.pk),
        ("open", root.pk),
    ]
    for query, count in (
        ("state__exact=open", 1),
        ("assigned=me", 3),
        ("assigned=nobody", 0),
        ("source__exact=guard", 0),
    ):
        shown = admin.get(f"{FLAGS}?{query}").context["cl"].result_list
        assert len(shown) == count, query


def test_the_guard_flags_a_message(alice: User, admin: Client, talk: Talk) -> None:
    place, answer, _job = talk(alice)
    for _twice in range(2):
        review.flag([place], source="guard", reason="phone", message=answer)
    flag = Flag.objects.get()
    assert (flag.message, flag.made_by) == (answer, None)
    assert f"?at={answer.pk}#m-{answer.pk}" in read(admin, place)


def test_flags_ask_for_permissions(staff_with: Staff, alice: User, talk: Talk) -> None:
    place, _answer, _job = talk(alice)
    flag = Flag.objects.create(conversation=place)
    reviewer = staff_with("review_conversation", "view_flag")
    for name in ("flag", "reviewed", "dismissed", "assign"):
        assert step(reviewer, place, name, flag=flag.pk) == 403
    for action in ("flag_selected", "dismiss_selected", "assign_selected"):
        act(reviewer, action, place)
    for action in ("mark_reviewed", "dismiss", "assign_to_me"):
        act(reviewer, action, flag, page=FLAGS)
    flag.refresh_from_db()
    assert (flag.state, flag.assignee) == ("open", None)
    assert Flag.objects.count() == 1


def test_a_flag_of_another_conversation_is_left_alone(
    admin: Client, alice: User, talk: Talk
) -> None:
    place, other = talk(alice)[0], talk(alice)[0]
    flag = Flag.objects.create(conversation=other)
    for wrong in (str(flag.pk), "x", "9" * 30, ""):
        assert step(admin, place, "dismissed", flag=wrong) == 302
    flag.refresh_from_db()
    assert flag.state == "open"


# Notes


def test_a_note_is_for_the_others(
    admin: Client, root: User, alice: User, talk: Talk
) -> None:
    place, _answer, _job = talk(alice)
    assert step(admin, place, "note", text="seen") == 403, "only who has read it"
    read(admin, place)
    assert step(admin, place, "note", text=HOSTILE) == 302
    assert step(admin, place, "note", text=" ") == 302
    assert Note.objects.get().author == root
    page = read(admin, place)
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page


# Files


def export(client: Client, kind: str, *rows: Conversation, **more: Any) -> Any:
    return act(client, f"export_{kind}", *rows, reason="number 17", **more)


def written(user: User, kind: str, rows: Any = None) -> str:
    chosen = Conversation.objects.all() if rows is None else rows
    return joined(selection.KINDS[kind].write(user, chosen, "number 17"))


def joined(parts: Iterable[bytes]) -> str:
    return b"".join(parts).decode()


def test_a_file_asks_for_a_reason_first(admin: Client, alice: User, talk: Talk) -> None:
    place, _answer, _job = talk(alice)
    page = act(admin, "export_jsonl", place).content.decode()
    assert f'value="{place.pk}"' in page
    assert "select_across" in page
    page = act(admin, "export_jsonl", place, reason="no").content.decode()
    assert "Because" not in page
    response = export(admin, "jsonl", place)
    assert response["Content-Type"] == "application/jsonl"
    assert response["Content-Disposition"].startswith("attachment")
    assert "no-store" in response["Cache-Control"]
    assert export(admin, "csv", place)["Content-Type"].startswith("text/csv")


def test_only_reviewers_get_a_file(staff_with: Staff, alice: User, talk: Talk) -> None:
    place, _answer, _job = talk(alice)
    staff = staff_with("view_conversation")
    assert "Content-Disposition" not in export(staff, "csv", place)
    assert not AuditEntry.objects.exists()


def test_jsonl_is_what_fine_tuning_takes(root: User, alice: User, talk: Talk) -> None:
    place, answer, _job = talk(alice, question="为什么？", content="因为。")
    Conversation.objects.filter(pk=place.pk).update(system_prompt="Be short.")
    again = Message.objects.create(conversation=place, parent=answer, role="user")
    Conversation.objects.filter(pk=place.pk).update(leaf=again)
    called = {"name": "weather", "arguments": "{}"}
    calls = [{"id": "c1", "type": "function", "function": called}]
    _place, tool, _job = talk(alice, content="")
    Message.objects.filter(pk=tool.pk).update(tool_calls=calls)
    unanswered = Message.objects.filter(pk=talk(alice, content="")[1].pk)
    unanswered.update(status="failed")

    lines = [json.loads(line) for line in written(root, "jsonl").splitlines()]

    told = {line["messages"][-1]["content"]: line["messages"] for line in lines}
    assert len(lines) == 2, "one has no answer"
    assert told["因为。"] == [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "为什么？"},
        {"role": "assistant", "content": "因为。"},
    ]
    assert told[""][-1]["tool_calls"] == calls


def test_fine_tuning_takes_no_pictures(root: User, alice: User, talk: Talk) -> None:
    place, answer, _job = talk(alice, question="Why?", content="Because.")
    asking = Message.objects.create(
        conversation=place, parent=answer, role="user", content="Draw it"
    )
    drawn = Message.objects.create(conversation=place, parent=asking, role="assistant")
    job = Generation.objects.create(
        user=alice, conversation=place, message=drawn, status="done", params={"n": 1}
    )
    picture_of(job)
    Conversation.objects.filter(pk=place.pk).update(leaf=drawn)

    [line] = map(json.loads, written(root, "jsonl").splitlines())

    assert [told["content"] for told in line["messages"]] == ["Why?", "Because."]


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_table_has_no_formulas(
    root: User, alice: User, talk: Talk, formula: str
) -> None:
    _place, answer, _job = talk(alice, formula, formula, content=formula)
    Feedback.objects.create(message=answer, rating=-1, comment=formula)
    text = written(root, "csv")
    assert text.startswith("\ufeffconversation,owner,title")
    head, *rows = csv.reader(io.StringIO(text.lstrip("\ufeff")))
    assert len(rows) == 2
    for row in rows:
        told = dict(zip(head, row, strict=True))
        assert told["title"] == told["content"] == f"'{formula}"
    assert told["comment"] == f"'{formula}"
    assert told["rating"] == "-1"


def test_each_conversation_in_a_file_is_in_the_audit_log(
    root: User, alice: User, bob: User, talk: Talk, settings: Any
) -> None:
    one, two = talk(alice)[0], talk(bob)[0]
    assert len(written(root, "jsonl").splitlines()) == 2
    entries = AuditEntry.objects.filter(action="exported", reason="number 17")
    told = set(entries.values_list("object", "subject", "actor"))
    assert told == {
        (str(one.pk), alice.pk, root.pk),
        (str(two.pk), bob.pk, root.pk),
    }
    settings.CHAT_REVIEW = "flagged"
    review.flag([two], by=bob)
    assert len(written(root, "jsonl").splitlines()) == 1
    settings.CHAT_REVIEW = "off"
    assert written(root, "jsonl") == ""


def test_a_file_is_written_a_page_at_a_time(
    root: User, alice: User, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not taken yet was not read either, and is not in the audit log."""
    monkeypatch.setattr(pages, "CONVERSATIONS", 2)
    monkeypatch.setattr(pages, "PIECE", 1)
    for number in range(5):
        talk(alice, str(number))
    rows = Conversation.objects.all()
    parts = selection.KINDS["jsonl"].write(root, rows, "number 17")
    next(parts)
    assert AuditEntry.objects.filter(action="exported").count() == 2
    joined(parts)
    assert AuditEntry.objects.filter(action="exported").count() == 5


# What is being written now


def test_the_live_view_shows_who_and_what_but_no_word(
    admin: Client, alice: User, talk: Talk
) -> None:
    secret = {"content": "", "text": "xyzzy", "question": "xyzzy"}
    talk(alice, "xyzzy", status="running", owner="web-1", model="qwen", **secret)
    talk(alice, "xyzzy", status="queued", **secret)
    talk(alice, "xyzzy", model="finished")
    page = admin.get(LIVE).content.decode()
    for part in ("alice", "qwen", "web-1", "pill-running", "pill-queued"):
        assert part in page, part
    assert "xyzzy" not in page
    assert "finished" not in page


def test_it_is_stopped_there(
    admin: Client, alice: User, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(nudges.stop, "send", told.append)
    _place, _answer, running = talk(alice, status="running", owner="web-1", attempt=1)
    _place, _answer, queued = talk(alice, status="queued", content="")
    for job in (running, queued):
        assert admin.post(LIVE, {"stop": str(job.pk)}).status_code == 302
        job.refresh_from_db()
    assert running.stop_requested
    assert queued.status == "stopped"
    assert told == [str(running.pk), str(queued.pk)]
    assert "is being stopped" in admin.get(LIVE).content.decode()
    for wrong in ("x", "", "5e0c1d3a-0000-4000-8000-000000000000"):
        assert admin.post(LIVE, {"stop": wrong}).status_code == 404


def test_it_is_stopped_only_with_the_permission(
    staff_with: Staff, alice: User, talk: Talk
) -> None:
    _place, _answer, job = talk(alice, status="queued")
    staff = staff_with("view_generation")
    assert 'name="stop"' not in staff.get(LIVE).content.decode()
    assert staff.post(LIVE, {"stop": str(job.pk)}).status_code == 403
    job.refresh_from_db()
    assert job.status == "queued"


def test_a_transcript_takes_no_other_post(
    admin: Client, alice: User, talk: Talk
) -> None:
    place, _answer, _job = talk(alice)
    assert admin.post(url(place)).status_code == 403
    page = reverse("admin:chat_conversation_review", args=[place.pk])
    assert admin.get(page).status_code == 405
