"""Find a user's conversations, or everybody's, by the words in them, newest match
first.

A word that is everywhere is found among the newest passages, without any index; a
word that is rare by the index. Both give numbers of passages, newest first, in
batches; a conversation stands where its newest match is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import Any
from uuid import UUID

from ..models import Passage
from ..models.conversation import ConversationQuerySet
from ..sql import fetch, places, uuid
from .backend import backend
from .fold import terms
from .snippets import Snippet, snippet

TOP = 2**62
"""Above every passage's number."""
WALKED = 2000
"""So many of the newest passages are read at a time before the index is asked."""
WALKS = 4
"""No more than that, and only while it looks as if they would fill the page. Through
everybody's twice as many: pages are long, and what the index lists is longer."""
BATCHES = (200, 500, 1000, *[2000] * 6)
"""So many the index is asked for, one after the other. A page that is not full then is
shorter than it could be, and has a next."""
EVERYBODYS = 5
"""Of these, in a search through everybody: who searches waits for all of them, where
the pieces of a word are common, and the word is nowhere."""
NEWEST = """
SELECT id FROM chat_passage WHERE owner_id = %s AND id < %s ORDER BY id DESC LIMIT %s
"""
NEWEST_OF_ALL = """
SELECT id FROM chat_passage WHERE id < %s ORDER BY id DESC LIMIT %s
"""
HITS = """
SELECT near.id, p.conversation_id, {contains}
FROM ({near}) near LEFT JOIN chat_passage p ON p.id = near.id ORDER BY near.id DESC
"""
"""A passage may be removed after it was listed. It still counts, or a full batch would
look like the last one."""
EARLIER = """
SELECT DISTINCT p.conversation_id FROM chat_passage p
WHERE p.conversation_id IN ({owners}) AND p.id >= %s AND {contains}
"""
SAID = ("message", "message__content")


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was looked at; `good` if it has all the words. No conversation,
    nor good, if it was removed since it was listed."""

    passage: int
    conversation: UUID | None
    good: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Conversations and the number of their newest match. `next`: where the next page
    begins; None when nothing follows."""

    found: dict[UUID, int]
    next: int | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A snippet of a message, or of the title."""

    message: UUID | None
    snippet: Snippet


def find(
    rows: ConversationQuerySet,
    owner: int | None,
    query: str,
    before: int | None,
    limit: int,
) -> Page:
    """Those of `rows` that have every word of the query in one text, newest first.

    `owner`: whose all of `rows` are; None if they are of many.
    """
    words = terms(query)
    found: dict[UUID, int] = {}
    place = TOP if before is None else before

    most = WALKS if owner is not None else 2 * WALKS

    def is_promising(walks: int) -> bool:
        return walks < most and len(found) * most >= limit * walks

    for hits, complete in look(owner, words, place, is_promising):
        new: dict[UUID, int] = {}
        for hit in hits:
            if hit.good and hit.conversation and hit.conversation not in found:
                new.setdefault(hit.conversation, hit.passage)
        for some in in_parts(new, 2 * limit):
            shown = set(rows.filter(pk__in=some).values_list("pk", flat=True))
            if before is not None:
                shown -= shown_before(shown, words, before)
            found |= {pk: new[pk] for pk in some if pk in shown}
            if len(found) > limit:
                first = dict(islice(found.items(), limit))
                return Page(first, min(first.values()))
        if complete:
            return Page(found, None)
        place = hits[-1].passage
    return Page(found, place)


def look(
    owner: int | None,
    words: Sequence[str],
    before: int,
    is_promising: Callable[[int], bool],
) -> Iterator[tuple[list[Hit], bool]]:
    """Batches of passages, newest first, and whether that was the last one."""
    place = [before]
    for near, params, size in sources(owner, words, is_promising, place):
        hits = read(near, [*params, place[0], size], words)
        yield hits, len(hits) < size
        if not hits:
            return
        place[0] = hits[-1].passage


def sources(
    owner: int | None,
    words: Sequence[str],
    is_promising: Callable[[int], bool],
    place: Sequence[int],
) -> Iterator[tuple[str, list[Any], int]]:
    """The newest as long as that is promising, then what the index has."""
    newest = (NEWEST, [owner]) if owner is not None else (NEWEST_OF_ALL, [])
    for walks in count(1):
        yield *newest, WALKED
        if not is_promising(walks):
            break
    batches = BATCHES if owner is not None else BATCHES[:EVERYBODYS]
    found = backend().matching(owner, words, place[0], sum(batches))
    near, params = found or newest
    for size in batches:
        yield near, params, size


def read(near: str, params: Sequence[Any], words: Sequence[str]) -> list[Hit]:
    contains = " AND ".join([backend().CONTAINS] * len(words))
    query = HITS.format(contains=contains, near=near)
    with backend().reading():
        found = fetch(query, [*words, *params])
    return [Hit(pk, whose and uuid(whose), bool(good)) for pk, whose, good in found]


def shown_before(
    conversations: Collection[UUID], words: Sequence[str], place: int
) -> set[UUID]:
    """Those with a match on an earlier page: they were shown there."""
    if not conversations:
        return set()
    contains = " AND ".join([backend().CONTAINS] * len(words))
    query = EARLIER.format(contains=contains, owners=places(len(conversations)))
    found = fetch(query, [*conversations, place, *words])
    return {uuid(pk) for (pk,) in found}


def in_parts(keys: Iterable[UUID], size: int) -> Iterator[list[UUID]]:
    rest = iter(keys)
    while part := list(islice(rest, size)):
        yield part


def snippets(page: Page, query: str) -> dict[UUID, list[Shown]]:
    """What to show of each conversation found: its title's matches, if it has any,
    and a piece of the newest message that matches."""
    words = terms(query)
    rows = Passage.objects.filter(pk__in=page.found.values())
    texts = rows.values_list("conversation", "conversation__title", *SAID)
    shown: dict[UUID, list[Shown]] = {}
    for conversation, title, message, content in texts:
        pieces = [(None, snippet(title, words, len(title)))]
        if message is not None:
            pieces.append((message, snippet(content, words)))
        shown[conversation] = [Shown(pk, said) for pk, said in pieces if said]
    return shown
