"""Background tasks that cannot vanish silently, and the work queue of level-triggered controllers."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from .clock import Clock
from .errors import Conflict

log = logging.getLogger(__name__)
T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

MIN_BACKOFF = 0.005  # seconds; client-go's base: a conflict is usually gone at once
MAX_BACKOFF = 30.0  # seconds; long enough to spare the log, short enough that nobody waits for a retry
_FAULTS = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
"""Raised where the program is wrong and not the world: told with where that was."""


class Tasks:
    """Owns named background tasks. One that fails is logged with its name; `close` cancels all and waits for them."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, name: str, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work, name=f"{self._owner}/{name}")
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("task %s ended unexpectedly", task.get_name(), exc_info=error)

    async def close(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def __len__(self) -> int:
        return len(self._tasks)


class WorkQueue(Generic[K]):
    """Keys to look at, each at most once in the queue and never in two workers' hands at a time.

    A key added while it is being worked on is queued again when the worker calls `done`. `retry` brings a key back
    after a delay that doubles with each failure until `forget`.
    """

    def __init__(self, clock: Clock, name: str) -> None:
        self._clock = clock
        self._queue: deque[K] = deque()
        self._dirty: set[K] = set()
        self._working: set[K] = set()
        self._failures: dict[K, int] = {}
        self._timers: dict[K, tuple[float, asyncio.Task[None]]] = {}
        self._ready = asyncio.Event()
        self._tasks = Tasks(f"queue/{name}")

    def add(self, key: K) -> None:
        if key in self._dirty:
            return
        self._dirty.add(key)
        if key not in self._working:
            self._queue.append(key)
            self._ready.set()

    def add_after(self, key: K, seconds: float) -> None:
        """Add the key later; of several pending delays the earliest counts."""
        if seconds <= 0:
            self.add(key)
            return
        due = self._clock.monotonic() + seconds
        pending = self._timers.get(key)
        if pending is not None:
            if pending[0] <= due:
                return
            pending[1].cancel()
        self._timers[key] = (due, self._tasks.start(f"delay {key}", self._delayed(key, seconds)))

    async def _delayed(self, key: K, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._timers.pop(key, None)
        self.add(key)

    def retry(self, key: K) -> None:
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self.add_after(key, min(MIN_BACKOFF * 2.0 ** min(failures, 20), MAX_BACKOFF))

    def forget(self, key: K) -> None:
        self._failures.pop(key, None)

    async def get(self) -> K:
        """The next key; the caller must call `done` with it."""
        while not self._queue:
            self._ready.clear()
            await self._ready.wait()
        key = self._queue.popleft()
        self._dirty.discard(key)
        self._working.add(key)
        return key

    def done(self, key: K) -> None:
        self._working.discard(key)
        if key in self._dirty:
            self._queue.append(key)
            self._ready.set()

    async def close(self) -> None:
        await self._tasks.close()

    def __len__(self) -> int:
        return len(self._queue)


def _level(error: Exception) -> int:
    """A conflict only means that the object moved on since it was read."""
    if isinstance(error, Conflict):
        return logging.DEBUG
    return logging.ERROR if isinstance(error, _FAULTS) else logging.WARNING


def run_workers(
    queue: WorkQueue[K], handle: Callable[[K], Awaitable[None]], count: int, tasks: Tasks, name: str
) -> None:
    """Start `count` workers that hand each key to `handle`; a failing key is logged and retried, others go on."""

    async def work() -> None:
        while True:
            key = await queue.get()
            try:
                await handle(key)
            except Exception as error:
                level = _level(error)
                traced = level == logging.ERROR or log.isEnabledFor(logging.DEBUG)
                log.log(level, "%s: %s failed, will retry: %s", name, key, error, exc_info=traced)
                queue.retry(key)
            else:
                queue.forget(key)
            finally:
                queue.done(key)

    for index in range(count):
        tasks.start(f"{name}-{index}", work())
