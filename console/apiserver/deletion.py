"""What a DELETE does to an object: gone at once, marked and waiting, or nothing new. Pure.

An object goes when nobody holds it: no finalizers, no grace period left, and for a namespace no finalizers in its spec.
Source of the rules: Kubernetes' documentation of finalizers, garbage collection and graceful termination.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from common import errors
from common.api import meta
from common.api.meta import Object
from console.registry.row import Row
from console.store import Entry

from .options import DeleteOptions

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"


@dataclass(frozen=True, slots=True)
class Plan:
    """`remove`: the object goes now. Otherwise `marked` is its next state (the same object when nothing changes)."""

    remove: bool
    marked: Object


def plan(row: Row, obj: Object, options: DeleteOptions, now: datetime) -> Plan:
    found = meta.metadata(obj)
    finalizers = _finalizers(list(found.get("finalizers") or ()), _propagation(row, obj, options))
    if row.deletion_finalizer and not meta.is_deleting(obj) and row.deletion_finalizer not in finalizers:
        finalizers.append(row.deletion_finalizer)
    natural = row.grace_period(obj)
    # Who has nothing to stop needs no time for it, whatever was asked for.
    grace = 0 if natural == 0 else natural if options.grace_period is None else options.grace_period
    changed = {**found, "finalizers": finalizers} if finalizers != (found.get("finalizers") or []) else dict(found)
    if not changed.get("finalizers"):
        changed.pop("finalizers", None)
    if meta.is_deleting(obj):
        _shorten(changed, options.grace_period, grace)
    else:
        changed["deletionTimestamp"] = meta.format_time(now + timedelta(seconds=grace))
        changed["deletionGracePeriodSeconds"] = grace
        if "generation" in changed:
            changed["generation"] += 1
    marked = obj if changed == found else {**obj, "metadata": changed}
    if row.resource.plural == "namespaces" and not row.resource.group and not meta.is_deleting(obj):
        marked = {**marked, "status": {**(marked.get("status") or {}), "phase": "Terminating"}}
    return Plan(is_released(marked), marked)


def _propagation(row: Row, obj: Object, options: DeleteOptions) -> str | None:
    """What was asked for; else what the object's finalizers say already; else what is usual for the kind."""
    decided = {ORPHAN, FOREGROUND} & set(meta.metadata(obj).get("finalizers") or ())
    if options.propagation is not None or decided or meta.is_deleting(obj):
        return options.propagation
    return row.default_propagation


def _finalizers(present: list[str], propagation: str | None) -> list[str]:
    if propagation is None:
        return present
    kept = [finalizer for finalizer in present if finalizer not in {ORPHAN, FOREGROUND}]
    return kept + {"Orphan": [ORPHAN], "Foreground": [FOREGROUND]}.get(propagation, [])


def _shorten(found: Object, asked: int | None, grace: int) -> None:
    """A second DELETE can only make the first one's grace period shorter."""
    before = int(found.get("deletionGracePeriodSeconds") or 0)
    if asked is None and grace:
        return
    if grace >= before:
        return
    requested = meta.parse_time(str(found["deletionTimestamp"])) - timedelta(seconds=before)
    found["deletionTimestamp"] = meta.format_time(requested + timedelta(seconds=grace))
    found["deletionGracePeriodSeconds"] = grace


def is_released(obj: Object) -> bool:
    """Whether an object that is being deleted is held by nobody any more."""
    found = meta.metadata(obj)
    if not found.get("deletionTimestamp") or found.get("finalizers") or found.get("deletionGracePeriodSeconds"):
        return False
    held = obj.get("kind") == "Namespace" and obj.get("apiVersion") == "v1"
    return not (held and (obj.get("spec") or {}).get("finalizers"))


def check_preconditions(row: Row, current: Entry, options: DeleteOptions) -> None:
    """Raises Conflict for another object than the one that is meant."""
    name = current.key[1]
    uid = meta.uid(current.obj)
    if options.uid is not None and options.uid != uid:
        why = f"the UID in the precondition ({options.uid}) does not match the UID in record ({uid}). "
        raise errors.conflict(_kind(row), name, f"{why}The object might have been deleted and then recreated")
    version, found = options.resource_version, str(current.revision)
    if version is not None and version != found:
        why = f"the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record "
        raise errors.conflict(_kind(row), name, f"{why}({found}). The object might have been modified")


def _kind(row: Row) -> str:
    """What Kubernetes names in the place of the resource here."""
    return f"{row.resource.kind}.{row.resource.group}" if row.resource.group else row.resource.kind
