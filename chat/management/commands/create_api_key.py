"""Print a new API key of a user, alone, on standard output."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from chat.errors import ChatError
from chat.people import keys

SCOPES = ("chat", "read")


class Command(BaseCommand):
    help = "Create an API key and print it. It is stored as a hash: keep it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", default="", help="what the key is for")
        parser.add_argument(
            "--scope",
            action="append",
            choices=SCOPES,
            help="what it may do; give it twice for both, which is the default",
        )
        parser.add_argument(
            "--expires",
            metavar="WHEN",
            help="a day (2027-01-31, through its end) or a number of days (90d)",
        )

    def handle(
        self,
        *args: Any,
        username: str,
        name: str,
        scope: list[str] | None,
        expires: str | None,
        **options: Any,
    ) -> str:
        users = get_user_model()
        try:
            user = users.objects.get_by_natural_key(username)
        except users.DoesNotExist:
            raise CommandError(f"There is no user {username!r}.") from None
        try:
            when = keys.expiry_from(expires) if expires else None
            _, key = keys.issue(user, name, scope or SCOPES, when)
        except ChatError as error:
            raise CommandError(str(error.message)) from None
        return key
