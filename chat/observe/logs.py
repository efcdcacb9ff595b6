"""Log lines that say which request and which generation they are about, and never what
anybody wrote.

`LOG_FORMAT=json` gives an object a line: time, level, logger, message, and request,
generation and error where there are some. The message of an error is cut to its first
line: a database quotes the row it refused below that, a validator its input.
"""

from __future__ import annotations

import logging
import traceback
from contextvars import ContextVar
from copy import copy
from types import TracebackType
from typing import Any

from pythonjsonlogger.json import JsonFormatter

FIELDS = {
    "asctime": "time",
    "levelname": "level",
    "name": "logger",
    "exc_info": "error",
}
KEYS = ("time", "level", "logger", "message", "request", "generation", "error")
MAX_MESSAGE = 200
ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]

request: ContextVar[str] = ContextVar("request", default="")
"""The id of the request that is being answered (`X-Request-Id`)."""
generation: ContextVar[str] = ContextVar("generation", default="")
"""The id of the generation that is being driven."""


class About(logging.Filter):
    """Gives every record the two ids, and cuts the errors that it names."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request, record.generation = request.get(), generation.get()
        if isinstance(record.args, tuple):
            record.args = tuple(map(without_details, record.args))
        return True


def without_details(value: object) -> object:
    return beginning(value) if isinstance(value, BaseException) else value


def beginning(error: object) -> str:
    return str(error).partition("\n")[0][:MAX_MESSAGE]


class Line(logging.Formatter):
    """For people: the ids stand before the message."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        told = copy(record)  # the others have it too
        ids = (record.request, record.generation)  # type: ignore[attr-defined]
        told.message = "".join(f"[{one}] " for one in ids if one) + record.message
        return super().formatMessage(told)

    def formatException(self, ei: Any) -> str:
        return told(ei)


class Json(JsonFormatter):
    def __init__(self) -> None:
        names = (*FIELDS, "message", "request", "generation")
        super().__init__(
            " ".join(f"%({name})s" for name in names),
            rename_fields=FIELDS,
            datefmt="%Y-%m-%dT%H:%M:%S%z",
            json_ensure_ascii=False,
            rename_fields_keep_missing=False,
        )

    def formatException(self, ei: Any) -> str:
        return told(ei)

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        """What others add to their records stays out."""
        return {name: log_data[name] for name in KEYS if log_data.get(name)}


def told(info: ExcInfo) -> str:
    """The traceback, whose lines are our own code, and the beginning of what each error
    in the chain says."""
    said = traceback.TracebackException(*info)  # type: ignore[arg-type]
    error: traceback.TracebackException | None = said
    while error is not None:
        error._str = beginning(error)  # type: ignore[attr-defined]
        error = error.__cause__ or error.__context__
    return "".join(said.format()).rstrip()
