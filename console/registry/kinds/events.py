"""Events: what happened to an object, told once and counted."""

from __future__ import annotations

from datetime import datetime

from common.api import ages, kinds, meta, selectors
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.columns import NAME, at
from console.registry.row import Column, Context, Row, Version

from .event_conversion import FIELDS, V1, from_core, to_core

_CLUSTER_NAMESPACES = {"default", "kube-system"}
_TYPES = frozenset({"Normal", "Warning"})
_OF_OLD = ("firstTimestamp", "lastTimestamp", "count", "source")
"""Fields that only clients of the older group fill."""
_FIXED = (
    "involvedObject", "reason", "message", *_OF_OLD, "type", "eventTime", "action", "related", "reportingComponent",
    "reportingInstance",
)  # fmt: skip
_LEAST_IN_SERIES = 2
_LONGEST, _LONGEST_MESSAGE = 128, 1024  # characters


def _validate(new: Object, old: Object | None, context: Context) -> list[Cause]:
    causes = _validate_common(new)
    if context.api_version != V1.api_version:
        return causes
    if old is None or new.get("series") != old.get("series"):
        causes += _validate_series(new.get("series"))
    return causes + (_validate_new(new) if old is None else _validate_change(new, old))


def _validate_new(new: Object) -> list[Cause]:
    """What the newer group asks of an event that is made through it."""
    causes = [] if new.get("eventTime") else [validation.required("eventTime")]
    kind = str(new.get("type") or "")
    if kind not in _TYPES:
        causes.append(validation.wrong("type", "", f"has invalid value: {kind}"))
    return causes + [validation.wrong(name, "", "needs to be unset") for name in _OF_OLD if new.get(name)]


def _validate_series(series: Object | None) -> list[Cause]:
    if series is None:
        return []
    causes = []
    if int(series.get("count") or 0) < _LEAST_IN_SERIES:
        causes.append(validation.wrong("series.count", "", f"should be at least {_LEAST_IN_SERIES}"))
    if not series.get("lastObservedTime"):
        causes.append(validation.required("series.lastObservedTime"))
    return causes


def _validate_change(new: Object, old: Object) -> list[Cause]:
    """Through the newer group an event changes in nothing but its series."""
    return [cause for name in _FIXED for cause in validation.unchanged(name, new.get(name), old.get(name))]


def _validate_common(new: Object) -> list[Cause]:
    if not new.get("eventTime"):
        return _validate_place(new)
    causes: list[Cause] = []
    where = str((new.get("involvedObject") or {}).get("namespace") or "")
    if not where and meta.namespace(new) not in _CLUSTER_NAMESPACES:
        causes.append(_misplaced(where))
    reporter = str(new.get("reportingComponent") or "")
    if not reporter:
        causes.append(validation.required("reportingController"))
    causes += validation.each("reportingController", reporter, validation.qualified_name(reporter))
    for name in ("reportingInstance", "action", "reason"):
        if not new.get(name):
            causes.append(validation.required(name))
        elif len(new[name]) > _LONGEST:
            causes.append(validation.wrong(name, "", f"can have at most {_LONGEST} characters"))
    if len(new.get("message") or "") > _LONGEST_MESSAGE:
        causes.append(validation.wrong("message", "", f"can have at most {_LONGEST_MESSAGE} characters"))
    return causes


def _validate_place(new: Object) -> list[Cause]:
    """An event lives in the namespace of what it is about, one about a cluster-scoped object in `default`."""
    where = str((new.get("involvedObject") or {}).get("namespace") or "")
    return [] if (where or "default") == meta.namespace(new) else [_misplaced(where)]


def _misplaced(where: str) -> Cause:
    return validation.wrong("involvedObject.namespace", where, "does not match event.namespace")


def _read_field(event: Object, path: str) -> str:
    if path == "source":
        return str(at(event, "source.component") or event.get("reportingComponent") or "")
    return selectors.field_value(event, path)


def _count(event: Object) -> int:
    series = event.get("series") or {}
    return int(series.get("count") or event.get("count") or 1)


def _first_seen(event: Object) -> str | None:
    return event.get("firstTimestamp") or event.get("eventTime") or None


def _last_seen(event: Object) -> str | None:
    return at(event, "series.lastObservedTime") or event.get("lastTimestamp") or _first_seen(event)


def _age(moment: str | None, now: datetime) -> str:
    return ages.since(moment, now)


def _object(event: Object) -> str:
    involved = event.get("involvedObject") or {}
    return f"{str(involved.get('kind', '')).lower()}/{involved.get('name', '')}"


def _source(event: Object) -> str:
    component = at(event, "source.component") or event.get("reportingComponent") or ""
    host = at(event, "source.host") or event.get("reportingInstance") or ""
    return ", ".join(part for part in (component, host) if part)


EVENTS = Row(
    kinds.EVENTS,
    "event",
    short_names=("ev",),
    columns=(
        Column("Last Seen", lambda obj, now: _age(_last_seen(obj), now)),
        Column("Type", lambda obj, _now: str(obj.get("type", ""))),
        Column("Reason", lambda obj, _now: str(obj.get("reason", ""))),
        Column("Object", lambda obj, _now: _object(obj)),
        Column("Subobject", lambda obj, _now: str(at(obj, "involvedObject.fieldPath", "")), priority=1),
        Column("Source", lambda obj, _now: _source(obj), priority=1),
        Column("Message", lambda obj, _now: str(obj.get("message", "")).strip()),
        Column("First Seen", lambda obj, now: _age(_first_seen(obj), now), priority=1),
        Column("Count", lambda obj, _now: _count(obj), priority=1),
        Column(NAME.name, NAME.value, format="name", priority=1),
    ),
    schema="io.k8s.api.core.v1.Event",
    archived=True,
    validate=_validate,
    fields=(
        "metadata.name",
        "metadata.namespace",
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    has_spec_generation=False,
    read_field=_read_field,
    versions=(Version(V1, "io.k8s.api.events.v1.Event", to_core, from_core, FIELDS),),
    creates_on_update=True,
)
ROWS = (EVENTS,)
