"""Rows as an API test needs them, and the shape of an error."""

from __future__ import annotations

from typing import Any

from chat.models import Conversation, Generation, Message
from tests.core.helpers import ask, claim_one, ended, finish, fresh

NOWHERE = "00000000-0000-4000-8000-000000000000"


def answered(user: Any, text: str = "all", **where: Any) -> Generation:
    generation = ask(user, **where)
    held = claim_one()
    finish(held, ended(held, text))
    return fresh(generation)


def stored() -> tuple[int, int, int]:
    return (
        Conversation.objects.count(),
        Message.objects.count(),
        Generation.objects.count(),
    )


def error_of(response: Any, status: int) -> dict[str, str]:
    """The error, in the one shape that all of them have."""
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"].startswith("application/json")
    [(name, error)] = response.json().items()
    assert name == "error"
    assert set(error) <= {"code", "message", "field"}
    assert error["code"]
    assert error["message"]
    return error
