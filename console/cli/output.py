"""What commands print: Tables, JSON, YAML and names. Pure functions from objects to text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from common.api.meta import Object, name, namespace

from .kinds import Kind

FORMATS = ("json", "yaml", "wide", "name")
_GAP = "   "


def clean(text: object) -> str:
    """One printable line: what a terminal would obey comes out as spaces or visible escapes."""
    return "".join(char if char.isprintable() else " " if char.isspace() else repr(char)[1:-1] for char in str(text))


def columns(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Left-aligned columns as kubectl prints them."""
    table = [[clean(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(row[index]) for row in table) for index in range(len(header))]
    lines = (_GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table)
    return "\n".join(lines)


def table(document: Object, kind: Kind, *, wide: bool, with_namespace: bool, with_kind: bool) -> str:
    """The server's Table; columns of a priority above 0 show only when wide."""
    definitions = document.get("columnDefinitions") or []
    shown = [index for index, column in enumerate(definitions) if wide or not column.get("priority")]
    header = [str(definitions[index]["name"]).upper() for index in shown]
    rows = []
    for row in document.get("rows") or ():
        cells = [_cell(row["cells"][index]) for index in shown]
        obj = row.get("object") or {}
        if with_kind and cells:
            cells[0] = f"{kind.label}/{cells[0]}"
        rows.append([namespace(obj), *cells] if with_namespace else cells)
    return columns(["NAMESPACE", *header] if with_namespace else header, rows)


def _cell(value: object) -> object:
    """A cell as kubectl prints it."""
    if value is None:
        return "<none>"
    return str(value).lower() if isinstance(value, bool) else value


def as_list(objects: list[Object]) -> Object:
    return {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": objects}


def without_managed_fields(obj: Object) -> Object:
    """Left out as kubectl does: bookkeeping that hides what people look for."""
    kept = {key: value for key, value in (obj.get("metadata") or {}).items() if key != "managedFields"}
    return {**obj, "metadata": kept} if "metadata" in obj else obj


def dump(value: Any, form: str) -> str:
    """`json` or `yaml`."""
    if form == "json":
        return json.dumps(value, indent=4, ensure_ascii=False)
    from console.views.yaml_text import to_yaml

    return to_yaml(value).rstrip("\n")


def object_name(kind: Kind, obj: Object) -> str:
    """`-o name`: `pod/web`, `deployment.apps/web`."""
    return f"{kind.label}/{name(obj)}"
