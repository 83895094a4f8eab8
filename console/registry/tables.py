"""`meta.k8s.io/v1` Tables: what `kubectl get` shows, computed here so that every client shows the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from common.api.gotext import quoted
from common.api.meta import Object
from common.errors import BadRequest

from .columns import AGE, NAME, number
from .row import Column, Row

_INCLUDES = ("None", "Metadata", "Object")
_SCALE = (
    NAME,
    number("Desired", "spec.replicas", description="Number of desired pods."),
    number("Available", "status.replicas", description="Number of pods that there are."),
    AGE,
)


def table(row: Row, objects: Iterable[Object], now: datetime, list_metadata: Object, include_object: str) -> Object:
    """A Table of the objects, which come as they are stored. `include_object` is None, Metadata (also when empty) or
    Object, as in a request's `includeObject`; `list_metadata` becomes the Table's metadata (resourceVersion, continue,
    remainingItemCount)."""
    include = _include(include_object)
    columns = row.columns or (NAME, AGE)
    # Columns are about the form that is stored: that of the row itself, or of the row that it is a view of.
    rows = [_row(columns, row.stored.show(obj), obj, now, include, row.show) for obj in objects]
    return _table(columns, rows, list_metadata)


def scale_table(scale: Object, now: datetime, include_object: str) -> Object:
    """A Table of the `scale` subresource of one object."""
    row = _row(_SCALE, scale, scale, now, _include(include_object), lambda same: same)
    return _table(_SCALE, [row], {"resourceVersion": scale["metadata"].get("resourceVersion", "")})


def _include(wanted: str) -> str:
    include = wanted or "Metadata"
    if include not in _INCLUDES:
        raise BadRequest(
            f"Unable to convert to Table as requested: includeObject: Invalid value: {quoted(wanted)}: "
            "must be 'Metadata', 'Object', 'None', or empty"
        )
    return include


def _table(columns: Iterable[Column], rows: list[Object], metadata: Object) -> Object:
    definitions = [_definition(column) for column in columns]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
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


def _row(
    columns: Iterable[Column], kept: Object, obj: Object, now: datetime, include: str, show: Callable[[Object], Object]
) -> Object:
    cells: Object = {"cells": [column.value(kept, now) for column in columns]}
    if include == "Object":
        cells["object"] = show(obj)
    elif include == "Metadata":
        cells["object"] = {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": obj.get("metadata", {}),
        }
    return cells
