"""Waiting with a limit."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T | None:
    """The result, or None when it does not come in time; the work is cancelled then."""
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError:
        return None
