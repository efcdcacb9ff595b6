"""Plain SQL through Django's connection, for the few statements that are written once.

On SQLite they go straight to the driver: Django's cursors rewrite the places of each
statement anew and look after things that are off, which takes four times as long as
what the database does. Where somebody listens (a test that counts statements, DEBUG)
they go through Django's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter, methodcaller
from typing import Any, cast
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.sqlite3.base import FORMAT_QMARK_REGEX

Values = Sequence[Any] | Mapping[str, Any]
STATEMENTS = 512
"""Kept with SQLite's places. Those with a list have some lengths of it."""
ROW_COUNT, ALL_ROWS = attrgetter("rowcount"), methodcaller("fetchall")


def execute(sql: str, values: Values = ()) -> int:
    """How many rows it changed."""
    changed: int = taken(sql, values, ROW_COUNT)
    return changed


def execute_many(sql: str, rows: Iterable[Sequence[Any]]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(sql, [adapted(row) for row in rows])


def fetch(sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = taken(sql, values, ALL_ROWS)
    return found


def taken(sql: str, values: Values, take: Callable[[Any], Any]) -> Any:
    """What `take` has of a cursor that has executed it."""
    here = connections[DEFAULT_DB_ALIAS]
    if is_direct(here, values):
        with here.wrap_database_errors:
            return take(run(here, sql, values))
    with here.cursor() as cursor:
        cursor.execute(sql, adapted(values))
        return take(cursor)


def is_direct(here: Any, values: Values) -> bool:
    """Whether nobody but the driver has to know of a statement with these values."""
    return (
        here.vendor == "sqlite"
        and not here.execute_wrappers
        and not here.queries_logged
        and not isinstance(values, Mapping)
    )


def run(here: Any, sql: str, values: Values) -> Any:
    """The driver's cursor that has executed it."""
    here.ensure_connection()
    here.validate_no_broken_transaction()
    return here.connection.execute(with_marks(sql), for_sqlite(values))


@lru_cache(STATEMENTS)
def with_marks(sql: str) -> str:
    """With the places as SQLite's driver has them, and `%%` as what it stands for."""
    return FORMAT_QMARK_REGEX.sub("?", sql).replace("%%", "%")


def adapted(values: Values) -> Any:
    """As this database's driver takes them. By name: no ids or dates among them."""
    here = connections[DEFAULT_DB_ALIAS]
    if isinstance(values, Mapping) or here.features.has_native_uuid_field:
        return values
    return for_sqlite(values)


def for_sqlite(values: Iterable[Any]) -> list[Any]:
    return [
        value.hex
        if type(value) is UUID
        else moment_text(value)
        if type(value) is datetime
        else value
        for value in values
    ]


def moment_text(value: datetime) -> str:
    """As Django has SQLite keep it: in UTC, which is not said."""
    return str(value.astimezone(UTC).replace(tzinfo=None))


def uuid(value: Any) -> UUID:
    """An id as a driver gives it."""
    return value if isinstance(value, UUID) else UUID(value)


def _moment(value: Any) -> datetime | None:
    given = datetime.fromisoformat(value) if isinstance(value, str) else value
    return None if given is None else cast("datetime", given).replace(tzinfo=UTC)


def _uuid(value: str | None) -> UUID | None:
    return None if value is None else UUID(int=int(value, 16))


def _bool(value: Any) -> bool | None:
    return None if value is None else bool(value)


FROM_SQLITE: dict[str, Callable[[Any], Any]] = {
    "DateTimeField": _moment,
    "UUIDField": _uuid,
    "BooleanField": _bool,
}
"""From what SQLite's driver gives to what a model has: what Django's converters do,
without looking anew each time what there is to do."""


def places(count: int) -> str:
    """For `IN (…)`."""
    return ", ".join(["%s"] * count)


def clock(ahead: float = 0) -> str:
    """The database's own time, so many seconds ahead, as fields have it."""
    if connection.vendor == "sqlite":
        return f"STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW', '{ahead:+f} seconds')"
    return f"(STATEMENT_TIMESTAMP() + INTERVAL '{ahead:f} seconds')"
