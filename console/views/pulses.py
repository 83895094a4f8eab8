"""The cluster at a glance: how many objects of each kind are well, and what it uses over time. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from common.api import conditions, kinds, meta
from common.api.kinds import Resource
from common.api.meta import Key, Object

from . import amounts
from .columns import status_of
from .status import FAULTS, Status

SHOWN: tuple[Resource, ...] = (
    kinds.NODES,
    kinds.PODS,
    kinds.DEPLOYMENTS,
    kinds.STATEFULSETS,
    kinds.DAEMONSETS,
    kinds.JOBS,
    kinds.PERSISTENTVOLUMECLAIMS,
    kinds.HORIZONTALPODAUTOSCALERS,
)
"""The kinds that have a pulse, as far as the cluster serves them."""
LEVELS = " ▁▂▃▄▅▆▇█"
_UNITS = {"Requests": "/s", "Connections": "/s", "Latency": " ms"}
ASCII_LEVELS = " .:-=+*#%"


@dataclass(frozen=True, slots=True)
class Fault:
    """An object with which something is wrong."""

    key: Key
    status: Status


@dataclass(frozen=True, slots=True)
class Pulse:
    """Objects of one kind: how many there are, and those with a fault."""

    resource: Resource
    total: int
    faulty: tuple[Fault, ...]

    @property
    def faults(self) -> int:
        return len(self.faulty)


@dataclass(frozen=True, slots=True)
class Load:
    """What was used, oldest first, None where nothing was measured; and what there is, 0 when that has no bound.
    CPU in cores, memory in bytes, requests and connections a second, latency in milliseconds. `bound` says what sort
    of bound it is."""

    title: str
    values: list[float | None]
    offered: float
    step: int
    bound: str = ""

    @property
    def newest(self) -> float | None:
        return next((value for value in reversed(self.values) if value is not None), None)

    @property
    def top(self) -> float:
        """What the height of a chart stands for: what there is, or a little above the peak when that is far below."""
        peak = max((value for value in self.values if value is not None), default=0.0)
        return self.offered if self.offered and peak * 2 > self.offered else peak * 1.25

    @property
    def percent(self) -> int | None:
        if self.newest is None or not self.offered:
            return None
        return round(100 * self.newest / self.offered)

    @property
    def text(self) -> str:
        """`412m of 8`, `80m of 500m limit`, `80m`."""
        if self.newest is None:
            return "not measured yet"
        used = self.shown(self.newest)
        if not self.offered:
            return used
        return f"{used} of {amounts.amount(self.title.lower(), Fraction(self.offered))} {self.bound}".rstrip()

    def shown(self, value: float) -> str:
        """A value as people write it."""
        if self.title == "CPU":
            return amounts.milli(Fraction(round(value * 1000), 1000))
        return amounts.size(int(value)) if self.title == "Memory" else f"{value:.3g}{_UNITS[self.title]}"


def pulse(resource: Resource, objects: Iterable[Object]) -> Pulse:
    found = [(obj, status_of(resource, obj)) for obj in objects]
    faulty = [Fault(meta.key(obj), status) for obj, status in found if status is not None and status.tone in FAULTS]
    return Pulse(resource, len(found), tuple(sorted(faulty, key=lambda fault: fault.key)))


def loads(series: Object, nodes: Iterable[Object]) -> list[Load]:
    """CPU and memory of a ClusterSeries, and what comes to the Services."""
    ready = [amounts.allocatable(node) for node in nodes if conditions.is_true(node, "Ready")]
    total = {name: sum((offered.get(name, Fraction()) for offered in ready), Fraction()) for name in ("cpu", "memory")}
    return [*loads_of(series, total), *_flows(series)]


def _flows(series: Object) -> list[Load]:
    """Requests through Ingresses and their latency; new connections to Services where there are no requests."""
    step = int(series.get("stepSeconds") or 5)
    requests, latency, connections = (
        Load(name.capitalize(), list(series.get(name) or ()), 0.0, step)
        for name in ("requests", "latency", "connections")
    )
    if connections.top and not requests.top:
        return [connections]
    return [load for load in (requests, latency) if load.newest is not None]


def loads_of(series: Object, offered: Mapping[str, Fraction], bound: str = "") -> list[Load]:
    """CPU and memory of any series, against what there is of them."""
    cpu, memory = (float(offered.get(name, Fraction())) for name in ("cpu", "memory"))
    step = int(series.get("stepSeconds") or 5)
    cores = [None if value is None else value / 1000 for value in series.get("cpu") or ()]
    bytes_ = [None if value is None else float(value) for value in series.get("memory") or ()]
    return [
        Load("CPU", cores, cpu, step, bound if cpu else ""),
        Load("Memory", bytes_, memory, step, bound if memory else ""),
    ]


def resampled(values: Sequence[float | None], width: int) -> list[float | None]:
    """The values in so many columns: the highest of those that share one, so that no peak gets lost."""
    if len(values) <= width:
        return [None] * (width - len(values)) + list(values)
    found: list[float | None] = []
    for column in range(width):
        part = values[column * len(values) // width : (column + 1) * len(values) // width]
        known = [value for value in part if value is not None]
        found.append(max(known) if known else None)
    return found


def chart(values: Sequence[float | None], top: float, width: int, height: int, levels: str = LEVELS) -> list[str]:
    """Lines of bars, the highest first; a value of `top` fills all lines. Nothing is drawn where nothing is known, and
    a little where little is used."""
    steps = len(levels) - 1
    columns = []
    for value in resampled(values, width):
        share = 0.0 if value is None or not top else min(max(value / top, 0.0), 1.0)
        columns.append(0 if value is None else max(round(share * steps * height), 1))
    return [
        "".join(levels[min(max(filled - steps * line, 0), steps)] for filled in columns)
        for line in reversed(range(height))
    ]
