"""The layout of descriptions: `Field:  value` aligned in a column, lists and tables indented."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from common.api import ages, meta
from common.api.meta import Object
from console.views.columns import event_count, event_message, event_time

COLUMN = 18  # where values start; the longest common field, `Controlled By`, leaves a gap


def field(name: str, value: object, indent: int = 0) -> str:
    """One `Name:  value` line; an absent value reads `<none>`."""
    text = "<none>" if value in (None, "", [], {}) else str(value)
    return f"{' ' * indent}{name + ':':<{COLUMN - indent}}{text}"


def pairs(name: str, values: Mapping[str, Any], separator: str = "=", indent: int = 0) -> list[str]:
    """Labels or annotations, one on a line, under one field name."""
    listed = [f"{key}{separator}{value}" for key, value in sorted(values.items())]
    if not listed:
        return [field(name, None, indent)]
    return [field(name, listed[0], indent), *(" " * COLUMN + text for text in listed[1:])]


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], indent: int = 2) -> list[str]:
    """Rows under titles, each column as wide as its widest cell."""
    lines = [tuple(titles), *(tuple(row) for row in rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(titles))]
    return [
        (" " * indent + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))).rstrip()
        for line in lines
    ]


def head(obj: Object, now: datetime) -> list[str]:
    """What every object has."""
    metadata = meta.metadata(obj)
    lines = [field("Name", meta.name(obj))]
    if meta.namespace(obj):
        lines.append(field("Namespace", meta.namespace(obj)))
    lines += pairs("Labels", meta.labels(obj))
    notes = {key: value for key, value in meta.annotations(obj).items() if key != meta.LAST_APPLIED}
    lines += pairs("Annotations", notes, ": ")
    lines.append(field("Created", f"{metadata.get('creationTimestamp', '<unknown>')} ({ages.age(obj, now)} ago)"))
    if meta.is_deleting(obj):
        deleted = str(metadata.get("deletionTimestamp"))
        lines.append(field("Terminating", f"since {deleted} ({ages.since(deleted, now)} ago)"))
        lines.append(field("Finalizers", ", ".join(metadata.get("finalizers") or ()) or "none"))
    owner = meta.controller_of(obj)
    if owner:
        lines.append(field("Controlled By", f"{owner.get('kind')}/{owner.get('name')}"))
    return lines


def conditions(obj: Object, now: datetime) -> list[str]:
    found = (obj.get("status") or {}).get("conditions") or ()
    if not found:
        return []
    rows = [
        (
            str(c.get("type", "")),
            str(c.get("status", "")),
            ages.since(c.get("lastTransitionTime"), now),
            str(c.get("reason") or "-"),
            str(c.get("message") or ""),
        )
        for c in found
    ]
    return ["Conditions:", *table(("TYPE", "STATUS", "SINCE", "REASON", "MESSAGE"), rows)]


def events(found: Sequence[Object], now: datetime) -> list[str]:
    """Events in the order they happened, the newest last."""
    if not found:
        return [field("Events", None)]
    rows = [
        (
            str(event.get("type") or "Normal"),
            str(event.get("reason") or ""),
            ages.since(event_time(event), now) + (f" (x{event_count(event)})" if event_count(event) > 1 else ""),
            str((event.get("source") or {}).get("component") or event.get("reportingController") or "-"),
            event_message(event),
        )
        for event in sorted(found, key=event_time)
    ]
    return ["Events:", *table(("TYPE", "REASON", "AGE", "FROM", "MESSAGE"), rows)]


def tolerated(found: Iterable[Object]) -> list[str]:
    """Tolerations in kubectl's short form."""
    lines = []
    for item in found:
        key = str(item.get("key") or "")
        value = f"={item['value']}" if item.get("value") else ""
        effect = f":{item['effect']}" if item.get("effect") else ""
        exists = f" op={item['operator']}" if item.get("operator") == "Exists" else ""
        seconds = f" for {item['tolerationSeconds']}s" if item.get("tolerationSeconds") is not None else ""
        lines.append(f"{key}{value}{effect}{exists}{seconds}")
    return lines
