"""The pages. Everything on them that changes comes from the API."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_http_methods

from .errors import ChatError
from .models import Conversation, Preferences
from .pages import days, pictures
from .pages import first as first_page
from .pages.strings import page_strings
from .people import preferences


def page_data(conversation: Conversation | None, wanted: Preferences) -> dict[str, Any]:
    """What static/chat/page.js starts from."""
    return {
        "conversation": str(conversation.pk) if conversation else None,
        "model": conversation.model if conversation else None,
        "csrfCookie": settings.CSRF_COOKIE_NAME,
        "maxPromptChars": settings.CHAT_MAX_PROMPT_CHARS,
        "language": get_language(),
        "loginUrl": settings.LOGIN_URL,
        "preferences": preferences.for_page(wanted),
        "imageFrame": reverse("image"),
        "pictureSizes": pictures.sizes(),
        "mathStyles": staticfiles_storage.url("vendor/katex/katex.min.css"),
        "strings": page_strings(),
    }


@gzip_page
@preferences.personal
@require_http_methods(["GET", "HEAD", "POST"])
def chat(request: HttpRequest, conversation_id: UUID | None = None) -> HttpResponse:
    """The chat page, on a new conversation or on one of the user's own. Its form
    works without scripts too."""
    conversation = None
    if conversation_id is not None:
        mine = Conversation.objects.owned_by(request.user)
        conversation = get_object_or_404(mine, pk=conversation_id)
    problem: ChatError | None = None
    if request.method == "POST":
        try:
            generation = first_page.ask(request, conversation)
            return redirect("conversation", generation.conversation_id)
        except ChatError as error:
            problem = error
    before = first_page.uuid_of(request.GET.get("before"))
    zone = days.zone_named(request.COOKIES.get(days.COOKIE))
    context = {
        "page_data": page_data(conversation, request.preferences),  # type: ignore[attr-defined]
        "sharing": settings.CHAT_SHARING,
        "title": conversation.title if conversation else "",
        "problem": problem.message if problem else "",
        "prompt": request.POST.get("prompt", ""),
        "conversation": conversation,
        **first_page.first_page(request.user, conversation, zone, before),
    }
    status = problem.status if problem else 200
    return render(request, "chat/page.html", context, status=status)
