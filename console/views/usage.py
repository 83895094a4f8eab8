"""What a table knows of its objects beside themselves (what nodes and pods use, how many stand behind a Service, which
key a namespace has), and attached to them.

An object of a table may carry its figures under a field that no Kubernetes object has, so that columns stay functions
of one object; `detached` is what everything but a table gets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from common.api.meta import Key, Object, labels, namespace

from . import amounts

_FIELD = "quarterdeck.io/use"
SERVICE_NAME = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True)
class Use:
    """Cores and bytes."""

    cpu: Fraction
    memory: Fraction

    def items(self) -> Iterator[tuple[str, Fraction]]:
        yield "cpu", self.cpu
        yield "memory", self.memory


@dataclass(frozen=True, slots=True)
class Backing:
    """How many endpoints a Service has, and how many of them are ready."""

    ready: int
    total: int


@dataclass(frozen=True, slots=True)
class Number:
    """The key that shows a namespace."""

    value: int


Figure: TypeAlias = Use | Backing | Number
Sample: TypeAlias = tuple[tuple[object, object], ...]
"""CPU and memory of each part of something as they were sent: few of thousands are ever looked at."""


def backings(slices: Iterable[Object]) -> dict[Key, Backing]:
    """By Service. A pod with addresses of two families stands in two slices and is one endpoint."""
    counted: dict[Key, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for item in slices:
        service = labels(item).get(SERVICE_NAME)
        if service:
            states = counted[Key(namespace(item), service)][str(item.get("addressType"))]
            states += [(entry.get("conditions") or {}).get("ready") is not False for entry in item["endpoints"] or ()]
    return {
        service: max((Backing(sum(states), len(states)) for states in families.values()), key=lambda one: one.total)
        for service, families in counted.items()
    }


def sample_of(metrics: Object) -> Sample:
    """Of a NodeMetrics, a PodMetrics (all its containers) or one container of it."""
    parts = metrics.get("containers") if "containers" in metrics else [metrics]
    usages = [part.get("usage") or {} for part in parts or ()]
    return tuple((usage.get("cpu"), usage.get("memory")) for usage in usages)


def use_in(sample: Sample) -> Use:
    cpu, memory = (sum((amounts.parsed(part[index]) or Fraction() for part in sample), Fraction()) for index in (0, 1))
    return Use(cpu, memory)


def use_of(metrics: Object) -> Use:
    """The use of a NodeMetrics, a PodMetrics (all its containers) or one container of it."""
    return use_in(sample_of(metrics))


def attached(obj: Object, figure: Figure | None) -> Object:
    """The object with these figures, or without any."""
    return detached(obj) if figure is None else {**obj, _FIELD: figure}


def detached(obj: Object) -> Object:
    return {name: value for name, value in obj.items() if name != _FIELD} if _FIELD in obj else obj


def use(obj: Object) -> Use | None:
    """The figures that an object of a table carries."""
    found = obj.get(_FIELD)
    return found if isinstance(found, Use) else None


def backing(obj: Object) -> Backing | None:
    found = obj.get(_FIELD)
    return found if isinstance(found, Backing) else None


def number(obj: Object) -> Number | None:
    found = obj.get(_FIELD)
    return found if isinstance(found, Number) else None
