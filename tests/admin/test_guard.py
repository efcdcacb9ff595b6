from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from chat.models import AuditEntry, GuardFinding, GuardRule
from chat.models import guard as models
from chat.screening import dry_run as trying
from chat.screening.rulebook import rulebook

from .conftest import give_reason

ADD = reverse("admin:chat_guardrule_add")
LIST = reverse("admin:chat_guardrule_changelist")
FOUND = reverse("admin:chat_guardfinding_changelist")
RULE = {
    "name": "words",
    "kind": "keywords",
    "pattern": "why\nbecause",
    "whole_words": "on",
    "action": "mask",
    "on_prompts": "on",
    "on_answers": "on",
    "enabled": "on",
}


def problems(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 200
    return response.context["adminform"].form.errors


def act(client, action: str, *rows: GuardRule) -> Any:
    chosen = {"action": action, "_selected_action": [row.pk for row in rows]}
    return client.post(LIST, chosen | {"post": "yes"}, follow=True)


@pytest.fixture
def made(db) -> GuardRule:
    return GuardRule.objects.create(name="words", pattern="why\nbecause", action="mask")


def test_a_rule_is_in_force_at_once(admin, django_capture_on_commit_callbacks) -> None:
    assert not rulebook.now().prompts

    with django_capture_on_commit_callbacks(execute=True):
        assert admin.post(ADD, RULE).status_code == 302

    assert rulebook.now().prompts
    assert "words" in admin.get(LIST).content.decode()


def test_a_rule_that_is_deleted_or_put_out_of_force_is_gone_at_once(
    admin, made, django_capture_on_commit_callbacks
) -> None:
    for action, in_force in (
        ("disable_selected", False),
        ("enable_selected", True),
        ("delete_selected", False),
    ):
        with django_capture_on_commit_callbacks(execute=True):
            act(admin, action, made)
        assert bool(rulebook.now().answers) is in_force
    assert not GuardRule.objects.exists()


@pytest.mark.parametrize(
    ("given", "field", "says"),
    [
        ({"pattern": ""}, "pattern", "Say what to look for"),
        ({"pattern": "x" * 65}, "pattern", "too long"),
        ({"kind": "regex", "pattern": "("}, "pattern", "not a regular expression"),
        ({"kind": "regex", "pattern": "^a"}, "pattern", "^"),
        ({"kind": "regex", "pattern": "a*"}, "pattern", "nothing"),
        ({"kind": "regex", "pattern": "(a{200}){200}"}, "pattern", "too large"),
        ({"kind": "none"}, "kind", "none"),
        ({"action": "none"}, "action", "none"),
        ({"name": ""}, "name", "required"),
    ],
)
def test_it_refuses_what_makes_no_sense(admin, given, field, says) -> None:
    found = problems(admin.post(ADD, RULE | given))

    assert says in str(found[field])
    assert not GuardRule.objects.exists()


CHECK = RULE | {
    "kind": "moderation",
    "model": "omni-moderation-latest",
    "categories": "violence 0.4",
    "seconds": "2",
    "on_failure": "block",
}


@pytest.mark.parametrize(
    ("given", "field", "says"),
    [
        ({"categories": "violence 1.4"}, "categories", "violence 1.4"),
        ({"seconds": "0"}, "seconds", "0.05"),
        ({"seconds": "31"}, "seconds", "30"),
        ({"action": "flag"}, "on_failure", "not held back"),
        ({"kind": "judge", "policy": ""}, "policy", "not allowed"),
        ({"kind": "judge", "policy": "x", "model": ""}, "model", "Name"),
        ({"on_failure": "none"}, "on_failure", "none"),
    ],
)
def test_it_refuses_checks_that_make_no_sense(
    admin, settings, given, field, says
) -> None:
    settings.CHAT_GUARD_URL = "http://127.0.0.1:1/v1"
    found = problems(admin.post(ADD, CHECK | given))

    assert says in str(found[field])
    assert not GuardRule.objects.exists()


def test_a_check_needs_somebody_who_checks(admin, settings) -> None:
    settings.CHAT_GUARD_URL = None
    assert "CHAT_GUARD_URL" in str(problems(admin.post(ADD, CHECK))["model"])

    here = {"kind": "judge", "policy": "Nothing bad.", "model": "scripted"}
    assert admin.post(ADD, CHECK | here).status_code == 302
    settings.CHAT_GUARD_URL = "http://127.0.0.1:1/v1"
    assert admin.post(ADD, CHECK | {"name": "other"}).status_code == 302
    rows = GuardRule.objects.order_by("name").values_list("pattern", "policy", "model")
    assert list(rows) == [
        ("", "", "omni-moderation-latest"),
        ("", "Nothing bad.", "scripted"),
    ]


def test_external_checks_are_not_tried(admin, made, settings) -> None:
    row = GuardRule.objects.create(name="outside", kind="moderation")

    assert "not tried" in act(admin, "try_selected", row).content.decode()
    tried = act(admin, "try_selected", row, made).context["rules"]
    assert [rule.name for rule, _questions, _answers in tried] == ["words"]


def test_staff_see_what_was_named_and_what_was_not_checked(admin, alice, talk) -> None:
    _place, _answer, job = talk(alice)
    common = {"user": alice, "generation": job, "part": "text", "start": 0, "end": 7}
    found = {"rule": "outside", "action": "block", **common}
    GuardFinding.objects.create(categories="violence, hate", **found)
    GuardFinding.objects.create(failure="timeout", **found)

    text = admin.get(FOUND).content.decode()
    assert "violence, hate" in text
    assert "not checked: too slow" in text
    only = admin.get(FOUND, {"failure__exact": "timeout"}).content.decode()
    assert "violence, hate" not in only


def test_it_refuses_too_much(admin, made, monkeypatch) -> None:
    monkeypatch.setattr(models, "MAX_RULES", 1)
    assert "already" in str(problems(admin.post(ADD, RULE | {"name": "b"})))

    monkeypatch.setattr(models, "MAX_RULES", 2)
    monkeypatch.setattr("chat.guard.rules.MAX_WORDS", 3)
    found = problems(admin.post(ADD, RULE | {"name": "b"}))
    assert "3 words" in str(found["pattern"])


def test_kinds_that_need_no_pattern_have_none(admin) -> None:
    admin.post(ADD, RULE | {"kind": "card", "pattern": "left over"})

    assert GuardRule.objects.get().pattern == ""


def test_trying_a_rule_changes_nothing_and_shows_no_text(admin, alice, talk, made):
    made.enabled = False
    made.save()
    _place, answer, _job = talk(alice, question="Why, oh why?", content="So it is.")
    talk(alice, question="What?", content="", reasoning="because")

    text = act(admin, "try_selected", made).content.decode()

    assert "read: 4, in the newest conversations: 2." in text
    [(_rule, questions, answers)] = act(admin, "try_selected", made).context["rules"]
    assert (questions, answers) == (1, 1)
    assert str(answer.parent_id) in text
    assert "oh why" not in text
    assert not GuardFinding.objects.exists()


def test_trying_is_bounded(admin, alice, talk, made, monkeypatch) -> None:
    monkeypatch.setattr(trying, "MESSAGES", 1)
    talk(alice, question="Why?")

    assert "There were more" in act(admin, "try_selected", made).content.decode()


def test_reviewers_see_what_was_held(admin, alice, talk, made) -> None:
    _place, answer, job = talk(alice)
    common = {"rule": "words", "action": "mask", "part": "text", "start": 0, "end": 7}
    row = GuardFinding.objects.create(
        user=alice, generation=job, text="<b>Because", **common
    )
    GuardFinding.objects.create(user=alice, text="why", **common)

    assert "Because" not in admin.get(FOUND).content.decode()
    give_reason(admin)
    text = admin.get(FOUND).content.decode()
    assert "&lt;b&gt;Because" in text
    assert f"#m-{answer.pk}" in text
    one = reverse("admin:chat_guardfinding_change", args=[row.pk])
    assert "&lt;b&gt;Because" in admin.get(one).content.decode()
    assert "Because" not in admin.get(FOUND, {"q": "bob"}).content.decode()


def test_where_contents_are_hidden_findings_hide_them(
    admin, alice, made, settings
) -> None:
    settings.CHAT_REVIEW = "off"
    common = {"rule": "words", "action": "mask", "part": "text", "start": 0, "end": 7}
    row = GuardFinding.objects.create(user=alice, text="Because", **common)

    one = reverse("admin:chat_guardfinding_change", args=[row.pk])
    for path in (FOUND, one):
        assert "Because" not in admin.get(path).content.decode()
    assert "What the rules would find" not in str(act(admin, "try_selected", made))


@pytest.mark.parametrize("lookup", ["text__startswith", "generation__text__contains"])
def test_no_filter_tells_the_text_letter_by_letter(admin, lookup) -> None:
    assert admin.get(FOUND, {lookup: "B"}).status_code == 400


def test_trying_takes_the_permission_to_review_and_is_in_the_audit_log(
    staff_with, alice, talk, made, admin, root
) -> None:
    talk(alice, question="Why?")
    client = staff_with("view_guardrule", "view_conversation")
    assert (
        "What the rules would find"
        not in act(client, "try_selected", made).content.decode()
    )
    assert not AuditEntry.objects.exists()

    act(admin, "try_selected", made)
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.reason) == (root.pk, "listed", "words")


def test_trying_reads_only_what_may_be_reviewed(
    admin, alice, talk, made, settings
) -> None:
    settings.CHAT_REVIEW = "flagged"
    talk(alice, question="Why?")

    assert act(admin, "try_selected", made).context["tried"].messages == 0


@pytest.mark.parametrize(
    ("path", "permission"), [(LIST, "view_guardrule"), (FOUND, "view_guardfinding")]
)
def test_each_needs_its_permission(staff_with, path, permission) -> None:
    client = staff_with(permission)
    assert client.get(path).status_code == 200
    assert client.get(FOUND if path == LIST else LIST).status_code == 403
    assert client.get(ADD).status_code == 403


def test_other_permissions_are_not_enough(staff_with) -> None:
    client = staff_with("view_generation", "view_conversation", "change_quota")
    assert client.get(LIST).status_code == 403
    assert client.get(FOUND).status_code == 403


def test_who_may_only_look_changes_nothing(staff_with, made) -> None:
    client = staff_with("view_guardrule")

    for action in ("disable_selected", "delete_selected", "try_selected"):
        act(client, action, made)
    edit = reverse("admin:chat_guardrule_change", args=[made.pk])
    assert client.post(edit, RULE | {"name": "other"}).status_code == 403

    made.refresh_from_db()
    assert (made.enabled, made.name) == (True, "words")
