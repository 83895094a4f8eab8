"""Figures over time in a few bytes a point: the last hour at five seconds, the last two days at a minute.

A point is a logarithm of 16 bits: half a thousandth of error over the whole range from a millicore to petabytes, which
no chart shows. The four rings of one series are 4 * 720 + 4 * 2880 = 14,400 bytes when they are full (after two days;
arrays grow as they fill), so that 10,000 pods are 144 MB at most and 300 nodes 4 MB. Pure.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field

FINE, COARSE = 5, 60  # seconds a point
FINE_POINTS, COARSE_POINTS = 720, 2880
_SCALE = 1365.0  # steps for each doubling: 48 doublings fit into 16 bits
_GAP = 0
_SLACK = 64  # points beyond the capacity before the oldest are cut off at once


def pack(value: float) -> int:
    """1 to 65535; 0 is left for gaps."""
    return min(1 + round(math.log2(1.0 + max(value, 0.0)) * _SCALE), 0xFFFF)


def unpack(point: int) -> float | None:
    """The value of a point, None for a gap."""
    return None if point == _GAP else 2.0 ** ((point - 1) / _SCALE) - 1.0


class Ring:
    """Points at a fixed distance in time. `first` is the slot (time divided by step) of the oldest one."""

    __slots__ = ("_points", "capacity", "first")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.first = 0
        self._points = array("H")

    def put(self, slot: int, value: float) -> None:
        """Set a slot; later ones than the last leave gaps between, earlier ones than the oldest are dropped."""
        points = self._points
        if not points or slot >= self.first + len(points) + self.capacity:
            self.first, self._points = slot, array("H", [pack(value)])
            return
        index = slot - self.first
        if index < 0:
            return
        while len(points) < index:
            points.append(_GAP)
        if index == len(points):
            points.append(pack(value))
        else:
            points[index] = pack(value)
        if len(points) > self.capacity + _SLACK:
            self.first += len(points) - self.capacity
            del points[: len(points) - self.capacity]

    def window(self, first: int, last: int) -> list[float | None]:
        """Values of the slots from `first` to `last`, None where nothing was measured or is known any more."""
        known = range(max(self.first, self.first + len(self._points) - self.capacity), self.first + len(self._points))
        return [unpack(self._points[slot - self.first]) if slot in known else None for slot in range(first, last + 1)]

    @property
    def nbytes(self) -> int:
        return len(self._points) * self._points.itemsize


@dataclass(slots=True)
class _Minute:
    """What of the minute that is under way is known."""

    slot: int = 0
    cpu: float = 0.0
    memory: float = 0.0
    count: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of a series: `start` in seconds, one value every `step` seconds. CPU in nanocores, memory in bytes."""

    start: int
    step: int
    cpu: list[float | None]
    memory: list[float | None]


@dataclass(slots=True)
class Series:
    """CPU in nanocores and memory in bytes of one thing over time; moments are seconds that only go forward."""

    _cpu: Ring = field(default_factory=lambda: Ring(FINE_POINTS))
    _memory: Ring = field(default_factory=lambda: Ring(FINE_POINTS))
    _coarse_cpu: Ring = field(default_factory=lambda: Ring(COARSE_POINTS))
    _coarse_memory: Ring = field(default_factory=lambda: Ring(COARSE_POINTS))
    _minute: _Minute = field(default_factory=_Minute)

    def put(self, moment: float, cpu: float, memory: float) -> None:
        slot = int(moment // FINE)
        self._cpu.put(slot, cpu)
        self._memory.put(slot, memory)
        minute = self._minute
        if (now := int(moment // COARSE)) != minute.slot or not minute.count:
            self._close_minute()
            minute = self._minute = _Minute(now)
        minute.cpu += cpu
        minute.memory += memory
        minute.count += 1

    def _close_minute(self) -> None:
        minute = self._minute
        if minute.count:
            self._coarse_cpu.put(minute.slot, minute.cpu / minute.count)
            self._coarse_memory.put(minute.slot, minute.memory / minute.count)

    def window(self, now: float, seconds: int) -> Window:
        """The last so many seconds: at five seconds a point as far as those reach, else at a minute."""
        if seconds <= FINE * FINE_POINTS:
            last = int(now // FINE)
            first = last - max(seconds // FINE, 1) + 1
            return Window(first * FINE, FINE, self._cpu.window(first, last), self._memory.window(first, last))
        last = int(now // COARSE)
        first = last - min(seconds // COARSE, COARSE_POINTS) + 1
        self._close_minute()
        cpu, memory = self._coarse_cpu.window(first, last), self._coarse_memory.window(first, last)
        return Window(first * COARSE, COARSE, cpu, memory)

    @property
    def nbytes(self) -> int:
        """Bytes of points."""
        return sum(ring.nbytes for ring in (self._cpu, self._memory, self._coarse_cpu, self._coarse_memory))
