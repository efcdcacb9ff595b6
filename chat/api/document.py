"""The OpenAPI document: every call with every answer it may give, errors included.

ninja knows parameters and what a view says is its answer. What comes from outside the
views (authentication, limits, refused bodies, a database that is away) is the same for
all calls of a kind, and is added here, in the dialect's own shape.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ninja import NinjaAPI, Schema
from ninja.openapi.schema import REF_TEMPLATE, OpenAPISchema
from ninja.schema import NinjaGenerateJsonSchema

Json = dict[str, Any]
JSON = "application/json"
WITH_BODY = ("post", "put", "patch")
ERRORS = {
    "400": "The request cannot be understood; the error names the field.",
    "401": "No session, or an API key that opens nothing.",
    "403": "The key lacks the scope, or the CSRF token is missing or old.",
    "404": "Not there, or somebody else's.",
    "409": "Something else is going on there, or it is there already.",
    "413": "The request is too large.",
    "415": "Not JSON.",
    "429": "The user's limit; Retry-After says when it is worth another try.",
    "500": "Something went wrong on our side.",
    "503": "Not now; Retry-After says when it is worth another try.",
}
SECURITY = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "sessionid",
        "description": "A session; what changes something needs X-CSRFToken, too.",
    },
}
SEEN = {"X-Request-Id": "The caller's own, or a new one."}
LATER = {"Retry-After": "Seconds."}


class DocumentedAPI(NinjaAPI):
    """`error` is the shape of its errors; the document has those of `also`, too."""

    def __init__(
        self,
        *,
        error: type[Schema],
        also: Sequence[DocumentedAPI] = (),
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._error = error
        self._also = also

    def get_openapi_schema(self, **where: Any) -> OpenAPISchema:
        document = super().get_openapi_schema(**where)
        for path, calls in document["paths"].items():
            for method, call in calls.items():
                call["responses"] = self._answers(path, method, call)
        document["components"]["securitySchemes"] = SECURITY
        document["security"] = [{name: []} for name in SECURITY]
        add(document, definitions(self._error))
        for other in self._also:
            part = other.get_openapi_schema()
            document["paths"].update(part["paths"])
            add(document, part["components"]["schemas"])
        return document

    def _answers(self, path: str, method: str, call: Json) -> Json:
        """What the view says, whose keys may be numbers and texts; then the errors."""
        answers: Json = {}
        for status, answer in call["responses"].items():
            known = answers.setdefault(str(status), {"description": ""})
            known["content"] = known.get("content", {}) | answer.get("content", {})
            known["description"] = answer.get("description") or known["description"]
        for status in statuses(path, method, call):
            answers.setdefault(status, {"description": ERRORS[status]})
        refused = {"$ref": REF_TEMPLATE.format(model=self._error.__name__)}
        for status, answer in answers.items():
            if status >= "4" and not answer.get("content"):
                answer["content"] = {JSON: {"schema": refused}}
        return {status: finished(answers[status], status) for status in sorted(answers)}


def statuses(path: str, method: str, call: Json) -> Iterator[str]:
    parameters = call.get("parameters") or []
    starts = any(one["name"] == "Idempotency-Key" for one in parameters)
    yield from ("401", "403", "500", "503")
    if parameters or "requestBody" in call:
        yield "400"
    if "{" in path or starts:
        yield "404"
    if method in WITH_BODY:
        yield from ("413", "415")
    if starts:
        yield from ("409", "429")


def finished(answer: Json, status: str) -> Json:
    headers = SEEN | (LATER if status in ("429", "503") else {})
    shown = {
        name: {"description": text, "schema": {"type": "string"}}
        for name, text in headers.items()
    }
    body = {"content": answer["content"]} if answer.get("content") else {}
    return {"description": answer["description"], "headers": shown, **body}


def definitions(model: type[Schema]) -> Json:
    schema = model.model_json_schema(
        ref_template=REF_TEMPLATE,
        schema_generator=NinjaGenerateJsonSchema,
        mode="serialization",
    )
    inner: Json = schema.pop("$defs", {})
    return {model.__name__: schema, **inner}


def add(document: Json, schemas: Json) -> None:
    """Raises ValueError where one name means two things."""
    known = document["components"]["schemas"]
    for name, schema in schemas.items():
        if known.setdefault(name, schema) != schema:
            raise ValueError(f"two schemas are called {name}")


EVENT: Json = {
    "type": "object",
    "required": ["data"],
    "properties": {
        "id": {"type": "string", "description": "The reader's cursor."},
        "event": {"type": "string"},
        "data": {"type": "string", "contentMediaType": JSON},
    },
}


def events(description: str, *names: str) -> Json:
    """An answer that is a stream of events; `names` of them, where they have any."""
    named = {"event": {"type": "string", "enum": list(names)}} if names else {}
    schema = {**EVENT, "properties": EVENT["properties"] | named}
    return {
        "description": description,
        "content": {"text/event-stream": {"schema": schema}},
    }


def event_stream(description: str) -> Json:
    """For `openapi_extra`: the answer may also be a stream of events."""
    return {"responses": {"200": events(description)}}
