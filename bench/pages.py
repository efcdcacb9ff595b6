"""How long lists, searches and long conversations take when there is a lot.

    python -m bench.pages [--conversations 100000] [--messages 1000000] [--runs 20]

Measures the database in DATABASE_URL, which is filled first if it is empty
(`manage.py build_dataset`: that takes a while); without one, a new SQLite file that
is gone afterwards. Each request goes over the loopback to a server process, one at a
time, after one that does not count.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chat.dataset.texts import LONG_TITLE

from .server import Server, manage, serve
from .table import percentile, table

LIST = "/api/conversations"
DEEP = 20_000
"""So many conversations stand above the deep page."""
SEARCHES = {
    "a word that is everywhere": "the",
    "a common word": "server",
    "two common words": "server prompt",
    "a part of a word": "orma",
    "two characters that are common": "数据",
    "two characters that are not": "丁丈",
    "four characters": "数据系统",
    "a rare word": "",  # taken from the last conversation's title
    "nothing": "zzyzx",
    "nothing, of common parts": "inthermentation",
}


@dataclass(frozen=True, slots=True)
class Caller:
    server: Server

    def get(self, path: str, **query: Any) -> Any:
        url = f"{self.server.url}{path}?{urllib.parse.urlencode(query)}"
        key = {"Authorization": f"Bearer {self.server.keys[0]}"}
        with urllib.request.urlopen(urllib.request.Request(url, headers=key)) as answer:
            return json.load(answer)

    def times(self, runs: int, path: str, **query: Any) -> tuple[list[float], Any]:
        """Milliseconds of each, and what the last one answered."""
        answer = self.get(path, **query)
        took = []
        for _ in range(runs):
            began = time.perf_counter()
            answer = self.get(path, **query)
            took.append((time.perf_counter() - began) * 1000)
        return took, answer


def measure(caller: Caller, runs: int) -> Iterator[list[object]]:
    """A row for each kind of page."""

    def row(name: str, path: str, **query: Any) -> list[object]:
        took, answer = caller.times(runs, path, **query)
        median, worst = percentile(took, 0.5), max(took)
        return [name, len(answer["items"]), round(median, 1), round(worst, 1)]

    yield row("first page of the list", LIST)
    yield row("page behind 20,000 others", LIST, cursor=deep(caller))
    yield row("with a tag that few have", LIST, tag="rare")
    yield row("with a tag that many have", LIST, tag="everywhere")
    for name, words in SEARCHES.items():
        yield row(f"search: {name}", LIST, q=words or rare_word(caller))
    second = caller.get(LIST, q="the")["next"]
    yield row("search: its second page", LIST, q="the", cursor=second)
    talk = longest(caller)
    messages = f"{LIST}/{talk}/messages"
    yield row("2,000 messages: the end", messages)
    yield row("2,000 messages: a hundred", messages, limit=100)
    first = beginning(caller, messages)
    yield row("2,000 messages: by the first one", messages, leaf=first)


def deep(caller: Caller) -> str:
    page = caller.get(LIST, limit=100)
    for _ in range(DEEP // 100 - 1):
        if page["next"]:
            page = caller.get(LIST, limit=100, cursor=page["next"])
    return str(page["next"])


def rare_word(caller: Caller) -> str:
    """The longest one of some titles."""
    items = caller.get(LIST, limit=100)["items"]
    words = " ".join(item["title"] for item in items).split()
    return max((word.strip(".,") for word in words if word.isascii()), key=len)


def longest(caller: Caller) -> str:
    [item] = caller.get(LIST, q=LONG_TITLE)["items"]
    return str(item["id"])


def beginning(caller: Caller, messages: str) -> str:
    page = caller.get(messages, limit=100)
    while page["next"]:
        page = caller.get(messages, limit=100, cursor=page["next"])
    return str(page["items"][0]["id"])


@contextmanager
def filled(conversations: int, messages: int) -> Iterator[str]:
    """The address of a database with that much in it."""
    with tempfile.TemporaryDirectory(prefix="chatsite-pages-") as folder:
        own = f"sqlite:///{Path(folder).resolve() / 'db.sqlite3'}"
        url = os.environ.get("DATABASE_URL") or own
        env = {**os.environ, "DATABASE_URL": url, "SECRET_KEY": "x" * 50}
        manage("migrate --verbosity 0", env)
        count = "from chat.models import Conversation as C; print(C.objects.count())"
        if manage(["shell", "--verbosity", "0", "-c", count], env) == "0":
            size = f"--conversations {conversations} --messages {messages}"
            manage(f"build_dataset {size} --user admin", env)
        yield url


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--conversations", type=int, default=100_000)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=20)
    options = parser.parse_args()
    with (
        filled(options.conversations, options.messages) as url,
        serve(DATABASE_URL=url, CHAT_MODEL="scripted") as server,
    ):
        rows = list(measure(Caller(server), options.runs))
    print(table(["", "items", "p50 ms", "slowest ms"], rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
