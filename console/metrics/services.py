"""How much comes to Services, each and all of them, and how long answers take, over time. Pure, bounded.

A Service has a series from the first request or connection on. What had none for KEEP, and beyond MOST those that had
their last one the longest ago, are forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .archive import Record
from .book import KEEP, PodName
from .series import FINE, Series, Window

MOST = 2000  # of at most 12 kB each

Rate = tuple[float, float | None, bool]
"""Requests or new connections a second, milliseconds until an answer if that is known, whether these are requests."""
_UNIT = 1000.0  # a point has no fractions
_OF = {True: "service-requests", False: "service-connections"}
"""The sort of a Service's record, by whether these are requests."""


@dataclass(slots=True)
class _Flow:
    at: float
    requests: bool
    series: Series = field(default_factory=Series)


class ServiceBook:
    def __init__(self) -> None:
        self._flows: dict[PodName, _Flow] = {}
        self._slot = -1
        self._requests = Series()  # of all Services together, and their latency
        self._connections = Series()

    def is_due(self, moment: float) -> bool:
        """Whether the slot of the last note is over."""
        return int(moment // FINE) != self._slot

    def note(self, rates: Mapping[PodName, Rate], moment: float) -> None:
        self._slot = int(moment // FINE)
        self._sum_up(rates, moment)
        for name, (rate, latency, requests) in rates.items():
            flow = self._flows.get(name)
            if flow is None and not rate:
                continue
            if flow is None or flow.requests != requests:
                flow = self._flows[name] = _Flow(moment, requests)
            flow.at = moment if rate else flow.at
            flow.series.put(moment, rate * _UNIT, (latency or 0.0) * _UNIT)
        if any(moment - flow.at > KEEP for flow in self._flows.values()) or len(self._flows) > MOST:
            self._forget(moment)

    def _sum_up(self, rates: Mapping[PodName, Rate], moment: float) -> None:
        """One point of the cluster. The latency is the mean of what was answered just now, so there may be none."""
        requests = sum(rate for rate, _, counted in rates.values() if counted)
        connections = sum(rate for rate, _, counted in rates.values() if not counted)
        timed = [(rate, latency) for rate, latency, _ in rates.values() if rate and latency is not None]
        weight = sum(rate for rate, _ in timed)
        latency = sum(rate * wait for rate, wait in timed) / weight if weight else 0.0
        self._requests.put(moment, requests * _UNIT, latency * _UNIT)
        self._connections.put(moment, connections * _UNIT, 0.0)

    def _forget(self, moment: float) -> None:
        newest = sorted(self._flows.items(), key=lambda item: item[1].at, reverse=True)[:MOST]
        self._flows = {name: flow for name, flow in newest if moment - flow.at <= KEEP}

    @property
    def names(self) -> list[PodName]:
        return list(self._flows)

    def window(self, name: PodName, moment: float, seconds: int) -> tuple[Window, bool] | None:
        """Requests a second and milliseconds in place of CPU and memory, and whether these are requests."""
        flow = self._flows.get(name)
        if flow is None:
            return None
        return _in_units(flow.series.window(moment, seconds)), flow.requests

    def cluster(self, moment: float, seconds: int) -> tuple[Window, Window]:
        """Of all Services: requests through Ingresses and their latency; new connections to the others."""
        found = (series.window(moment, seconds) for series in (self._requests, self._connections))
        requests, connections = map(_in_units, found)
        return requests, connections

    def records(self) -> Iterator[Record]:
        """All that is kept, the whole first."""
        for name, series in (("requests", self._requests), ("connections", self._connections)):
            yield Record("cluster", "", name, "", 0.0, *series.blocks())
        for (namespace, name), flow in list(self._flows.items()):
            yield Record(_OF[flow.requests], namespace, name, "", flow.at, *flow.series.blocks())

    def restore(self, record: Record, at: float, moment: float) -> None:
        """Go on from a record; `at` is when it counts as noted last, as `moment` is now."""
        whole = {"requests": self._requests, "connections": self._connections}
        if record.sort == "cluster" and record.name in whole:
            whole[record.name].restore(record.fine, record.coarse, moment)
        elif record.sort in _OF.values():
            flow = self._flows[record.namespace, record.name] = _Flow(at, record.sort == _OF[True])
            flow.series.restore(record.fine, record.coarse, moment)


def _in_units(found: Window) -> Window:
    rates = [None if value is None else round(value / _UNIT, 2) for value in found.cpu]
    waits = [round(value / _UNIT, 1) if value else None for value in found.memory]
    return Window(found.start, found.step, rates, waits)
