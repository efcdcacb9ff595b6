"""`manage.py eraseuser NAME`: a user goes with everything."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from chat.errors import ChatError
from chat.people import accounts


class Command(BaseCommand):
    help = (
        "Erase a user: the account, everything they wrote and were answered, and every "
        "copy of it here. It cannot be brought back. Export it first (exportuser)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--no-input", action="store_true", help="do not ask first")

    def handle(self, *args: Any, username: str, no_input: bool, **options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no user {username!r}.")
        if not no_input and input(f"Erase {username} for good? [y/N] ") != "y":
            raise CommandError("Nothing was erased.")
        try:
            gone = accounts.erase(user, None)
        except ChatError as error:
            raise CommandError(str(error.message)) from None
        if not gone:
            raise CommandError("Something is kept by a legal hold placed meanwhile.")
        self.stdout.write(f"Erased {username}.")
