"""A table as a file: CSV of what it shows, or its objects as JSON or YAML, a Secret's values hidden. Pure."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import PurePath

from common.api.meta import Object

from .columns import Column
from .usage import detached
from .yaml_text import readable, to_yaml

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would calculate such a cell

Render = Callable[[Sequence[Column], Sequence[Object], datetime], str]


def wrong_name(path: PurePath) -> str:
    """What is wrong with the name of a file; empty when nothing is."""
    return "" if path.suffix.lower() in _FORMS else f"a file's name ends with {', '.join(_FORMS)}"


def rendered(path: PurePath, columns: Sequence[Column], objects: Sequence[Object], now: datetime) -> str:
    """The text for a file of this name, which has an ending that we know."""
    return _FORMS[path.suffix.lower()](columns, objects, now)


def _csv(columns: Sequence[Column], objects: Sequence[Object], now: datetime) -> str:
    """All columns, those of the wide table too, one line an object."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.title for column in columns])
    writer.writerows([_cell(column, obj, now) for column in columns] for obj in objects)
    return text.getvalue()


def _cell(column: Column, obj: Object, now: datetime) -> str:
    value = column.value(obj, now)
    text = value if isinstance(value, str) else value.word
    return f"'{text}" if text.startswith(_FORMULA) and text != "-" else text


def _json(_columns: Sequence[Column], objects: Sequence[Object], _now: datetime) -> str:
    shown = [readable(detached(obj), mask_secrets=True) for obj in objects]
    listing = {"apiVersion": "v1", "kind": "List", "metadata": {}, "items": shown}
    return json.dumps(listing, indent=2, ensure_ascii=False) + "\n"


def _yaml(_columns: Sequence[Column], objects: Sequence[Object], _now: datetime) -> str:
    return "---\n".join(to_yaml(detached(obj), mask_secrets=True) for obj in objects)


_FORMS: dict[str, Render] = {".csv": _csv, ".json": _json, ".yaml": _yaml, ".yml": _yaml}
