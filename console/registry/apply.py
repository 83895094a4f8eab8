"""Server-side apply: several managers share an object, each owning the fields it set.

Who owns what is the record that every write keeps (`managers`). An object whose record was ended has none until it is
applied again; what it has at that moment belongs to `before-first-apply`, as Kubernetes documents.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from common.api import meta
from common.api.meta import Object, format_time
from common.errors import BadRequest, Cause, Conflict

from . import fieldsets
from .fieldsets import FieldSet, Path
from .managers import Manager, managers_of, owned, record
from .row import Row
from .schema import Schema

_BEFORE_FIRST = "before-first-apply"
_KUBECTL = "kubectl"


@dataclass(frozen=True, slots=True)
class Request:
    """Who applies, through which subresource, and whether fields of others may be taken."""

    manager: str
    subresource: str = ""
    force: bool = False


def server_side_apply(row: Row, current: Object | None, config: Object, request: Request, now: datetime) -> Object:
    """The object with what a manager wants of it: its fields set, those it no longer names removed unless others own
    them. `current` is None when there is none yet. Raises Conflict naming the fields that others own (with `force`
    they change hands instead)."""
    if meta.metadata(config).get("managedFields"):
        raise BadRequest("metadata.managedFields must be nil")
    kind = row.type
    wanted = owned(row, fieldsets.fields_of(kind, config), request.subresource)
    own = Manager(request.manager, "Apply", row.resource.api_version, request.subresource, format_time(now), wanted)
    if current is None:
        created = _clone(config)
        created.setdefault("metadata", {})
        record(created, [own])
        return created
    others, last = _split(row, current, request, now)
    merged: Object = _merge(kind, _clone(current), config)
    _prune(kind, merged, last.fields - wanted, wanted.union(*(other.fields for other in others)))
    changed: FieldSet = set()
    removed: FieldSet = set()
    fieldsets.compare(kind, current, merged, (), changed, removed)
    force = request.force or _agrees_with_last_applied(row, current, request, others, changed & wanted)
    _settle(others, changed & wanted, removed, force=force)
    if last.time and last.fields == wanted and not changed and not removed:
        own.time = last.time
    record(merged, [*others, own])
    return _with_last_applied(merged, config) if request.manager == _KUBECTL else merged


def _clone(obj: Object) -> Object:
    copied: Object = orjson.loads(orjson.dumps(obj))
    return copied


def _split(row: Row, current: Object, request: Request, now: datetime) -> tuple[list[Manager], Manager]:
    """The other managers and this one's last entry (empty when it has none)."""
    last = Manager(request.manager, "Apply", row.resource.api_version, request.subresource)
    found = managers_of(current)
    if not found:
        last.fields = _last_applied(row, current) if request.manager == _KUBECTL else set()
        rest = owned(row, fieldsets.fields_of(row.type, current)) - last.fields
        return [Manager(_BEFORE_FIRST, "Update", row.resource.api_version, time=format_time(now), fields=rest)], last
    others = []
    for item in found:
        if (item.name, item.operation, item.subresource) == (last.name, "Apply", last.subresource):
            last = item
        else:
            others.append(item)
    return others, last


def _last_applied(row: Row, current: Object) -> FieldSet:
    """What kubectl's client-side apply noted: kubectl goes on owning it when it turns to server-side apply."""
    try:
        noted = orjson.loads(meta.annotations(current).get(meta.LAST_APPLIED, "{}"))
    except orjson.JSONDecodeError:
        return set()
    return owned(row, fieldsets.fields_of(row.type, noted)) if isinstance(noted, dict) else set()


def _agrees_with_last_applied(
    row: Row, current: Object, request: Request, others: list[Manager], changed: FieldSet
) -> bool:
    """Whether kubectl only takes back from others what it had applied from the client side itself."""
    if request.manager != _KUBECTL:
        return False
    contested = {path for other in others for path in other.fields & changed}
    return bool(contested) and contested <= _last_applied(row, current)


def _with_last_applied(merged: Object, config: Object) -> Object:
    """Keep the note of client-side apply up to date where there is one, so that kubectl can turn back to it."""
    annotations = meta.annotations(merged)
    if meta.LAST_APPLIED not in annotations:
        return merged
    metadata = dict(meta.metadata(config))
    kept = {key: value for key, value in (metadata.get("annotations") or {}).items() if key != meta.LAST_APPLIED}
    metadata.pop("annotations", None)
    noted = {**config, "metadata": {**metadata, **({"annotations": kept} if kept else {})}}
    text = orjson.dumps(noted).decode() + "\n"
    noting = {**annotations, meta.LAST_APPLIED: text}
    return {**merged, "metadata": {**merged["metadata"], "annotations": noting}}


def _settle(others: list[Manager], changed: FieldSet, removed: FieldSet, *, force: bool) -> None:
    """Let others go of what changed, or raise Conflict when they may keep it."""
    conflicts = [(other, sorted(other.fields & changed)) for other in others]
    conflicts = [(other, paths) for other, paths in conflicts if paths]
    if conflicts and not force:
        raise _conflict(conflicts)
    for other in others:
        other.fields = other.fields - changed - removed


def _conflict(conflicts: list[tuple[Manager, list[Path]]]) -> Conflict:
    causes: list[Cause] = []
    parts: list[str] = []
    for other, paths in sorted(conflicts, key=lambda item: (item[0].name, item[0].operation, item[0].subresource)):
        names = [fieldsets.shown(path) for path in paths]
        causes += [Cause(name, f"conflict with {_called(other)}", "FieldManagerConflict") for name in names]
        parts.append(f"conflicts with {_called(other)}:\n" + "\n".join(f"- {name}" for name in names))
    if len(causes) == 1:
        return Conflict(f"Apply failed with 1 conflict: {causes[0].message}: {causes[0].field}", causes=tuple(causes))
    return Conflict(f"Apply failed with {len(causes)} conflicts: " + "\n".join(parts), causes=tuple(causes))


def _called(manager: Manager) -> str:
    """A manager in a message. Who applies has one record whatever the version, so that none is named."""
    through = f' with subresource "{manager.subresource}"' if manager.subresource else ""
    version = f" using {manager.api_version}" if manager.operation == "Update" else ""
    return f'"{manager.name}"{through}{version}'


def _merge(kind: Schema, live: Any, config: Any) -> Any:
    if not (fieldsets.is_granular(kind, live) and fieldsets.is_granular(kind, config)):
        return config
    if kind.shape != "array":
        result = dict(live)
        for step, (child, item) in fieldsets.children(kind, config).items():
            name = step[2:]
            result[name] = _merge(child, live[name], item) if name in live else item
        return result
    before = fieldsets.children(kind, live)
    after = fieldsets.children(kind, config)
    if len(after) < len(config):
        keys = ", ".join(kind.list_keys) or "value"
        raise BadRequest(f"duplicate entries in a list whose elements are known by {keys}: {', '.join(sorted(after))}")
    return [
        _merge(before[step][0], before[step][1], after[step][1])
        if step in before and step in after
        else (after.get(step) or before[step])[1]
        for step in _interleaved(list(before), list(after))
    ]


def _interleaved(live: list[str], config: list[str]) -> list[str]:
    """What both have comes in the order of `config`; what only one side has stays where it is among its own, and what
    is new comes after what was there."""
    shared = set(live) & set(config)
    result: list[str] = []
    waiting = iter(config)
    pending = next(waiting, None)
    for step in live:
        if step not in shared:
            result.append(step)
            continue
        # The place of a shared element: whatever shared element `config` has next, after what only `config` has.
        while pending is not None and pending not in shared:
            result.append(pending)
            pending = next(waiting, None)
        if pending is not None:
            result.append(pending)
            pending = next(waiting, None)
    while pending is not None:
        result.append(pending)
        pending = next(waiting, None)
    return result


def _prune(kind: Schema, obj: Any, dropped: FieldSet, kept: FieldSet) -> None:
    """Remove what a manager owned and no longer names, as far as nobody owns it or a part of it."""
    held = {path[:depth] for path in kept for depth in range(1, len(path) + 1)}
    # An element goes before its fields: without its keys it could not be found, and its defaults go with it.
    for path in sorted(dropped, key=len):
        if path not in held:
            _remove(kind, obj, path)


def _remove(kind: Schema, value: Any, path: Path) -> None:
    if not fieldsets.is_granular(kind, value):
        return
    step, rest = path[0], path[1:]
    found = fieldsets.children(kind, value).get(step)
    if found is None:
        return
    child, item = found
    if rest:
        _remove(child, item, rest)
        # A map that held nothing else goes with its last entry; an element of a list is a field of its own.
        if item or step.startswith("k:"):
            return
    if kind.shape == "array":
        value[:] = [entry for entry in value if fieldsets.step_of(kind, entry) != step]
    else:
        value.pop(step[2:], None)
