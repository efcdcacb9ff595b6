"""What the guard costs: a process's CPU time a token, with rules and without.

    python -m bench.guard [--words 1000] [--streams 50] [--tokens 300] [--rate 20]
        [--rounds 3] [--personal] [--json]

One server answers the same load in turn with no rule in force and with that many
words, half of them Chinese; `--personal` adds the four kinds of personal data. The
answers are prose in both languages, four characters a token, in which no word occurs.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import random
import re
import statistics
import sys
import time
from typing import Any

import aiohttp
import uvloop

from .server import Server, python, serve
from .table import table

PROSE = (
    "A reply is a durable job and a connection only reads it: close the laptop, lose "
    "the network, restart the server, and the page picks it up where it left off. "
    "回答是一项持久的任务，连接只是阅读它：合上电脑，断开网络，重启服务器，页面都会从中断处继续。"
)
CHARACTERS_A_TOKEN = 4
LEARN_SECONDS = 3
"""Longer than a process goes without looking at the rules."""
LIMIT_SECONDS = 120
RULES = """
import django, json, sys; django.setup()
from chat.models import GuardRule
GuardRule.objects.all().delete()
for number, (kind, pattern) in enumerate(json.load(sys.stdin)):
    GuardRule(name=str(number), kind=kind, pattern=pattern, action="mask").save()
"""


def words(count: int) -> str:
    """Of letters and of ideographs, none of which is in the prose."""
    chance = random.Random(count)
    found: set[str] = set()
    while len(found) < count:
        latin = len(found) % 2
        letters = (
            "abcdefghijklmnopqrstuvwxyz" if latin else "的一是不了人我在有他这为之大来"
        )
        size = chance.randint(5, 10) if latin else chance.randint(2, 5)
        word = "".join(chance.choice(letters) for _ in range(size))
        if word not in PROSE:
            found.add(word)
    return "\n".join(sorted(found))


def put(server: Server, rules: list[tuple[str, str]]) -> None:
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "chatsite.settings",
        "SECRET_KEY": "of no use here, as nothing is signed with it anywhere at all",
        "DATABASE_URL": server.database.url,
    }
    python(["-c", RULES], env, given=json.dumps(rules))
    time.sleep(LEARN_SECONDS)


async def ask_all(server: Server, streams: int, tokens: int, rate: float) -> int:
    """The tokens that came."""
    text = (PROSE * (tokens * CHARACTERS_A_TOKEN // len(PROSE) + 1))[
        : tokens * CHARACTERS_A_TOKEN
    ]
    said = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    prompt = f"pace={1 / rate} say={said}"
    async with aiohttp.ClientSession(
        server.url,
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=LIMIT_SECONDS),
    ) as session:
        counts = await asyncio.gather(
            *(ask(session, server, n, prompt) for n in range(streams))
        )
    return sum(counts)


async def ask(
    session: aiohttp.ClientSession, server: Server, number: int, prompt: str
) -> int:
    headers = server.target.headers(number)
    path = server.target.path
    async with session.post(path, json={"prompt": prompt}, headers=headers) as answer:
        said = await answer.text()
    used = re.search(r'"completion_tokens":\s*(\d+)', said)
    if used is None or '"finish_reason":"stop"' not in said.replace(": ", ":"):
        raise RuntimeError(f"an answer did not come: {said[-300:]}")
    return int(used[1])


def cost(server: Server, options: argparse.Namespace) -> float:
    """Microseconds of the server's CPU time a token."""
    before = server.sample().cpu_seconds
    asking = ask_all(server, options.streams, options.tokens, options.rate)
    tokens = uvloop.run(asking)
    return (server.sample().cpu_seconds - before) / tokens * 1e6


def measure(options: argparse.Namespace) -> dict[str, Any]:
    rules = [("keywords", words(options.words))] if options.words else []
    if options.personal:
        rules += [(kind, "") for kind in ("email", "phone", "chinese_id", "card")]
    users = -(-options.streams // 3)
    without: list[float] = []
    guarded: list[float] = []
    with serve("sqlite", users, CHAT_MODEL="scripted") as server:
        cost(server, options)  # warm
        for _round in range(options.rounds):
            for chosen, costs in (([], without), (rules, guarded)):
                put(server, chosen)
                costs.append(cost(server, options))
    plain, checked = statistics.median(without), statistics.median(guarded)
    return {
        "CPU µs a token, without rules": round(plain, 1),
        "CPU µs a token, with rules": round(checked, 1),
        "throughput, with to without": round(plain / checked, 3),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--words", type=int, default=1000)
    parser.add_argument("--streams", type=int, default=50)
    parser.add_argument("--tokens", type=int, default=300)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--personal", action="store_true")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    options = parser.parse_args()
    result = measure(options)
    if options.json:
        print(json.dumps(result))
    else:
        print(table(["", "measured"], list(result.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
