"""A title that a model made, past the checks of answers: it is shown, or not."""

from __future__ import annotations

from ..screening.rulebook import rulebook
from .rules import Unchecked
from .services import Services


async def cleared(text: str, services: Services) -> bool:
    """Whether no rule that masks or blocks finds anything, or has to know."""
    for check in rulebook.known.outside_answers:
        if not check.holds:
            continue
        try:
            if check.found(await services.ask(check.service, text)) is not None:
                return False
        except Unchecked:
            if check.closed:
                return False
    return True
