"""The wire format of protobuf: the fields of a message as numbers and raw values. What they mean is for whoever asks:
the bodies of requests (`protobuf`), trees of expressions (`custom/celast`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

Value: TypeAlias = int | bytes
"""Of a varint the number, of all else the bytes."""
_FIXED64 = 1


def fields(data: bytes) -> Iterator[tuple[int, Value]]:
    """Number and raw value of each field of a message. ValueError or IndexError for bytes that are none."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, wire = tag >> 3, tag & 7
        match wire:
            case 0:
                value, position = _varint(data, position)
                yield number, value
                continue
            case 2:
                size, position = _varint(data, position)
            case 1 | 5:
                size = 8 if wire == _FIXED64 else 4
            case _:
                raise ValueError(f"wire type {wire} is not in use")
        if position + size > len(data):
            raise ValueError("the message is cut short")
        yield number, data[position : position + size]
        position += size


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise ValueError("a number has more than ten bytes")
