"""What happens to an object between a request and the store: metadata rules, defaults, preparation, validation.

Every function returns a new object and leaves what it got alone. The API server stamps resourceVersion and serialises
writes; everything else that makes an object valid is decided here.
"""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from typing import Any

import orjson

from common import errors
from common.api import meta, names
from common.api.meta import Object
from common.errors import BadRequest

from . import metadata
from .apply import Request as ApplyRequest
from .apply import server_side_apply, unrecorded
from .decoding import conform, decode, decode_applied
from .managers import Manager, is_reset, managers_of, parse, record_create, record_update
from .recurring import Noted
from .row import ALL_METADATA, DELETION, Context, OfSpec, Row
from .scale import apply_scale, scale_of

__all__ = [
    "ApplyRequest",
    "admit_create",
    "admit_update",
    "apply_scale",
    "check",
    "conform",
    "decode",
    "decode_applied",
    "scale_of",
    "server_side_apply",
]

# What only the system writes: a create starts without, an update keeps the old.
_SYSTEM = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink")
_filled = Noted()
"""Specs that have their defaults."""


def clone(obj: Object) -> Object:
    """A deep copy of a JSON object."""
    copied: Object = orjson.loads(orjson.dumps(obj))
    return copied


def _without_record(obj: Object) -> tuple[Object, Any]:
    """A deep copy without managedFields, and these: they are large, shared between objects, and never changed."""
    metadata = dict(meta.metadata(obj))
    entries = metadata.pop("managedFields", None)
    return clone({**obj, "metadata": metadata}), entries


def _keep_record(obj: Object, entries: Any) -> None:
    """The record as it was worked out; of nothing that anybody owns there is none."""
    if entries:
        obj["metadata"]["managedFields"] = entries


def admit_create(row: Row, obj: Object, context: Context, *, applied: bool = False) -> Object:
    """The object as it will be stored when nobody else has a say. Raises Invalid with every wrong field."""
    new = prepare_create(row, obj, context, applied=applied)
    check(row, new, None, context)
    return new


def admit_update(
    row: Row, new: Object, old: Object, context: Context, subresource: str = "", *, applied: bool = False
) -> Object:
    """The same for a replace or patch of `old`."""
    context = dataclasses.replace(context, subresource=subresource)
    result = prepare_update(row, new, old, context, applied=applied)
    check(row, result, old, context)
    return result


def check(row: Row, new: Object, old: Object | None, context: Context) -> None:
    """Raise Invalid with every wrong field of an object that is ready to be stored, Forbidden for one that is right and
    not allowed."""
    causes = metadata.validate(row, new, old)
    if old is not None:
        causes += metadata.validate_update(new, old)
    causes += row.validate(new, old, context)
    if causes:
        raise errors.invalid(row.resource.kind, row.resource.group, meta.name(new), causes)
    row.permit(new, old, context)


def prepare_create(row: Row, obj: Object, context: Context, *, applied: bool = False) -> Object:
    """The object with its defaults and what the system sets, without resourceVersion, before anybody looks whether it
    is right: others may change it first. `applied`: server-side apply has noted who owns it."""
    new, entries = _without_record(obj)
    found = new.setdefault("metadata", {})
    if found.get("resourceVersion"):
        raise BadRequest("resourceVersion should not be set on objects to be created")
    for field in (*_SYSTEM, "resourceVersion"):
        found.pop(field, None)
    if not found.get("name") and found.get("generateName"):
        found["name"] = names.generate(str(found["generateName"]))
    if not row.resource.namespaced:
        found.pop("namespace", None)
    found["uid"] = names.new_uid()
    found["creationTimestamp"] = meta.format_time(context.now)
    if row.has_spec_generation:
        found["generation"] = 1
    if "status" in row.subresources and not row.keeps_status_on_create:
        new.pop("status", None)
    row.default(new)
    # What the system sets from here on (addresses, injected volumes) has no manager.
    if applied:
        _keep_record(new, entries)
    else:
        record_create(row, new, _writer(row, context))
    row.prepare(new, None, context)
    return new


def prepare_update(row: Row, new: Object, old: Object, context: Context, *, applied: bool = False) -> Object:
    """The object after a replace or patch of `old`, before anybody looks whether it is right. Through `status` only the
    status comes from `new`, with the metadata that the kind lets through; through no subresource the status stays as it
    was. `applied` is as for `prepare_create`. Raises Conflict."""
    subresource = context.subresource
    given, recorded = meta.metadata(new).get("managedFields"), meta.metadata(old).get("managedFields")
    _require_same_uid(row, new, old)
    result = _with_status(row, new, old) if subresource == "status" else _replaced(row, new, old, subresource)
    row.prepare(result, old, context)
    if applied:
        _keep_record(result, given)
    elif subresource or not is_reset(given):
        # What a writer sends as the record counts, if it is one and not sent through a subresource.
        sent = None if subresource or given is recorded or given == recorded else parse(given)
        record_update(row, result, unrecorded(old), sent or managers_of(old), _writer(row, context))
    if row.has_spec_generation:
        raised = _spec_of(row, result) != _spec_of(row, old)
        result["metadata"]["generation"] = meta.generation(old) + raised
    return result


def _writer(row: Row, context: Context) -> Manager:
    """Whoever makes an ordinary write, as the record has it."""
    version = context.api_version or row.resource.api_version
    return Manager(context.manager, "Update", version, context.subresource, meta.format_time(context.now))


def fitting(row: Row, obj: Object) -> Object:
    """An object that a policy changed, with its defaults, in the same version. Raises BadRequest for fields of a wrong
    type."""
    known, _ = conform(row, obj, "Ignore")
    new = clone(row.keep(known))
    row.default(new)
    return row.show(new)


def readmit(row: Row, changed: Object, admitted: Object, old: Object | None, context: Context) -> Object:
    """A prepared object as others changed it, in what such a request writes: Kubernetes asks them first and takes the
    rest of the stored object after that. Raises BadRequest for fields of a wrong type."""
    fitting, _ = conform(row, changed, "Ignore")
    if old is not None and context.subresource == "status":
        new = _with_status(row, fitting, old)
    else:
        new, _ = _without_record(fitting)
        if _writes_no_status(row, old, context):
            _assign(new, "status", clone(admitted).get("status"))
        row.default(new)
    if old is not None and context.subresource not in {"", "scale"}:
        row.prepare(new, old, context)
    before = meta.metadata(admitted)
    for field in (*_SYSTEM, "managedFields", "name", "namespace", "resourceVersion"):
        _assign(new["metadata"], field, before.get(field))
    if old is None:
        row.reinvoke(new, context)
    if old is not None and row.has_spec_generation:
        new["metadata"]["generation"] = meta.generation(old) + (_spec_of(row, new) != _spec_of(row, old))
    return new


def _writes_no_status(row: Row, old: Object | None, context: Context) -> bool:
    """Whether what a request says of the status counts for nothing."""
    if context.subresource or "status" not in row.subresources:
        return False
    return old is not None or not row.keeps_status_on_create


def _require_same_uid(row: Row, new: Object, old: Object) -> None:
    wanted, uid = meta.metadata(new).get("uid"), meta.metadata(old).get("uid")
    if wanted not in {None, "", uid}:
        raise errors.conflict(
            row.resource.group_resource,
            meta.name(old),
            f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {uid}",
        )


def _replaced(row: Row, new: Object, old: Object, subresource: str) -> Object:
    """A copy of the new object with its defaults and what only the system writes."""
    result, _ = _without_record(new)
    kept, _ = _without_record({field: old[field] for field in ("metadata", "status") if field in old})
    found, before = result.setdefault("metadata", {}), kept["metadata"]
    for field in _SYSTEM:
        if field not in DELETION or _is_kept(field, found, before):
            _assign(found, field, before.get(field))
    for field in ("name", "namespace", "generateName"):
        if not found.get(field):
            _assign(found, field, before.get(field))
    if "status" in row.subresources and not subresource:
        _assign(result, "status", kept.get("status"))
    row.default(result)
    return result


def _is_kept(field: str, new: Object, old: Object) -> bool:
    """Whether what an update says of a deletion counts for nothing: of an object that is being deleted the time of it
    stays, and who writes one to another is told so."""
    return bool(old.get(field)) if field == "deletionTimestamp" else new.get(field) is None


def _with_status(row: Row, new: Object, old: Object) -> Object:
    """The old object with the status of the new one and the metadata that comes with it. The rest of it is the old
    object's own, wherever it has its defaults: nobody need look for what differs in that."""
    sent, before = meta.metadata(new), meta.metadata(old)
    metadata = {field: value for field, value in before.items() if field != "managedFields"}
    for field in _sent_with_status(None if row.custom else row.status_keeps):
        value, known = sent.get(field), before.get(field)
        if value != known and not (field in DELETION and _is_kept(field, sent, before)):
            _assign(metadata, field, value)
    result = {**old, "metadata": metadata}
    status = new.get("status")
    _assign(result, "status", dict(status) if isinstance(status, dict) else status)
    if not _has_defaults(row, old):
        result = clone(result)
        row.default(result)
        for field, value in result.items():
            if field not in {"metadata", "status"} and value == old.get(field):
                result[field] = old[field]
    return result


@lru_cache
def _sent_with_status(kept: frozenset[str] | None) -> tuple[str, ...]:
    """The metadata that comes with a status, of a kind that keeps so much of it as it was."""
    # As in Kubernetes: through the status of most built-in kinds metadata comes too, not so of custom ones (None).
    fields = frozenset() if kept is None else (ALL_METADATA | DELETION) - kept
    return (*sorted(fields), "resourceVersion")


def _has_defaults(row: Row, obj: Object) -> bool:
    """Whether nothing could be filled in an object, whatever its status and metadata say."""
    default, spec = row.default, obj.get("spec")
    if not isinstance(default, OfSpec) or spec is None:
        return False

    def is_filled(spec: Any) -> bool:
        filled = clone(spec)
        default.fill(filled)
        return bool(filled == spec)

    return _filled.holds(row.schema, spec, is_filled)


def _assign(target: Object, field: str, value: Any) -> None:
    if value is None:
        target.pop(field, None)
    else:
        target[field] = value


def _spec_of(row: Row, obj: Object) -> Object:
    """What raises the generation: without a status subresource of its own the status of a custom object counts."""
    apart = {"metadata"} if row.custom and "status" not in row.subresources else {"metadata", "status"}
    return {field: value for field, value in obj.items() if field not in apart}
