"""Server-side apply: several managers share an object, each owning the fields it set.

Who owns what is the record that every write keeps (`managers`). An object whose record was ended has none until it is
applied again; what it has at that moment belongs to `before-first-apply`, as Kubernetes documents.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import orjson

from common.api import meta
from common.api.gotext import escaped
from common.api.meta import Object, format_time
from common.errors import Cause, Conflict

from . import fieldsets, merging, typedfields
from .decoding import conform
from .fieldsets import LEAF, Fields
from .managers import Differences, Manager, give_up, managers_of, ownable, record
from .row import Row
from .validation import MAX_ANNOTATIONS

_BEFORE_FIRST = "before-first-apply"
_KUBECTL = "kubectl"
_SCALE = "autoscaling/v1"


@dataclass(frozen=True, slots=True)
class Request:
    """Who applies, through which subresource, and whether fields of others may be taken."""

    manager: str
    subresource: str = ""
    force: bool = False


def server_side_apply(row: Row, current: Object | None, config: Object, request: Request, now: datetime) -> Object:
    """The object, in the form that is stored, with what a manager wants of it: its fields set, those it no longer names
    removed unless others own them. `config` is of the version of `row`; `current`, as it is stored, is None when there
    is none yet. Raises Conflict naming the fields that others own (with `force` they change hands instead)."""
    kind, version = row.type, row.resource.api_version
    named = typedfields.fields_of(kind, config)
    own = Manager(
        request.manager, "Apply", version, request.subresource, format_time(now),
        ownable(row, named, request.subresource),
    )  # fmt: skip
    if current is None:
        made, _ = conform(row, {**config, "metadata": dict(meta.metadata(config))}, "Ignore")
        if request.manager == _KUBECTL:
            _note_last_applied(made, config)
        record(made, [own])
        return row.keep(made)
    live = row.show(unrecorded(current))
    others, last = _split(row, current, live, own)
    merged: Object = merging.merge(kind, live, config)
    if not (last.api_version == version and fieldsets.contains(own.fields, last.fields)):
        merged = _prune(row, merged, last, [*others, own.owning(named)])
    asked = Differences(row, live, merged, request.subresource)
    # An empty list that a manager wants is its own, but no part of the object, as after any other write.
    merged, _ = conform(row, merged, "Ignore", live)
    differences = Differences(row, live, merged, request.subresource)
    _settle(row, live, others, (asked, differences), request)
    kept = [left for other in others if (left := give_up(other, differences.of(other.api_version))) is not None]
    found = differences.of(version)
    if last.time and last.fields == own.fields and found is not None and not (found.changed or found.removed):
        own = own._replace(time=last.time)
    result = row.keep({**merged, "metadata": dict(merged["metadata"])})
    if request.manager == _KUBECTL:
        _note_last_applied(result, config)
    record(result, [*kept, own])
    return result


def unrecorded(obj: Object) -> Object:
    """The object without its record."""
    return {**obj, "metadata": {name: item for name, item in obj["metadata"].items() if name != "managedFields"}}


def _split(row: Row, current: Object, live: Object, own: Manager) -> tuple[list[Manager], Manager]:
    """The other managers and this one's last entry (with no fields when it has none)."""
    last = own._replace(time="", fields=LEAF)
    found = managers_of(current)
    if not found:
        everything, _ = typedfields.compare(row.type, {}, live)
        fields = ownable(row, everything, own.subresource)
        return [Manager(_BEFORE_FIRST, "Update", own.api_version, own.subresource, own.time, fields)], last
    others = []
    for item in found:
        if item.identity == own.identity:
            last = item
        else:
            others.append(item)
    return others, last


def _prune(row: Row, merged: Object, last: Manager, managers: list[Manager]) -> Object:
    """Without what a manager applied the last time and now leaves out, as far as nobody owns it or a part of it; what
    nobody owns stays, unless it is in a struct that goes."""
    before = row.in_version(last.api_version)
    if not last.fields or before is None:
        return merged
    kind = before.type
    whole = row.converted(merged, before)
    dropped = merging.with_structs(kind, last.fields)
    left: Object = merging.remove(kind, whole, dropped) or {}
    for version in sorted({item.api_version for item in managers}, key=lambda name: name != last.api_version):
        served = row.in_version(version)
        if served is not None:
            held = [item.fields for item in managers if item.api_version == version]
            left = _add_back(before, served, whole, left, held)
    gone = fieldsets.difference(_all_of(before, whole), _all_of(before, left))
    result = merging.remove(kind, whole, fieldsets.intersection(gone, dropped)) or {}
    return before.converted(result, row)


def _add_back(before: Row, served: Row, whole: Object, left: Object, held: list[Fields]) -> Object:
    """With all that managers in one version own still."""
    everything, remains = before.converted(whole, served), before.converted(left, served)
    kept = _all_of(served, remains)
    for fields in held:
        kept = fieldsets.union(kept, merging.with_structs(served.type, fields))
    gone = fieldsets.difference(_all_of(served, everything), kept)
    return served.converted(merging.remove(served.type, everything, gone) or {}, before)


def _all_of(row: Row, obj: Object) -> Fields:
    return merging.with_structs(row.type, typedfields.fields_of(row.type, obj))


def _settle(
    row: Row, live: Object, others: list[Manager], differences: tuple[Differences, Differences], request: Request
) -> None:
    """Raise Conflict when somebody else owns what would change, and may keep it. `differences` are what is asked for
    and what comes of it: an empty list in the place of none changes nothing."""
    if request.force:
        return
    conflicts = []
    for other in others:
        asked, found = (item.of(other.api_version) for item in differences)
        fields = LEAF
        if asked is not None and found is not None:
            real = fieldsets.union(found.changed, found.removed)
            fields = fieldsets.intersection(fieldsets.intersection(other.fields, asked.changed), real)
        if fields:
            conflicts.append((other, fields))
    if conflicts and request.manager == _KUBECTL and (allowed := _applied_before(row, live)):
        conflicts = [(other, left) for other, fields in conflicts if (left := fieldsets.difference(fields, allowed))]
    if conflicts:
        raise _conflict(conflicts, scale=request.subresource == "scale")


def _applied_before(row: Row, live: Object) -> Fields:
    """What kubectl's client-side apply noted and nobody changed since: kubectl takes it back from whoever has it."""
    try:
        noted = orjson.loads(meta.annotations(live).get(meta.LAST_APPLIED, "{}"))
    except orjson.JSONDecodeError:
        return LEAF
    if not isinstance(noted, dict) or noted.get("apiVersion") != row.resource.api_version:
        return LEAF
    changed, removed = typedfields.compare(row.type, noted, live)
    fields = typedfields.fields_of(row.type, noted)
    return fieldsets.difference(fieldsets.difference(fields, changed), removed)


def _note_last_applied(obj: Object, config: Object) -> None:
    """Keep the note of client-side apply up to date where there is one, so that kubectl can turn back to it."""
    annotations = meta.annotations(obj)
    if meta.LAST_APPLIED not in annotations:
        return
    metadata = dict(meta.metadata(config))
    if metadata.get("annotations") is not None:
        metadata["annotations"] = {
            key: value for key, value in metadata["annotations"].items() if key != meta.LAST_APPLIED
        }
    text = escaped(orjson.dumps({**config, "metadata": metadata}, option=orjson.OPT_SORT_KEYS).decode()) + "\n"
    noting = {**annotations, meta.LAST_APPLIED: text}
    if sum(len(key.encode()) + len(value.encode()) for key, value in noting.items()) > MAX_ANNOTATIONS:
        del noting[meta.LAST_APPLIED]
    obj["metadata"]["annotations"] = noting


def _conflict(conflicts: list[tuple[Manager, Fields]], *, scale: bool) -> Conflict:
    conflicts = sorted(conflicts, key=lambda item: item[0].identity)
    told = [(_whom(manager, scale=scale), [fieldsets.shown(path) for path in fieldsets.paths(fields)])
            for manager, fields in conflicts]  # fmt: skip
    causes = [Cause(name, f"conflict with {whom}", "FieldManagerConflict") for whom, names in told for name in names]
    if len(causes) == 1:
        return Conflict(f"Apply failed with 1 conflict: {causes[0].message}: {causes[0].field}", causes=tuple(causes))
    parts = "\n".join(f"conflicts with {whom}:" + "".join(f"\n- {name}" for name in names) for whom, names in told)
    return Conflict(f"Apply failed with {len(causes)} conflicts: {parts}", causes=tuple(causes))


def _whom(manager: Manager, *, scale: bool) -> str:
    through = f' with subresource "{manager.subresource}"' if manager.subresource else ""
    version = _SCALE if scale else manager.api_version
    using = f" using {version}" if manager.operation == "Update" else ""
    return f"{orjson.dumps(manager.name).decode()}{through}{using}"
