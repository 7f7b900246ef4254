"""Statements of the hot paths: written with SQLAlchemy, compiled once, run on the driver's own cursor.

Measured: SQLAlchemy spends 50 to 180 microseconds around a statement that SQLite runs in 4, and
receiving one SMS takes fifteen of them. The columns' types convert what goes in and what comes out, as
they do in SQLAlchemy, so rows read the same either way.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import zip_longest
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect
from sqlmodel.sql.sqltypes import UTCDateTime

REMEMBERED = 64  # converted values of each type of column
Converter = Callable[[Any], Any] | None
Lists = Callable[[str], list[Any]]  # the bind parameters of an `IN`, by the name of its list


class Prepared:
    """One statement, or a function that makes one for the `IN` lists of a call.

    Values go by the names of the bind parameters, and of the columns that an INSERT or UPDATE sets; a
    list goes whole, under its own name.
    """

    def __init__(self, statement: Any) -> None:
        self._make: Callable[[Lists], Any] = (
            statement if callable(statement) else lambda _lists: statement
        )
        self._compiled: dict[tuple[str, ...], _Compiled] = {}

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> list[Any]:
        """Run it and return what it returns, as named tuples."""
        values = _flat(values)
        compiled = self._compile(connection.dialect, values)
        cursor = _cursor(connection)
        try:
            cursor.execute(compiled.sql, compiled.bind(values))
            return compiled.read(cursor.fetchall())
        finally:
            cursor.close()

    def write(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run it for each row; all rows have the same names."""
        if not rows:
            return
        compiled = self._compile(connection.dialect, rows[0])
        cursor = _cursor(connection)
        try:
            if len(rows) == 1:
                cursor.execute(compiled.sql, compiled.bind(rows[0]))
            else:
                cursor.executemany(compiled.sql, [compiled.bind(row) for row in rows])
        finally:
            cursor.close()

    def change(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """Run it once and return how many rows it touched."""
        values = _flat(values)
        compiled = self._compile(connection.dialect, values)
        cursor = _cursor(connection)
        try:
            cursor.execute(compiled.sql, compiled.bind(values))
            return int(cursor.rowcount)
        finally:
            cursor.close()

    def _compile(self, dialect: Dialect, values: Mapping[str, Any]) -> _Compiled:
        shape = (dialect.name, *values)
        compiled = self._compiled.get(shape)
        if compiled is None:
            statement = self._make(lambda name: _parameters(name, values))
            compiled = self._compiled[shape] = _Compiled(statement, dialect, values)
        return compiled


class _Compiled:
    """A statement for one database, for values of one shape."""

    def __init__(self, statement: Any, dialect: Dialect, values: Mapping[str, Any]) -> None:
        columns = list(values) if statement.is_insert or statement.is_update else None
        made = statement.compile(dialect=dialect, column_keys=columns)
        self.sql: str = made.string
        assert "POSTCOMPILE" not in self.sql, "an IN list goes by its name"
        self._is_positional = bool(made.positional)
        binds = {name: bind for bind, name in made.bind_names.items()}
        names = list(made.positiontup if made.positional else binds)
        self._names = names
        self._pick: Callable[[Mapping[str, Any]], tuple[Any, ...]] = _picker(names)
        self._fixed = {n: _fixed(statement, binds[n]) for n in names if n not in values}
        converters = [_binder(binds[name].type, dialect) for name in names]
        self._converters = [(at, c) for at, c in enumerate(converters) if c is not None]
        returned = _returned(statement)
        self._readers = [_reader(column.type, dialect) for column in returned]
        keys = [str(getattr(column, "key", "")) for column in returned]
        self._make_row: Callable[[Iterable[Any]], Any] = _row_type(keys)._make

    def bind(self, values: Mapping[str, Any]) -> Any:
        """Return the values as the driver wants them; what the statement holds by itself is added."""
        bound = list(self._pick({**self._fixed, **values} if self._fixed else values))
        for at, convert in self._converters:
            bound[at] = convert(bound[at])
        return bound if self._is_positional else dict(zip(self._names, bound, strict=True))

    def read(self, rows: Sequence[Any]) -> list[Any]:
        """Return rows as the columns' types read them."""
        make, readers = self._make_row, self._readers
        if not any(readers):
            return [make(row) for row in rows]
        return [
            make(
                value if convert is None else convert(value)
                for value, convert in zip(row, readers, strict=True)
            )
            for row in rows
        ]


def _row_type(names: list[str]) -> Any:
    return namedtuple("Row", names, rename=True)


def _parameters(name: str, values: Mapping[str, Any]) -> list[Any]:
    prefix = f"{name}__"
    return [sa.bindparam(key) for key in values if key.startswith(prefix)]


def _flat(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return values with each list taken apart, its length a power of two so that few statements are compiled."""
    flat: dict[str, Any] | None = None
    for name, value in values.items():
        if type(value) is list:
            if flat is None:
                flat = dict(values)
            del flat[name]
            names = _names_of(name, len(value))
            if len(value) == 1:
                flat[names[0]] = value[0]
            elif value:
                flat.update(zip_longest(names, value, fillvalue=value[-1]))
    return values if flat is None else flat


@lru_cache(maxsize=256)
def _names_of(name: str, length: int) -> tuple[str, ...]:
    room = 1 << max(length - 1, 0).bit_length()
    return tuple(f"{name}__{at}" for at in range(room))


def _fixed(statement: Any, bind: Any) -> Any:
    """Return what goes in where a call gives no value: what the statement says, or the column's default."""
    if statement.is_insert and bind.key in statement.table.c:
        default = statement.table.c[bind.key].default
        return default.arg if default is not None else None
    return bind.value


def _returned(statement: Any) -> list[Any]:
    if statement.is_select:
        return list(statement.selected_columns)
    return list(getattr(statement, "_returning", ()))


def _picker(names: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """Return what takes the values of these names, in their order, out of a mapping."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple(values[name] for name in names)


def _binder(type_: Any, dialect: Dialect) -> Converter:
    """Return what makes of a value what the driver wants.

    A batch is written at one moment, with states of which there are few: what was converted is remembered. Moments
    that are equal are one in the database, whatever their offset.
    """
    converter: Converter = type_.dialect_impl(dialect).bind_processor(dialect)
    if converter is None or not isinstance(type_, UTCDateTime | sa.Enum | sa.Boolean):
        return converter
    return _CONVERTERS.setdefault((dialect.name, repr(type_)), lru_cache(REMEMBERED)(converter))


_CONVERTERS: dict[tuple[str, str], Callable[[Any], Any]] = {}  # columns of one type share theirs


def _reader(type_: Any, dialect: Dialect) -> Converter:
    converter: Converter = type_.dialect_impl(dialect).result_processor(dialect, None)
    return converter


def _cursor(connection: Connection) -> Any:
    return connection.connection.cursor()
