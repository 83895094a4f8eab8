"""What one node or pod, the traffic of a Service, or the cluster was over time, for charts of a few lines. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from common.api import kinds
from common.api.kinds import Resource
from common.api.meta import Object

from . import amounts
from .pulses import Load, loads_of

SERIES: dict[Resource, Resource] = {
    kinds.NODES: kinds.NODE_SERIES,
    kinds.PODS: kinds.POD_SERIES,
    kinds.SERVICES: kinds.SERVICE_SERIES,
    kinds.CLUSTER_SERIES: kinds.CLUSTER_SERIES,
}
"""The kinds that have series, and the series of theirs."""


def loads_about(series: Object, about: Object) -> list[Load]:
    """CPU and memory of a node against what it offers, of a pod against the limits of its containers; of a Service what
    came to it. Nothing where nothing was measured."""
    if all(value is None for value in [*(series.get("cpu") or ()), *(series.get("perSecond") or ())]):
        return []
    if "perSecond" in series:
        return _flow(series)
    offered = amounts.allocatable(about) if about.get("kind") == kinds.NODES.kind else limits(about)
    word = "" if about.get("kind") == kinds.NODES.kind else "limit"
    return loads_of(series, offered, word)


def _flow(series: Object) -> list[Load]:
    step = int(series.get("stepSeconds") or 5)
    rates = Load(str(series.get("of") or "requests").capitalize(), list(series["perSecond"]), 0.0, step)
    latency = Load("Latency", list(series.get("latency") or ()), 0.0, step)
    return [rates] if latency.newest is None else [rates, latency]


def limits(pod: Object) -> dict[str, Fraction]:
    """What the containers of a pod may use together; nothing of a resource that one of them may use without end."""
    containers = [item for item in (pod.get("spec") or {}).get("containers") or () if isinstance(item, dict)]
    found: dict[str, Fraction] = {}
    for resource in ("cpu", "memory"):
        given = [_limit(container, resource) for container in containers]
        known = [value for value in given if value is not None]
        if known and len(known) == len(given):
            found[resource] = sum(known, Fraction())
    return found


def _limit(container: Object, resource: str) -> Fraction | None:
    return amounts.parsed(((container.get("resources") or {}).get("limits") or {}).get(resource))


def peak(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
