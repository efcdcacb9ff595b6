from __future__ import annotations

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from chat.models import Feedback

from .conftest import HOSTILE, Talk

LIST = reverse("admin:chat_feedback_changelist")


def test_it_links_to_the_answer(admin: Client, alice: User, talk: Talk) -> None:
    place, answer, _job = talk(alice, HOSTILE)
    row = Feedback.objects.create(message=answer, rating=-1, comment=HOSTILE)
    transcript = reverse("admin:chat_conversation_change", args=[place.pk])
    page = reverse("admin:chat_feedback_change", args=[row.pk])
    for url in (LIST, page):
        text = admin.get(url).content.decode()
        assert f"{transcript}?at={answer.pk}#m-{answer.pk}" in text
        assert "demo" in text
        assert "<script>alert" not in text


def test_it_filters_and_searches(
    reviewer: Client, alice: User, bob: User, talk: Talk
) -> None:
    for owner, rating, comment in ((alice, 1, "nice"), (bob, -1, "wrong")):
        _place, answer, _job = talk(owner)
        Feedback.objects.create(message=answer, rating=rating, comment=comment)
    for query in ("rating__exact=-1", "q=bob", "q=wrong"):
        found = reviewer.get(f"{LIST}?{query}").context["cl"].result_list
        assert [row.comment for row in found] == ["wrong"], query


def test_it_asks_as_many_queries_for_many_as_for_one(
    admin: Client, alice: User, talk: Talk
) -> None:
    counts = []
    for number in range(41):
        _place, answer, _job = talk(alice)
        Feedback.objects.create(message=answer, rating=1)
        if number in (0, 1, 40):
            with CaptureQueriesContext(connection) as seen:
                admin.get(LIST)
            counts.append(len(seen))
    assert counts[1] == counts[2] <= 10


def test_it_is_read_only(admin: Client, alice: User, talk: Talk) -> None:
    _place, answer, _job = talk(alice)
    row = Feedback.objects.create(message=answer, rating=1)
    page = reverse("admin:chat_feedback_change", args=[row.pk])
    assert admin.post(page, {"rating": "-1"}).status_code == 403
    remove = reverse("admin:chat_feedback_delete", args=[row.pk])
    assert admin.post(remove, {"post": "yes"}).status_code == 403


def test_it_refuses_staff_without_the_permission(client: Client, charlie: User) -> None:
    client.force_login(charlie)
    assert client.get(LIST).status_code == 403
