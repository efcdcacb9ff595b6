"""The pages. Everything on them that changes comes from the API."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import get_language

from . import preferences
from .models import Conversation, Preferences
from .page_strings import page_strings


def page_data(conversation: Conversation | None, wanted: Preferences) -> dict[str, Any]:
    """What static/chat/page.js starts from."""
    return {
        "conversation": str(conversation.pk) if conversation else None,
        "csrfCookie": settings.CSRF_COOKIE_NAME,
        "maxPromptChars": settings.CHAT_MAX_PROMPT_CHARS,
        "language": get_language(),
        "loginUrl": settings.LOGIN_URL,
        "preferences": preferences.for_page(wanted),
        "mathStyles": staticfiles_storage.url("vendor/katex/katex.min.css"),
        "strings": page_strings(),
    }


@preferences.personal
def chat(request: HttpRequest, conversation_id: UUID | None = None) -> HttpResponse:
    """The chat page, on a new conversation or on one of the user's own."""
    conversation = None
    if conversation_id is not None:
        mine = Conversation.objects.owned_by(request.user)
        conversation = get_object_or_404(mine, pk=conversation_id)
    context = {
        "page_data": page_data(conversation, request.preferences),  # type: ignore[attr-defined]
        "title": str(conversation) if conversation and conversation.title else "",
    }
    return render(request, "chat/page.html", context)
