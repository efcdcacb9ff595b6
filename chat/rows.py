"""Rows by statements that are written once.

A queryset is built and compiled anew for every call, which costs ten times what the
database does with it. So the few statements that each start and each end of an answer
makes are plain SQL; columns, defaults and conversions still come from the models.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from operator import itemgetter
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Field, JSONField, Model
from django.db.models.base import ModelState

from .sql import FROM_SQLITE, execute, fetch, places

M = TypeVar("M", bound=Model)
Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Sql:
    """What the database computes, in the place of a value."""

    text: str
    values: tuple[Any, ...] = ()


FEW = 4
"""Rows at a time whose INSERT is kept: starts have one or two."""


class Table(Generic[M]):
    """A model's table, or what is read of it. Signals are not sent."""

    def __init__(self, model: type[M], *only: str) -> None:
        fields: Sequence[Field[Any, Any]] = model._meta.concrete_fields
        self._model = model
        self._fields = [f for f in fields if not only or f.attname in only]
        self._names = [field.attname for field in self._fields]
        self._by_name = dict(zip(self._names, self._fields, strict=True))
        self._values = itemgetter(*self._names)
        self._json = [
            (place, field)
            for place, field in enumerate(self._fields)
            if isinstance(field, JSONField)
        ]
        made = [f for f in self._fields if f.has_default() and callable(f.default)]
        self._made = [(field.attname, field.get_default) for field in made]
        self._constant = {
            field.attname: field.get_default()
            for field in self._fields
            if field not in made
        }
        self._relations: dict[str, Any] = {
            field.name: field for field in self._fields if field.is_relation
        }
        self._insertions: dict[int, str] = {}
        self.name = model._meta.db_table
        self._own = self.columns(self.name)

    def columns(self, alias: str) -> str:
        """All of them, in the order in which `read` takes them."""
        return ", ".join(f"{alias}.{field.column}" for field in self._fields)

    def new(self, **values: Any) -> M:
        """A row to be inserted, as the model itself would make it."""
        row = blank(self._model)
        mine = row.__dict__
        mine.update(self._constant)
        for name, make in self._made:
            if name not in values:
                mine[name] = make()
        for name, value in values.items():
            if name in self._relations:
                self.link(row, name, value)
            else:
                mine[name] = value
        return row

    def link(self, row: M, name: str, other: Model | None) -> None:
        """Let `row.name` be that row, of the same database. The other knows nothing of
        it: a cycle would keep both until garbage is collected."""
        field = self._relations[name]
        row.__dict__[field.attname] = other and other.pk
        field.set_cached_value(row, other)

    def insert(self, *rows: M) -> None:
        """In one statement. The values have their fields' types, and no field sets
        itself when it is saved."""
        values: list[Any] = []
        for row in rows:
            mine = list(self._values(row.__dict__))
            for place, field in self._json:
                mine[place] = _prepared(field, mine[place])
            values += mine
        execute(self._insertion(len(rows)), values)
        for row in rows:
            row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS

    def _insertion(self, count: int) -> str:
        """Of so many rows; written once for each number of them, and there are few."""
        if (sql := self._insertions.get(count)) is None:
            one = f"({places(len(self._fields))})"
            columns = ", ".join(str(field.column) for field in self._fields)
            every = ", ".join([one] * count)
            sql = f"INSERT INTO {self.name} ({columns}) VALUES {every}"
            if count <= FEW:
                self._insertions[count] = sql
        return sql

    def update(self, where: Mapping[str, Any], **changes: Any) -> int:
        """One conditional UPDATE of the rows that are still so; how many there were."""
        return execute(*self._update(where, changes))

    def updated(self, where: Mapping[str, Any], **changes: Any) -> list[M]:
        """The same; the rows as they are now."""
        sql, values = self._update(where, changes)
        found = fetch(f"{sql} RETURNING {self._own}", values)
        return [self.read(iter(row)) for row in found]

    def _update(
        self, where: Mapping[str, Any], changes: Mapping[str, Any]
    ) -> tuple[str, list[Any]]:
        values: list[Any] = []
        sets = ", ".join(self._term(change, values) for change in changes.items())
        tests = " AND ".join(
            f"{self._by_name[name].column} IS NULL"
            if value is None
            else self._term((name, value), values)
            for name, value in where.items()
        )
        return f"UPDATE {self.name} SET {sets} WHERE {tests}", values

    def _term(self, pair: tuple[str, Any], values: list[Any]) -> str:
        name, value = pair
        field = self._by_name[name]
        if isinstance(value, Sql):
            values += value.values
            return f"{field.column} = {value.text}"
        values.append(_prepared(field, value))
        return f"{field.column} = %s"

    def read(self, values: Iterator[Any]) -> M:
        """The next row from what a statement with `columns` gave."""
        mine = list(islice(values, len(self._fields)))
        for place, convert in self._converters:
            mine[place] = convert(mine[place])
        row = blank(self._model)
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
        row.__dict__.update(zip(self._names, mine, strict=True))
        return row

    @cached_property
    def _converters(self) -> list[tuple[int, Convert]]:
        """For the places whose values this database gives otherwise."""
        found = enumerate(map(_converter, self._fields))
        return [(place, convert) for place, convert in found if convert]


def blank(model: type[M]) -> M:
    """A row without values. A model's own `__init__` looks through all its fields for
    what could have been meant, which costs more than writing them."""
    row = model.__new__(model)
    row._state = ModelState()
    return row


def twin(row: M) -> M:
    """The same row again, with the same relations: whoever changes one of the two, or
    lets go of what it is related to, leaves the other as it is."""
    other = blank(type(row))
    state = other._state
    other.__dict__.update(row.__dict__)
    state.adding, state.db = row._state.adding, row._state.db
    state.fields_cache = dict(row._state.fields_cache)
    other._state = state
    return other


def _prepared(field: Field[Any, Any], value: Any) -> Any:
    if not isinstance(field, JSONField):
        return value
    if connection.vendor == "sqlite":
        return None if value is None else json.dumps(value, cls=field.encoder)
    return field.get_db_prep_save(value, connection)


def _converter(field: Field[Any, Any]) -> Convert | None:
    """From what this database gives to what the model has; None: it is the same."""
    column = field.get_col(field.model._meta.db_table)
    kind = column.output_field.get_internal_type()
    if connection.vendor == "sqlite" and kind in FROM_SQLITE:
        return FROM_SQLITE[kind]
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
