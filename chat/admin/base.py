"""What the lists share: read-only, and no slower with a million rows than with ten."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import IntegerField, Model, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString

from . import dates

COUNTED = 10_000
"""As far as lists count and page. What lies beyond is found by search and filters."""

M = TypeVar("M", bound=Model)
if TYPE_CHECKING:

    class _Admin(admin.ModelAdmin[M]): ...

else:

    class _Admin(admin.ModelAdmin):
        def __class_getitem__(cls, _model: Any) -> type:
            return cls


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        counted: int = rows.order_by().values("pk")[:COUNTED].count()
        return counted


class BoundedCount(Subquery):
    """How many rows a (sliced) subquery has."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()


class BoundedChangeList(ChangeList):
    def get_results(self, request: HttpRequest) -> None:
        """First the page's ids, then its rows.

        What is annotated is computed for these rows only, not for those before them.
        """
        super().get_results(request)
        page = list(self.result_list.values_list("pk", flat=True))
        rows = self.apply_select_related(self.root_queryset.filter(pk__in=page))
        self.result_list = rows.order_by(*self.queryset.query.order_by)

    @property
    def is_capped(self) -> bool:
        return self.result_count >= COUNTED

    @property
    def dates(self) -> dict[str, Any]:
        return dates.links(self)


class ReadOnlyAdmin(_Admin[M]):
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    list_per_page = 50
    # No column but the list's own order has an index to be sorted by.
    sortable_by: ClassVar[Any] = ()
    change_list_template = "admin/chat/change_list.html"

    class Media:
        css = {"all": ("admin_chat/admin.css",)}

    def get_changelist(self, request: HttpRequest, **_kwargs: Any) -> type[ChangeList]:
        return BoundedChangeList

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def may(self, request: HttpRequest, action: str) -> bool:
        """Whether the user has the model permission, e.g. "change"."""
        name = f"{self.opts.app_label}.{action}_{self.opts.model_name}"
        return bool(request.user.has_perm(name))


class DependentAdmin(ReadOnlyAdmin[M]):
    """Rows that are deleted with their conversation or user, never alone.

    The permission is still the model's: deleting a user asks for it.
    """

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        match = request.resolver_match
        here = f"{self.opts.app_label}_{self.opts.model_name}_"
        if match is not None and (match.url_name or "").startswith(here):
            return False
        return super().has_delete_permission(request, obj)


def as_uuid(term: str) -> UUID | None:
    try:
        return UUID(term.strip())
    except ValueError:
        return None


def pill(kind: str, text: Any) -> SafeString:
    """A word with a colour."""
    return format_html('<span class="pill pill-{}">{}</span>', kind, text)


def moment(when: datetime) -> str:
    """Short, sortable by eye, the same in every language."""
    return formats.date_format(timezone.localtime(when), "Y-m-d H:i")


def transcript_url(conversation: UUID, message: UUID) -> str:
    """The branch a message is in, scrolled to it."""
    page = reverse("admin:chat_conversation_change", args=[conversation])
    return f"{page}?at={message}#m-{message}"


def transcript_link(conversation: UUID, message: UUID, text: Any) -> SafeString:
    url = transcript_url(conversation, message)
    return format_html('<a href="{}">{}</a>', url, text)
