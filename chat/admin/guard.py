"""The guard: its rules, to be tried before they are in force; and what they found."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.text import Truncator
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ..dry_run import Tried, dry_run
from ..guard import RuleError
from ..models import GuardFinding, GuardRule
from ..review import may_review
from ..rulebook import announce
from .base import (
    BoundedPaginator,
    _Admin,
    moment,
    pill,
    transcript_link,
)
from .privacy import PrivateDependentAdmin

COLOURS = {"flag": "done", "mask": "stopped", "block": "failed"}


@admin.register(GuardRule)
class GuardRuleAdmin(_Admin[GuardRule]):
    list_display = ("name", "kind", "does", "on_prompts", "on_answers", "enabled")
    list_filter = ("enabled", "kind", "action")
    search_fields = ("name", "pattern")
    show_full_result_count = False
    paginator = BoundedPaginator
    actions = ("try_selected", "enable_selected", "disable_selected")
    fields = (
        "name",
        "kind",
        "pattern",
        "whole_words",
        "action",
        ("on_prompts", "on_answers"),
        "enabled",
    )

    class Media:
        css = {"all": ("admin_chat/admin.css",)}

    @admin.display(description=_("action"), ordering="action")
    def does(self, row: GuardRule) -> str:
        return pill(COLOURS[row.action], row.get_action_display())

    # All processes know of a change as soon as it is committed.

    def save_model(self, request: HttpRequest, obj: GuardRule, *more: Any) -> None:
        super().save_model(request, obj, *more)
        announce()

    def delete_model(self, request: HttpRequest, obj: GuardRule) -> None:
        super().delete_model(request, obj)
        announce()

    def delete_queryset(
        self, request: HttpRequest, queryset: QuerySet[GuardRule]
    ) -> None:
        super().delete_queryset(request, queryset)
        announce()

    @admin.action(
        description=_("Put the selected rules in force"), permissions=["change"]
    )
    def enable_selected(self, request: HttpRequest, queryset: Any) -> None:
        self._switch(request, queryset, on=True)

    @admin.action(
        description=_("Take the selected rules out of force"), permissions=["change"]
    )
    def disable_selected(self, request: HttpRequest, queryset: Any) -> None:
        self._switch(request, queryset, on=False)

    def _switch(
        self, request: HttpRequest, rows: QuerySet[GuardRule], *, on: bool
    ) -> None:
        changed = list(rows.filter(enabled=not on))
        for row in changed:
            row.enabled = on
            row.save(update_fields=["enabled", "changed"])
            self.log_change(request, row, _now("In force.") if on else _now("Off."))
        announce()
        told = ngettext(
            "%(count)d rule was changed.", "%(count)d rules were changed.", len(changed)
        )
        self.message_user(request, told % {"count": len(changed)})

    # Trying

    def has_try_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request) and may_review(request.user)

    @admin.action(
        description=_("Try the selected rules on recent conversations"),
        permissions=["try"],
    )
    def try_selected(
        self, request: HttpRequest, queryset: QuerySet[GuardRule]
    ) -> HttpResponse | None:
        rules = list(queryset)
        try:
            tried = dry_run(rules, request.user)
        except RuleError as error:
            self.message_user(request, str(error), messages.ERROR)
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": _now("What the rules would find"),
            "opts": self.opts,
            "media": self.media,
            "tried": tried,
            "rules": [
                (rule, tried.questions[rule.pk], tried.answers[rule.pk])
                for rule in rules
            ],
            "places": places(rules, tried),
        }
        return TemplateResponse(request, "admin/chat/guardrule/tried.html", context)


def places(rules: list[GuardRule], tried: Tried) -> list[tuple[str, str]]:
    names = {rule.pk: rule.name for rule in rules}
    return [
        (names[key], transcript_link(conversation, message, str(message)))
        for key, conversation, message in tried.places
    ]


@admin.register(GuardFinding)
class GuardFindingAdmin(PrivateDependentAdmin[GuardFinding]):
    list_display = ("rule", "did", "part", "held", "person", "where", "when")
    list_filter = ("action", "part")
    list_select_related = ("user", "generation")
    ordering = ("-id",)
    search_fields = ("rule", "user__username")
    search_help_text = _("Name of a rule or of a user.")
    fields = (
        ("rule", "did", "part"),
        "held",
        ("start", "end"),
        ("person", "where"),
        "created",
    )
    readonly_fields = ("did", "held", "person", "where")

    def get_queryset(self, request: HttpRequest) -> QuerySet[GuardFinding]:
        unread = ("text", "reasoning", "token_ids", "tool_calls", "params")
        rows = super().get_queryset(request)
        return rows.defer(*(f"generation__{name}" for name in unread))

    @admin.display(description=_("action"))
    def did(self, row: GuardFinding) -> str:
        return pill(COLOURS.get(row.action, "done"), row.get_action_display())

    def conversation_of(self, row: GuardFinding) -> UUID | None:
        return row.generation.conversation_id if row.generation else None

    @admin.display(description=_("text"), empty_value="")
    def held(self, row: Any) -> str | None:
        """Somebody's words: for those who may review, for a reason."""
        return (row.text or None) if row.can_show else "…"

    @admin.display(description=_("user"))
    def person(self, row: GuardFinding) -> str:
        return row.user.get_username()

    @admin.display(description=_("conversation"), empty_value="")
    def where(self, row: GuardFinding) -> str | None:
        if (job := row.generation) is None:
            return None
        name = Truncator(str(job.conversation_id)).chars(9)
        return transcript_link(job.conversation_id, job.message_id, name)

    @admin.display(description=_("found"))
    def when(self, row: GuardFinding) -> str:
        return moment(row.created)
