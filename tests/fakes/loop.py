"""Waiting for what needs no time, only its turns: on a busy machine a sleep of some milliseconds is one turn."""

from __future__ import annotations

import asyncio


async def settled(turns: int = 200) -> None:
    """Let the event loop go round."""
    for _ in range(turns):
        await asyncio.sleep(0)
