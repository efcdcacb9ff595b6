"""Traces by OpenTelemetry, where its own environment variables ask for them.

They are off otherwise: then nothing of it is imported, and each place that could say
something makes one comparison. `chat.observe.otel` says what there is to see.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .otel import Tracer

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
LAST_SECONDS = 2.0
"""For what is still to be sent when the process ends."""
MISSING = "Traces need more packages: pip install -r requirements-tracing.txt"
OFF: AbstractContextManager[None] = nullcontext()


class Here:
    """This process. `tracer`: while traces are on."""

    tracer: Tracer | None = None


here = Here()


def are_wanted(environ: Mapping[str, str] = os.environ) -> bool:
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    if exporter := environ.get("OTEL_TRACES_EXPORTER", ""):
        return "otlp" in exporter.lower().split(",")
    return any(environ.get(name) for name in ENDPOINTS)


def start(process: str) -> None:
    if not are_wanted():
        return
    try:
        # Imported only here: it takes a while, and most sites have no use for it.
        from .otel import Tracer  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise RuntimeError(MISSING) from error
    here.tracer = Tracer(process)


async def stop() -> None:
    ending, here.tracer = here.tracer, None
    if ending is not None:
        await asyncio.to_thread(ending.stop, LAST_SECONDS)


def submitting() -> AbstractContextManager[object]:
    """Around the transaction that queues an answer."""
    return OFF if here.tracer is None else here.tracer.submitting()


def carried() -> str:
    """What the answer's row takes along, for whoever writes it: W3C's `traceparent` of
    the span that queues it."""
    return "" if here.tracer is None else here.tracer.carried()
