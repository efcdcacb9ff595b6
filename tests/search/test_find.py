"""The database's index against a plain look through everything."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat.models import Conversation, Passage
from chat.search import find as finding
from chat.search import sqlite
from chat.search.find import find
from chat.search.fold import fold, terms
from tests.search.helpers import catch_up, converse

ALPHABET = "aAbé-\"'*:^()%_\\.数据库的😀👩‍🇩İß\u0301\ufffd\U000f0001\n "
TEXTS = st.text(ALPHABET, max_size=12)
QUERIES = st.one_of(
    st.text(ALPHABET, max_size=5),
    st.sampled_from(
        ["a OR b", "NEAR(a b)", "body:a", '"', '""', "a*", "数据库", "\0a"]
    ),
)


def plainly(owner: User, query: str) -> list[str]:
    """The titles of conversations with all the words in one of their texts."""
    words = terms(query)
    newest: dict[str, int] = {}
    for passage in Passage.objects.filter(owner=owner).select_related("conversation"):
        row = passage.conversation
        text = passage.message.content if passage.message else row.title
        if all(word in fold(text) for word in words):
            newest[str(row.pk)] = max(passage.pk, newest.get(str(row.pk), 0))
    return sorted(newest, key=lambda pk: -newest[pk])


def found(owner: User, query: str, limit: int = 100) -> list[str]:
    rows = Conversation.objects.owned_by(owner)
    before, pks = None, []
    while True:
        page = find(rows, owner.pk, query, before, limit)
        pks += [str(pk) for pk in page.found]
        if (before := page.next) is None:
            return pks


@pytest.mark.django_db
class TestAgainstAPlainLook:
    @pytest.fixture(autouse=True, params=[500, 1])
    def small_batches(self, request, monkeypatch) -> None:
        """The index is asked for nearly everything; on SQLite with few beginnings too,
        so that it does not help with short words."""
        monkeypatch.setattr(finding, "WALKED", 1)
        monkeypatch.setattr(finding, "BATCHES", [2] * 200)
        monkeypatch.setattr(sqlite, "MAX_BEGINNINGS", request.param)

    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        texts=st.lists(st.lists(TEXTS, max_size=4), max_size=6),
        queries=st.lists(QUERIES.filter(terms), min_size=1, max_size=8),
        limit=st.integers(1, 4),
    )
    def test_it_finds_the_same(self, alice, bob, texts, queries, limit) -> None:
        Conversation.objects.all().delete()
        for own in texts:
            converse(alice, *own or [""])
            converse(bob, *own or [""])
        catch_up()
        for query in [*queries, *(text[1:4] for own in texts for text in own)]:
            if terms(query):
                assert found(alice, query, limit) == plainly(alice, query), query


@pytest.mark.django_db
def test_the_index_forgets_what_is_deleted(alice) -> None:
    kept, gone = converse(alice, "kept", "some word"), converse(alice, "gone", "word")
    catch_up()
    gone.delete()

    assert found(alice, "word") == [str(kept.pk)]
    assert Passage.objects.count() == 2


@pytest.mark.django_db
def test_a_page_that_finds_little_ends_and_says_where(alice, monkeypatch) -> None:
    for number in range(9):
        converse(alice, f"xyz {number}")
    catch_up()
    Conversation.objects.exclude(title="xyz 0").update(archived=True)
    monkeypatch.setattr(finding, "WALKED", 2)
    monkeypatch.setattr(finding, "BATCHES", [2])
    rows = Conversation.objects.owned_by(alice).filter(archived=False)

    page = find(rows, alice.pk, "xyz", None, 5)

    assert page.found == {}
    assert page.next is not None
    last = find(rows, alice.pk, "xyz", page.next, 5)
    assert len(last.found) + len(find(rows, alice.pk, "xyz", last.next, 5).found) == 1
