"""What there is of a user beside their conversations, as JSON values.

Never a secret: no password, no hash, no session, no token of another site, no link.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.forms.models import model_to_dict

from ..models import (
    ApiKey,
    Flag,
    GuardFinding,
    Note,
    Preferences,
    PromptTemplate,
    Quota,
    Share,
    Usage,
)
from . import signin

WHEN = ("created", "updated")
LIFE = ("created", "expires", "last_used", "revoked")
COUNTS = ("requests", "prompt_tokens", "completion_tokens")
FOUND = ("generation", "rule", "action", "part", "start", "end", "text", "created")
FLAGGED = ("conversation", "message", "source", "reason", "state", *WHEN)
AT_ONCE = 500
Json = dict[str, Any]


def about(user: Any) -> Json:
    preferences = Preferences.objects.filter(user=user).first()
    quota = Quota.objects.filter(user=user).first()
    templates = PromptTemplate.objects.owned_by(user)
    used = Usage.objects.owned_by(user)
    keys = ApiKey.objects.owned_by(user)
    shares = Share.objects.owned_by(user)
    return {
        "account": account(user),
        "preferences": preferences and model_to_dict(preferences, exclude=["user"]),
        "quota": quota and model_to_dict(quota, exclude=["id", "user", "group"]),
        "prompt_templates": list(templates.values("name", "text", *WHEN)),
        "usage": list(used.values("day", "model", "source", *COUNTS)),
        "api_keys": list(keys.values("name", "prefix", "scopes", *LIFE)),
        "shares": list(shares.values("conversation", "title", *WHEN, "revoked")),
    }


def account(user: Any) -> Json:
    return {
        "username": user.get_username(),
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "joined": user.date_joined,
        "last_login": user.last_login,
        "is_staff": user.is_staff,
        "groups": list(user.groups.values_list("name", flat=True)),
        "permissions": list(user.user_permissions.values_list("codename", flat=True)),
        **signin.account(user),
    }


def written(user: Any) -> dict[str, Iterator[Json]]:
    """What they wrote about others, as staff."""
    flags, notes = Flag.objects.filter(made_by=user), Note.objects.filter(author=user)
    return {
        "flags_raised": rows(flags, *FLAGGED),
        "notes_written": rows(notes, "conversation", "text", "created"),
    }


def noted(user: Any) -> dict[str, Iterator[Json]]:
    """What staff and the guard noted about them: for staff to decide on."""
    flags = Flag.objects.filter(conversation__owner=user)
    notes = Note.objects.filter(conversation__owner=user)
    return {
        "flags": rows(flags, *FLAGGED),
        "notes": rows(notes, "conversation", "text", "created"),
        "guard_findings": rows(GuardFinding.objects.filter(user=user), *FOUND),
    }


def rows(found: QuerySet[Any], *names: str) -> Iterator[Json]:
    """A page of them at a time, each a short query."""
    last = 0
    while True:
        some = found.filter(pk__gt=last).order_by("pk")
        page = list(some.values("pk", *names)[:AT_ONCE])
        for row in page:
            last = row.pop("pk")
            yield row
        if len(page) < AT_ONCE:
            return
