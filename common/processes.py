"""The end of a program that was started with pipes."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import Process

from .clock import Clock

_REAPED_SECONDS = 0.005  # between a program's end and the event loop's word of it


async def exited(process: Process, clock: Clock) -> int:
    """Its code once the program itself has ended. `Process.wait` waits for the ends of its pipes too, which whatever
    the program started may hold open for as long as it likes."""
    if process.returncode is None:
        await _ended(process.pid)
    while (code := process.returncode) is None:
        await clock.sleep(_REAPED_SECONDS)
    return code


async def _ended(pid: int) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
