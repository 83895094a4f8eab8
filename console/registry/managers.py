"""The record of who owns which field of an object: `metadata.managedFields`, kept by every write.

Server-side apply finds conflicts in it, and what nobody wants any more. A write is compared with what was there once
for each version in which there are managers; sets that it does not touch stay the objects that they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from common.api import meta
from common.api.meta import Object, parse_time

from . import fieldsets, recurring, typedfields
from .fieldsets import ITSELF, LEAF, Fields
from .recurring import Recurring
from .row import ALL_METADATA, Row

MAX_UPDATERS = 10  # as Kubernetes: entries of ordinary writes, beyond which the oldest are merged
_ANCIENT = "ancient-changes"
_SYSTEM_METADATA = (
    "name", "namespace", "uid", "creationTimestamp", "resourceVersion", "generation", "deletionTimestamp",
    "deletionGracePeriodSeconds", "managedFields", "selfLink",
)  # fmt: skip
_SYSTEM_STEPS = frozenset({ITSELF, *(f"f:{name}" for name in _SYSTEM_METADATA)})
_TYPE_STEPS = ("f:apiVersion", "f:kind")
# Subresources that write a part of the status.
_OF_STATUS = frozenset({"status", "approval"})
# Those through which no metadata comes, and the part of the spec that alone does.
_PART_OF_SPEC = {"ephemeralcontainers": frozenset({"f:ephemeralContainers"}),
                 "resize": frozenset({"f:containers", "f:initContainers"})}  # fmt: skip

_made: Recurring[Fields] = Recurring()
"""Sets of parts of objects that were made."""

Identity: TypeAlias = tuple[str, str, str, str]


class Manager(NamedTuple):
    """One entry of managedFields. Every write makes some: they are plain tuples, and `entry` is what they were read
    from, when nothing changed since."""

    name: str
    operation: str  # Apply or Update
    api_version: str
    subresource: str = ""
    time: str = ""
    fields: Fields = LEAF
    entry: Object | None = None

    def owning(self, fields: Fields, time: str = "") -> Manager:
        """The same one with other fields."""
        return Manager(self.name, self.operation, self.api_version, self.subresource, time or self.time, fields)

    @property
    def identity(self) -> Identity:
        """Who it is: whoever applies is the same in every version."""
        return (self.name, self.operation, self.subresource, "" if self.operation == "Apply" else self.api_version)

    def to_json(self) -> Object:
        if self.entry is not None:
            return self.entry
        entry: Object = {
            "manager": self.name,
            "operation": self.operation,
            "apiVersion": self.api_version,
            "time": self.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": self.fields,
        }
        if not self.time:
            del entry["time"]
        return {**entry, "subresource": self.subresource} if self.subresource else entry


@dataclass(frozen=True, slots=True)
class Difference:
    """What a write did, in the terms of one version."""

    changed: Fields
    removed: Fields


class Differences:
    """What a write did to an object, in each version in which somebody owns a part of it. Both objects are of the
    version of `row`."""

    def __init__(self, row: Row, old: Object, new: Object, subresource: str) -> None:
        self._row = row
        self._objects = (old, new)
        self._subresource = subresource
        self._known: dict[str, Difference | None] = {}

    def of(self, api_version: str) -> Difference | None:
        """None for a version that is not served: what was owned in it nobody can own any more."""
        if api_version not in self._known:
            self._known[api_version] = self._compare(self._row.in_version(api_version))
        return self._known[api_version]

    def _compare(self, row: Row | None) -> Difference | None:
        if row is None:
            return None
        old, new = self._objects
        if row is not self._row:
            old, new = self._row.converted(old, row), self._row.converted(new, row)
        changed, removed = typedfields.compare(row.type, old, new)
        return Difference(ownable(row, changed, self._subresource), ownable(row, removed, self._subresource))


def managers_of(obj: Object) -> list[Manager]:
    return [_decoded(entry) for entry in meta.metadata(obj).get("managedFields") or ()]


def _decoded(entry: Object) -> Manager:
    return Manager(
        entry.get("manager") or "",
        entry["operation"],
        entry["apiVersion"],
        entry.get("subresource") or "",
        entry.get("time") or "",
        entry.get("fieldsV1") or LEAF,
        entry,
    )


def parse(given: Any) -> list[Manager] | None:
    """Entries that a client sent; None when they are no record."""
    found: dict[Identity, Manager] = {}
    for entry in given if isinstance(given, list) else ():
        if not isinstance(entry, dict) or entry.get("operation") not in {"Apply", "Update"}:
            return None
        texts = [entry.get(name) or "" for name in ("manager", "apiVersion", "subresource", "time")]
        fields = fieldsets.parse(entry.get("fieldsV1") or {})
        if fields is None or entry.get("fieldsType") != "FieldsV1" or not all(isinstance(text, str) for text in texts):
            return None
        if not texts[1] or not _is_time(texts[3]):
            return None
        manager = Manager(texts[0], entry["operation"], texts[1], texts[2], texts[3], fields)
        found[manager.identity] = manager
    return list(found.values()) or None


def _is_time(text: str) -> bool:
    try:
        return not text or bool(parse_time(text))
    except (ValueError, OverflowError):
        return False


def is_reset(given: Any) -> bool:
    """Whether a writer asks for the record to end: with one empty entry, as nobody sends who does not know of it."""
    return bool(given == [{}])


def record(obj: Object, managers: Iterable[Manager]) -> None:
    """Set the record of an object whose metadata is the caller's own."""
    entries = [manager.to_json() for manager in managers if manager.fields]
    entries.sort(
        key=lambda entry: (
            entry["operation"], entry.get("time", ""), entry["manager"], entry["apiVersion"],
            entry.get("subresource", ""),
        )
    )  # fmt: skip
    if entries:
        obj["metadata"]["managedFields"] = entries
    else:
        obj["metadata"].pop("managedFields", None)


def ownable(row: Row, fields: Fields, subresource: str = "") -> Fields:
    """The fields that a manager can own through this way in: not those of the system."""
    if subresource in _OF_STATUS:
        found = {"f:status": fields["f:status"]} if "f:status" in fields else {}
        metadata = LEAF if row.custom else fields.get("f:metadata", LEAF)
        beside = {step: node for step, node in metadata.items() if step[2:] in ALL_METADATA - row.status_keeps}
        return {**found, "f:metadata": beside} if beside else found
    if (parts := _PART_OF_SPEC.get(subresource)) is not None:
        spec = {step: node for step, node in fields.get("f:spec", LEAF).items() if step in parts}
        return {"f:spec": spec} if spec else {}
    found = dict(fields)
    for step in _TYPE_STEPS:
        found.pop(step, None)
    if "status" in row.subresources and subresource != "scale":
        found.pop("f:status", None)
    if "f:metadata" in found:
        kept = {step: node for step, node in found["f:metadata"].items() if step not in _SYSTEM_STEPS}
        if kept:
            found["f:metadata"] = kept
        else:
            del found["f:metadata"]
    return found


def record_create(row: Row, new: Object, own: Manager) -> None:
    """Note in a new object that its maker owns all that it has."""
    view = row.in_version(own.api_version) or row
    if view.custom is None:
        fields = ownable(view, _everything_in(view, row.converted(new, view)))
    else:
        fields = ownable(view, typedfields.compare(view.type, {}, new)[0])
    record(new, [own.owning(fields)])


def _everything_in(row: Row, obj: Object) -> Fields:
    """What comes with an object of a built-in kind. Most of what is made is made from few templates: equal parts have
    equal sets."""
    found: Fields = {}
    for name, item in obj.items():

        def work(part: Any, name: str = name) -> Fields:
            return typedfields.compare(row.type, {}, {name: part})[0]

        recurs = name == recurring.FIELD and isinstance(item, dict)
        found.update(_made.find(f"{row.schema} {name}", item, work) if recurs else work(item))
    return found


def record_update(row: Row, new: Object, old: Object, managers: list[Manager], own: Manager) -> None:
    """Note in `new` who owns what after an ordinary write of `own` to `old`; both come without record, `managers` is
    what it was. An object without one stays so."""
    if not managers:
        return
    differences = _differences(row, old, new, own)
    found = differences.of(own.api_version)
    if found is None or not (found.changed or found.removed):
        record(new, managers)
        return
    others, mine = [], own
    for item in managers:
        if item.identity == own.identity:
            mine = item
        elif (rest := give_up(item, differences.of(item.api_version))) is not None:
            others.append(rest)
    fields = mine.fields
    if found.removed:
        fields = fieldsets.difference(fields, found.removed)
    if not fieldsets.contains(fields, found.changed):
        fields = fieldsets.union(fields, found.changed)
    time = own.time if found.changed or mine is own else mine.time
    record(new, _capped([*others, own.owning(fields, time)]))


def _differences(row: Row, old: Object, new: Object, own: Manager) -> Differences:
    """Of two objects as they are stored, for a writer who wrote in a version of its own."""
    view = row.in_version(own.api_version) or row
    return Differences(view, row.converted(old, view), row.converted(new, view), own.subresource)


def give_up(manager: Manager, difference: Difference | None) -> Manager | None:
    """A manager without what somebody else changed or removed; None when its version is gone."""
    if difference is None:
        return None
    left = fieldsets.difference(fieldsets.difference(manager.fields, difference.changed), difference.removed)
    return manager if left is manager.fields else manager.owning(left)


def _capped(managers: list[Manager]) -> list[Manager]:
    """With the oldest of too many updaters merged, those of each version into one."""
    if len(managers) <= MAX_UPDATERS:
        return managers
    updaters = sorted(
        (item for item in managers if item.operation == "Update" and item.fields),
        key=lambda item: (item.time, item.name),
    )
    excess = len(updaters) - MAX_UPDATERS
    if excess <= 0:
        return managers
    first: dict[str, Manager] = {}
    ancient: dict[str, Manager] = {}
    gone: set[Identity] = set()
    for item in updaters:
        if excess <= 0:
            break
        version = item.api_version
        if version not in first:
            first[version] = item
            continue
        before = ancient.get(version) or first[version]
        gone |= {first[version].identity, item.identity}
        ancient[version] = Manager(
            _ANCIENT, "Update", version, time=item.time, fields=fieldsets.union(before.fields, item.fields)
        )
        excess -= 1
    return [*(item for item in managers if item.identity not in gone), *ancient.values()]
