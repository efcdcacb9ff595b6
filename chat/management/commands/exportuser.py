"""`manage.py exportuser NAME`: everything there is of a user, as one JSON document."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from chat import exporting
from chat.privacy import audit


class Command(BaseCommand):
    help = (
        "Write everything there is of a user to standard output or to a file, as JSON "
        "(docs/export.md), with what reviewers and the guard noted about them. No "
        "secrets are in it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--output", type=Path, metavar="FILE")
        parser.add_argument(
            "--zip", action="store_true", help="with the files of their pictures"
        )

    def handle(
        self,
        *args: Any,
        username: str,
        output: Path | None,
        zip: bool = False,
        **options: Any,
    ) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no user {username!r}.")
        audit.record(None, audit.Action.EXPORTED, user, whose=user.pk)
        write = exporting.whole_as_zip if zip else exporting.whole_as_json
        parts = write(user, for_staff=True)
        if output is None:
            for part in parts:
                sys.stdout.buffer.write(part)
            sys.stdout.flush()
            return
        try:
            with output.open("xb") as file:
                file.writelines(parts)
        except OSError as error:
            raise CommandError(f"Cannot write {output}: {error.strerror}.") from None
