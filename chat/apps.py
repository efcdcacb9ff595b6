from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChatConfig(AppConfig):
    name = "chat"
    verbose_name = _("Chat")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks  # noqa: F401, PLC0415 register themselves
        from .people import lockout  # noqa: F401, PLC0415 register themselves
        from .privacy import triggers  # noqa: F401, PLC0415 register themselves
