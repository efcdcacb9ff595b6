"""Who is meant by what somebody typed as their name."""

from __future__ import annotations

from allauth.account.internal.userkit import filter_users_by_email, get_user_by_username
from django.contrib.auth.models import User


def named(name: str) -> list[User]:
    """Users with this name, else with this e-mail address; mostly one, or none.

    A name as it is written goes first: those that differ by case alone may both be
    there, from before. Nobody takes an address away by being called so.
    """
    exact = User.objects.filter(username=name).first()
    found = exact or get_user_by_username(name)
    by_name = [found] if found else []
    if "@" not in name:
        return by_name
    users = filter_users_by_email(name, prefer_verified=True, for_login=True)
    return by_name + [user for user in users if user not in by_name]
