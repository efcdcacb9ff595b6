"""`manage.py prune`: remove for good what was deleted."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from chat.removal import sweep


class Command(BaseCommand):
    help = (
        "Remove deleted conversations that can no longer be brought back. Processes "
        "that generate answers do the same by themselves."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        while sweep():
            pass
