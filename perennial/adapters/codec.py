"""Frozen rows as Table Storage entities and back, by the types of their fields.

Text, flags, numbers and instants are columns of their own kind, so that the service can filter by them; everything else is text: an enum
its value, a date or a duration ISO 8601, a nested value JSON.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from functools import partial, reduce
from types import NoneType
from typing import Any, cast, get_args, get_origin, get_type_hints

import msgspec
from azure.data.tables import EdmType, EntityProperty

from perennial.errors import BadInput, TooLong

# Table Storage: a text property holds 64 KiB of UTF-16; a number without a declared type is an Int32.
LONGEST_TEXT = 32_768
INT32 = range(-(2**31), 2**31)
# Table Storage: these and control characters are refused in keys.
BAD_IN_KEYS = re.compile(r"[/\\#?\x00-\x1f\x7f-\x9f]")
LONGEST_KEY = 512  # 1 KiB of UTF-16

NATIVE = (str, bool, int, float, datetime)
ISO = (date, timedelta)

type Entity = dict[str, Any]  # a column is whatever the SDK takes and gives


@dataclass(frozen=True, slots=True)
class Column:
    """One field of a row type: its name, its type without None, and whether rows may lack it."""

    name: str
    kind: Any  # a type as get_type_hints gives it: a class, or an alias such as tuple[str, ...]
    optional: bool
    required: bool  # the row type has no default for it
    read: Callable[[Any], Any]  # made once: to choose anew for each value costs more than to read it

    @property
    def native(self) -> bool:
        """Whether the service has this kind of column itself."""
        return self.kind in NATIVE


_COLUMNS: dict[type[Any], tuple[Column, ...]] = {}  # reading type hints is slow; row types are few


def to_entity[T](row: T, key: tuple[str, str]) -> Entity:
    """Write a row under its key; what is None is left out, so that replacing a row clears it."""
    for part in key:
        if BAD_IN_KEYS.search(part) or len(part) > LONGEST_KEY:
            raise BadInput("key", f"{part!r} is not a key that Table Storage takes")
    entity: Entity = {"PartitionKey": key[0], "RowKey": key[1]}
    for column in columns(type(row)):
        value = getattr(row, column.name)
        if value is not None:
            entity[column.name] = _written(column, value)
    return entity


def from_entity[T](entity: Mapping[str, Any], row: type[T]) -> T:
    """Read a row; unknown columns are ignored, and missing ones read as the field's default."""
    values: dict[str, Any] = {}
    for column in columns(row):
        raw = entity.get(column.name)
        if raw is not None:
            values[column.name] = _read(column, raw)
        elif column.required and not column.optional:
            raise BadInput(column.name, f"a row of {row.__name__} lacks it")
        elif column.required:
            values[column.name] = None
    return row(**values)


def columns(row: type[Any]) -> tuple[Column, ...]:
    """List the columns of a row type."""
    if row not in _COLUMNS:
        hints = get_type_hints(row)
        _COLUMNS[row] = tuple(_column(field, hints[field.name]) for field in fields(row))
    return _COLUMNS[row]


def _column(field: Field[Any], hint: Any) -> Column:
    parts = get_args(hint)
    optional = get_origin(hint) is not None and NoneType in parts
    kind = reduce(operator.or_, (part for part in parts if part is not NoneType)) if optional else hint
    absent = field.default is MISSING and field.default_factory is MISSING
    return Column(field.name, kind, optional, absent, _reader(kind))


def _written(column: Column, value: Any) -> Any:
    if column.kind is datetime:
        return _aware(column.name, value)
    if column.kind is int:
        # Beyond Int32 the SDK asks for a declared Int64 instead of choosing it.
        return value if value in INT32 else EntityProperty(value, EdmType.INT64)
    if column.native and column.kind is not str:
        return value
    text = str(value) if column.kind is str else _text(value)
    if len(text.encode("utf-16-le")) > 2 * LONGEST_TEXT:
        raise TooLong(column.name, f"has {len(text)} characters; a column takes {LONGEST_TEXT}")
    return text


def _aware(name: str, value: datetime) -> datetime:
    """Refuse what the SDK would take for local time."""
    if value.tzinfo is None:
        raise BadInput(name, "an instant without a time zone")
    return value.astimezone(UTC)


def _text(value: Any) -> str:
    plain = msgspec.to_builtins(value)
    return plain if isinstance(plain, str) else msgspec.json.encode(value).decode()


def _read(column: Column, raw: Any) -> Any:
    value = raw.value if isinstance(raw, EntityProperty) else raw  # how an Int64 is read back
    try:
        return column.read(value)
    except (ValueError, TypeError, msgspec.MsgspecError) as error:
        raise BadInput(column.name, f"cannot be read: {error}") from error


def _reader(kind: Any) -> Callable[[Any], Any]:
    if kind is datetime:
        return _instant
    if kind in NATIVE:
        return cast("type[Any]", kind)
    if kind in ISO or (isinstance(kind, type) and issubclass(kind, Enum)):
        return partial(_from_text, kind)
    return msgspec.json.Decoder(kind).decode


def _instant(value: datetime) -> datetime:
    """Return a plain aware datetime: the SDK's own subclass keeps ticks that ours does not have."""
    utc = value.astimezone(UTC)
    return datetime(
        utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second, utc.microsecond, tzinfo=UTC, fold=utc.fold
    )


def _from_text(kind: Any, text: str) -> Any:
    """Read a date, a duration or an enum, whose values are text or numbers."""
    number = isinstance(kind, type) and issubclass(kind, int)
    return msgspec.convert(int(text) if number else text, kind)
