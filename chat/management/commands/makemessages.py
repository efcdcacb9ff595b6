"""`makemessages`, which also collects texts under the name `_now`: what the
administration calls `gettext` where `_` is the lazy one."""

from __future__ import annotations

from django.core.management.commands import makemessages


class Command(makemessages.Command):
    xgettext_options = [
        *makemessages.Command.xgettext_options,
        "--keyword=_now",
    ]
