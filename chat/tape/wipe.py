"""Let every tape forget generations: their users were erased."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from redis import Redis, RedisError

from .. import nudges
from .redis import KEY, READ_ENTRIES

logger = logging.getLogger(__name__)
SENDER = "erasure"
TOLD_AT_ONCE = 200
TIMEOUT = 5


def wipe(generations: Sequence[str]) -> None:
    """In the memory of every process, and in Redis. In any thread, or in a command.

    An entry of the stream goes whole. What else was in it, all have read that have no
    holes to fill; and who has, fills them from the next checkpoint. Without Redis the
    entries go by themselves, some minutes later.
    """
    for start in range(0, len(generations), TOLD_AT_ONCE):
        news = ",".join(generations[start : start + TOLD_AT_ONCE])
        nudges.erased.deliver(news)
        if url := settings.REDIS_URL:
            try:
                _wipe_stream(url, news)
            except RedisError as error:
                logger.warning("Redis forgets by itself, later: %s", error)


def _wipe_stream(url: str, news: str) -> None:
    wanted = [key.encode() for key in news.split(",")]
    told = json.dumps([["nudge", SENDER, nudges.erased.name, news]])
    client: Any = Redis.from_url(
        url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT
    )
    with client:
        last = "-"
        while page := client.xrange(KEY, last, "+", READ_ENTRIES):
            found = [pk for pk, entry in page if _tells(entry[b"b"], wanted)]
            if found:
                client.xdel(KEY, *found)
            last = "(" + page[-1][0].decode()
        client.xadd(KEY, {"b": told})


def _tells(entry: bytes, wanted: list[bytes]) -> bool:
    return any(key in entry for key in wanted)
