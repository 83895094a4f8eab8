"""What nodes and pods use, read from metrics.k8s.io, and attached to the objects that a table shows.

An object of a table may carry its figures under a field that no Kubernetes object has, so that columns stay functions
of one object; `detached` is what everything but a table gets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from common.api.meta import Object

from . import amounts

_FIELD = "quarterdeck.io/use"


@dataclass(frozen=True, slots=True)
class Use:
    """Cores and bytes."""

    cpu: Fraction
    memory: Fraction

    def items(self) -> Iterator[tuple[str, Fraction]]:
        yield "cpu", self.cpu
        yield "memory", self.memory


def use_of(metrics: Object) -> Use:
    """The use of a NodeMetrics, a PodMetrics (all its containers) or one container of it."""
    parts = metrics.get("containers") if "containers" in metrics else [metrics]
    usages = [part.get("usage") or {} for part in parts or ()]
    cpu, memory = (
        sum((amounts.parsed(usage.get(name)) or Fraction() for usage in usages), Fraction())
        for name in ("cpu", "memory")
    )
    return Use(cpu, memory)


def attached(obj: Object, use: Use | None) -> Object:
    """The object with its figures."""
    return obj if use is None else {**obj, _FIELD: use}


def detached(obj: Object) -> Object:
    return {name: value for name, value in obj.items() if name != _FIELD} if _FIELD in obj else obj


def use(obj: Object) -> Use | None:
    """The figures that an object of a table carries."""
    found = obj.get(_FIELD)
    return found if isinstance(found, Use) else None
