"""Encoded objects in a fraction of their size: what one has alike with others of its resource is not kept again.

Objects of one resource differ in names, times and addresses; the rest (records of managers, templates, tolerations) is
the same text over and over. A Packer compresses each with an earlier one as dictionary: a pod of 5,400 bytes becomes
200 to 400, and reading it costs 3 µs, less than encoding it again. Pure.
"""

from __future__ import annotations

import zlib
from functools import lru_cache

from common.encoding import fitted

LEAST = 256  # bytes of an object for which packing it pays
LARGEST = 256 * 1024  # of an object that is packed: of more it would take milliseconds
RENEWAL = 64  # objects between two patterns
_LEVEL = 3
_NARROW, _WIDE = -14, -15  # zlib without header; a window that has an object and its pattern
_FEW_HASHES, _MANY_HASHES = 6, 8
_NARROW_REACH = 7 * 1024  # bytes of objects that the narrow window is enough for
_PRIMED = 4  # compressors that are kept, 100 to 270 KiB each: in any minute few resources have many changes


class Packer:
    """For the objects of one resource. The pattern is an object that was packed; when one comes that has little in
    common with it, that one is the next pattern. What was packed keeps the pattern that it needs."""

    __slots__ = ("_packed", "_pattern")

    def __init__(self) -> None:
        self._pattern = b""
        self._packed = 0  # objects since the pattern was chosen

    def pack(self, raw: bytes) -> tuple[bytes, bytes] | None:
        """The packed bytes and the pattern to read them with; None for what is better left as it is."""
        if not LEAST <= len(raw) <= LARGEST:
            return None
        if not self._pattern:
            self._pattern = raw
        packed = _compress(raw, self._pattern)
        self._packed += 1
        if self._packed >= RENEWAL and len(packed) * 4 > len(raw):
            self._pattern, self._packed = raw, 0
            packed = _compress(raw, raw)
        return (packed, self._pattern) if len(packed) * 2 < len(raw) else None


def _compress(raw: bytes, pattern: bytes) -> bytes:
    packer = _primed(pattern, wide=max(len(raw), len(pattern)) > _NARROW_REACH).copy()
    return fitted(packer.compress(raw) + packer.flush())


@lru_cache(maxsize=_PRIMED)
def _primed(pattern: bytes, *, wide: bool) -> zlib._Compress:
    """A compressor that has read the pattern: copying it costs a third of reading that again."""
    window, hashes = (_WIDE, _MANY_HASHES) if wide else (_NARROW, _FEW_HASHES)
    return zlib.compressobj(_LEVEL, zlib.DEFLATED, window, hashes, zlib.Z_DEFAULT_STRATEGY, pattern)


def unpack(packed: bytes, pattern: bytes) -> bytes:
    """The bytes that were packed with this pattern."""
    return zlib.decompressobj(_WIDE, pattern).decompress(packed)
