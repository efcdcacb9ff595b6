"""An OTLP/HTTP collector: decodes what is sent, and remembers it."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)

from tests.upstream import read


@dataclass(frozen=True, slots=True)
class Seen:
    """A span as it came. Ids are hexadecimal."""

    name: str
    trace: str
    id: str
    parent: str
    kind: int
    start: int
    end: int
    attributes: Mapping[str, Any]
    events: tuple[str, ...]
    links: tuple[str, ...]
    failed: bool
    service: str
    process: str


class Collector:
    def __init__(self) -> None:
        self.spans: list[Seen] = []
        self.raw = b""
        self._lock = threading.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = await read(receive)
        headers = dict(scope["headers"])
        if headers.get(b"content-encoding") == b"gzip":
            body = gzip.decompress(body)
        assert scope["path"] == "/v1/traces"
        assert headers[b"content-type"] == b"application/x-protobuf"
        sent = ExportTraceServiceRequest.FromString(body)
        with self._lock:
            self.raw += body
            self.spans += spans_in(sent)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def named(self, name: str) -> list[Seen]:
        return [span for span in list(self.spans) if span.name == name]


def spans_in(sent: ExportTraceServiceRequest) -> list[Seen]:
    found: list[Seen] = []
    for group in sent.resource_spans:
        of = attributes(group.resource.attributes)
        for scope in group.scope_spans:
            found += [seen(span, of) for span in scope.spans]
    return found


def seen(span: Any, of: Mapping[str, Any]) -> Seen:
    return Seen(
        name=span.name,
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        kind=span.kind,
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        attributes=attributes(span.attributes),
        events=tuple(event.name for event in span.events),
        links=tuple(link.span_id.hex() for link in span.links),
        failed=span.status.code == 2,
        service=of["service.name"],
        process=of["service.instance.id"],
    )


def attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: value(pair.value) for pair in pairs}


def value(given: Any) -> Any:
    kind = given.WhichOneof("value")
    if kind == "array_value":
        return [value(one) for one in given.array_value.values]
    return getattr(given, kind)
