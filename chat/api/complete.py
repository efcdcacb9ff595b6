"""An answer of the native API as JSON, when it is complete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse, JsonResponse
from django.utils.translation import gettext_lazy as _

from ..errors import BusyError, ChatError
from ..follow import end_of
from ..later import LaterResponse
from ..models import Generation
from ..running import process
from .errors import render
from .headers import tell

RESTART_SECONDS = 2


def completed(
    generation: Generation, shown: Callable[[Generation], dict[str, Any]]
) -> LaterResponse:
    """Waits without a thread. `shown`: what the row is as JSON."""

    async def complete() -> HttpResponse:
        row = await end_of(process.current().tape, generation)
        if row.is_live:
            return render(restarting())
        if row.status == "failed":
            status = 400 if row.error_code == "content_filter" else 503
            error = ChatError(row.error_message, code=row.error_code, status=status)
            return render(error)
        return JsonResponse(shown(row))

    response = LaterResponse(complete)
    tell(response, generation)
    return response


def restarting() -> BusyError:
    return BusyError(
        _("The server restarts. The answer is still being written; read it again."),
        code="restarting",
        after=RESTART_SECONDS,
    )
