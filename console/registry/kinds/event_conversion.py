"""Events in two groups: events.k8s.io/v1 calls the fields of core/v1, which are kept, by other names."""

from __future__ import annotations

from common.api.kinds import Resource
from common.api.meta import Object

V1 = Resource("events.k8s.io", "v1", "events", "Event")
_NAMES = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
_KEPT = {kept: shown for shown, kept in _NAMES.items()}
_ABOUT = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
FIELDS = {
    **{f"regarding.{name}": f"involvedObject.{name}" for name in _ABOUT},
    "reportingController": "reportingComponent",
    **{name: name for name in ("metadata.name", "metadata.namespace", "reason", "type")},
}
"""What field selectors of the newer group name, and what that is called in the older."""


def to_core(event: Object) -> Object:
    kept = {_NAMES.get(name, name): value for name, value in event.items()}
    series = event.get("series")
    if series and not series.get("count"):
        # The older group leaves a count of nothing out, the newer has it always.
        kept["series"] = {name: value for name, value in series.items() if name != "count"}
    return kept


def from_core(event: Object) -> Object:
    shown = {_KEPT.get(name, name): value for name, value in event.items()}
    if event.get("series") is not None:
        shown["series"] = {"count": 0, **event["series"]}
    return shown
