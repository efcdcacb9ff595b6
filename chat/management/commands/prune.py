"""`manage.py prune`: remove for good what was deleted, and what is too old."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from chat import audit, removal


class Command(BaseCommand):
    help = (
        "Remove deleted conversations that can no longer be brought back, and entries "
        "of the audit log older than CHAT_AUDIT_DAYS. Processes that generate answers "
        "do the same by themselves."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        for step in (removal.sweep, audit.expire):
            while step():
                pass
