"""Node-pressure eviction: when the node runs out of memory or disk, which pod has to go first, and why.

The thresholds and the order are kubelet's: who uses more than was asked for, then the lower priority, then the larger
excess. One pod goes at a time, so that the next look can find that it was enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from common.api import meta, pods, quantity
from common.api.meta import Object

from . import stats

CRITICAL_PRIORITY = 2_000_000_000
"""Pods of the classes system-node-critical and system-cluster-critical are never evicted."""


@dataclass(frozen=True, slots=True)
class Use:
    """What a pod uses of one resource, in bytes, by container; volumes count under an empty name."""

    pod: Object
    containers: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.containers.values())


@dataclass(frozen=True, slots=True)
class Pressure:
    """A resource of which too little is left; amounts in bytes."""

    resource: str
    threshold: int
    available: int


@dataclass(frozen=True, slots=True)
class Verdict:
    pod: Object
    message: str


def pressures(machine: stats.Machine) -> list[Pressure]:
    """What the node is short of, memory first: it kills faster."""
    disk = int(machine.disk * stats.DISK_PRESSURE)
    wanted = (
        Pressure("memory", stats.MEMORY_PRESSURE, machine.memory_available),
        Pressure("ephemeral-storage", disk, machine.disk_available),
    )
    return [pressure for pressure in wanted if pressure.available < pressure.threshold]


def choose(pressure: Pressure, uses: Iterable[Use]) -> Verdict | None:
    """The pod to evict, None when none may be; pods that use nothing of the resource would give nothing back."""
    candidates = [use for use in uses if use.total > 0 and _priority(use.pod) < CRITICAL_PRIORITY]
    if not candidates:
        return None
    victim = min(candidates, key=lambda use: _rank(use, pressure.resource))
    return Verdict(victim.pod, _message(victim, pressure))


def _rank(use: Use, resource: str) -> tuple[bool, int, Fraction, str]:
    excess = use.total - _requested(use.pod, resource)
    return excess <= 0, _priority(use.pod), -excess, meta.uid(use.pod)


def _priority(pod: Object) -> int:
    return int((pod.get("spec") or {}).get("priority") or 0)


def _requested(pod: Object, resource: str) -> Fraction:
    return pods.requests(pod).get(resource, Fraction())


def _message(use: Use, pressure: Pressure) -> str:
    """In kubelet's words."""
    low, left = quantity.format_bytes(pressure.threshold), quantity.format_bytes(pressure.available)
    name = pressure.resource
    text = f"The node was low on resource: {name}. Threshold quantity: {low}, available: {left}. "
    for container in (use.pod.get("spec") or {}).get("containers") or ():
        used = use.containers.get(str(container["name"]), 0)
        asked = ((container.get("resources") or {}).get("requests") or {}).get(name, "0")
        if used > quantity.parse(asked):
            text += (
                f"Container {container['name']} was using {quantity.format_bytes(used)}, request is {asked}, "
                f"has larger consumption of {name}. "
            )
    return text


def relieve(
    machine: stats.Machine, uses: Mapping[str, Callable[[], list[Use]]], evict: Callable[[str, str], None]
) -> None:
    """Evict one pod when the node is short of something. `uses` measures by resource, asked only when it is."""
    for pressure in pressures(machine):
        verdict = choose(pressure, uses[pressure.resource]())
        if verdict is not None:
            evict(meta.uid(verdict.pod), verdict.message)
            return
