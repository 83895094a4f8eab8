"""Series as a file: what a control plane writes now and then, and its successor goes on from. Pure.

A header line with a checksum, an index in JSON, and the blocks of all series one behind the other as they are in
memory. A file that was cut, changed, or written by another version is refused as a whole: figures that are a little
wrong would be worse than none.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from .points import Blocks

MAX_BYTES = 32 * 1024 * 1024  # of a file: two days of 4,500 pods at rest; those that come last are left out
_MAGIC = f"quarterdeck series 1 {sys.byteorder}".encode()


@dataclass(frozen=True, slots=True)
class Record:
    """One series and whose it is. `at` is the moment of its newest point."""

    sort: str
    namespace: str
    name: str
    uid: str
    at: float
    fine: Blocks
    coarse: Blocks


def encode(records: Iterable[Record], moment: float) -> bytes:
    """The file of as many records as have room in it. `moment` is now, on the clock of `at`."""
    index: list[list[object]] = []
    parts: list[bytes] = []
    size = 0
    for record in records:
        blocks = [block for lane in (record.fine, record.coarse) for block in (lane.open, *lane.closed)]
        size += sum(map(len, blocks))
        if size > MAX_BYTES:
            break
        parts += blocks
        about = [record.sort, record.namespace, record.name, record.uid, record.at]
        index.append([*about, _lengths(record.fine), _lengths(record.coarse)])
    head = orjson.dumps({"moment": moment, "records": index})
    content = b"".join([head, *parts])
    return b"%s %d %d\n" % (_MAGIC, len(head), zlib.crc32(content)) + content


def _lengths(lane: Blocks) -> list[int]:
    return [lane.number, len(lane.open), *map(len, lane.closed)]


def decode(data: bytes) -> tuple[float, list[Record]]:
    """When the file was written, and its records. ValueError says what is wrong with it."""
    line, _, content = data.partition(b"\n")
    magic, *numbers = line[:100].rsplit(b" ", 2)
    if magic != _MAGIC:
        raise ValueError("it was written by another version, or on another sort of machine")
    length, checksum = map(int, numbers)
    if zlib.crc32(content) != checksum:
        raise ValueError("it was cut or changed: its checksum is wrong")
    found = orjson.loads(content[:length])
    pieces = _Pieces(content, length)
    records = [
        Record(sort, namespace, name, uid, at, pieces.lane(fine), pieces.lane(coarse))
        for sort, namespace, name, uid, at, fine, coarse in found["records"]
    ]
    return float(found["moment"]), records


class _Pieces:
    """The bytes behind the index, taken from the front."""

    def __init__(self, content: bytes, begin: int) -> None:
        self._content = memoryview(content)
        self._place = begin

    def lane(self, lengths: list[int]) -> Blocks:
        number, *sizes = lengths
        first, *closed = map(self._take, sizes)
        return Blocks(number, first, tuple(closed))

    def _take(self, size: int) -> bytes:
        begin, self._place = self._place, self._place + size
        return bytes(self._content[begin : self._place])
