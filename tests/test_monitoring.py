"""`deploy/` and `docs/monitoring.md` name the metrics that there are: all of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from prometheus_client.parser import text_string_to_metric_families

from chat.observe import metrics_page

DEPLOY = Path(settings.ROOT) / "deploy"
ALERTS = DEPLOY / "prometheus" / "alerts.yml"
DASHBOARD = DEPLOY / "grafana" / "chatsite.json"
DOCUMENT = Path(settings.ROOT) / "docs" / "monitoring.md"
NAME = re.compile(r"\bchatsite_\w+")

pytestmark = pytest.mark.django_db


def families() -> set[str]:
    page = metrics_page.page().decode()
    found = {
        family.name + "_total" * (family.type == "counter")
        for family in text_string_to_metric_families(page)
    }
    return {name for name in found if name.startswith("chatsite_")}


def named(text: str) -> set[str]:
    """Of a histogram, any of its series."""
    return {re.sub("_(bucket|count)$", "", name) for name in NAME.findall(text)}


def rules() -> list[dict[str, str]]:
    [group] = yaml.safe_load(ALERTS.read_text())["groups"]
    found: list[dict[str, str]] = group["rules"]
    return found


def test_the_dashboard_shows_every_metric() -> None:
    board = json.loads(DASHBOARD.read_text())
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]

    assert named(" ".join(asked)) == families()
    assert all(expr.count("(") == expr.count(")") for expr in asked)
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_the_alerts_ask_for_metrics_that_there_are() -> None:
    for rule in rules():
        assert named(rule["expr"]) <= families(), rule["alert"]
        assert rule["expr"].count("(") == rule["expr"].count(")")


def test_the_document_tells_of_every_metric_and_every_alert() -> None:
    text = DOCUMENT.read_text()

    assert named(text) == families()
    assert {rule["alert"] for rule in rules()} == set(
        re.findall(r"^\| `(Chatsite\w+)`", text, re.MULTILINE)
    )
