"""Fill a database with conversations, to measure with (`python -m bench.pages`)."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from chat.dataset.build import build
from chat.models import Conversation

STEP = 5000


class Command(BaseCommand):
    help = (
        "Store conversations that a program made up, one of them with 2,000 messages, "
        "all of one user. Only into a database that nobody uses."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--conversations", type=int, default=100_000)
        parser.add_argument("--messages", type=int, default=1_000_000)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--user", default="alice", help="made if there is none")
        parser.add_argument(
            "--force", action="store_true", help="also beside other people's"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        many, messages = options["conversations"], options["messages"]
        if many < 1 or messages < 0:
            raise CommandError("--conversations and --messages must be positive.")
        users = get_user_model().objects
        others = users.exclude(username=options["user"])
        used = others.exists() or Conversation.objects.exists()
        if used and not options["force"]:
            raise CommandError(
                "This database has other users or conversations already. Take a new "
                "one (DATABASE_URL), or add --force."
            )
        user, _made = users.get_or_create(username=options["user"])
        for stored in build(user, many, messages, options["seed"]):
            if stored % STEP < 200 or stored == many:
                self.stderr.write(f"{stored} of {many}")
