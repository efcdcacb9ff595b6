"""What the lists share: read-only, and no slower with a million rows than with ten."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import IntegerField, Model, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString

from . import dates

COUNTED = 10_000
"""As far as lists with numbered pages count."""
AFTER = "after"

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


class KeysetChangeList(ChangeList):
    """Pages that begin behind a row, not at a number: the last one costs no more than
    the first, and nothing is counted."""

    is_keyset = True
    here = ""
    after: str | None = None
    next: str | None = None
    hidden = ""

    model_admin: ReadOnlyAdmin[Any]

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> QuerySet[Any]:
        if AFTER in self.filter_params:
            self.after = self.filter_params.pop(AFTER)[-1]
            self.params.pop(AFTER, None)
        return super().get_queryset(request, exclude_parameters)

    def get_results(self, request: HttpRequest) -> None:
        """First the page's ids, then its rows.

        What is annotated is computed for these rows only, not for those before them.
        """
        rows = self.queryset.filter(*self._behind())
        size, self.here = self.list_per_page, request.get_full_path()
        page = list(rows.values_list("pk", flat=True)[: size + 1])
        shown = self.apply_select_related(self.root_queryset.filter(pk__in=page[:size]))
        self.result_list = list(shown.order_by(*self.queryset.query.order_by))
        if len(page) > size:
            self.next = self._place(self.result_list[-1])
        self.result_count = len(self.result_list)
        self.full_result_count = self.result_count  # and neither is shown
        self.show_admin_actions = True
        self.can_show_all = self.multi_page = self.show_full_result_count = False
        self.hidden = self.model_admin.prepare(request, self.result_list)

    @property
    def next_link(self) -> str | None:
        return self.get_query_string({AFTER: self.next}) if self.next else None

    @property
    def dates(self) -> dict[str, Any]:
        return dates.links(self)

    def _keys(self) -> list[tuple[Any, bool]]:
        """The fields of the order, and whether each descends."""
        names = [str(name) for name in self.queryset.query.order_by]
        return [(self._field(name.lstrip("-")), name[0] == "-") for name in names]

    def _field(self, name: str) -> Any:
        return self.opts.pk if name == "pk" else self.opts.get_field(name)

    def _place(self, row: Any) -> str:
        return "~".join(field.value_to_string(row) for field, _down in self._keys())

    def _behind(self) -> list[Q]:
        """The first condition says what the others say less well: it bounds the
        scan."""
        if self.after is None:
            return []
        keys, values = self._keys(), self.after.split("~")
        if len(keys) != len(values):
            raise IncorrectLookupParameters
        try:
            places = [
                (field.name, down, field.to_python(value))
                for (field, down), value in zip(keys, values, strict=True)
            ]
        except ValidationError as error:
            raise IncorrectLookupParameters from error
        name, down, value = places[0]
        if len(places) == 1:
            return [Q(**{f"{name}__{'lt' if down else 'gt'}": value})]
        either = Q(**{f"{name}__{'lt' if down else 'gt'}": value})
        last, below, pk = places[1]
        either |= Q(**{f"{last}__{'lt' if below else 'gt'}": pk})
        return [Q(**{f"{name}__{'lte' if down else 'gte'}": value}), either]


class ReadOnlyAdmin(_Admin[M]):
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    list_per_page = 50
    # No column but the list's own order has an index to be sorted by.
    sortable_by: ClassVar[Any] = ()
    change_list_template = "admin/chat/change_list.html"
    looked_up: ClassVar[tuple[str, ...]] = ()
    """What a query string may name beside the filters."""

    class Media:
        css = {"all": ("admin_chat/admin.css",)}

    def get_changelist(self, request: HttpRequest, **_kwargs: Any) -> type[ChangeList]:
        return KeysetChangeList

    def prepare(self, request: HttpRequest, rows: Sequence[Any]) -> str:
        """What else the rows need to be shown; why something is hidden, if it is:
        `off`, or `reason` for want of one."""
        return ""

    def lookup_allowed(
        self, lookup: str, value: str, request: HttpRequest | None = None
    ) -> bool:
        """Any other field would tell what is hidden letter by letter
        (`?title__startswith=`)."""
        known = {*self.looked_up, self.date_hierarchy}
        known |= {filter_name(chosen) for chosen in self.list_filter}
        if lookup.split("__")[0] not in known:
            return False
        return super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def may(self, request: HttpRequest, action: str) -> bool:
        """Whether the user has the model permission, e.g. "change"."""
        name = f"{self.opts.app_label}.{action}_{self.opts.model_name}"
        return bool(request.user.has_perm(name))


def filter_name(chosen: Any) -> str:
    """What a list filter reads from the query string."""
    named = chosen[0] if isinstance(chosen, tuple) else chosen
    return str(getattr(named, "parameter_name", named))


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


def short(pk: UUID) -> str:
    """What a conversation is called where its title is not shown."""
    return f"#{str(pk)[:8]}"


def moment(when: datetime) -> str:
    """Short, sortable by eye, the same in every language."""
    return formats.date_format(timezone.localtime(when), "Y-m-d H:i")


def transcript_url(conversation: UUID, message: UUID | None) -> str:
    """The branch a message is in, scrolled to it."""
    page = reverse("admin:chat_conversation_change", args=[conversation])
    return f"{page}?at={message}#m-{message}" if message else page


def transcript_link(conversation: UUID, message: UUID | None, text: Any) -> SafeString:
    url = transcript_url(conversation, message)
    return format_html('<a href="{}">{}</a>', url, text)
