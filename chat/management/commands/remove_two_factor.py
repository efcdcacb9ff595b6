"""Let somebody in who lost their telephone and their recovery codes."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from chat.signin import two_factor


class Command(BaseCommand):
    help = "Remove a user's second factor; the password opens the account again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"There is no user {options['username']}.")
        if not two_factor.remove(None, [user]):
            raise CommandError(f"{user.username} has no second factor.")
        self.stdout.write(f"{user.username} signs in by the password alone.")
