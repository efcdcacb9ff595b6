"""What was drawn, for whom and how large: numbers, and no picture.

The pictures themselves are shown where what was written is, under the same rules
(`chat.admin.drawn`).
"""

from __future__ import annotations

from django.contrib import admin
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _

from ..models import Picture
from .base import DependentAdmin, moment


@admin.register(Picture)
class PictureAdmin(DependentAdmin[Picture]):
    list_display = ("person", "size", "content_type", "space", "made")
    list_select_related = ("owner",)
    search_fields = ("owner__username",)
    search_help_text = _("User name.")
    fields = ("person", "size", "content_type", "space", "made")
    readonly_fields = fields

    @admin.display(description=_("owner"))
    def person(self, row: Picture) -> str:
        return row.owner.get_username()

    @admin.display(description=_("pixels"))
    def size(self, row: Picture) -> str:
        return f"{row.width} × {row.height}"

    @admin.display(description=_("space"))
    def space(self, row: Picture) -> str:
        return filesizeformat(row.bytes)

    @admin.display(description=_("created"))
    def made(self, row: Picture) -> str:
        return moment(row.created)
