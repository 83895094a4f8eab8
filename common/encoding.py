"""Encoded objects that are kept.

What orjson returns has the room that it was written into behind it, which is often as much again and can be ten times
as much: nothing for what is sent and forgotten, hundreds of megabytes for a store full of it.
"""

from __future__ import annotations

from typing import Any

import orjson


def encode_to_keep(value: Any, option: int | None = None) -> bytes:
    """`orjson.dumps` in as much memory as it needs."""
    return fitted(orjson.dumps(value, option=option))


def fitted(encoded: bytes) -> bytes:
    """The same bytes in as much memory as they need."""
    return bytes(memoryview(encoded))
