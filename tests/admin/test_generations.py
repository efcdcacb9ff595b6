from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from chat import nudges
from chat.models import Generation, Message

from .conftest import HOSTILE, Talk

LIST = reverse("admin:chat_generation_changelist")


def statuses(client: Client, query: str) -> list[str]:
    response = client.get(f"{LIST}?{query}")
    assert response.status_code == 200, response.headers
    return sorted(row.status for row in response.context["cl"].result_list)


def stop(client: Client, *jobs: Generation) -> int:
    chosen = [str(job.pk) for job in jobs]
    data = {"action": "stop_selected", "_selected_action": chosen}
    return client.post(LIST, data).status_code


def test_it_lists_what_is_known(admin: Client, alice: User, talk: Talk) -> None:
    place, answer, _job = talk(
        alice,
        HOSTILE,
        status="failed",
        owner="web-1",
        attempt=3,
        prompt_tokens=7,
        completion_tokens=9,
        finish_reason="",
        error_code="engine_error",
        error_message=HOSTILE,
    )
    page = admin.get(LIST).content.decode()
    for part in ("pill-failed", "alice", "demo", "web-1", "7 + 9", "engine_error"):
        assert part in page, part
    transcript = reverse("admin:chat_conversation_change", args=[place.pk])
    assert f"{transcript}?at={answer.pk}#m-{answer.pk}" in page
    assert "<script>alert" not in page


def test_it_filters_and_searches(
    admin: Client, alice: User, bob: User, talk: Talk
) -> None:
    talk(alice, status="queued")
    talk(alice, status="failed", error_code="engine_error")
    talk(bob, status="done", model="qwen", finish_reason="length")
    place, answer, job = talk(bob, status="stopped", finish_reason="stopped")
    assert statuses(admin, "status=queued") == ["queued"]
    assert statuses(admin, "finish_reason=length") == ["done"]
    assert statuses(admin, "model=qwen") == ["done"]
    assert statuses(admin, "q=bob") == ["done", "stopped"]
    assert statuses(admin, "q=engine_error") == ["failed"]
    for pk in (place.pk, answer.pk, job.pk):
        assert statuses(admin, f"q={pk}") == ["stopped"]


@pytest.mark.on_one_database
def test_it_asks_as_many_queries_for_300_as_for_one(
    admin: Client, alice: User, talk: Talk
) -> None:
    talk(alice)
    admin.get(LIST)
    with CaptureQueriesContext(connection) as one:
        admin.get(LIST)
    for number in range(300):
        talk(alice, f"talk {number}")
    with CaptureQueriesContext(connection) as many:
        admin.get(LIST)
    assert len(many) == len(one) <= 10
    assert not [q["sql"] for q in many if "DISTINCT" in q["sql"]]


def test_it_stops_a_queued_answer(admin: Client, alice: User, talk: Talk) -> None:
    _place, answer, job = talk(alice, status="queued", content="")
    _place, _answer, other = talk(alice, status="queued", content="")
    assert stop(admin, job) == 302
    job.refresh_from_db()
    other.refresh_from_db()
    answer.refresh_from_db()
    assert (job.status, job.finish_reason) == ("stopped", "stopped")
    assert answer.status == "stopped"
    assert other.status == "queued"


def test_it_tells_a_running_answer_to_stop(
    admin: Client, alice: User, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    _place, _answer, job = talk(alice, status="running", owner="web-1", attempt=1)
    told: list[str] = []
    monkeypatch.setattr(nudges.stop, "send", told.append)
    stop(admin, job)
    job.refresh_from_db()
    assert job.stop_requested
    assert job.status == "running", "its runner ends it"
    assert told == [str(job.pk)]


def test_it_leaves_finished_answers_alone(
    admin: Client, alice: User, talk: Talk
) -> None:
    _place, _answer, job = talk(alice, finish_reason="stop")
    stop(admin, job)
    job.refresh_from_db()
    assert (job.status, job.finish_reason) == ("done", "stop")
    assert not job.stop_requested


def test_it_stops_only_for_those_with_the_permission(
    staff_with: Callable[..., Client], alice: User, talk: Talk
) -> None:
    _place, _answer, job = talk(alice, status="queued")
    reader = staff_with("view_generation")
    assert "stop_selected" not in reader.get(LIST).content.decode()
    stop(reader, job)
    job.refresh_from_db()
    assert job.status == "queued"


def test_it_is_read_only(admin: Client, alice: User, talk: Talk) -> None:
    _place, _answer, job = talk(alice)
    page = reverse("admin:chat_generation_change", args=[job.pk])
    assert admin.get(page).status_code == 200
    assert admin.post(page, {"model": "other"}).status_code == 403
    remove = reverse("admin:chat_generation_delete", args=[job.pk])
    assert admin.post(remove, {"post": "yes"}).status_code == 403
    assert "delete_selected" not in admin.get(LIST).content.decode()


def test_it_refuses_staff_without_the_permission(client: Client, charlie: User) -> None:
    client.force_login(charlie)
    assert client.get(LIST).status_code == 403
    assert stop(client) == 403


def test_deleting_a_user_deletes_what_they_said(
    admin: Client, alice: User, talk: Talk
) -> None:
    talk(alice)
    remove = reverse("admin:auth_user_delete", args=[alice.pk])
    assert admin.post(remove, {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=alice.pk).exists()
    assert not Generation.objects.exists()
    assert not Message.objects.exists()
