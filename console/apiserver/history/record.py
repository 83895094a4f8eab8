"""What is remembered of a write: a Change, which may be read, and what undoing it takes, which nobody reads. Pure.

A Change says who did what to which object and from where, and what differed. Of secret values it has lengths only; the
values themselves are in the undo record, which no API serves.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from common.api import kinds, meta
from common.api.kinds import Resource
from common.api.meta import Object
from common.api.names import new_uid
from console.apiserver.audit.trail import Recorded
from console.apiserver.caller import Caller

from .deltas import Delta, Missing, deltas, text

MAX_TEXT = 200  # characters of a value in a Change; the undo record has all of it
MAX_DELTAS = 100
# Bookkeeping of the server and of clients: it says nothing about what was meant.
_SERVER_FIELDS = frozenset({"resourceVersion", "generation", "managedFields", "uid", "creationTimestamp"})
_OTHERS = frozenset({"status", "metadata"})
_NOISE = frozenset({meta.LAST_APPLIED, "deployment.kubernetes.io/revision"})
_UNRECORDED = frozenset(
    resource.group_resource for resource in (kinds.EVENTS, kinds.LEASES, kinds.ENDPOINTSLICES, kinds.HOSTS)
)
SECRET_FIELDS = frozenset({"data", "stringData"})


@dataclass(frozen=True, slots=True)
class Write:
    """A write as it was decided. `old` is None for a creation, `new` for an object that is gone at once."""

    caller: Caller
    verb: str
    resource: Resource
    old: Object | None
    new: Object | None

    @property
    def subject(self) -> Object:
        """The object in its newest state."""
        found = self.new if self.new is not None else self.old
        return found if found is not None else {}

    @property
    def is_deletion(self) -> bool:
        return self.new is None or (
            meta.is_deleting(self.new) and self.old is not None and not meta.is_deleting(self.old)
        )


def is_worth_recording(write: Write) -> bool:
    """Whether somebody meant something by the write.

    Status, and what the control plane does to objects that belong to others (the pods of a ReplicaSet), follow from
    other writes; of the control plane's own writes the ones that change what is wanted count, such as an autoscaler's.
    """
    if write.resource.group_resource in _UNRECORDED or write.verb == "bind":
        return False
    if write.old is not None and meta.is_deleting(write.old):
        return False  # the deletion was recorded when it was asked for
    if not write.caller.is_component:
        return write.old is None or write.new is None or not _is_bookkeeping(write.old, write.new)
    if meta.controller_of(write.subject) is not None or write.old is None:
        return False
    return write.is_deletion or write.subject.get("spec") != write.old.get("spec")


def _is_bookkeeping(old: Object, new: Object) -> bool:
    """Whether a write left all that is meant the very objects that they were, as one of a status does. Nothing is
    compared: of others their differences tell."""
    return _shares(old, new, _OTHERS) and _shares(meta.metadata(old), meta.metadata(new), _SERVER_FIELDS)


def _shares(old: Object, new: Object, apart: frozenset[str]) -> bool:
    return old.keys() ^ new.keys() <= apart and all(
        value is old[field] for field, value in new.items() if field not in apart
    )


def meant(obj: Object | None) -> Object:
    """The object without status and bookkeeping: what its writer meant."""
    if obj is None:
        return {}
    kept = {field: value for field, value in obj.items() if field not in _OTHERS}
    metadata = {field: value for field, value in meta.metadata(obj).items() if field not in _SERVER_FIELDS}
    annotations = {field: value for field, value in meta.annotations(obj).items() if field not in _NOISE}
    if annotations:
        metadata["annotations"] = annotations
    else:
        metadata.pop("annotations", None)
    return {**kept, "metadata": metadata}


def differences(old: Object | None, new: Object | None) -> list[Delta]:
    """What a write changed of what is meant."""
    return list(deltas(meant(old), meant(new)))


def recorded(write: Write, name: str, now: datetime) -> Recorded | None:
    """What is remembered of a write under this name; None when nothing that counts differs."""
    updated = not write.is_deletion and write.old is not None
    found = differences(write.old, write.new) if updated else []
    if updated and not found:
        return None
    new = None if write.is_deletion else write.new
    return Recorded(_change(write, name, now, found), found, write.old, new)


def _change(write: Write, name: str, now: datetime, found: list[Delta]) -> Object:
    subject = write.subject
    resource = write.resource
    named: Object = {
        "apiVersion": subject.get("apiVersion") or resource.api_version,  # that in which it is stored
        "kind": resource.kind,
        "name": meta.name(subject),
        "uid": meta.uid(subject),
    }
    if resource.namespaced:
        named["namespace"] = meta.namespace(subject)
    caller = write.caller
    asked = {"impersonator": caller.impersonator, "auditID": "" if caller.trail is None else caller.trail.audit_id}
    return {
        "apiVersion": kinds.CHANGES.api_version,
        "kind": kinds.CHANGES.kind,
        "metadata": {"name": name, "uid": new_uid(), "creationTimestamp": meta.format_time(now)},
        "time": meta.format_micro_time(now),
        "verb": "delete" if write.is_deletion else "create" if write.old is None else "update",
        "user": caller.user,
        **{field: value for field, value in asked.items() if value},
        "source": caller.source,
        "object": named,
        "differences": list(_shown(found, secret=is_secret(named))),
    }


def is_secret(about: Object) -> bool:
    """Whether what a Change is about has values that nobody may read in it."""
    return (about.get("apiVersion"), about.get("kind")) == (kinds.SECRETS.api_version, kinds.SECRETS.kind)


def _shown(found: Iterable[Delta], *, secret: bool) -> Iterable[Object]:
    for number, delta in enumerate(found):
        if number == MAX_DELTAS:
            return
        show = length if secret and is_hidden(delta) else _value
        sides = (("old", delta.old), ("new", delta.new))
        yield {"path": text(delta.path), **{side: show(v) for side, v in sides if not isinstance(v, Missing)}}


def _value(value: Any) -> str:
    written = value if isinstance(value, str) else orjson.dumps(value).decode()
    return written if len(written) <= MAX_TEXT else written[: MAX_TEXT - 1] + "…"


def is_hidden(delta: Delta) -> bool:
    """Whether a difference of a Secret is one of its values."""
    return bool(delta.path) and delta.path[0] in SECRET_FIELDS


def length(value: Any) -> str:
    """Of a secret only how long it is, in the base64 form that the API has."""
    if isinstance(value, dict):
        return f"{len(value)} keys"
    return f"{len(str(value))} characters"


def undo_record(write: Write, name: str) -> Object:
    """What undoing an update or deletion needs and a Change does not show."""
    new = None if write.is_deletion else meant(write.new)
    return {"metadata": {"name": name}, "old": meant(write.old), "new": new}
