"""An export has everything of a user: a new model is in it, or is told here."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session

from chat import exporting
from chat.models import ApiKey, Conversation
from chat.privacy import holds, removal
from tests.api.helpers import answered
from tests.planting import NAMES, models, plant, planted

pytestmark = pytest.mark.django_db

IN = {
    "ApiKey": "api_keys",
    "Authenticator": "account.two_factor",
    "Conversation": "conversations",
    "Conversation_tags": "conversations.tags",
    "EmailAddress": "account.email_addresses",
    "Feedback": "conversations.messages.feedback",
    "Flag": "flags",
    "Generation": "conversations.messages.generation",
    "Group": "account.groups",
    "GuardFinding": "guard_findings",
    "Message": "conversations.messages",
    "Note": "notes",
    "Permission": "account.permissions",
    "Picture": "conversations.messages.pictures",
    "Preferences": "preferences",
    "PromptTemplate": "prompt_templates",
    "Quota": "quota",
    "Share": "shares",
    "SocialAccount": "account.single_sign_on",
    "Tag": "conversations.tags",
    "Usage": "usage",
    "User": "account",
    "User_groups": "account.groups",
    "User_user_permissions": "account.permissions",
}
LEFT_OUT = {
    "AuditEntry": "what staff did; it has ids, and its own page",
    "ContentType": "Django's names of models",
    "Departure": "whoever is being erased exports nothing any more",
    "EmailConfirmation": "a secret: whoever has it confirms the address",
    "Group_permissions": "belongs to the site",
    "GuardRule": "belongs to the site",
    "Hold": "of the staff, for a court",
    "Invite": "belongs to the site, and tells of others",
    "Invite_groups": "the same",
    "LooseFile": "belongs to the site, and lasts a moment",
    "LogEntry": "tells of what they administered, which is others'",
    "Pace": "a moment that is over in seconds",
    "Passage": "a copy for the search",
    "Session": "a secret: whoever has it is signed in",
    "SocialApp": "belongs to the site",
    "SocialToken": "a secret of another site",
    "Traffic": "has sums of everybody",
    "TrafficMark": "the same",
}
UNSAID = {"invite", "session", "logged", "token", "secret"}
"""Words in what is left out, and nowhere else."""
STAFFS = {"flag", "note", "finding"}
"""What was noted about the user: staff decide who is told."""


def export(user: User, **how: Any) -> tuple[str, Any]:
    text = b"".join(exporting.whole_as_json(user, **how)).decode()
    return text, json.loads(text)


def at(document: Any, path: str) -> Any:
    """What is there, in any of the lists on the way."""
    if isinstance(document, list):
        return any(at(each, path) for each in document)
    name, _, rest = path.partition(".")
    value = document.get(name)
    return at(value, rest) if rest and value else value


def test_every_model_is_in_it_or_told_why_not() -> None:
    names = {model.__name__ for model in models()}

    assert names == set(IN) | set(LEFT_OUT), "is a user's part of it exported?"
    assert not set(IN) & set(LEFT_OUT)


def test_all_words_are_in_it_and_no_secret(bob: User) -> None:
    user = plant(answered(bob))
    written = planted()

    text, document = export(user, for_staff=True)

    assert written - set(NAMES.findall(text)) == UNSAID
    for path in IN.values():
        assert at(document, path), path
    user.refresh_from_db()
    key = ApiKey.objects.get(user=user)
    secrets = [user.password, key.hash, Session.objects.get().session_key, "a key"]
    assert not [secret for secret in secrets if secret in text]


def test_users_get_the_same_without_what_was_noted_about_them(bob: User) -> None:
    user = plant(answered(bob))

    text, document = export(user)

    assert planted() - set(NAMES.findall(text)) == UNSAID | STAFFS
    assert document["flags_raised"][0]["reason"] == "zq9m-flag-of-others"
    assert not {"flags", "notes", "guard_findings"} & set(document)


def test_staff_get_what_is_kept_under_a_hold(alice: User) -> None:
    row = answered(alice)
    holds.place(None, "The court asks.", conversation=row.conversation)
    removal.remove([row.conversation_id], alice)

    assert export(alice)[1]["conversations"] == []
    [told] = export(alice, for_staff=True)[1]["conversations"]
    assert told["id"] == str(Conversation.objects.get().pk)
