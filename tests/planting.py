"""A user who has left words in every table there is, and where words are found.

A new model has to be planted here, or told in `WITHOUT` why a user has nothing in it.
"""

from __future__ import annotations

import base64
import re
import zlib
from typing import Any

from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from chat import sharing, tags
from chat.models import (
    ApiKey,
    Conversation,
    Feedback,
    Flag,
    Generation,
    GuardFinding,
    Invite,
    Message,
    Note,
    Pace,
    PromptTemplate,
    Quota,
)
from chat.people import preferences
from chat.search.grams import windows
from tests.api.helpers import answered
from tests.core.helpers import ask, claim_one
from tests.pictures.helpers import picture_of
from tests.search.helpers import catch_up

MARK = "zq9m"
NAMES = re.compile(f"{MARK}-([a-z-]*[a-z])")
WITHOUT = {
    "AuditEntry": "has ids and reasons of staff; it stays",
    "ContentType": "Django's names of models",
    "Departure": "is made by erasing itself",
    "Group": "belongs to the site; membership is in User_groups",
    "Group_permissions": "belongs to the site",
    "GuardRule": "belongs to the site",
    "Hold": "would keep everything",
    "LooseFile": "names files that go in any case",
    "Permission": "Django's",
    "SocialApp": "belongs to the site",
    "Traffic": "has sums of everybody, without names and words",
    "TrafficMark": "the same",
}


def models() -> list[type[Model]]:
    every = apps.get_models(include_auto_created=True)
    return [model for model in every if model._meta.managed]


def counts() -> dict[str, int]:
    """How many rows each model has."""
    return {model.__name__: model._base_manager.count() for model in models()}


def mark(name: str) -> str:
    return f"{MARK}-{name}"


def plant(others: Generation) -> User:
    """Words in everything that is theirs, and in what they did as staff to the
    conversation of `others`."""
    user = User.objects.create_user(
        mark("username"),
        f"{mark('email')}@example.org",
        "secret",
        first_name=mark("first"),
        last_name=mark("last"),
    )
    user.groups.add(Group.objects.get_or_create(name="school")[0])
    user.user_permissions.add(Permission.objects.all()[0])
    _plant_access(user)
    row = answered(user, mark("answer"), prompt=mark("question"))
    _plant_conversation(user, row)
    live = ask(user, mark("live-question"), params={"stop": [mark("stop")]})
    claim_one("an owner that is gone")
    Generation.objects.filter(pk=live.pk).update(
        text=mark("live-answer"), lease_until=None
    )
    PromptTemplate.objects.create(owner=user, name=mark("name"), text=mark("text"))
    Note.objects.create(
        conversation=others.conversation, author=user, text=mark("note-of-others")
    )
    Flag.objects.create(
        conversation=others.conversation, made_by=user, reason=mark("flag-of-others")
    )
    theirs = Invite.objects.create(
        hash="1", made_by=user, note=mark("invite"), expires=timezone.now()
    )
    theirs.groups.add(Group.objects.all()[0])
    Invite.objects.create(hash="2", email=user.email, expires=timezone.now())
    catch_up()
    return user


def _plant_access(user: User) -> None:
    ApiKey.objects.create_key(user, mark("key"))
    preferences.change(user, theme="dark")
    Quota.objects.create(user=user, concurrency=3)
    Pace.objects.create(user=user, due=1.0)
    address = EmailAddress.objects.create(user=user, email=user.email)
    EmailConfirmation.objects.create(email_address=address, key="a key")
    account = SocialAccount.objects.create(
        user=user, provider="oidc", uid=mark("uid"), extra_data={"a": mark("extra")}
    )
    Authenticator.objects.create(user=user, type="totp", data={"s": mark("secret")})
    SocialToken.objects.create(account=account, token=mark("token"))
    client = Client()
    client.force_login(user)
    session = client.session
    session["said"] = mark("session")
    session.save()
    about = ContentType.objects.get_for_model(User)
    more = {"content_type": about, "action_flag": CHANGE, "change_message": "[]"}
    for who, repr in ((user, mark("logged")), (_staff(), user.username)):
        LogEntry.objects.create(user=who, object_id=user.pk, object_repr=repr, **more)


def _staff() -> User:
    return User.objects.get_or_create(username="root", is_superuser=True)[0]


def _plant_conversation(user: User, row: Generation) -> None:
    place, answer = row.conversation, row.message
    Conversation.objects.filter(pk=place.pk).update(
        title=mark("title"), system_prompt=mark("system"), params={"stop": [mark("s")]}
    )
    call = [{"id": "x", "function": {"name": mark("tool"), "arguments": mark("arg")}}]
    Message.objects.filter(pk=answer.pk).update(
        reasoning=mark("reasoning"), tool_calls=call, tool_call_id=mark("tool-id")
    )
    Generation.objects.filter(pk=row.pk).update(
        idempotency_key=mark("idempotency"), params={"stop": [mark("param")], "n": 1}
    )
    place.refresh_from_db()
    tags.put(place, [mark("tag")])
    picture_of(row)
    sharing.share(user, place.pk, reasoning=True)
    Feedback.objects.create(message=answer, rating=-1, comment=mark("comment"))
    Flag.objects.create(conversation=place, reason=mark("flag"))
    Note.objects.create(conversation=place, text=mark("note"))
    GuardFinding.objects.create(
        user=user, generation=row, rule="x", start=0, end=1, text=mark("finding")
    )


def found() -> set[str]:
    """Columns of all tables, those of the search index too, in which a mark is."""
    return {place for place, _name in marked()}


def planted() -> set[str]:
    """The names of all marks there are."""
    return {name for _place, name in marked() if name}


def marked() -> set[tuple[str, str]]:
    """The same with the names of the marks."""
    grams = set(windows(MARK, 3))
    places = set()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            names = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                for name, value in zip(names, row, strict=True):
                    text = as_text(value)
                    for name_of in NAMES.findall(text):
                        places.add((f"{table}.{name}", name_of))
                    if MARK in text or text in grams_of(table, grams):
                        places.add((f"{table}.{name}", ""))
    return places


def grams_of(table: str, grams: set[str]) -> set[str]:
    """The words of SQLite's index are pieces of words."""
    return grams if table == "chat_passage_terms" else set()


def as_text(value: Any) -> str:
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("utf-8", "ignore")
    if isinstance(value, str) and ":" in value[:600]:  # a session: signed, packed
        data = value.split(":")[0].lstrip(".")
        try:
            packed = base64.urlsafe_b64decode(data + "=" * (-len(data) % 4))
            packed = zlib.decompress(packed) if value.startswith(".") else packed
        except (ValueError, zlib.error):
            packed = b""
        return value + packed.decode("utf-8", "ignore")
    return str(value)
