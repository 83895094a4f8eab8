"""`meta.k8s.io/v1` Tables: what `kubectl get` shows, computed here so that every client shows the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from common.api.gotext import quoted
from common.api.meta import Object
from common.errors import BadRequest

from .columns import AGE, NAME, number
from .row import Column, Row

META = "meta.k8s.io/v1"
_INCLUDES = ("None", "Metadata", "Object")
_SCALE = (
    NAME,
    number("Desired", "spec.replicas", description="Number of desired pods."),
    number("Available", "status.replicas", description="Number of pods that there are."),
    AGE,
)


def table(
    row: Row,
    objects: Iterable[Object],
    now: datetime,
    list_metadata: Object,
    include_object: str,
    api_version: str = META,
) -> Object:
    """A Table of the objects, which come as they are stored. `include_object` is None, Metadata (also when empty) or
    Object, as in a request's `includeObject`; `list_metadata` becomes the Table's metadata (resourceVersion, continue,
    remainingItemCount)."""
    include = included(include_object)
    columns = row.columns or (NAME, AGE)
    # Columns are about the form that is stored: that of the row itself, or of the row that it is a view of.
    rows = [_row(columns, row.stored.show(obj), now, _shown(obj, include, row.show, api_version)) for obj in objects]
    return _table(columns, rows, list_metadata, api_version)


def scale_table(scale: Object, now: datetime, include_object: str) -> Object:
    """A Table of the `scale` subresource of one object."""
    shown = _shown(scale, included(include_object), lambda same: same, META)
    metadata = {"resourceVersion": scale["metadata"].get("resourceVersion", "")}
    return _table(_SCALE, [_row(_SCALE, scale, now, shown)], metadata, META)


def included(wanted: str) -> str:
    """What of each object is beside its cells. Raises BadRequest for any other word."""
    include = wanted or "Metadata"
    if include not in _INCLUDES:
        raise BadRequest(
            f"Unable to convert to Table as requested: includeObject: Invalid value: {quoted(wanted)}: "
            "must be 'Metadata', 'Object', 'None', or empty"
        )
    return include


def _table(columns: Iterable[Column], rows: list[Object], metadata: Object, api_version: str) -> Object:
    definitions = [_definition(column) for column in columns]
    return {
        "kind": "Table",
        "apiVersion": api_version,
        "metadata": metadata,
        "columnDefinitions": definitions,
        "rows": rows,
    }


def _definition(column: Column) -> Object:
    return {
        "name": column.name,
        "type": column.type,
        "format": column.format,
        "description": column.description,
        "priority": column.priority,
    }


def _row(columns: Iterable[Column], kept: Object, now: datetime, shown: Object | None) -> Object:
    return {"cells": [column.value(kept, now) for column in columns], "object": shown}


def _shown(obj: Object, include: str, show: Callable[[Object], Object], api_version: str) -> Object | None:
    if include == "Object":
        return show(obj)
    if include == "None":
        return None
    return {"kind": "PartialObjectMetadata", "apiVersion": api_version, "metadata": obj.get("metadata", {})}
