"""The tree of messages: paths, siblings, what an engine is told."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from chat import conversations
from chat.conversations import (
    newest_leaf,
    path_to,
    prompts,
    siblings_of,
)
from chat.models import Conversation, Generation, Message


@pytest.fixture
def conversation(alice: User) -> Conversation:
    return Conversation.objects.create(owner=alice, updated=timezone.now())


def add(conversation: Conversation, content: str, parent: Message | None) -> Message:
    role = "assistant" if parent and parent.role == "user" else "user"
    return Message.objects.create(
        conversation=conversation, parent=parent, role=role, content=content
    )


@pytest.fixture
def tree(conversation: Conversation) -> dict[str, Message]:
    """a ─ b ─ c ─ d, with b2 beside b, and c2 ─ d2 below b."""
    a = add(conversation, "a", None)
    b = add(conversation, "b", a)
    b2 = add(conversation, "b2", a)
    c = add(conversation, "c", b)
    d = add(conversation, "d", c)
    c2 = add(conversation, "c2", b)
    d2 = add(conversation, "d2", c2)
    return {m.content: m for m in (a, b, b2, c, d, c2, d2)}


def words(messages: list[Message]) -> str:
    return " ".join(message.content for message in messages)


def test_a_path_leads_to_the_leaf_oldest_first(conversation, tree) -> None:
    assert words(path_to(tree["d"].pk, conversation.pk, 99)) == "a b c d"
    assert words(path_to(tree["b2"].pk, conversation.pk, 99)) == "a b2"


def test_a_path_is_walked_as_far_as_it_is_asked_for(conversation, tree) -> None:
    assert words(path_to(tree["d"].pk, conversation.pk, 2)) == "c d"


def test_a_path_stays_in_its_conversation(alice: User, tree) -> None:
    other = Conversation.objects.create(owner=alice, updated=timezone.now())

    assert path_to(tree["d"].pk, other.pk, 99) == []
    assert newest_leaf(tree["a"].pk, other.pk) is None


def test_siblings_come_in_order(tree) -> None:
    found = siblings_of([tree["b"], tree["a"], tree["c2"]])

    assert found[tree["b"].pk] == [tree["b"].pk, tree["b2"].pk]
    assert found[tree["a"].pk] == [tree["a"].pk]
    assert found[tree["c2"].pk] == [tree["c"].pk, tree["c2"].pk]


def test_roots_are_siblings_within_their_conversation(alice, conversation) -> None:
    other = Conversation.objects.create(owner=alice, updated=timezone.now())
    first, second = add(conversation, "1", None), add(conversation, "2", None)
    add(other, "3", None)

    assert siblings_of([first])[first.pk] == [first.pk, second.pk]


def test_the_newest_branch_below(conversation, tree) -> None:
    assert newest_leaf(tree["a"].pk, conversation.pk) == tree["d2"].pk
    assert newest_leaf(tree["c"].pk, conversation.pk) == tree["d"].pk
    assert newest_leaf(tree["b2"].pk, conversation.pk) == tree["b2"].pk
    assert newest_leaf(uuid4(), conversation.pk) is None


def told_before(conversation: Conversation, answer: Message) -> list:
    """What an engine is told before it writes this."""
    row = Generation(conversation=conversation, message=answer)
    return prompts([row], lambda model: True)[answer.pk]


def test_an_engine_is_told_the_path_before_the_answer(
    conversation, tree, settings
) -> None:
    conversation.system_prompt = "Be brief."

    told = told_before(conversation, tree["d"])

    assert [message["role"] for message in told] == [
        "system",
        "user",
        "assistant",
        "user",
    ]
    assert [message["content"] for message in told] == ["Be brief.", "a", "b", "c"]


def test_siblings_are_told_the_same_when_they_are_claimed_together(
    conversation, tree
) -> None:
    rows = [
        Generation(conversation=conversation, message=tree[name])
        for name in ("b", "b2", "d")
    ]

    told = prompts(rows, lambda model: True)

    assert [
        [message["content"] for message in told[row.message_id]] for row in rows
    ] == [["a"], ["a"], ["a", "b", "c"]]


def test_the_past_is_bounded(conversation, tree, monkeypatch) -> None:
    monkeypatch.setattr(conversations, "HISTORY_MESSAGES", 2)

    told = told_before(conversation, tree["d"])

    assert [message["content"] for message in told] == ["b", "c"]


def test_the_site_may_have_a_system_prompt(conversation, tree, settings) -> None:
    settings.CHAT_SYSTEM_PROMPT = "Be kind."

    assert told_before(conversation, tree["b"])[0]["content"] == "Be kind."


def test_an_answer_that_failed_empty_is_not_told(conversation, tree) -> None:
    Message.objects.filter(pk=tree["b"].pk).update(content="")

    told = told_before(conversation, tree["d"])

    assert [message["content"] for message in told] == ["a", "c"]
