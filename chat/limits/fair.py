"""Whose turn it is: round robin between users, over everything that waits.

A generation's rank is the number of its user's running ones plus its place among the
user's own waiting ones. The lowest rank goes first, and of equals the one that was
asked for first. So somebody who queued hundreds has, at any moment, one that competes
with the single one of somebody else, and the fewer of a user's run, the sooner the next
one does. A rank above the user's bound waits until one of the user's own ends.

Nothing is stored: ranks follow from what is queued and running, which a partial index
holds, however many have finished. Both conditions on the status are written out
because SQLite takes that index for no other words.

Who cannot serve some models yet leaves what asks for them where it is: it takes no turn
there, and keeps its own for others, and for later.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.conf import settings

from ..sql import fetch, uuid
from .quotas import quotas

LIVE = "status IN ('queued', 'running')"
BUSY = f"""
SELECT user_id, COUNT(*) AS running FROM chat_generation
WHERE {LIVE} AND status = 'running' GROUP BY user_id
"""

# The bound of the user `w`, as `chat.limits.quotas` has it.
OF_ALL = "%(bound)s"
OF_EACH = """COALESCE(
    (SELECT concurrency FROM chat_quota WHERE user_id = w.user_id),
    (
        SELECT MAX(q.concurrency) FROM chat_quota q
        JOIN auth_user_groups m ON m.group_id = q.group_id
        WHERE m.user_id = w.user_id
    ),
    %(bound)s
)"""

# The first `limit` rows belong to the `limit` users whose first rows come first:
# only their queues are looked at row by row.
NEXT = f"""
WITH waiting AS (
    SELECT w.user_id, w.first, COALESCE(b.running, 0) AS running, {{bound}} AS bound
    FROM (
        SELECT user_id, MIN(created) AS first FROM chat_generation
        WHERE {LIVE} AND status = 'queued'{{but}} GROUP BY user_id
    ) w LEFT JOIN ({BUSY}) b ON b.user_id = w.user_id
), turns AS (
    SELECT * FROM waiting WHERE running < bound ORDER BY running, first LIMIT %(limit)s
)
SELECT id FROM (
    SELECT q.id, q.created, t.bound, t.running + ROW_NUMBER() OVER (
        PARTITION BY q.user_id ORDER BY q.created
    ) AS rank
    FROM turns t JOIN chat_generation q ON q.user_id = t.user_id
    WHERE q.{LIVE} AND q.status = 'queued'{{but}}
) AS ranked
WHERE rank <= bound ORDER BY rank, created LIMIT %(limit)s
"""

ORDER = f"""
SELECT q.id FROM chat_generation q
LEFT JOIN ({BUSY}) b ON b.user_id = q.user_id
WHERE q.{LIVE} AND q.status = 'queued'
ORDER BY COALESCE(b.running, 0) + ROW_NUMBER() OVER (
    PARTITION BY q.user_id ORDER BY q.created
), q.created
LIMIT %(limit)s
"""

ANY = f"""
SELECT 1 FROM chat_generation WHERE {LIVE} AND status = 'queued'{{but}} LIMIT 1
"""


def is_anything_queued(without: Collection[str] = ()) -> bool:
    """For another model than these."""
    but, names = _but(without)
    return bool(fetch(ANY.format(but=but), names))


def next_in_turn(limit: int, without: Collection[str] = ()) -> list[UUID]:
    """The ids of those that may run now, for other models than these; first in turn
    first.

    As of now: exact for who holds the lock of the claims (`chat.running.lease`).
    """
    but, names = _but(without)
    bounds = {"bound": settings.CHAT_USER_CONCURRENCY, "limit": limit}
    query = NEXT.format(bound=OF_EACH if quotas.are_any() else OF_ALL, but=but)
    return [uuid(pk) for (pk,) in fetch(query, {**bounds, **names})]


def _but(models: Collection[str]) -> tuple[str, dict[str, str]]:
    """The condition that leaves them out, and its values. Mostly there are none."""
    names = {f"model{number}": name for number, name in enumerate(models)}
    places = ", ".join(f"%({name})s" for name in names)
    return (f" AND model NOT IN ({places})" if names else ""), names


def order() -> list[UUID]:
    """All that is queued, in the order of its turns. Bounded like the queue."""
    found = fetch(ORDER, {"limit": settings.CHAT_MAX_QUEUED})
    return [uuid(pk) for (pk,) in found]
