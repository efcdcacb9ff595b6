"""The formats there are. Each tells its conversations by their shape."""

from __future__ import annotations

from typing import Protocol

from django.utils.translation import gettext_lazy as _

from . import chatgpt, openwebui, own
from .draft import Draft
from .node import Node


class Format(Protocol):
    def recognises(self, conversation: Node) -> bool: ...

    def read(self, conversation: Node) -> Draft:
        """MisfitError where it is not what its shape promised."""
        ...


FORMATS: tuple[Format, ...] = (own, chatgpt, openwebui)


def read(conversation: Node) -> Draft:
    if isinstance(conversation.value, dict):
        for known in FORMATS:
            if known.recognises(conversation):
                return known.read(conversation)
    raise conversation.misfit(
        _("This is no conversation as Chatsite, ChatGPT or Open WebUI export it.")
    )
