"""`manage.py prune`: remove for good what was deleted, and what is too old."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand

from chat.privacy import audit, holds, removal
from chat.privacy.retention import Walk


class Command(BaseCommand):
    help = (
        "Remove deleted conversations that can no longer be brought back, those "
        "beyond the time for which they are kept (CHAT_RETENTION_DAYS, quotas), and "
        "entries of the audit log older than CHAT_AUDIT_DAYS. Processes that generate "
        "answers do the same by themselves."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="only say what would be removed"
        )

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        if dry_run:
            return self._tell()
        for step in (removal.sweep, Walk().step, audit.expire):
            while step():
                pass
        return None

    def _tell(self) -> None:
        """A line for each conversation: its id, owner, last use, days."""
        names: dict[int, str] = {}
        count = 0
        for old in Walk().due():
            count += 1
            if old.owner not in names:
                names = {old.owner: User.objects.get(pk=old.owner).get_username()}
            used = old.updated.strftime("%Y-%m-%d")
            self.stdout.write(f"{old.pk} {names[old.owner]} {used} {old.days}")
        self.stdout.write(
            f"Would be removed: {count} conversations that are too old, "
            f"{removal.swept().filter(~holds.held()).count()} deleted ones, "
            f"{audit.old().count()} entries of the audit log."
        )
