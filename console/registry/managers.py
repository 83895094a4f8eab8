"""The record of who owns which field of an object: `metadata.managedFields`, kept by every write.

Server-side apply finds conflicts in it, and what nobody wants any more. Most writes change values and not who owns
them; those only compare what changed and leave the recorded sets as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from common.api import meta
from common.api.meta import Object, format_time

from . import fieldsets
from .fieldsets import FieldSet, Path
from .row import Row

MAX_UPDATERS = 10  # as Kubernetes: entries of ordinary writes, beyond which the oldest are merged
_ANCIENT = "ancient-changes"
_SYSTEM_METADATA = frozenset(
    {
        "name", "namespace", "uid", "creationTimestamp", "resourceVersion", "generation", "deletionTimestamp",
        "deletionGracePeriodSeconds", "managedFields", "selfLink",
    }
)  # fmt: skip
# What the system owns: no manager ever does.
_SYSTEM: frozenset[Path] = frozenset(
    [("f:apiVersion",), ("f:kind",), ("f:metadata",), *(("f:metadata", f"f:{name}") for name in _SYSTEM_METADATA)]
)


@dataclass(slots=True)
class Manager:
    """One entry of managedFields."""

    name: str
    operation: str  # Apply or Update
    api_version: str
    subresource: str = ""
    time: str = ""
    fields: FieldSet = field(default_factory=set)

    def to_json(self) -> Object:
        return _entry(self, fieldsets.encode(self.fields))


def _entry(manager: Manager, fields: Object) -> Object:
    entry: Object = {
        "manager": manager.name,
        "operation": manager.operation,
        "apiVersion": manager.api_version,
        "time": manager.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    return {**entry, "subresource": manager.subresource} if manager.subresource else entry


def managers_of(obj: Object) -> list[Manager]:
    return [_decoded(entry) for entry in meta.metadata(obj).get("managedFields") or ()]


def _decoded(entry: Object) -> Manager:
    return Manager(
        str(entry.get("manager", "")),
        str(entry.get("operation", "")),
        str(entry.get("apiVersion", "")),
        str(entry.get("subresource", "")),
        str(entry.get("time", "")),
        fieldsets.decode(entry.get("fieldsV1")),
    )


def record(obj: Object, managers: list[Manager]) -> None:
    """Set the record of an object that is the caller's own."""
    kept = _capped([manager for manager in managers if manager.fields])
    _set(obj, [manager.to_json() for manager in kept])


def _set(obj: Object, entries: list[Object]) -> None:
    obj["metadata"]["managedFields"] = sorted(
        entries, key=lambda entry: (entry["operation"], entry["time"], entry["manager"], entry["apiVersion"])
    )


def _capped(managers: list[Manager]) -> list[Manager]:
    """With the oldest of too many updaters merged, those of each version into one."""
    updaters = sorted(
        (item for item in managers if item.operation == "Update"), key=lambda item: (item.time, item.name)
    )
    excess = len(updaters) - MAX_UPDATERS
    buckets: dict[str, Manager] = {}
    merged: list[Manager] = []
    for item in updaters:
        if excess <= 0:
            break
        bucket = buckets.setdefault(item.api_version, item)
        if bucket is not item:
            bucket.name, bucket.subresource, bucket.time = _ANCIENT, "", item.time
            bucket.fields |= item.fields
            merged.append(item)
            excess -= 1
    return [item for item in managers if not any(item is gone for gone in merged)]


def owned(row: Row, fields: Iterable[Path], subresource: str = "") -> FieldSet:
    """The fields that a manager can own through this way in."""
    found = {path for path in fields if path and path not in _SYSTEM}
    if subresource == "scale":
        return found  # a Scale says the replicas and nothing else
    if subresource == "status":
        return {path for path in found if path[0] == "f:status"}
    if "status" in row.subresources:
        return {path for path in found if path[0] != "f:status"}
    return found


def record_create(row: Row, new: Object, manager: str, now: datetime) -> None:
    """Note in a new object that its maker owns all that it has."""
    status = {"status"} if "status" in row.subresources else set()
    wanted = {name: value for name, value in new.items() if name not in {"apiVersion", "kind", "metadata", *status}}
    metadata = {name: value for name, value in new["metadata"].items() if name not in _SYSTEM_METADATA}
    if metadata:
        wanted["metadata"] = metadata
    fields = fieldsets.encode_all(row.type, wanted)
    if fields:
        maker = Manager(manager, "Update", row.resource.api_version, time=format_time(now))
        new["metadata"]["managedFields"] = [_entry(maker, fields)]


def is_reset(given: Any) -> bool:
    """Whether a writer asks for the record to end: it is empty, or one empty entry."""
    return given in ([], [{}])


def record_update(row: Row, new: Object, old: Object, entries: list[Object] | None, own: Manager) -> None:
    """Note in `new` who owns what after an ordinary write of `own` to `old`; both come without record, `entries` is
    what it was. An object without one stays so."""
    if not entries:
        return
    changed: FieldSet = set()
    removed: FieldSet = set()
    fieldsets.compare(row.type, old, new, (), changed, removed)
    changed -= _SYSTEM
    removed -= _SYSTEM
    if not changed and not removed:
        new["metadata"]["managedFields"] = entries
    elif not _record_same_owners(new, entries, own, changed, removed):
        _record_new_owners(new, [_decoded(entry) for entry in entries], own, changed, removed)


def _identity(entry: Object) -> tuple[Any, ...]:
    return (entry.get("manager"), entry.get("operation"), entry.get("apiVersion"), entry.get("subresource") or "")


def _record_same_owners(new: Object, entries: list[Object], own: Manager, changed: FieldSet, removed: FieldSet) -> bool:
    """The quick way, when the writer owns all that it changed already and nobody else any of it."""
    if removed:
        return False
    wanted = (own.name, own.operation, own.api_version, own.subresource)
    found = False
    result = []
    for entry in entries:
        recorded = entry.get("fieldsV1")
        if _identity(entry) == wanted:
            if not all(fieldsets.has_path(recorded, path) for path in changed):
                return False
            found = True
            result.append({**entry, "time": own.time})
        elif any(fieldsets.has_path(recorded, path) for path in changed):
            return False
        else:
            result.append(entry)
    if found:
        _set(new, result)
    return found


def _record_new_owners(
    new: Object, managers: list[Manager], own: Manager, changed: FieldSet, removed: FieldSet
) -> None:
    wanted = (own.name, own.operation, own.api_version, own.subresource)
    mine = own
    for item in managers:
        item.fields = item.fields - removed
        if (item.name, item.operation, item.api_version, item.subresource) == wanted:
            mine = item
        else:
            item.fields -= changed
    if changed:
        mine.fields = mine.fields | changed
        mine.time = own.time
    record(new, managers if any(mine is item for item in managers) else [*managers, mine])
