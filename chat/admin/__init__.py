"""The admin: conversations as transcripts, generations, keys, quotas, feedback, the
guard.

It reads; what it changes (stop, revoke, delete) goes through the same functions as
everything else. Nobody's words are edited here.
"""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from ..signin.views import admin_login, admin_password
from . import (
    access,
    audit,
    conversations,
    feedback,
    flags,
    generations,
    guard,
    holds,
    invites,
    overview,
    people,
    pictures,
    quotas,
    shares,
    used,
)

__all__ = [
    "access",
    "audit",
    "conversations",
    "feedback",
    "flags",
    "generations",
    "guard",
    "holds",
    "invites",
    "overview",
    "people",
    "pictures",
    "quotas",
    "shares",
    "used",
]

admin.site.login = admin_login  # type: ignore[method-assign]
admin.site.password_change = admin_password  # type: ignore[method-assign,assignment]
admin.site.site_header = "Chatsite"
admin.site.site_title = "Chatsite"
admin.site.index_title = _("Administration")
