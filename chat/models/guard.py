"""What may not be asked or answered, and what was found of it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..external.rules import SHOWN, Check, Service, categories_in
from ..guard import WINDOW, Rule, RuleError, compile_rules

MAX_RULES = 500
MAX_PATTERN = 200_000
MAX_POLICY = 20_000
DEFAULT_SECONDS = 5.0
LONGEST_WAIT = 30

PROBLEMS: dict[str, Any] = {
    "syntax": _("This is not a regular expression: %(detail)s."),
    "unsupported": _(
        "Not taken, as it looks further than one character: %(detail)s. Anchors, "
        "references, longer looks and possessive repetition are not."
    ),
    "too_complicated": _("This expression is too large. Use smaller numbers."),
    "matches_nothing": _("This expression matches where there is nothing."),
    "empty": _("Say what to look for."),
    "too_long": _("This is too long: %(detail)s."),
    "too_many": _("All rules together may have %(detail)s words."),
}


class GuardRule(models.Model):
    """`chat.guard` says what it means; `chat.screening.rulebook` tells processes."""

    class Kind(models.TextChoices):
        KEYWORDS = "keywords", _("words")
        REGEX = "regex", _("regular expression")
        EMAIL = "email", _("e-mail addresses")
        PHONE = "phone", _("telephone numbers")
        CHINESE_ID = "chinese_id", _("Chinese identity numbers")
        CARD = "card", _("bank card numbers")
        MODERATION = "moderation", _("moderation service")
        JUDGE = "judge", _("chat model with a policy")

    class Action(models.TextChoices):
        FLAG = "flag", _("flag")
        MASK = "mask", _("mask")
        BLOCK = "block", _("block")

    class Failure(models.TextChoices):
        PASS = "pass", _("let it through, and note that it was not checked")
        BLOCK = "block", _("end the answer")

    name = models.CharField(_("name"), max_length=100, unique=True)
    kind = models.CharField(
        _("kind"), max_length=16, choices=Kind, default=Kind.KEYWORDS
    )
    pattern = models.TextField(
        _("what to look for"),
        blank=True,
        max_length=MAX_PATTERN,
        help_text=_("Words, one on each line; or one regular expression."),
    )
    whole_words = models.BooleanField(
        _("whole words"),
        default=True,
        help_text=_("Words of letters are not found inside longer ones."),
    )
    action = models.CharField(
        _("action"),
        max_length=8,
        choices=Action,
        default=Action.FLAG,
        help_text=_(
            "Flag: it is noted here. Mask: each of its characters becomes █. Block: "
            "a question is refused, an answer ends before it."
        ),
    )
    model = models.CharField(
        _("model"),
        max_length=200,
        blank=True,
        help_text=_(
            "As the service calls it; or a chat model of this site. The service is the "
            "one at CHAT_GUARD_URL."
        ),
    )
    policy = models.TextField(
        _("policy"),
        blank=True,
        max_length=MAX_POLICY,
        help_text=_(
            "What a chat model is told: what is not allowed, by name. It is asked to "
            "say “safe”, or “unsafe” and the names."
        ),
    )
    categories = models.TextField(
        _("categories"),
        blank=True,
        max_length=10_000,
        help_text=_(
            "One on each line, with the least score that counts if it is not to be the "
            "service's own: “violence 0.4”. None: whatever the service finds."
        ),
    )
    seconds = models.FloatField(
        _("time limit"),
        default=DEFAULT_SECONDS,
        validators=[MinValueValidator(0.05), MaxValueValidator(LONGEST_WAIT)],
        help_text=_("Seconds in which each check has to answer."),
    )
    on_failure = models.CharField(
        _("if it cannot be checked"),
        max_length=8,
        choices=Failure,
        default=Failure.PASS,
    )
    on_prompts = models.BooleanField(_("in questions"), default=True)
    on_answers = models.BooleanField(_("in answers"), default=True)
    enabled = models.BooleanField(_("in force"), default=True)
    changed = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("guard rule")
        verbose_name_plural = _("guard rules")
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def compiled_from(self) -> Rule:
        kind: Any = self.kind
        action: Any = self.action
        return Rule(self.pk or 0, kind, action, self.pattern, self.whole_words)

    def as_check(self) -> Check:
        """Of an external one."""
        kind: Any = self.kind
        action: Any = self.action
        try:
            categories = categories_in(self.categories)
        except ValueError:  # it was not checked when it was saved: then all count
            categories = ()
        return Check(
            key=self.pk or 0,
            name=self.name,
            action=action,
            service=Service(kind, self.model, self.policy, self.seconds),
            categories=categories,
            closed=self.on_failure == self.Failure.BLOCK,
        )

    def clean(self) -> None:
        if self.kind not in (self.Kind.KEYWORDS, self.Kind.REGEX):
            self.pattern = ""
        if self.is_external:
            return self._clean_check()
        self.model = self.policy = self.categories = ""
        self.on_failure = self.Failure.PASS
        return self._clean_pattern()

    def _clean_check(self) -> None:
        judge = self.kind == self.Kind.JUDGE
        if not judge:
            self.policy = ""
        problems: dict[str, Any] = {}
        if judge and not self.model:
            problems["model"] = _("Name the chat model.")
        if judge and not self.policy.strip():
            problems["policy"] = _("Say what is not allowed.")
        try:
            categories_in(self.categories)
        except ValueError as error:
            problems["categories"] = _(
                "Not a category with a score from 0 to 1: %(line)s"
            ) % {"line": error}
        if self.action == self.Action.FLAG and self.on_failure == self.Failure.BLOCK:
            problems["on_failure"] = _(
                "What is only flagged is not held back, so it cannot be ended either."
            )
        if problems:
            raise ValidationError(problems)

    def _clean_pattern(self) -> None:
        others = GuardRule.objects.exclude(pk=self.pk)
        if self._state.adding and others.count() >= MAX_RULES:
            raise ValidationError(
                _("There are %(limit)d rules already. Put words into one of them."),
                code="too_many",
                params={"limit": MAX_RULES},
            )
        words = others.filter(kind=self.Kind.KEYWORDS) if self.is_words else ()
        try:
            self.compiled_from().check()
            compile_rules([self.compiled_from(), *(r.compiled_from() for r in words)])
        except RuleError as error:
            problem = ValidationError(
                PROBLEMS[error.code], code=error.code, params={"detail": error.detail}
            )
            raise ValidationError({"pattern": problem}) from error

    @property
    def is_words(self) -> bool:
        return self.kind == self.Kind.KEYWORDS

    @property
    def is_external(self) -> bool:
        """Somebody else decides."""
        return self.kind in (self.Kind.MODERATION, self.Kind.JUDGE)


class GuardFinding(models.Model):
    """Something a rule found. `text` is what stood there, `start` to `end` where. A
    question that was refused has no generation. Of what is not stored, no text.
    `categories`: what an external check named; `failure`: why it could not check."""

    class Part(models.TextChoices):
        PROMPT = "prompt", _("question")
        SYSTEM = "system", _("system prompt")
        TEXT = "text", _("answer")
        REASONING = "reasoning", _("reasoning")
        TOOL_CALL = "tool_call", _("tool call")

    class Failure(models.TextChoices):
        TIMEOUT = "timeout", _("too slow")
        UNAVAILABLE = "unavailable", _("cannot be reached")
        REFUSED = "refused", _("refuses to check")
        NONSENSE = "nonsense", _("answers in no known way")

    rule = models.CharField(_("rule"), max_length=100)
    action = models.CharField(_("action"), max_length=8, choices=GuardRule.Action)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("user"),
    )
    generation = models.ForeignKey(
        "chat.Generation",
        null=True,
        on_delete=models.CASCADE,
        related_name="findings",
        verbose_name=_("generation"),
    )
    part = models.CharField(_("found in"), max_length=16, choices=Part)
    start = models.PositiveIntegerField(_("from"))
    end = models.PositiveIntegerField(_("to"))
    text = models.CharField(_("text"), max_length=WINDOW, blank=True)
    categories = models.CharField(
        _("categories"), max_length=SHOWN, blank=True, default="", db_default=""
    )
    failure = models.CharField(
        _("not checked"),
        max_length=16,
        choices=Failure,
        blank=True,
        default="",
        db_default="",
    )
    kind: str = ""
    """The rule's, where it was just found; not part of the row."""
    created = models.DateTimeField(_("found"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("guard finding")
        verbose_name_plural = _("guard findings")
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.rule}: {self.part}"
