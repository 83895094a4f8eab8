"""The work queue hands out each key once at a time, and background tasks never vanish silently."""

import asyncio
import logging

import pytest

from common.aio import MAX_BACKOFF, Tasks, WorkQueue, run_workers
from common.clock import FakeClock
from common.errors import ServiceUnavailable


async def test_a_key_waits_once_and_is_never_in_two_hands() -> None:
    queue: WorkQueue[str] = WorkQueue(FakeClock(), "test")
    queue.add("a")
    queue.add("a")
    assert await queue.get() == "a"
    queue.add("a")
    assert len(queue) == 0, "the key is in a worker's hands"
    queue.done("a")
    assert await queue.get() == "a"
    queue.done("a")
    assert len(queue) == 0


async def test_a_later_add_comes_after_its_delay_and_the_earliest_delay_counts() -> None:
    clock = FakeClock()
    queue: WorkQueue[str] = WorkQueue(clock, "test")
    queue.add_after("a", 10)
    queue.add_after("a", 3)
    queue.add_after("a", 20)
    await asyncio.sleep(0)
    await clock.advance(2.9)
    assert len(queue) == 0
    await clock.advance(0.2)
    assert len(queue) == 1
    await queue.close()


async def test_retries_back_off_to_a_limit_until_forgotten() -> None:
    clock = FakeClock()
    queue: WorkQueue[str] = WorkQueue(clock, "test")
    for _ in range(30):
        queue.retry("a")
        await asyncio.sleep(0)
        await clock.advance(MAX_BACKOFF)
        assert await asyncio.wait_for(queue.get(), 60) == "a"
        queue.done("a")
    queue.forget("a")
    queue.retry("a")
    await asyncio.sleep(0)
    await clock.advance(0.01)
    assert len(queue) == 1
    await queue.close()


async def test_one_failing_key_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    clock, seen, tasks = FakeClock(), [], Tasks("test")
    queue: WorkQueue[str] = WorkQueue(clock, "test")

    async def handle(key: str) -> None:
        seen.append(key)
        if key == "bad" and seen.count("bad") < 3:
            raise ValueError("not yet")

    run_workers(queue, handle, 2, tasks, "worker")
    queue.add("bad")
    queue.add("good")
    for _ in range(5):
        await clock.advance(0.1)
    assert seen.count("bad") == 3
    assert seen.count("good") == 1
    assert "worker: bad failed, will retry: not yet" in caplog.text
    await tasks.close()
    await queue.close()


@pytest.mark.parametrize(
    ("error", "level", "traced"),
    [
        (ServiceUnavailable("down"), logging.WARNING, False),
        (TimeoutError("late"), logging.WARNING, False),
        (IndexError("list index out of range"), logging.ERROR, True),
    ],
)
async def test_a_fault_of_the_program_is_told_with_its_place(
    caplog: pytest.LogCaptureFixture, error: Exception, level: int, traced: bool
) -> None:
    clock, tasks = FakeClock(), Tasks("test")
    queue: WorkQueue[str] = WorkQueue(clock, "test")

    async def handle(_key: str) -> None:
        raise error

    run_workers(queue, handle, 1, tasks, "worker")
    queue.add("bad")
    await clock.advance(0)
    record = caplog.records[0]
    assert (record.levelno, "in handle" in caplog.text) == (level, traced)
    await tasks.close()
    await queue.close()


async def test_a_task_that_fails_is_logged_by_name(caplog: pytest.LogCaptureFixture) -> None:
    tasks = Tasks("owner")

    async def fail() -> None:
        raise RuntimeError("broken")

    tasks.start("job", fail())
    with caplog.at_level(logging.ERROR):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert "task owner/job ended unexpectedly" in caplog.text
    assert len(tasks) == 0
