"""What requests do to this server, counted under the names that dashboards of Kubernetes ask for.

Labels are bounded: verbs and scopes are few, and a group, version or resource is named only when it is served, so that
no client can make this grow.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from common.exposition import family, head, number, sample

BUCKETS = (
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0,
    45.0, 60.0,
)  # fmt: skip
"""Upper bounds in seconds, as kube-apiserver has them."""


class Asked(NamedTuple):
    """The labels of a request, in the order in which they are shown."""

    verb: str
    dry_run: str = ""
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    scope: str = ""

    def labels(self) -> dict[str, str]:
        return {
            "component": "apiserver", "dry_run": self.dry_run, "group": self.group, "resource": self.resource,
            "scope": self.scope, "subresource": self.subresource, "verb": self.verb, "version": self.version,
        }  # fmt: skip


@dataclass(slots=True)
class _Figures:
    """Of all requests with the same labels: how many had which code, and how long they took."""

    codes: dict[int, int] = field(default_factory=dict)
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    total: float = 0.0

    def add(self, code: int, seconds: float) -> None:
        self.codes[code] = self.codes.get(code, 0) + 1
        self.buckets[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds


class _UnderWay:
    """Counts those who are in it."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> None:
        self.count += 1

    def __exit__(self, *_: object) -> None:
        self.count -= 1


class Instruments:
    """Told of every request when it ends, and of those that are no streams when they begin."""

    def __init__(self) -> None:
        self._figures: dict[Asked, _Figures] = {}
        self._mutating = _UnderWay()
        self._reading = _UnderWay()

    def under_way(self, *, mutating: bool) -> _UnderWay:
        """What to be in while a request is served."""
        return self._mutating if mutating else self._reading

    def ended(self, asked: Asked, code: int, seconds: float) -> None:
        found = self._figures.get(asked)
        if found is None:
            found = self._figures[asked] = _Figures()
        found.add(code, seconds)

    def lines(self) -> Iterator[str]:
        counts = (
            ({**asked.labels(), "code": str(code)}, count)
            for asked, found in self._figures.items() for code, count in found.codes.items()
        )  # fmt: skip
        yield from family(
            "apiserver_request_total", "counter",
            "Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, "
            "component, and HTTP response code.", counts,
        )  # fmt: skip
        yield from head(
            "apiserver_request_duration_seconds", "histogram",
            "Response latency distribution in seconds for each verb, dry run value, group, version, resource, "
            "subresource, scope and component.",
        )  # fmt: skip
        for asked, found in self._figures.items():
            yield from _histogram("apiserver_request_duration_seconds", asked.labels(), found)
        now = (
            ({"request_kind": "mutating"}, self._mutating.count), ({"request_kind": "readOnly"}, self._reading.count)
        )  # fmt: skip
        yield from family(
            "apiserver_current_inflight_requests", "gauge",
            "Maximal number of currently used inflight request limit of this apiserver per request kind in last "
            "second.", now,
        )  # fmt: skip


def _histogram(name: str, labels: dict[str, str], found: _Figures) -> Iterator[str]:
    sofar = 0
    for bound, count in zip((*map(number, BUCKETS), "+Inf"), found.buckets, strict=True):
        sofar += count
        yield sample(f"{name}_bucket", {**labels, "le": bound}, sofar)
    yield sample(f"{name}_sum", labels, found.total)
    yield sample(f"{name}_count", labels, sofar)
