from __future__ import annotations

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from chat.admin import transcript
from chat.models import Conversation, Feedback, Generation, Message

from .conftest import HOSTILE, Talk, give_reason

NOBODY = "5e0c1d3a-0000-4000-8000-000000000000"


def url(place: Conversation, query: str = "") -> str:
    page = reverse("admin:chat_conversation_change", args=[place.pk])
    return f"{page}?{query}"


def read(client: Client, place: Conversation, query: str = "") -> str:
    """As a reviewer does: with a reason, once it is asked for."""
    response = client.get(url(place, query))
    if response.status_code == 302:
        give_reason(client, response["Location"])
        response = client.get(url(place, query))
    assert response.status_code == 200, response.headers
    return response.content.decode()


def test_it_shows_everything_about_an_answer(
    admin: Client, alice: User, talk: Talk
) -> None:
    start = timezone.now()
    place, answer, job = talk(
        alice,
        question="为什么？\n  两行",
        content="因为**粗体**。",
        reasoning="Let me think.",
        finish_reason="length",
        prompt_tokens=120,
        completion_tokens=45,
        attempt=2,
    )
    Generation.objects.filter(pk=job.pk).update(
        created=start,
        started=start + timedelta(seconds=1),
        first_token=start + timedelta(seconds=1.5),
        finished=start + timedelta(seconds=3.75),
    )
    Feedback.objects.create(message=answer, rating=-1, comment="Wrong & long")
    page = read(admin, place)
    for part in (
        "为什么？\n  两行",
        "因为**粗体**。",
        "<summary>Reasoning</summary>",
        "Let me think.",
        "<dd>length</dd>",
        "<dd>120 + 45</dd>",
        "<dd>1.00 s</dd>",
        "<dd>1.50 s</dd>",
        "<dd>3.75 s</dd>",
        "<dd>20.0</dd>",
        "<dt>attempt</dt><dd>2</dd>",
        "pill-bad",
        "Wrong &amp; long",
        reverse("admin:auth_user_change", args=[alice.pk]),
    ):
        assert part in page, part


def test_it_shows_why_an_answer_failed(admin: Client, alice: User, talk: Talk) -> None:
    place, _answer, _job = talk(
        alice,
        status="failed",
        content="half",
        error_code="engine_error",
        error_message=HOSTILE,
    )
    page = read(admin, place)
    assert "<code>engine_error</code> &lt;script&gt;" in page
    assert "half" in page
    assert "pill-failed" in page


def test_it_shows_the_checkpoint_of_a_running_answer(
    admin: Client, alice: User, talk: Talk
) -> None:
    place, _answer, _job = talk(
        alice, status="running", content="", text="so far", owner="web-1", attempt=1
    )
    page = read(admin, place)
    assert "so far" in page
    assert "last checkpoint" in page
    assert "web-1" in page


def test_it_escapes_everything_users_and_models_write(
    admin: Client, alice: User, talk: Talk
) -> None:
    place, answer, _job = talk(
        alice, HOSTILE, HOSTILE, content=HOSTILE, reasoning=HOSTILE, model=HOSTILE
    )
    Conversation.objects.filter(pk=place.pk).update(system_prompt=HOSTILE)
    Feedback.objects.create(message=answer, rating=1, comment=HOSTILE)
    page = read(admin, place)
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert page.count("&lt;script&gt;alert(1)") >= 7


def test_it_needs_no_inline_style_or_script(
    admin: Client, alice: User, talk: Talk
) -> None:
    place, _answer, job = talk(alice, reasoning="hm")
    pages = [
        url(place),
        reverse("admin:chat_conversation_changelist"),
        reverse("admin:chat_conversation_delete", args=[place.pk]),
        reverse("admin:chat_generation_changelist"),
        reverse("admin:chat_generation_change", args=[job.pk]),
        reverse("admin:chat_apikey_changelist"),
        reverse("admin:chat_feedback_changelist"),
        reverse("admin:index"),
    ]
    for page in pages:
        text = admin.get(page).content.decode()
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=", text), page
        assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>", text), page


def test_it_shows_branches(admin: Client, alice: User, talk: Talk) -> None:
    place, first, _job = talk(alice, content="first answer")
    second = Message.objects.create(
        conversation=place, parent=first.parent, role="assistant", content="second one"
    )
    below = Message.objects.create(
        conversation=place, parent=second, role="user", content="and then?"
    )
    page = read(admin, place)
    assert "first answer" in page
    assert "second one" not in page
    assert "version 1 of 2" in page
    assert f"?at={second.pk}" in page
    page = read(admin, place, f"at={second.pk}")
    assert "second one" in page
    assert below.content in page, "the whole branch below the version"
    assert "first answer" not in page
    assert "version 2 of 2" in page
    assert f"?at={first.pk}" in page


def test_it_pages_through_a_long_branch(
    admin: Client, alice: User, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcript, "PAGE", 2)
    place, above, _job = talk(alice, question="one", content="two")
    for content in ("three", "four"):
        above = Message.objects.create(
            conversation=place, parent=above, role="user", content=content
        )
    Conversation.objects.filter(pk=place.pk).update(leaf=above)
    page = read(admin, place)
    assert "four" in page
    assert ">two<" not in page
    earlier = re.search(r"\?(end=[0-9a-f-]+)", page)
    assert earlier
    page = read(admin, place, earlier[1])
    assert ">two<" in page
    assert ">four<" not in page
    assert "Later messages" in page
    assert "Earlier messages" not in page


def test_it_asks_as_many_queries_for_a_long_conversation(
    admin: Client, alice: User, talk: Talk
) -> None:
    place, above, _job = talk(alice)
    read(admin, place)
    with CaptureQueriesContext(connection) as short:
        read(admin, place)
    for number in range(60):
        asked = Message.objects.create(
            conversation=place, parent=above, role="user", content=str(number)
        )
        above = Message.objects.create(
            conversation=place, parent=asked, role="assistant", content="yes"
        )
        Generation.objects.create(
            user=alice, conversation=place, message=above, status="done", model="demo"
        )
    Conversation.objects.filter(pk=place.pk).update(leaf=above)
    with CaptureQueriesContext(connection) as long:
        read(admin, place)
    assert len(long) == len(short) <= 16


def test_it_survives_a_conversation_without_messages(
    admin: Client, alice: User
) -> None:
    place = Conversation.objects.create(owner=alice, updated=timezone.now())
    assert "No messages." in read(admin, place)


@pytest.mark.parametrize("query", ["at=nonsense", f"at={NOBODY}", f"end={NOBODY}"])
def test_it_does_not_find_other_messages(
    admin: Client, alice: User, talk: Talk, query: str
) -> None:
    place, _answer, _job = talk(alice)
    _place, elsewhere, _job = talk(alice)
    read(admin, place)
    assert admin.get(url(place, query)).status_code == 404
    assert admin.get(url(place, f"at={elsewhere.pk}")).status_code == 404
    assert admin.get(url(place, f"end={elsewhere.pk}")).status_code == 404


def test_it_redirects_when_there_is_no_such_conversation(admin: Client) -> None:
    page = reverse("admin:chat_conversation_change", args=[uuid4()])
    assert admin.get(page).status_code == 302


def test_it_shows_calls_of_tools_and_what_they_said(
    admin: Client, alice: User, talk: Talk
) -> None:
    place, answer, _job = talk(alice, content="", finish_reason="tool_calls")
    called = {"name": "weather", "arguments": f'{{"at": "北京", "x": "{HOSTILE}"}}'}
    Message.objects.filter(pk=answer.pk).update(
        tool_calls=[{"id": "call_1", "type": "function", "function": called}]
    )
    result = Message.objects.create(
        conversation=place,
        parent=answer,
        role="tool",
        content="rain",
        tool_call_id="call_1",
    )
    Conversation.objects.filter(pk=place.pk).update(leaf=result)
    page = read(admin, place)

    assert "<code>weather</code>" in page
    assert "{&quot;at&quot;: &quot;北京&quot;" in page
    assert "<script>alert" not in page
    assert "answers the call <code>call_1</code>" in page
    assert "rain" in page


def test_calls_of_a_live_answer_are_those_of_its_checkpoint(
    admin: Client, alice: User, talk: Talk
) -> None:
    place, _answer, job = talk(alice, content="", status="running")
    line = '[0, "call_1", "weather", "{\\"at", 3]\n'
    Generation.objects.filter(pk=job.pk).update(tool_calls=line)

    assert "{&quot;at" in read(admin, place)
