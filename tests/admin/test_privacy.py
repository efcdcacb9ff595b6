"""What users and models wrote is for those who may review, for a reason, and as far
as CHAT_REVIEW lets them. Otherwise no page of the admin tells any of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin as site
from django.contrib.auth.models import User
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from chat.models import (
    AuditEntry,
    Conversation,
    Feedback,
    Flag,
    GuardFinding,
    Note,
)
from chat.privacy import review
from chat.search.passages import index_some

from .conftest import Talk, give_reason
from .test_transcript import read, url

LIST = reverse("admin:chat_conversation_changelist")
SECRET = "xyzzy"
Staff = Callable[..., Client]


@pytest.fixture
def secret(alice: User, talk: Talk) -> Conversation:
    """A conversation of which every word is secret."""
    place, answer, job = talk(
        alice,
        SECRET,
        SECRET,
        content=SECRET,
        reasoning=SECRET,
        status="failed",
        error_code="engine_error",
        error_message=SECRET,
        params={"stop": [SECRET]},
    )
    Conversation.objects.filter(pk=place.pk).update(system_prompt=SECRET)
    Feedback.objects.create(message=answer, rating=-1, comment=SECRET)
    GuardFinding.objects.create(
        user=alice, generation=job, rule="x", action="flag", text=SECRET, start=0, end=5
    )
    Note.objects.create(conversation=place, text=SECRET)
    Flag.objects.create(conversation=place)
    while index_some():
        pass
    return place


def pages_of(place: Conversation) -> list[str]:
    """Every list and every page of a row that the admin has, and searches."""
    answer = place.messages.get(role="assistant")
    rows: dict[str, Any] = {
        "chat_conversation": place.pk,
        "chat_generation": answer.generation.pk,
        "chat_feedback": answer.feedback.pk,
        "chat_guardfinding": GuardFinding.objects.get().pk,
        "chat_flag": place.flags.first().pk,
        "auth_user": place.owner_id,
    }
    pages = [reverse("admin:index"), reverse("admin:chat_generation_live")]
    for model in site.site._registry:
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        pages.append(reverse(f"admin:{name}_changelist"))
        if name in rows:
            views = [f"admin:{name}_{view}" for view in ("change", "history", "delete")]
            pages += [reverse(view, args=[rows[name]]) for view in views]
    lists = [page for page in pages if page.count("/") == 4]
    return [*pages, *(f"{page}?q={SECRET}" for page in lists)]


def assert_nothing_is_told(client: Client, place: Conversation) -> None:
    for page in pages_of(place):
        response = client.get(page, follow=True)
        assert response.status_code in (200, 403), page
        text = response.content.decode().replace(f'value="{SECRET}"', "")
        text = text.replace(f"q={SECRET}", "").replace(f"q%3D{SECRET}", "")
        assert SECRET not in text, page


def found(client: Client, query: str) -> list[Any]:
    return list(client.get(f"{LIST}?{query}").context["cl"].result_list)


def test_it_tells_nothing_when_it_is_off(
    admin: Client, secret: Conversation, settings: Any
) -> None:
    settings.CHAT_REVIEW = "off"
    assert_nothing_is_told(admin, secret)
    assert found(admin, f"q={SECRET}") == []
    for page in (
        reverse("admin:chat_conversation_reason"),
        f"{reverse('admin:chat_conversation_reason')}?of={secret.pk}",
    ):
        assert admin.post(page, {"reason": "because of this"}).status_code == 403
    data = {"action": "export_jsonl", "_selected_action": [str(secret.pk)]}
    assert "Because" not in admin.post(LIST, data, follow=True).content.decode()
    assert not AuditEntry.objects.filter(action__in=("read", "exported")).exists()


@pytest.mark.on_one_database
def test_a_reason_given_before_it_was_switched_off_opens_nothing(
    admin: Client, secret: Conversation, settings: Any
) -> None:
    give_reason(admin)
    read(admin, secret)
    settings.CHAT_REVIEW = "off"
    assert_nothing_is_told(admin, secret)


def test_it_tells_nothing_without_the_permission(
    staff_with: Staff, secret: Conversation
) -> None:
    every = [
        f"view_{name}"
        for name in ("conversation", "generation", "feedback", "flag", "user", "share")
    ]
    staff = staff_with(*every, "change_generation", "delete_conversation")
    assert_nothing_is_told(staff, secret)
    assert "not shown to you" in staff.get(url(secret)).content.decode()
    assert staff.get(reverse("admin:chat_conversation_reason")).status_code == 403


@pytest.mark.on_one_database
def test_it_tells_nothing_without_a_reason(admin: Client, secret: Conversation) -> None:
    assert_nothing_is_told(admin, secret)
    assert "Give a reason to see them" in admin.get(LIST).content.decode()
    assert found(admin, f"q={SECRET}") == []


@pytest.mark.parametrize(
    "query",
    [
        *("title__startswith=xy", "system_prompt__contains=xy", "params__icontains=xy"),
        *("messages__content__contains=xy", "generations__text__contains=xy"),
        "owner__password__startswith=m",
    ],
)
def test_filters_tell_nothing_letter_by_letter(
    admin: Client, secret: Conversation, query: str
) -> None:
    give_reason(admin)
    assert admin.get(f"{LIST}?{query}").status_code == 400


@pytest.mark.parametrize(
    ("model", "field"),
    [
        *(("generation", name) for name in ("text", "error_message", "params")),
        *(("feedback", name) for name in ("comment", "message__content")),
        *(("share", name) for name in ("token", "title", "content")),
        ("apikey", "hash"),
    ],
)
def test_other_lists_do_not_either(
    admin: Client, secret: Conversation, model: str, field: str
) -> None:
    page = reverse(f"admin:chat_{model}_changelist")
    assert admin.get(f"{page}?{field}__contains=x").status_code == 400


def test_completion_of_names_tells_no_titles(
    admin: Client, secret: Conversation
) -> None:
    query = "app_label=chat&model_name=message&field_name=conversation&term=" + SECRET
    page = reverse("admin:autocomplete")
    assert SECRET not in admin.get(f"{page}?{query}").content.decode()
    give_reason(admin)
    assert SECRET not in admin.get(f"{page}?{query}").content.decode()


def test_a_reason_shows_titles_and_comments_and_is_written_down(
    admin: Client, root: User, secret: Conversation
) -> None:
    give_reason(admin)
    assert SECRET in admin.get(LIST).content.decode()
    assert found(admin, f"q={SECRET}") == [secret]
    feedback = reverse("admin:chat_feedback_changelist")
    assert SECRET in admin.get(feedback).content.decode()
    told = AuditEntry.objects.values_list("action", "actor", "object", "reason")
    assert list(told) == [
        *[("listed", root.pk, review.LISTS, "A complaint, number 17.")] * 3,
        ("opened", root.pk, review.LISTS, "A complaint, number 17."),
    ]


def test_every_reading_is_written_down_with_its_reason(
    admin: Client, root: User, alice: User, secret: Conversation
) -> None:
    read(admin, secret)
    read(admin, secret)
    entries = AuditEntry.objects.all()
    assert [entry.action for entry in entries] == ["read", "read", "opened"]
    for entry in entries:
        assert (entry.actor, entry.subject) == (root.pk, alice.pk)
        assert (entry.kind, entry.object) == ("conversation", str(secret.pk))
        assert entry.reason == "A complaint, number 17."


def test_a_reason_is_for_one_reviewer_one_conversation_and_some_minutes(
    admin: Client, staff_with: Staff, alice: User, secret: Conversation, talk: Talk
) -> None:
    other, _answer, _job = talk(alice)
    read(admin, secret)
    assert admin.get(url(secret)).status_code == 200
    assert admin.get(url(other)).status_code == 302
    assert staff_with("review_conversation").get(url(secret)).status_code == 302
    given = AuditEntry.objects.get(action="opened")
    AuditEntry.objects.all()._raw_delete("default")
    given.pk, given._state.adding = None, True
    given.at = timezone.now() - review.REASON_LASTS + timedelta(minutes=1)
    given.save()
    assert admin.get(url(secret)).status_code == 200
    AuditEntry.objects.all()._raw_delete("default")
    given.pk, given._state.adding = None, True
    given.at = timezone.now() - review.REASON_LASTS - timedelta(seconds=1)
    given.save()
    assert admin.get(url(secret)).status_code == 302


@pytest.mark.parametrize("reason", ["", "why", "   ", "x" * 501])
def test_it_wants_a_real_reason(
    admin: Client, secret: Conversation, reason: str
) -> None:
    page = admin.get(url(secret))["Location"]
    assert admin.post(page, {"reason": reason}).status_code == 200
    assert not AuditEntry.objects.exists()


def test_it_leads_back_and_never_to_another_site(
    admin: Client, secret: Conversation
) -> None:
    page = reverse("admin:chat_conversation_reason")
    for wanted, there in (
        ("https://evil.example/", LIST),
        ("//evil.example/", LIST),
        (url(secret), url(secret)),
    ):
        answer = admin.post(f"{page}?next={wanted}", {"reason": "number 17"})
        assert answer["Location"] == there


def test_flagged_opens_what_somebody_else_flagged(
    admin: Client,
    root: User,
    bob: User,
    secret: Conversation,
    alice: User,
    talk: Talk,
    settings: Any,
) -> None:
    settings.CHAT_REVIEW = "flagged"
    other, _answer, _job = talk(alice, "other")
    give_reason(admin)
    page = admin.get(LIST).content.decode()
    assert SECRET in page
    assert "other" not in page.split("result_list")[1].split("paginator")[0]
    assert "Because" not in admin.get(url(other), follow=True).content.decode()
    assert SECRET in read(admin, secret)

    Flag.objects.update(state="dismissed")
    assert_nothing_is_told(admin, secret)

    # Raised by the reviewer alone, it opens nothing; raised by anybody else, it does.
    review.flag([secret], by=root)
    assert_nothing_is_told(admin, secret)
    Flag.objects.filter(state="open").update(state="reviewed")
    review.flag([secret], by=bob)
    assert SECRET in read(admin, secret)


@pytest.mark.on_one_database
def test_what_was_deleted_is_not_read(admin: Client, secret: Conversation) -> None:
    give_reason(admin)
    read(admin, secret)
    Conversation.objects.filter(pk=secret.pk).update(deleted=timezone.now())
    assert_nothing_is_told(admin, secret)


def test_every_page_of_a_row_was_looked_at() -> None:
    """`pages_of` would pass over a page that has no row; these have none to tell."""
    without_words = {"apikey", "auditentry", "quota", "share", "group", "guardrule"}
    without_words |= {"hold", "usage", "traffic", "invite", "picture"}
    with_words = {"conversation", "generation", "feedback", "flag", "user"}
    with_words.add("guardfinding")
    known = {model._meta.model_name for model in site.site._registry}
    assert known <= without_words | with_words
    with pytest.raises(NoReverseMatch):
        reverse("admin:chat_message_changelist")
