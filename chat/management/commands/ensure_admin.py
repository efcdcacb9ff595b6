"""Create the first administrator, when nobody can log in yet."""

from __future__ import annotations

import os
import secrets
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand

USERNAME = "admin"


class Command(BaseCommand):
    help = (
        "When no user exists, create `admin` with the password in "
        "CHAT_ADMIN_PASSWORD, or with a random one that is printed once."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        users = get_user_model().objects
        if users.exists():
            return
        given = os.environ.get("CHAT_ADMIN_PASSWORD")
        password = given or secrets.token_urlsafe(12)
        users.create_superuser(username=USERNAME, password=password)
        shown = "the one in CHAT_ADMIN_PASSWORD" if given else password
        self.stdout.write(f"Created the user {USERNAME}. Password: {shown}")
