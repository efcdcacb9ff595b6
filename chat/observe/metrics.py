"""Numbers for Prometheus: what is counted, and where each of them comes from.

Counters and histograms grow where things happen. Where several processes share a port
(`WEB_CONCURRENCY`) or answers are written by runners, each process counts for itself:
with `PROMETHEUS_MULTIPROC_DIR` they write their counts to files in that folder, and
whoever is asked adds them up (`chat.observe.metrics_page`).

Nothing is counted per token: what is said of tokens is known at an answer's end.
Names and units: https://prometheus.io/docs/practices/naming/.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.multiprocess import mark_process_dead

if TYPE_CHECKING:
    from ..models import Generation, GuardFinding

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
WAITS = (0.05, 0.1, 0.15, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120)
PACES = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 5)

disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each

queue_seconds = Histogram(
    "chatsite_queue_seconds",
    "From the request to a runner that takes the answer up.",
    ["model"],
    buckets=WAITS,
)
first_token_seconds = Histogram(
    "chatsite_time_to_first_token_seconds",
    "From the request to its first token.",
    ["model"],
    buckets=WAITS,
)
token_seconds = Histogram(
    "chatsite_inter_token_seconds",
    "Between two tokens, on average over an answer.",
    ["model"],
    buckets=PACES,
)
tokens = Counter("chatsite_tokens", "Tokens of ended answers.", ["model", "kind"])
ended = Counter(
    "chatsite_generations",
    "Answers that ended: done, stopped or failed, and why.",
    ["model", "status", "reason"],
)
takeovers = Counter(
    "chatsite_takeovers", "Answers that went on after their owner was lost."
)
resumes = Counter("chatsite_resumes", "Readers that came back with a cursor.")
findings = Counter(
    "chatsite_guard_findings",
    "What the guard's rules found in questions and answers.",
    ["kind", "action"],
)
withheld = Counter(
    "chatsite_guard_withheld_characters",
    "Characters of that which were masked or blocked, so that nobody saw them.",
    ["kind", "action"],
)
check_seconds = Histogram(
    "chatsite_check_seconds",
    "How long external checks took, failed ones too.",
    ["kind"],
    buckets=WAITS,
)
check_failures = Counter(
    "chatsite_check_failures",
    "External checks without a verdict, and why.",
    ["kind", "reason"],
)
drafted = Counter(
    "chatsite_draft_tokens",
    "Tokens guessed ahead by speculative decoding, accepted or rejected by the model.",
    ["model", "source", "outcome"],
)
readers = Gauge(
    "chatsite_active_streams",
    "Readers of answers that are being written.",
    multiprocess_mode="livesum",
)
reading = readers.track_inprogress()
"""Around each of them."""
requests = Gauge(
    "chatsite_requests_inside",
    "Requests that wait for a thread or have one.",
    multiprocess_mode="livesum",
)
refused = Counter(
    "chatsite_requests_refused", "Requests refused because too many were inside."
)
running = Gauge(
    "chatsite_driven_generations",
    "Answers that these processes write at the moment.",
    multiprocess_mode="livesum",
)


def count_begun(row: Generation) -> None:
    """A runner took it up: for the first time, or after somebody else."""
    if row.attempt <= 1 and row.started is not None:
        queue_seconds.labels(row.model).observe(seconds(row.created, row.started))
    elif row.crashes:
        takeovers.inc()


def count_ended(row: Generation) -> None:
    """Its end is stored."""
    reason = row.error_code if row.status == "failed" else row.finish_reason
    ended.labels(row.model, row.status, reason).inc()
    tokens.labels(row.model, "prompt").inc(row.prompt_tokens)
    tokens.labels(row.model, "completion").inc(row.completion_tokens)
    first, end = row.first_token, row.finished
    if first is None:
        return
    first_token_seconds.labels(row.model).observe(seconds(row.created, first))
    if end is not None and row.completion_tokens > 1:
        pace = seconds(first, end) / (row.completion_tokens - 1)
        token_seconds.labels(row.model).observe(pace)


def count_drafts(model: str, source: str, guessed: int, accepted: int) -> None:
    """Guesses of one source for one answer."""
    drafted.labels(model, source, "accepted").inc(accepted)
    drafted.labels(model, source, "rejected").inc(guessed - accepted)


def count_found(rows: Iterable[GuardFinding]) -> None:
    """They are stored."""
    for row in rows:
        if row.failure:
            continue  # counted where it failed
        findings.labels(row.kind, row.action).inc()
        if row.action != "flag":
            withheld.labels(row.kind, row.action).inc(row.end - row.start)


def seconds(begin: datetime, end: datetime) -> float:
    return max(0.0, (end - begin).total_seconds())


def forget_process() -> None:
    """This process ends: what it has open is no more; what it counted stays."""
    if FOLDER in os.environ:
        mark_process_dead(os.getpid())  # type: ignore[no-untyped-call]
