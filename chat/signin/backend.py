"""A password with a user name or an e-mail address."""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.models import User
from django.http import HttpRequest

from .people import named


class Backend(AuthenticationBackend):
    """Each password is hashed once for whoever is meant, and once for nobody: the time
    it takes does not tell who is here."""

    def _authenticate(
        self, request: HttpRequest | None, **credentials: Any
    ) -> User | None:
        name = credentials.get("username") or credentials.get("email") or ""
        for user in named(name):
            if self._check_password(user, credentials["password"]):
                return user
        return None
