"""Bringing conversations in, and looking at what came."""

from __future__ import annotations

import json
from io import BytesIO
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from chat import exporting, importing
from chat.conversations import path_to
from chat.errors import ChatError
from chat.models import Conversation, Message

SAMPLES = Path(__file__).resolve().parent.parent / "samples"


def bring(user: User, data: Any) -> importing.Report:
    """Import bytes, or what JSON makes of it."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    *_steps, report = importing.run(user, BytesIO(raw))
    return report


def refused(user: User, data: Any) -> tuple[str, str]:
    """The place and the message."""
    with pytest.raises(ChatError) as caught:
        bring(user, data)
    assert (caught.value.status, caught.value.code) == (400, "invalid_import")
    return caught.value.field or "", str(caught.value.message)


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def path(conversation: Conversation) -> list[Message]:
    assert conversation.leaf_id
    return path_to(conversation.leaf_id, conversation.pk, 1000)


def all_json(user: User) -> bytes:
    return b"".join(exporting.whole_as_json(user))


def forgotten(document: bytes) -> Any:
    """A document without its ids, times of export and accounts."""
    whole = json.loads(document)
    for conversation in whole["conversations"]:
        names = {m["id"]: place for place, m in enumerate(conversation["messages"])}
        conversation["id"] = None
        conversation["leaf"] = names[conversation["leaf"]]
        for message in conversation["messages"]:
            message["parent"] = names.get(message["parent"])
            message["id"] = names[message["id"]]
            for part in ("generation", "feedback"):
                for name in ("id", "updated", "created"):
                    (message[part] or {}).pop(name, None)
    return sorted(whole["conversations"], key=itemgetter("created"))


NODE = {"mapping": {}, "id": "1"}


OWN = {
    "id": "00000000-0000-4000-8000-000000000001",
    "leaf": None,
    "messages": [],
}


MESSAGE = {
    "id": "00000000-0000-4000-8000-000000000002",
    "parent": None,
    "role": "user",
    "content": "x",
}
