"""`/metrics`: what Prometheus reads, and who else may."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as site_settings
from django.test import Client
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from chat import generations
from chat.database import in_database
from chat.engines.registry import Engines
from chat.external.rules import Service, Unchecked
from chat.external.services import Services
from chat.models import GuardFinding
from chat.observe import metrics_page
from chat.running.process import Process
from chat.screening import findings
from tests.core.helpers import ask
from tests.reading import body

pytestmark = pytest.mark.django_db(transaction=True)
PATH = "/metrics"


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"chatsite_{name}", labels) or 0


def read(text: str) -> dict[tuple[str, ...], float]:
    """Samples by name and label values."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


class TestWhoMayRead:
    def test_this_machine_where_there_is_no_token(self, client: Client) -> None:
        answer = client.get(PATH)

        assert answer.status_code == 200
        assert answer["Content-Type"].startswith("text/plain; version=")

    @pytest.mark.parametrize(
        "who",
        [
            {"REMOTE_ADDR": "10.0.0.7"},
            {"headers": {"X-Forwarded-For": "10.0.0.7"}},
            {"headers": {"Via": "1.1 proxy"}},
        ],
    )
    def test_nobody_else_without_a_token(self, client: Client, who) -> None:
        answer = client.get(PATH, **who)

        assert answer.status_code == 403
        assert b"CHAT_METRICS_TOKEN" in answer.content
        assert b"chatsite_" not in answer.content

    @pytest.mark.parametrize(
        ("sent", "status"),
        [
            ("Bearer a-token", 200),
            ("Bearer another", 403),
            ("Bearer ä", 403),
            ("", 403),
        ],
    )
    def test_who_has_the_token_from_anywhere(
        self, client: Client, settings, sent, status
    ) -> None:
        settings.CHAT_METRICS_TOKEN = "a-token"
        answer = client.get(
            PATH, REMOTE_ADDR="10.0.0.7", headers={"Authorization": sent}
        )

        assert answer.status_code == status

    def test_only_reading(self, client: Client) -> None:
        assert client.post(PATH).status_code == 405


class TestWhatIsCounted:
    async def test_an_answer(self, running: Process, alice, alices) -> None:
        names = [
            ("queue_seconds_count", {"model": "scripted"}),
            ("time_to_first_token_seconds_count", {"model": "scripted"}),
            ("inter_token_seconds_count", {"model": "scripted"}),
            ("tokens_total", {"model": "scripted", "kind": "completion"}),
            (
                "generations_total",
                {"model": "scripted", "status": "done", "reason": "stop"},
            ),
        ]
        before = [value(name, **labels) for name, labels in names]
        answer = await alices.post(
            "/api/chat/stream",
            {"prompt": "pace=0 n=7"},
            content_type="application/json",
        )
        await body(answer)

        after = [value(name, **labels) for name, labels in names]
        new = [b - a for a, b in zip(before, after, strict=True)]
        assert new == [1, 1, 1, 7, 1]

    async def test_what_fails_by_its_code(self, running: Process, alices) -> None:
        labels = {"model": "scripted", "status": "failed", "reason": "engine_failed"}
        before = value("generations_total", **labels)
        answer = await alices.post(
            "/api/chat/stream",
            {"prompt": "pace=0 fail=2"},
            content_type="application/json",
        )
        await body(answer)

        assert value("generations_total", **labels) == before + 1

    async def test_what_is_stopped_before_it_began(self, alice) -> None:
        labels = {"model": "scripted", "status": "stopped", "reason": "stopped"}
        before = value("generations_total", **labels)
        row = await in_database(ask, alice, "n=2")
        await in_database(generations.halt, row.pk)

        assert value("generations_total", **labels) == before + 1

    async def test_readers_and_those_that_come_back(
        self, running: Process, alice, alices
    ) -> None:
        row = await in_database(ask, alice, "pace=0.01 n=3000 hang=1000")
        resumed, open_now = value("resumes_total"), value("active_streams")
        path = f"/api/generations/{row.pk}/stream"
        first = aiter(await alices.get(path))
        second = aiter(await alices.get(path, headers={"Last-Event-ID": "1000001"}))
        for reader in (first, first, second, second):
            await anext(reader)

        assert value("active_streams") == open_now + 2
        assert value("resumes_total") == resumed + 1
        await first.aclose()
        await second.aclose()
        assert value("active_streams") == open_now
        await in_database(generations.halt, row.pk)

    async def test_what_waits_and_what_is_up(self, client, alice) -> None:
        await in_database(ask, alice, "n=2")
        found = await in_database(lambda: client.get(PATH).content.decode())
        numbers = read(found)

        assert numbers["chatsite_live_generations", "queued"] == 1
        assert numbers["chatsite_live_generations", "running"] == 0
        assert numbers["chatsite_up", "database"] == 1
        assert numbers["chatsite_up", "tape"] == 0  # no process has been started

    def test_nothing_that_anybody_wrote(self, client: Client, alice) -> None:
        ask(alice, "a secret prompt")

        assert "secret" not in client.get(PATH).content.decode()


COUNT = """
import sys
from chat.observe import metrics
metrics.resumes.inc(2)
metrics.readers.inc()
if sys.argv[1] == "ends":
    metrics.forget_process()
print("counted", flush=True)
sys.stdin.read()
"""


def test_several_processes_add_up(tmp_path: Path, monkeypatch) -> None:
    """Also when one was killed: what it counted stays, what it had open is no more."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    started = [
        subprocess.Popen(
            [sys.executable, "-c", COUNT, how],
            cwd=site_settings.ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for how in ("stays", "stays", "ends", "killed")
    ]
    try:
        for one in started:
            assert one.stdout is not None
            assert one.stdout.readline() == b"counted\n"
        started[3].kill()
        started[3].wait()
        numbers = read(metrics_page.page().decode())
    finally:
        for one in started:
            one.kill()
            one.communicate()

    assert numbers["chatsite_resumes_total",] == 8
    assert numbers["chatsite_active_streams",] == 2
    assert numbers["chatsite_up", "database"] == 1


class TestWhatTheGuardDoes:
    def test_what_is_found_and_withheld(self, alice) -> None:
        rows = [
            GuardFinding(user=alice, part="text", start=4, end=end, action=action)
            for end, action in ((9, "mask"), (6, "flag"), (7, "block"))
        ]
        for row in rows:
            row.kind = "keywords"
        unchecked = GuardFinding(
            user=alice, part="text", start=0, end=9, action="mask", failure="timeout"
        )
        names = [
            (name, {"kind": "keywords", "action": action})
            for name in ("guard_findings_total", "guard_withheld_characters_total")
            for action in ("mask", "flag", "block")
        ]
        before = [value(name, **labels) for name, labels in names]
        findings.keep([*rows, unchecked])

        after = [value(name, **labels) for name, labels in names]
        new = [b - a for a, b in zip(before, after, strict=True)]
        assert new == [1, 1, 1, 5, 0, 3]

    async def test_how_checks_do(self, settings) -> None:
        settings.CHAT_GUARD_URL = None
        labels = {"kind": "moderation"}
        why = {**labels, "reason": "unavailable"}
        before = value("check_seconds_count", **labels)
        failures = value("check_failures_total", **why)
        with pytest.raises(Unchecked):
            await Services(Engines()).ask(Service("moderation", "m"), "a text")

        assert value("check_seconds_count", **labels) == before + 1
        assert value("check_failures_total", **why) == failures + 1
