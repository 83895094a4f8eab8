"""How much comes to Services and how long answers take, over time. Pure, bounded.

A Service has a series from the first request or connection on. What had none for KEEP, and beyond MOST those that had
their last one the longest ago, are forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .book import KEEP, PodName
from .series import FINE, Series, Window

MOST = 2000  # of at most 12 kB each

Rate = tuple[float, float | None, bool]
"""Requests or new connections a second, milliseconds until an answer if that is known, whether these are requests."""
_UNIT = 1000.0  # a point has no fractions


@dataclass(slots=True)
class _Flow:
    at: float
    requests: bool
    series: Series = field(default_factory=Series)


class ServiceBook:
    def __init__(self) -> None:
        self._flows: dict[PodName, _Flow] = {}
        self._slot = -1

    def is_due(self, moment: float) -> bool:
        """Whether the slot of the last note is over."""
        return int(moment // FINE) != self._slot

    def note(self, rates: Mapping[PodName, Rate], moment: float) -> None:
        self._slot = int(moment // FINE)
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
        found = flow.series.window(moment, seconds)
        rates = [None if value is None else round(value / _UNIT, 2) for value in found.cpu]
        waits = [round(value / _UNIT, 1) if value else None for value in found.memory]
        return Window(found.start, found.step, rates, waits), flow.requests
