"""The table of definitions, and that of a kind that users defined: the columns that its definition has for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from string import ascii_uppercase
from typing import Any

import orjson

from common.api import ages, jsonpath, kinds
from common.api.conditions import is_true
from common.api.jsonpath import JsonPath
from common.api.meta import Object, is_deleting
from console.views.status import Status, Tone

from .column import AGE, GENERIC, GENERIC_CLUSTER, NAME, NAMESPACE, Column, Table, dim, newest_first, state, text

_CREATED = ".metadata.creationTimestamp"
_TAKEN = frozenset("NPADEFGHJUWXY")
"""Letters that sort by the columns of every table, and those that are keys of tables."""
_FIRST_DROP = 3  # behind the columns that every table has: of a definition's own columns the last goes first


def _status(definition: Object) -> Status:
    if is_deleting(definition):
        return Status("Terminating", Tone.LEAVING)
    if not is_true(definition, "NamesAccepted"):
        return Status("NamesTaken", Tone.BAD)
    established = is_true(definition, "Established")
    return Status("Established", Tone.OK) if established else Status("NotEstablished", Tone.WARN)


def _versions(definition: Object) -> str:
    return ",".join(str(version["name"]) for version in definition["spec"]["versions"] if version.get("served"))


TABLES = {
    kinds.CUSTOMRESOURCEDEFINITIONS: Table(
        (
            NAME,
            text("KIND", lambda definition: str(definition["spec"]["names"]["kind"]), flexible=True, least=8),
            text("VERSIONS", _versions, drop=4),
            text("SCOPE", lambda definition: str(definition["spec"]["scope"]), drop=5),
            state("STATUS", _status, letter="S"),
            AGE,
        ),
        _status,
    )
}


def table_of(definition: Object, version: str) -> Table:
    """The table of a kind in one of its versions."""
    spec = definition["spec"]
    namespaced = spec["scope"] == "Namespaced"
    found: Object = next((item for item in spec["versions"] if item["name"] == version), {})
    printed = found.get("additionalPrinterColumns") or []
    if not printed:
        return GENERIC if namespaced else GENERIC_CLUSTER
    own = [_column(item, _FIRST_DROP + place) for place, item in enumerate(printed)]
    return Table(((NAMESPACE, NAME) if namespaced else (NAME,)) + tuple(_lettered(own)))


def _lettered(columns: Iterable[Column]) -> Iterator[Column]:
    """Every column with a letter to sort by: one of its title, the first that is free, else any."""
    free = [letter for letter in ascii_uppercase if letter not in _TAKEN]
    for column in columns:
        if not column.letter:
            letter = next((letter for letter in (*column.title, *free) if letter in free), "")
            column = replace(column, letter=letter)
            free = [other for other in free if other != letter]
        yield column


def _column(item: Object, drop: int) -> Column:
    title, kind, wide = str(item["name"]).upper(), item["type"], int(item.get("priority") or 0) > 0
    if item["jsonPath"] == _CREATED and kind == "date":
        return Column(title, AGE.value, right=True, live=True, drop=1, letter="A", tone=dim, sort=AGE.sort)
    try:
        path = jsonpath.parse(item["jsonPath"])
    except ValueError:
        return Column(title, lambda _obj, _now: "?", drop=drop, wide=wide)
    if kind == "date":
        return Column(title, _age(path), right=True, live=True, drop=drop, wide=wide, tone=dim, sort=_moment(path))
    numeric = kind in {"integer", "number"}
    return Column(
        title, _text(path), drop=drop, right=numeric, wide=wide, flexible=not numeric, least=0 if numeric else 8,
        sort=_figure(path) if numeric else None,
    )  # fmt: skip


def _text(path: JsonPath) -> Callable[[Object, datetime], str]:
    def value(obj: Object, _now: datetime) -> str:
        found = [item for item in path.find(obj) if item is not None]
        return " ".join(item if isinstance(item, str) else orjson.dumps(item).decode() for item in found) or "-"

    return value


def _age(path: JsonPath) -> Callable[[Object, datetime], str]:
    def value(obj: Object, now: datetime) -> str:
        found = path.first(obj)
        try:
            return ages.since(found, now) if isinstance(found, str) else "-"
        except ValueError:
            return "?"

    return value


def _moment(path: JsonPath) -> Callable[[Object], Any]:
    def value(obj: Object) -> float:
        found = path.first(obj)
        try:
            return newest_first(found) if isinstance(found, str) else 0.0
        except ValueError:
            return 0.0

    return value


def _figure(path: JsonPath) -> Callable[[Object], Any]:
    def value(obj: Object) -> float:
        found = path.first(obj)
        return float(found) if isinstance(found, int | float) else float("-inf")

    return value
