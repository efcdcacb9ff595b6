"""What a trace shows of an answer; never a word of it.

request > submit > (queue, generation > (prepare, chat MODEL, checkpoint …, finish))

The row carries the context from the process that was asked to those that write. Each
attempt is a `generation` of its own. Its span's id is worked out from the answer and
the attempt's number, so that the next one can link to it without having met it. `chat`
and its attributes: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Protocol

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import (
    Link,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import (
    TraceContextTextMapPropagator,
)

from ..engines.base import EngineError
from ..models import Generation

CHECKPOINTS = 20
"""Of one attempt. Further ones are only counted."""
QUIET = ("/healthz", "/readyz", "/metrics")
SAMPLED = ("temperature", "top_p", "top_k", "max_tokens", "seed")
"""Parameters that are numbers: none says what anybody wrote."""
PROPAGATOR = TraceContextTextMapPropagator()
UNRECORDED: dict[str, Any] = {
    "record_exception": False,
    "set_status_on_exception": False,
}
"""An exception's message may quote what somebody wrote."""

_given: ContextVar[int] = ContextVar("span_id", default=0)


class Written(Protocol):
    """A job, as far as it is told of."""

    row: Generation
    prompt_tokens: int
    completion_tokens: int
    first_token: datetime | None
    interrupted: Any


class Ids(RandomIdGenerator):
    def generate_span_id(self) -> int:
        return _given.get() or super().generate_span_id()


class Tracer:
    def __init__(self, process: str) -> None:
        resource = Resource.create({"service.instance.id": process})
        if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
            resource = resource.merge(Resource({SERVICE_NAME: "chatsite"}))
        self._provider = TracerProvider(
            resource=resource, id_generator=Ids(), shutdown_on_exit=False
        )
        # Its queue is bounded; what comes when it is full is dropped.
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("chatsite")

    def stop(self, seconds: float) -> None:
        """Send what is left, within this time."""
        last = threading.Thread(target=self._provider.shutdown, daemon=True)
        last.start()
        last.join(seconds)

    def span(self, name: str, **how: Any) -> Span:
        return self._tracer.start_span(name, **UNRECORDED, **how)

    def responded(
        self,
        request: HttpRequest,
        respond: Callable[[HttpRequest], HttpResponseBase],
    ) -> HttpResponseBase:
        """With a span around it, which goes on the caller's trace if there is one."""
        if request.path in QUIET:
            return respond(request)
        sent = {name.lower(): value for name, value in request.headers.items()}
        with self._tracer.start_as_current_span(
            str(request.method),
            PROPAGATOR.extract(sent),
            SpanKind.SERVER,
            {"http.request.method": str(request.method), "url.scheme": request.scheme},
            **UNRECORDED,
        ) as span:
            response = respond(request)
            if (match := request.resolver_match) is not None:
                span.update_name(f"{request.method} /{match.route}")
                span.set_attribute("http.route", f"/{match.route}")
            span.set_attribute("http.response.status_code", response.status_code)
            if response.status_code >= 500:
                span.set_status(StatusCode.ERROR)
            return response

    def submitting(self) -> AbstractContextManager[Span]:
        return self._tracer.start_as_current_span(
            "submit", kind=SpanKind.PRODUCER, **UNRECORDED
        )

    def carried(self) -> str:
        return header(get_current_span().get_span_context())

    def attempt(self, row: Generation, number: int, claimed: int) -> Attempt:
        """`claimed`: when, in nanoseconds."""
        return Attempt(self, row, number, claimed)


class Attempt:
    """One owner's work on an answer."""

    def __init__(
        self, tracer: Tracer, row: Generation, number: int, claimed: int
    ) -> None:
        self._tracer = tracer
        self._asked: Span | None = None
        self._checkpoints = 0
        self.finish_reason = ""
        parent = PROPAGATOR.extract({"traceparent": row.trace})
        trace = get_current_span(parent).get_span_context()
        again = number > 1 and trace.is_valid
        links = [Link(before(row, number, trace))] if again else []
        given = _given.set(span_id(row, number))
        self._span = tracer.span(
            "generation",
            context=parent,
            kind=SpanKind.CONSUMER,
            links=links,
            start_time=claimed,
            attributes={
                "gen_ai.response.id": str(row.pk),
                "gen_ai.conversation.id": str(row.conversation_id),
                "gen_ai.request.model": row.model,
                "chatsite.attempt": number,
            },
        )
        _given.reset(given)
        self._inside: Context = set_span_in_context(self._span)
        if number == 1:
            start, around = nanoseconds(row.created), parent or self._inside
            queue = tracer.span("queue", context=around, start_time=start)
            queue.end(max(start, claimed))
        tracer.span("prepare", context=self._inside, start_time=claimed).end()

    @property
    def header(self) -> str:
        """For an engine behind HTTP."""
        return header((self._asked or self._span).get_span_context())

    @contextmanager
    def asking(self, job: Written) -> Iterator[None]:
        """Around what the engine says."""
        row, began = job.row, time.time_ns()
        self._asked = span = self._tracer.span(
            f"chat {row.model}",
            context=self._inside,
            kind=SpanKind.CLIENT,
            start_time=began,
            attributes={
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "chatsite",
                "gen_ai.request.model": row.model,
                "gen_ai.response.id": str(row.pk),
                "gen_ai.conversation.id": str(row.conversation_id),
                **sampling(row.params),
            },
        )
        try:
            yield
        except EngineError as error:
            failed(span, error.code)
            raise
        except asyncio.CancelledError:
            span.set_attribute(
                "chatsite.interrupted", str(job.interrupted or "timeout")
            )
            raise
        finally:
            if self.finish_reason:
                span.set_attribute(
                    "gen_ai.response.finish_reasons", [self.finish_reason]
                )
            tell_tokens(span, job)
            first = nanoseconds(job.first_token) if job.first_token else 0
            if first >= began:
                waited = (first - nanoseconds(row.created)) // 10**6
                since = {"chatsite.since_request_ms": waited}
                span.add_event("first_token", since, first)
            span.end()

    def checkpointed(self, began: int) -> None:
        self._checkpoints += 1
        if self._checkpoints <= CHECKPOINTS:
            self._child("checkpoint", began)

    def finished(self, row: Generation, began: int) -> None:
        """Its end is stored."""
        self._child("finish", began)
        self._span.set_attribute("chatsite.status", row.status)
        if row.status == "failed":
            failed(self._span, row.error_code)
        else:
            reasons = [row.finish_reason]
            self._span.set_attribute("gen_ai.response.finish_reasons", reasons)

    def close(self, job: Written) -> None:
        """This owner is done with it, in whatever way."""
        tell_tokens(self._span, job)
        self._span.set_attribute("chatsite.checkpoints", self._checkpoints)
        self._span.end()

    def _child(self, name: str, began: int) -> None:
        self._tracer.span(name, context=self._inside, start_time=began).end()


def header(context: SpanContext) -> str:
    if not context.is_valid:
        return ""
    return (
        f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
    )


def span_id(row: Generation, attempt: int) -> int:
    digest = hashlib.sha256(f"{row.pk}.{attempt}".encode()).digest()
    return int.from_bytes(digest[:8], "big") or 1


def before(row: Generation, attempt: int, trace: SpanContext) -> SpanContext:
    """The attempt before this one, wherever that was made."""
    return SpanContext(
        trace.trace_id,
        span_id(row, attempt - 1),
        is_remote=True,
        trace_flags=trace.trace_flags,
    )


def sampling(params: dict[str, Any]) -> dict[str, float]:
    found = {name: params.get(name) for name in SAMPLED}
    return {
        f"gen_ai.request.{name}": value
        for name, value in found.items()
        if isinstance(value, int | float)
    }


def tell_tokens(span: Span, job: Written) -> None:
    span.set_attribute("gen_ai.usage.input_tokens", job.prompt_tokens)
    span.set_attribute("gen_ai.usage.output_tokens", job.completion_tokens)


def failed(span: Span, code: str) -> None:
    """By its code: a message is for people, and may say more."""
    span.set_attribute("error.type", code)
    span.set_status(Status(StatusCode.ERROR, code))


def nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1e9)
