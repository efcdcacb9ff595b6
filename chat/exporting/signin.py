"""How a user signs in. Nothing that opens anything: no password, no secret."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount

WHEN = ("date_joined", "last_login")


def account(user: Any) -> dict[str, Any]:
    addresses = EmailAddress.objects.filter(user=user).order_by("pk")
    known = SocialAccount.objects.filter(user=user).order_by("pk")
    factors = Authenticator.objects.filter(user=user).order_by("pk")
    return {
        "email_addresses": list(addresses.values("email", "verified", "primary")),
        "two_factor": list(factors.values("type", "created_at", "last_used_at")),
        "single_sign_on": list(known.values("provider", "uid", "extra_data", *WHEN)),
    }
