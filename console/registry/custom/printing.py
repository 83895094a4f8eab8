"""The columns that a definition gives its kind (`additionalPrinterColumns`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import orjson

from common.api import ages, jsonpath
from common.api.gotext import escaped
from common.api.jsonpath import JsonPath
from common.api.meta import Object, parse_time
from console.registry.columns import AGE, NAME
from console.registry.row import Column


def columns(specified: Sequence[Object]) -> tuple[Column, ...]:
    """The name, then what the definition says; the age where it says nothing. A path that is none ends the columns, as
    in Kubernetes."""
    return (NAME, *_columns(specified)) if specified else (NAME, AGE)


def _columns(specified: Sequence[Object]) -> Iterator[Column]:
    for item in specified:
        try:
            yield _column(item)
        except ValueError:
            return


def _column(item: Object) -> Column:
    path = jsonpath.parse(str(item["jsonPath"]))
    return Column(
        str(item["name"]),
        _cell(path, str(item["type"])),
        type=str(item["type"]),
        format=str(item.get("format", "")),
        description=str(
            item.get("description") or f"Custom resource definition column (in JSONPath format): {path.text}"
        ),
        priority=int(item.get("priority", 0)),
    )


def _cell(path: JsonPath, kind: str) -> Callable[[Object, datetime], str | float | None]:
    def value(obj: Object, now: datetime) -> str | float | None:
        found = path.find(obj)
        return None if not found or found[0] is None else _SHOWN[kind](found, now)

    return value


def _text(found: list[Any], _now: datetime) -> str:
    """As Kubernetes, of several values only the first."""
    value = found[0]
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < _LONG else str(value)
    return value if isinstance(value, str) else escaped(orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode())


_LONG = 1e21  # from which on Go writes numbers with an exponent


def _integer(found: list[Any], _now: datetime) -> int | None:
    value = found[0]
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _number(found: list[Any], _now: datetime) -> float | None:
    value = found[0]
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _boolean(found: list[Any], _now: datetime) -> bool | None:
    return found[0] if isinstance(found[0], bool) else None


def _date(found: list[Any], now: datetime) -> str | None:
    if not isinstance(found[0], str):
        return None
    try:
        parse_time(found[0])
    except ValueError:
        return "<invalid>"
    return ages.since(found[0], now)


_SHOWN: dict[str, Callable[[list[Any], datetime], str | float | None]] = {
    "string": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
}
TYPES = tuple(_SHOWN)
