"""Conversations to find."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.utils import timezone

from chat.models import Conversation, Message
from chat.search.passages import index_some


def converse(owner: User, title: str = "", *texts: str) -> Conversation:
    """A conversation with these messages, one below the other."""
    row = Conversation.objects.create(owner=owner, title=title, updated=timezone.now())
    above = None
    for place, text in enumerate(texts):
        role = "assistant" if place % 2 else "user"
        above = Message.objects.create(
            conversation=row, parent=above, role=role, content=text
        )
    row.leaf = above
    row.save(update_fields=["leaf"])
    return row


def catch_up() -> None:
    """What a runner's process does in the background."""
    while index_some():
        pass
