"""Asking for more than is allowed."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from chat.errors import LimitError
from chat.models import Conversation, Generation, Message
from tests.core.helpers import ask


def stored() -> tuple[int, int, int]:
    return (
        Conversation.objects.count(),
        Message.objects.count(),
        Generation.objects.count(),
    )


def refused(user: User, **where) -> LimitError:
    """How it is refused; nothing is stored."""
    before = stored()
    with pytest.raises(LimitError) as caught:
        ask(user, **where)
    assert stored() == before
    assert caught.value.status == 429
    return caught.value
