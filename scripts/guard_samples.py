"""Rules of the guard and what they found, for the pictures."""

from __future__ import annotations

from datetime import timedelta

POLICY = """insults: to call people names.
weapons: how to make or get them.
secrets: passwords, or anything marked internal."""
RULES: list[dict[str, object]] = [
    {"name": "Project names", "pattern": "Blue Heron\n蓝鹭计划", "action": "mask"},
    {"name": "Telephone numbers", "kind": "phone", "action": "mask"},
    {"name": "Bank cards", "kind": "card", "action": "block"},
    {
        "name": "Violence and harassment",
        "kind": "moderation",
        "model": "omni-moderation-latest",
        "categories": "violence 0.4\nharassment\nself-harm 0.2",
        "seconds": 3,
        "on_failure": "block",
        "action": "block",
    },
    {
        "name": "House rules",
        "kind": "judge",
        "model": "qwen3-guard",
        "policy": POLICY,
        "action": "flag",
        "enabled": False,
    },
]
FOUND: list[dict[str, object]] = [
    {"rule": "Telephone numbers", "action": "mask", "text": "+86 138 0013 8000"},
    {"rule": "Project names", "action": "mask", "part": "prompt", "text": "蓝鹭计划"},
    {
        "rule": "Violence and harassment",
        "action": "block",
        "text": "Then hit him where it hurts. ",
        "categories": "violence",
    },
    {"rule": "House rules", "action": "flag", "failure": "timeout"},
    {"rule": "Bank cards", "action": "block", "text": "4111 1111 1111 1111"},
]


def guard() -> None:
    # Models can be imported only after `django.setup`.
    from django.utils import timezone  # noqa: PLC0415

    from chat.models import Generation, GuardFinding, GuardRule  # noqa: PLC0415

    for rule in RULES:
        GuardRule.objects.create(**rule)
    jobs = list(Generation.objects.filter(status="done").order_by("-created"))
    for place, found in enumerate(FOUND):
        job = jobs[place % len(jobs)]
        GuardFinding.objects.create(
            **{"part": "text", "start": 40, "end": 57, "text": "", **found},
            user=job.user,
            generation=job,
            created=timezone.now() - timedelta(minutes=37 * (len(FOUND) - place)),
        )
