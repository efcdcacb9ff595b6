"""The second factor: a code of an app (TOTP, RFC 6238), or a recovery code."""

from __future__ import annotations

import logging
from base64 import b32encode, urlsafe_b64encode
from collections.abc import Collection
from hashlib import sha256
from secrets import token_bytes
from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

from ..database import write
from ..privacy import audit

logger = logging.getLogger(__name__)


def cipher() -> Fernet:
    """By the site's key: who reads the database alone has nobody's second factor."""
    key = sha256(b"chat.signin.two_factor" + settings.SECRET_KEY.encode()).digest()
    return Fernet(urlsafe_b64encode(key))


class TwoFactorAdapter(DefaultMFAAdapter):
    def encrypt(self, text: str) -> str:
        return cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Of another SECRET_KEY: a secret that nobody knows, so that no code fits."""
        try:
            return cipher().decrypt(encrypted_text.encode()).decode()
        except InvalidToken:
            logger.error("A second factor was stored under another SECRET_KEY.")
            return b32encode(token_bytes(20)).decode()


def is_on(user: Any) -> bool:
    return bool(Authenticator.objects.filter(user=user).exists())


def remove(actor: Any, users: Collection[Any]) -> list[int]:
    """Take it from these users, in somebody's name; the ids of those who had it."""
    rows = Authenticator.objects.filter(user__in=users)
    with write():
        whose = sorted(set(rows.values_list("user", flat=True)))
        rows.delete()
        about = {pk: pk for pk in whose}
        audit.record_many(actor, audit.Action.TWO_FACTOR, "user", about)
    return whose
