"""Alarms that are put off."""

from __future__ import annotations

import asyncio

from console.apiserver.deadline import Alarm


class Bell:
    """An alarm, and when it rang."""

    def __init__(self) -> None:
        self._rung: asyncio.Queue[float] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        self.alarm = Alarm(lambda: self._rung.put_nowait(loop.time()))

    async def rings(self) -> float:
        async with asyncio.timeout(10):
            return await self._rung.get()

    @property
    def is_silent(self) -> bool:
        return self._rung.empty()


async def test_it_rings_once_for_each_time_that_it_is_set() -> None:
    bell, later = Bell(), Bell()
    for _ in range(2):
        bell.alarm.set(0.01)
        await bell.rings()
    later.alarm.set(0.05)
    await later.rings()
    assert bell.is_silent


async def test_put_off_it_rings_later_and_set_sooner_it_rings_sooner() -> None:
    bell, begin = Bell(), asyncio.get_running_loop().time()
    bell.alarm.set(0.01)
    bell.alarm.set(0.2)
    assert await bell.rings() >= begin + 0.19
    bell.alarm.set(3600)
    bell.alarm.set(0.01)
    await bell.rings()


async def test_at_rest_or_stopped_it_says_nothing() -> None:
    resting, stopped, last = Bell(), Bell(), Bell()
    resting.alarm.set(0.01)
    resting.alarm.rest()
    stopped.alarm.set(0.01)
    stopped.alarm.stop()
    last.alarm.set(0.05)
    await last.rings()
    assert [resting.is_silent, stopped.is_silent] == [True, True]
