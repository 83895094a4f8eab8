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


def to_core(event: Object) -> Object:
    return {_NAMES.get(name, name): value for name, value in event.items()}


def from_core(event: Object) -> Object:
    return {_KEPT.get(name, name): value for name, value in event.items()}
