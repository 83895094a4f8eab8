"""`meta.k8s.io/v1` Tables: what `kubectl get` shows, computed here so that every client shows the same."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from common.api.meta import Object
from common.errors import BadRequest

from .columns import AGE, NAME
from .row import Column, Row

_INCLUDES = ("None", "Metadata", "Object")


def table(row: Row, objects: Iterable[Object], now: datetime, list_metadata: Object, include_object: str) -> Object:
    """A Table of the objects, which come as they are stored. `include_object` is None, Metadata (also when empty) or
    Object, as in a request's `includeObject`; `list_metadata` becomes the Table's metadata (resourceVersion, continue,
    remainingItemCount)."""
    include = include_object or "Metadata"
    if include not in _INCLUDES:
        raise BadRequest(
            f'unrecognized includeObject value: "{include_object}": supported values: "None", "Metadata", "Object"'
        )
    columns = row.columns or (NAME, AGE)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": list_metadata,
        "columnDefinitions": [_definition(column) for column in columns],
        "rows": [_row(row, columns, obj, now, include) for obj in objects],
    }


def _definition(column: Column) -> Object:
    return {
        "name": column.name,
        "type": column.type,
        "format": column.format,
        "description": column.description,
        "priority": column.priority,
    }


def _row(row: Row, columns: Iterable[Column], obj: Object, now: datetime, include: str) -> Object:
    # Columns are about the form that is stored: that of the row itself, or of the row that it is a view of.
    kept = row.stored.show(obj)
    cells: Object = {"cells": [column.value(kept, now) for column in columns]}
    if include == "Object":
        cells["object"] = row.show(obj)
    elif include == "Metadata":
        cells["object"] = {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": obj.get("metadata", {}),
        }
    return cells
