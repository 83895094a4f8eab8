"""Starts in flight are bounded, the urgent ones go first, and a cancelled one loses no slot."""

from __future__ import annotations

import asyncio

from nodeagent.runtime.slots import Slots


async def test_the_urgent_go_first_and_never_too_many() -> None:
    slots = Slots(2)
    order: list[str] = []
    inside = 0

    async def work(name: str, urgency: int) -> None:
        nonlocal inside
        async with slots.take(urgency):
            inside += 1
            assert inside <= 2
            order.append(name)
            await asyncio.sleep(0)
            inside -= 1

    names = [("s1", 1), ("s2", 1), ("s3", 1), ("c1", 0), ("s4", 1), ("c2", 0)]
    await asyncio.gather(*(work(name, urgency) for name, urgency in names))
    assert order == ["s1", "s2", "c1", "c2", "s3", "s4"]


async def test_a_cancelled_waiter_loses_no_slot() -> None:
    slots = Slots(1)
    held = asyncio.Event()

    async def hold() -> None:
        async with slots.take(0):
            await held.wait()

    async def pass_through() -> str:
        async with slots.take(0):
            return "through"

    loop = asyncio.get_running_loop()
    holder, waiter, last = (loop.create_task(work) for work in (hold(), pass_through(), pass_through()))
    await asyncio.sleep(0)
    held.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiter.cancel()
    await asyncio.gather(holder, waiter, return_exceptions=True)
    assert await asyncio.wait_for(last, 60) == "through"
    assert await asyncio.wait_for(pass_through(), 60) == "through"
