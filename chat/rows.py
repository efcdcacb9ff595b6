"""Rows by statements that are written once.

A queryset is built and compiled anew for every call, which costs ten times what the
database does with it. So the few statements that each start and each end of an answer
makes are plain SQL; columns, defaults and conversions still come from the models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import cached_property
from itertools import islice
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import DateTimeField, Field, JSONField, Model

M = TypeVar("M", bound=Model)
Convert = Callable[[Any], Any]


def execute(sql: str, values: Iterable[Any] = ()) -> int:
    """How many rows it changed."""
    with connection.cursor() as cursor:
        cursor.execute(sql, adapted(values))
        changed: int = cursor.rowcount
        return changed


def execute_many(sql: str, rows: Iterable[Iterable[Any]]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(sql, [adapted(row) for row in rows])


def fetch(sql: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, adapted(values))
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def adapted(values: Iterable[Any]) -> list[Any]:
    """As this database's driver takes them."""
    here = connections[DEFAULT_DB_ALIAS]
    if here.features.has_native_uuid_field:
        return list(values)
    date = here.ops.adapt_datetimefield_value
    return [
        value.hex
        if type(value) is UUID
        else date(value)
        if type(value) is datetime
        else value
        for value in values
    ]


def uuid(value: Any) -> UUID:
    """An id as a driver gives it."""
    return value if isinstance(value, UUID) else UUID(value)


def places(count: int) -> str:
    """For `IN (…)`."""
    return ", ".join(["%s"] * count)


class Table(Generic[M]):
    """A model's table. Signals are not sent."""

    def __init__(self, model: type[M]) -> None:
        self._model = model
        self._fields: Sequence[Field[Any, Any]] = model._meta.concrete_fields
        self._names = [field.attname for field in self._fields]
        self.name = model._meta.db_table

    def columns(self, alias: str) -> str:
        """All of them, in the order in which `read` takes them."""
        return ", ".join(f"{alias}.{field.column}" for field in self._fields)

    def insert(self, *rows: M) -> None:
        """In one statement. The values must have their fields' types."""
        one = f"({places(len(self._fields))})"
        columns = ", ".join(str(field.column) for field in self._fields)
        every = ", ".join([one] * len(rows))
        values = [value for row in rows for value in self._values(row)]
        execute(f"INSERT INTO {self.name} ({columns}) VALUES {every}", values)
        for row in rows:
            row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS

    def _values(self, row: M) -> Iterator[Any]:
        for name, field in zip(self._names, self._fields, strict=True):
            if isinstance(field, JSONField):
                yield field.get_db_prep_save(getattr(row, name), connection)
            elif isinstance(field, DateTimeField):  # may be set at this moment
                yield field.pre_save(row, True)
            else:
                yield getattr(row, name)

    def read(self, values: Iterator[Any]) -> M:
        """The next row from what a statement with `columns` gave."""
        mine = [
            convert(value) if convert else value
            for convert, value in zip(self._converters, self._take(values), strict=True)
        ]
        return self._model.from_db(DEFAULT_DB_ALIAS, self._names, mine)

    def _take(self, values: Iterator[Any]) -> Iterator[Any]:
        return islice(values, len(self._fields))

    @cached_property
    def _converters(self) -> list[Convert | None]:
        return [_converter(field) for field in self._fields]


def _converter(field: Field[Any, Any]) -> Convert | None:
    """From what this database gives to what the model has; None: it is the same."""
    column = field.get_col(field.model._meta.db_table)
    steps = [
        *connection.ops.get_db_converters(column),
        *column.get_db_converters(connection),
    ]
    if not steps:
        return None

    def convert(value: Any) -> Any:
        for step in steps:
            value = step(value, column, connection)
        return value

    return convert
