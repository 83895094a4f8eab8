"""The end of programs whose pipes outlive them."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, Process

import pytest

from common.clock import SystemClock
from common.processes import exited
from nodeagent import terminal


async def started(line: str) -> tuple[Process, int]:
    """A shell, and the process that it has started first, which says who it is."""
    process = await asyncio.create_subprocess_exec("sh", "-c", line, stdout=PIPE, start_new_session=True)
    assert process.stdout is not None
    return process, int(await process.stdout.readline())


async def ended(process: Process, other: int) -> None:
    os.kill(other, signal.SIGKILL)
    assert process.stdout is not None
    await process.stdout.read()
    await process.wait()


@pytest.mark.parametrize("rest", ["exit 7", "sleep 0.2; exit 7"])
async def test_a_program_has_ended_though_what_it_started_holds_its_pipes(rest: str) -> None:
    process, other = await started(f"sh -c 'echo $$; exec sleep 604' & {rest}")
    async with asyncio.timeout(60):
        assert await exited(process, SystemClock()) == 7
        assert await exited(process, SystemClock()) == 7
    await ended(process, other)


async def test_a_session_has_ended_though_what_left_it_holds_its_pipes() -> None:
    process, other = await started("setsid sh -c 'echo $$; exec sleep 604' & exec sleep 605")
    async with asyncio.timeout(60):
        terminal.hang_up(process.pid)
        await terminal.end(process, SystemClock())
    assert terminal.members(process.pid) == []
    assert terminal.members(other) == [other]
    await ended(process, other)
