"""`manage.py build_dataset`: conversations to measure with."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db.models import Count

from chat.conversations import path_to
from chat.dataset import build
from chat.dataset.texts import LONG_TITLE, Texts
from chat.models import Conversation, Generation, Message, Passage
from chat.search.find import find

# PostgreSQL makes no index while foreign keys wait for the commit to be checked.
pytestmark = pytest.mark.django_db(transaction=True)


def run(conversations: int, messages: int, **options: object) -> None:
    call_command(
        "build_dataset", conversations=conversations, messages=messages, **options
    )


def test_it_builds_what_was_asked_for(monkeypatch) -> None:
    monkeypatch.setattr(build, "LONG", 40)
    run(11, 140, user="dana")

    dana = User.objects.get(username="dana")
    rows = Conversation.objects.owned_by(dana)
    assert rows.count() == 11
    assert Message.objects.count() == 140
    assert Generation.objects.count() == 70
    assert Passage.objects.count() == 11 + 140
    sizes = rows.annotate(size=Count("messages")).values_list("size", flat=True)
    assert sorted(sizes) == [10] * 10 + [40]
    long = rows.get(title=LONG_TITLE)
    assert len(path_to(long.leaf_id, long.pk, 100)) == 40


def test_it_is_found(monkeypatch) -> None:
    monkeypatch.setattr(build, "LONG", 8)
    run(5, 24)

    alice = User.objects.get(username="alice")
    rows = Conversation.objects.owned_by(alice)
    page = find(rows, alice.pk, LONG_TITLE, None, 5)
    assert list(page.found) == [rows.get(title=LONG_TITLE).pk]


def test_the_same_seed_gives_the_same_texts() -> None:
    first, second, other = Texts(1), Texts(1), Texts(2)

    said = [texts.answer() for texts in (first, second, other)]
    assert said[0] == said[1] != said[2]


def test_it_leaves_a_database_alone_that_somebody_uses(bob) -> None:
    with pytest.raises(CommandError, match="other users"):
        run(2, 8)
    assert not Conversation.objects.exists()

    run(2, 8, force=True)
    assert Conversation.objects.count() == 2


@pytest.mark.parametrize(("conversations", "messages"), [(0, 1), (1, -1)])
def test_it_refuses_impossible_sizes(conversations, messages) -> None:
    with pytest.raises(CommandError, match="positive"):
        run(conversations, messages)
