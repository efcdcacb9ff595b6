"""The guard: its rules, to be tried before they are in force; and what they found."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ..engines.registry import find_model
from ..guard import RuleError
from ..models import GuardFinding, GuardRule
from ..models.guard import DEFAULT_SECONDS
from ..privacy.review import may_review
from ..screening.dry_run import Tried, dry_run
from ..screening.rulebook import announce
from .base import (
    BoundedPaginator,
    _Admin,
    moment,
    pill,
    transcript_link,
)
from .privacy import PrivateDependentAdmin

COLOURS = {"flag": "done", "mask": "stopped", "block": "failed"}


class GuardRuleForm(forms.ModelForm):  # type: ignore[type-arg]
    """What only external checks have may be left out."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("seconds", "on_failure"):
            if name in self.fields:  # there are none for who may only look
                self.fields[name].required = False

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if given.get("seconds") is None:
            given["seconds"] = DEFAULT_SECONDS
        given["on_failure"] = given.get("on_failure") or GuardRule.Failure.PASS
        kind, model = given.get("kind"), given.get("model", "")
        here = kind == GuardRule.Kind.JUDGE and find_model(model) is not None
        external = kind in (GuardRule.Kind.MODERATION, GuardRule.Kind.JUDGE)
        if external and not here and not settings.CHAT_GUARD_URL:
            said = _("Set CHAT_GUARD_URL, or name a chat model of this site.")
            self.add_error("model", said)
        return given


@admin.register(GuardRule)
class GuardRuleAdmin(_Admin[GuardRule]):
    list_display = ("name", "kind", "does", "on_prompts", "on_answers", "enabled")
    list_filter = ("enabled", "kind", "action")
    search_fields = ("name", "pattern")
    show_full_result_count = False
    paginator = BoundedPaginator
    actions = ("try_selected", "enable_selected", "disable_selected")
    form = GuardRuleForm
    fieldsets = (
        (None, {"fields": ("name", "kind")}),
        (_("Words and expressions"), {"fields": ("pattern", "whole_words")}),
        (
            _("External check"),
            {
                "fields": ("model", "policy", "categories", "seconds", "on_failure"),
                "description": _(
                    "For a moderation service or a chat model: it is sent what is to "
                    "be checked."
                ),
            },
        ),
        (
            _("What is done"),
            {"fields": ("action", ("on_prompts", "on_answers"), "enabled")},
        ),
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
        rules = [rule for rule in queryset if not rule.is_external]
        if not rules:
            said = _now("External checks are not tried: that would send it all there.")
            self.message_user(request, said, messages.WARNING)
            return None
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
    list_display = ("rule", "told", "part", "held", "person", "where", "when")
    list_filter = ("action", "part", "failure")
    list_select_related = ("user", "generation")
    ordering = ("-id",)
    search_fields = ("rule", "user__username")
    search_help_text = _("Name of a rule or of a user.")
    fields = (
        ("rule", "did", "part"),
        "why",
        "held",
        ("start", "end"),
        ("person", "where"),
        "created",
    )
    readonly_fields = ("did", "why", "held", "person", "where")

    def get_queryset(self, request: HttpRequest) -> QuerySet[GuardFinding]:
        unread = ("text", "reasoning", "token_ids", "tool_calls", "params")
        rows = super().get_queryset(request)
        return rows.defer(*(f"generation__{name}" for name in unread))

    @admin.display(description=_("action"))
    def did(self, row: GuardFinding) -> str:
        return pill(COLOURS.get(row.action, "done"), row.get_action_display())

    @admin.display(description=_("action"))
    def told(self, row: GuardFinding) -> str:
        """With what an external check says to it."""
        why = self.why(row)
        return format_html("{}<br>{}", self.did(row), why) if why else self.did(row)

    @admin.display(description=_("why"), empty_value="")
    def why(self, row: GuardFinding) -> str | None:
        """Of an external check: what it named, or why it could not."""
        if row.failure:
            text = _now("not checked: %(why)s") % {"why": row.get_failure_display()}
            return pill("failed", text)
        return row.categories or None

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
