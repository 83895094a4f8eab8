"""Figures over time: the last hour at five seconds, the last two days at a minute.

What that takes depends on what was measured: 3 kB for a pod of two days when nothing changes, 7 kB for one at rest, 12
kB when all is noise. `Book` bounds all of them together. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from .points import BLOCK, Blocks, Lane

FINE, COARSE = 5, 60  # seconds a point
FINE_POINTS, COARSE_POINTS = 720, 2880


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of a series: `start` in seconds, one value every `step` seconds. CPU in nanocores, memory in bytes."""

    start: int
    step: int
    cpu: list[float | None]
    memory: list[float | None]


class Series:
    """CPU in nanocores and memory in bytes of one thing over time; moments are seconds that only go forward."""

    __slots__ = ("_coarse", "_count", "_cpu", "_fine", "_memory", "_minute")

    def __init__(self) -> None:
        self._fine = Lane(FINE_POINTS)
        self._coarse = Lane(COARSE_POINTS)
        # What is known of the minute that is under way: its slot, sums, and of how many.
        self._minute = 0
        self._cpu = 0.0
        self._memory = 0.0
        self._count = 0

    def put(self, moment: float, cpu: float, memory: float) -> None:
        self._fine.put(int(moment // FINE), cpu, memory)
        minute = int(moment // COARSE)
        if minute != self._minute:
            self._note_minute()
            self._minute, self._cpu, self._memory, self._count = minute, 0.0, 0.0, 0
        self._cpu += cpu
        self._memory += memory
        self._count += 1

    def _note_minute(self) -> None:
        if self._count:
            self._coarse.put(self._minute, self._cpu / self._count, self._memory / self._count)

    def blocks(self) -> tuple[Blocks, Blocks]:
        """What is kept: of the hour, and of the days with the minute under way."""
        self._note_minute()
        return self._fine.blocks(), self._coarse.blocks()

    def restore(self, fine: Blocks, coarse: Blocks, now: float) -> None:
        """Go on from what was kept of another series. What lies in the future, as the clock was set back meanwhile, is
        left out: what is measured now would find no place behind it."""
        for lane, blocks, step in ((self._fine, fine, FINE), (self._coarse, coarse, COARSE)):
            if blocks.number <= int(now // step) // BLOCK:
                lane.restore(blocks)

    def window(self, now: float, seconds: int) -> Window:
        """The last so many seconds: at five seconds a point as far as those reach, else at a minute."""
        if seconds <= FINE * FINE_POINTS:
            lane, step, points = self._fine, FINE, max(seconds // FINE, 1)
        else:
            lane, step, points = self._coarse, COARSE, min(seconds // COARSE, COARSE_POINTS)
            self._note_minute()
        last = int(now // step)
        first = last - points + 1
        found = lane.window(first, last)
        return Window(first * step, step, [cpu for cpu, _ in found], [memory for _, memory in found])

    @property
    def oldest(self) -> int:
        """The number of the oldest block of minutes."""
        return self._coarse.oldest

    @property
    def newest(self) -> int:
        """The number of the block of minutes under way."""
        return self._coarse.newest

    def forget(self, before: int) -> int:
        """Drop the blocks of minutes with lower numbers; how many bytes that gave back. The hour, and the block under
        way, stay."""
        return self._coarse.forget(before)

    @property
    def nbytes(self) -> int:
        """Bytes of memory for points."""
        return self._fine.nbytes + self._coarse.nbytes
