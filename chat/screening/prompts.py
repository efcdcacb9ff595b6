"""What is asked, past the guard's rules, before any of it is stored."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from ..errors import ChatError
from ..guard import Guard
from ..models import Generation, GuardFinding
from . import findings
from .rulebook import rulebook


class Asked:
    """One request's texts. What is masked in them is masked for the model, too."""

    def __init__(self, user: Any, *, store: bool = True) -> None:
        """Without `store`, what was found is noted without its text."""
        self._user = user
        self._store = store
        self._rules = rulebook.now()
        self._found: list[GuardFinding] = []

    def text(self, text: str, field: str, part: str = "prompt") -> str:
        """As it may be stored. Raises `ChatError`, which names the field."""
        if not self._rules.prompts:
            return text
        guard = Guard(self._rules.prompts)
        said = guard.feed(text) + guard.finish()
        room = findings.MOST_OF_ONE - len(self._found)
        for found in guard.findings()[: max(0, room)]:
            self._found.append(findings.note(self._rules, found, part))
        if guard.blocked is not None:
            self._keep(None)
            raise refused(field)
        return said

    def system(self, text: str, field: str = "system_prompt") -> str:
        return self.text(text, field, "system")

    def keep(self, generation: Generation) -> Generation:
        """What was found belongs to what came of the request."""
        self._keep(generation)
        return generation

    def _keep(self, generation: Generation | None) -> None:
        findings.belong(self._found, self._user.pk, generation, store=self._store)
        if self._found:
            findings.keep(self._found)


def system_prompt(user: Any, text: str) -> str:
    """One that is stored before anything is asked."""
    asked = Asked(user)
    text = asked.system(text)
    asked._keep(None)
    return text


def refused(field: str) -> ChatError:
    return ChatError(
        _(
            "This was not sent: something in it is against the content rules here. "
            "Change it and try again."
        ),
        code="content_filter",
        field=field,
    )
