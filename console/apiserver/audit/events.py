"""What the audit log has of a request: events of audit.k8s.io/v1, as Kubernetes' log backend writes them. Pure.

Bodies are never in it (level Metadata), with one addition: what a write changed, in the annotation
`quarterdeck.io/changes`, under the name that the history has for it. Of the values of Secrets that has lengths.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from common.api import meta
from common.api.meta import Object
from console.apiserver.history.deltas import Delta, Missing, text
from console.apiserver.history.record import SECRET_FIELDS, differences, is_hidden, is_secret, length, meant
from console.apiserver.requestinfo import RequestInfo

from .trail import Recorded, Trail

STARTED, COMPLETE = "ResponseStarted", "ResponseComplete"
CHANGES = "quarterdeck.io/changes"
"""The annotation with a JSON list of what a request wrote: `change` (its name in the history), `verb`, `object`,
`before` and `after`; of an update those have the fields that differ, by their paths."""
MAX_CHANGES = 64 * 1024  # characters of that annotation; what is larger has only the names of the changes
GONE = 499  # the code of a request whose client went before there was an answer
_DECISION, _REASON = "authorization.k8s.io/decision", "authorization.k8s.io/reason"
_REFUSED = frozenset({401, 403})
# What they say is also elsewhere, and they come by the second from every program that elects a leader.
_CHATTER = frozenset({("", "events"), ("events.k8s.io", "events"), ("coordination.k8s.io", "leases")})
_SECRETIVE = frozenset({"secrets", "tokenreviews"})


@dataclass(frozen=True, slots=True)
class Ended:
    """A request that has come to a stage. `code` is that of its answer."""

    trail: Trail
    stage: str
    code: int
    at: datetime


def is_logged(trail: Trail, code: int) -> bool:
    """Everything that was refused or wrong, and all requests for resources but successful ones for events and leases;
    of other paths, which every client reads, no more than that."""
    if code in _REFUSED:
        return True
    info = trail.info
    if info is None:
        return trail.verb not in {"get", "head"} or 400 <= code < 500
    return code >= 400 or (info.group, info.plural) not in _CHATTER


def render(ended: Ended) -> bytes:
    """The event as one line."""
    trail, info = ended.trail, ended.trail.info
    event: Object = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": trail.audit_id,
        "stage": ended.stage,
        "requestURI": trail.uri,
        "verb": trail.verb,
        "user": trail.user,
    }
    if trail.acting is not None:
        event["impersonatedUser"] = trail.acting
    if trail.constraint:
        event["authenticationMetadata"] = {"impersonationConstraint": trail.constraint}
    if trail.addresses:
        event["sourceIPs"] = list(trail.addresses)
    if trail.agent:
        event["userAgent"] = trail.agent
    if info is not None:
        event["objectRef"] = _reference(info, trail.writes)
    event["responseStatus"] = _status(trail, ended.code)
    event["requestReceivedTimestamp"] = meta.format_micro_time(trail.received)
    event["stageTimestamp"] = meta.format_micro_time(ended.at)
    annotations = dict(_annotations(ended))
    if annotations:
        event["annotations"] = annotations
    return _encoded(event) + b"\n"


def _encoded(value: Any) -> bytes:
    try:
        return orjson.dumps(value, default=str)
    except TypeError:  # a header that is no UTF-8, which must cost nobody the log
        return orjson.dumps(_readable(value), default=str)


def _readable(value: Any) -> Any:
    """The same with bytes that are no text written out."""
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {_readable(key): _readable(item) for key, item in value.items()}
    return [_readable(item) for item in value] if isinstance(value, list | tuple) else value


def _reference(info: RequestInfo, writes: list[Recorded]) -> Object:
    written = writes[0].change["object"] if len(writes) == 1 else {}
    found = {
        "resource": info.plural, "namespace": info.namespace, "name": info.name or written.get("name", ""),
        "uid": written.get("uid", ""), "apiGroup": info.group, "apiVersion": info.version,
        "subresource": info.subresource,
    }  # fmt: skip
    return {name: value for name, value in found.items() if value}


def _status(trail: Trail, code: int) -> Object:
    found = {name: value for name, value in trail.status.items() if name not in {"kind", "apiVersion"}}
    if trail.info is not None and trail.info.plural in _SECRETIVE and code not in _REFUSED:
        # Whoever sent something wrong is told what, and that may be a value.
        found.pop("message", None)
        found.pop("details", None)
    return {"metadata": {}, **found, "code": code}


def _annotations(ended: Ended) -> Iterator[tuple[str, str]]:
    trail = ended.trail
    if trail.allowed is not None:
        yield _DECISION, "allow" if trail.allowed else "forbid"
        yield _REASON, trail.reason
    yield from trail.annotations.items()
    if trail.writes and ended.stage == COMPLETE and ended.code < 500:  # a commit that failed wrote nothing
        yield CHANGES, _changes(trail.writes)


def _changes(writes: list[Recorded]) -> str:
    told = _encoded([_change(item) for item in writes]).decode()
    if len(told) <= MAX_CHANGES:
        return told
    return orjson.dumps([{"change": meta.name(item.change)} for item in writes]).decode()


def _change(item: Recorded) -> Object:
    about = item.change["object"]
    found: Object = {"change": meta.name(item.change), "verb": item.change["verb"], "object": about}
    if item.old is not None and item.new is not None:
        deltas = item.differences or differences(item.old, item.new)
        return {**found, **_of_update(deltas, secret=is_secret(about))}
    for side, obj in (("before", item.old), ("after", item.new)):
        if obj is not None:
            found[side] = _whole(obj, secret=is_secret(about))
    return found


def _of_update(deltas: Any, *, secret: bool) -> Object:
    sides: Object = {"before": {}, "after": {}}
    for delta in deltas:
        for side, value in (("before", delta.old), ("after", delta.new)):
            if not isinstance(value, Missing):
                sides[side][text(delta.path)] = _told(delta, value, secret=secret)
    return sides


def _told(delta: Delta, value: Any, *, secret: bool) -> Any:
    return length(value) if secret and is_hidden(delta) else value


def _whole(obj: Object, *, secret: bool) -> Object:
    shown = meant(obj)
    if not secret:
        return shown
    hidden = {name: {key: length(value) for key, value in (shown.get(name) or {}).items()} for name in SECRET_FIELDS}
    return {**shown, **{name: values for name, values in hidden.items() if values}}
