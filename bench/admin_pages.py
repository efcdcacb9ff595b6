"""How long the administration takes when there is a lot.

    python -m bench.admin_pages [--conversations 100000] [--messages 1000000]
        [--runs 10]

As `bench.pages`: the database in DATABASE_URL, filled first if it is empty, or a new
SQLite file. Some flags, ratings and failures are added to it, a busy month for overview
and usage, and a superuser who has said why they read.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

from .pages import SEARCHES, filled
from .server import manage, serve
from .table import percentile, table

STAFF = "bench-staff"
PEOPLE = 1000
"""Who used something, of three models, on each day of a month; and every hour of it
had 149 sums."""
PREPARE = f"""
from datetime import timedelta
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Group, User
from django.utils import timezone
from chat.dataset.texts import LONG_TITLE
from chat.limits import usage
from chat.reports import traffic
from chat.models import *
def fill():
    hour = traffic.hour_of(timezone.now())
    names = {{
        "status": ("done", "stopped", "failed"),
        "error": [f"code_{{n}}" for n in range(10)],
        **dict.fromkeys(("prompt", "completion"), [f"model-{{n}}" for n in range(8)]),
        **dict.fromkeys(("queue", "first", "total"), range(40, 80)),
    }}
    Traffic.objects.bulk_create([
        Traffic(hour=hour - back, kind=kind, name=name, amount=1 + back % 7)
        for back in range(720) for kind in names for name in names[kind]
    ], 5000, ignore_conflicts=True)
    people = User.objects.bulk_create(
        User(username=f"bench-user-{{n}}") for n in range({PEOPLE}))
    group = Group.objects.create(name="bench-group")
    group.user_set.add(*people[::2])
    Usage.objects.bulk_create([
        Usage(user=one, day=usage.today() - timedelta(days=back), model=model,
              source="web", requests=9, prompt_tokens=99, completion_tokens=999)
        for one in people for back in range(31) for model in ("a", "b", "c")
    ], 5000)
user, new = User.objects.get_or_create(
    username="{STAFF}", is_superuser=True, is_staff=True)
long = Conversation.objects.get(title=LONG_TITLE)
if new:
    some = list(Conversation.objects.order_by("id").values_list("pk", flat=True)[:2000])
    Flag.objects.bulk_create(Flag(conversation_id=pk) for pk in some[::10])
    jobs = Generation.objects.filter(conversation__in=some[1::10])
    jobs.update(status="failed", error_code="engine_failed")
    rated = Message.objects.filter(conversation__in=some[2::10], role="assistant")
    Feedback.objects.bulk_create(Feedback(message=row, rating=-1) for row in rated)
    fill()
for about in ("lists", str(long.pk)):
    AuditEntry.objects.create(
        actor=user.pk, action="opened", kind="conversation", object=about,
        reason="bench", at=timezone.now() + timedelta(hours=2))
session = import_module(settings.SESSION_ENGINE).SessionStore()
session[SESSION_KEY] = str(user.pk)
session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.create()
old = list(Conversation.objects.order_by("updated")[:60])[-1]
place = old.updated.isoformat() + "~" + str(old.pk)
group = Group.objects.get(name="bench-group")
print(session.session_key, long.pk, long.owner.username, place, group.pk)
"""
LIST = "/admin/chat/conversation/"
GENERATIONS = "/admin/chat/generation/"


def pages(long: str, owner: str, place: str, group: str) -> Iterator[tuple[str, str]]:
    """What is asked for, and its address."""
    yield "conversations", LIST
    yield "the last page but one", f"{LIST}?after={urllib.parse.quote(place)}"
    yield "of one user", f"{LIST}?user={owner}"
    for name, query in (
        ("open flags", "flag=open"),
        ("one failed", "answers=failed"),
        ("one was stopped (none)", "answers=stopped"),
        ("being answered (none)", "answers=running"),
        ("rated badly", "rating=-1"),
        ("long", "length=long"),
        ("of a model (none)", "model=none"),
    ):
        yield name, f"{LIST}?{query}"
    for name, words in SEARCHES.items():
        if words:
            quoted = urllib.parse.quote(words)
            yield f"search: {name}", f"{LIST}?q={quoted}"
    yield "a transcript of 2,000 messages", f"{LIST}{long}/change/"
    yield "generations", GENERATIONS
    yield "generations that failed", f"{GENERATIONS}?status=failed"
    yield "generations cut by length (none)", f"{GENERATIONS}?finish_reason=length"
    yield "being answered now", f"{GENERATIONS}live/"
    for name in ("feedback", "flag", "auditentry", "share", "apikey"):
        yield name, f"/admin/chat/{name}/"
    for over in ("24h", "7d", "30d"):
        yield f"overview of {over}", f"/admin/chat/traffic/?over={over}"
    yield "usage", "/admin/chat/usage/"
    yield "usage of a group", f"/admin/chat/usage/?group={group}"
    yield "the start page", "/admin/"


def times(url: str, session: str, runs: int) -> list[float]:
    """Milliseconds of each, after one that does not count."""
    took = []
    for _ in range(runs + 1):
        asked = urllib.request.Request(url, headers={"Cookie": f"sessionid={session}"})
        began = time.perf_counter()
        with urllib.request.urlopen(asked) as answer:
            answer.read()
            if answer.url != url:
                raise RuntimeError(f"{url} leads to {answer.url}")
        took.append((time.perf_counter() - began) * 1000)
    return took[1:]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--conversations", type=int, default=100_000)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=10)
    options = parser.parse_args()
    rows = []
    with (
        filled(options.conversations, options.messages) as url,
        tempfile.TemporaryDirectory(prefix="chatsite-static-") as static,
    ):
        own: dict[str, Any] = {
            "DATABASE_URL": url,
            "SECRET_KEY": secrets.token_urlsafe(50),
            "STATIC_ROOT": static,
            "CHAT_MODEL": "scripted",
        }
        env = {**os.environ, **own}
        manage("collectstatic --no-input --verbosity 0", env)
        said = manage(["shell", "--verbosity", "0", "-c", PREPARE], env)
        session, *told = said.split()[-5:]
        with serve(**own) as server:
            for name, path in pages(*told):
                took = times(server.url + path, session, options.runs)
                median, worst = percentile(took, 0.5), max(took)
                rows.append([name, round(median, 1), round(worst, 1)])
    print(table(["", "p50 ms", "slowest ms"], rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
