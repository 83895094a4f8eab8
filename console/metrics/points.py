"""Points of two values at a fixed distance in time, in few bytes each: what a series keeps of one resolution.

A point is two logarithms of 16 bits, over the whole range from a millicore to petabytes a third of a percent off at
most, which no chart shows. They lie in blocks of BLOCK slots, all but the newest one compressed: what does not change
takes a sixth of its room then, the load of a pod at rest half of it, and what is all noise four fifths. Pure.
"""

from __future__ import annotations

import math
import zlib
from array import array
from dataclasses import dataclass
from itertools import accumulate

from common.encoding import fitted

BLOCK = 120  # slots: ten minutes of five seconds, two hours of minutes
_SCALE = 100.0  # steps for each doubling
_GAP = 0
_LEVEL, _WINDOW, _HASHES = 6, -9, 6  # zlib: no header, tables of a few KiB, as a block is half of one
_OVERHEAD = 41  # bytes of memory for a closed block beside its own


def pack(value: float) -> int:
    """1 to 65535; 0 is left for gaps."""
    return min(1 + round(math.log2(1.0 + max(value, 0.0)) * _SCALE), 0xFFFF)


def unpack(point: int) -> float | None:
    """The value of a point, None for a gap."""
    return None if point == _GAP else 2.0 ** ((point - 1) / _SCALE) - 1.0


def compress(points: array[int]) -> bytes:
    """Pairs of points one behind the other. Differences are small, and their high bytes all alike."""
    values = points[0::2] + points[1::2]
    steps = array("H", [values[0], *((values[i] - values[i - 1]) & 0xFFFF for i in range(1, len(values)))]).tobytes()
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _HASHES)
    return fitted(packer.compress(steps[0::2] + steps[1::2]) + packer.flush())


def decompress(block: bytes) -> array[int]:
    """The pairs that were compressed."""
    planes = zlib.decompress(block, _WINDOW)
    half = len(planes) // 2
    steps = bytearray(len(planes))
    steps[0::2], steps[1::2] = planes[:half], planes[half:]
    values = array("H", accumulate(array("H", bytes(steps)), lambda sum_, step: (sum_ + step) & 0xFFFF))
    points = array("H", bytes(len(planes)))
    points[0::2], points[1::2] = values[: half // 2], values[half // 2 :]
    return points


@dataclass(frozen=True, slots=True)
class Blocks:
    """What a lane keeps, as bytes in this machine's order: the number of the open block, its points, and the closed
    blocks before it."""

    number: int
    open: bytes
    closed: tuple[bytes, ...]


class Lane:
    """The newest `slots` slots, and at most a block more. Slots (moments divided by the step) only go forward."""

    __slots__ = ("_block", "_closed", "_closed_bytes", "_open", "_slots")

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._block = 0  # the number of the open block
        self._open = array("H")
        self._closed: list[bytes] = []  # the blocks before it; an empty one has gaps alone
        self._closed_bytes = 0

    def blocks(self) -> Blocks:
        return Blocks(self._block, self._open.tobytes(), tuple(self._closed))

    def restore(self, blocks: Blocks) -> None:
        """Go on from what another lane kept; this one must be empty."""
        self._block, self._closed = blocks.number, list(blocks.closed)
        self._open = array("H", blocks.open)
        self._closed_bytes = sum(len(block) + _OVERHEAD for block in blocks.closed)

    def put(self, slot: int, first: float, second: float) -> None:
        """Set a slot; later ones than the last leave gaps between, those of blocks that are closed are dropped."""
        block, index = divmod(slot, BLOCK)
        if block > self._block:
            self._close(block)
        points, place = self._open, 2 * index
        if block < self._block:
            return
        if place >= len(points):
            points.extend([_GAP] * (place - len(points)))
            points.extend((pack(first), pack(second)))
        else:
            points[place], points[place + 1] = pack(first), pack(second)

    def _close(self, block: int) -> None:
        most = -(-self._slots // BLOCK)
        if self._open or self._closed:
            closed = compress(self._open) if self._open else b""
            self._closed.append(closed)
            self._closed_bytes += len(closed) + _OVERHEAD
            gaps = min(block - self._block - 1, most)
            self._closed += [b""] * gaps
            self._closed_bytes += gaps * _OVERHEAD
        self._block, self._open = block, array("H")
        self.forget(block - most)

    def window(self, first: int, last: int) -> list[tuple[float | None, float | None]]:
        """Values of the slots from `first` to `last`, None where nothing was measured or is known any more."""
        known: dict[int, array[int]] = {self._block: self._open}
        oldest = self._block - len(self._closed)
        for number in range(max(first // BLOCK, oldest), min(last // BLOCK, self._block - 1) + 1):
            if closed := self._closed[number - oldest]:
                known[number] = decompress(closed)
        newest = self._block * BLOCK + len(self._open) // 2 - 1
        reach = range(newest - self._slots + 1, newest + 1)
        found: list[tuple[float | None, float | None]] = []
        for slot in range(first, last + 1):
            points = known.get(slot // BLOCK) if slot in reach else None
            place = 2 * (slot % BLOCK)
            if points is None or place >= len(points):
                found.append((None, None))
            else:
                found.append((unpack(points[place]), unpack(points[place + 1])))
        return found

    @property
    def oldest(self) -> int:
        """The number of the oldest block."""
        return self._block - len(self._closed)

    @property
    def newest(self) -> int:
        """The number of the open block."""
        return self._block

    def forget(self, before: int) -> int:
        """Drop the closed blocks with lower numbers; how many bytes that gave back."""
        had = self._closed_bytes
        while self._closed and (self.oldest < before or not self._closed[0]):
            self._closed_bytes -= len(self._closed.pop(0)) + _OVERHEAD
        return had - self._closed_bytes

    @property
    def nbytes(self) -> int:
        """Bytes of memory for points."""
        return len(self._open) * self._open.itemsize + self._closed_bytes
