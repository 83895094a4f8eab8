"""Which kinds of servers behind ours are collected: those that a server says it has, for as long as it is registered.

What a server has that is away for now is not forgotten: its objects are still there.
"""

from __future__ import annotations

from collections.abc import Callable

from common.aio import Tasks, WorkQueue, run_workers
from common.api.kinds import Resource
from common.api.meta import Object
from common.client import Informer
from common.clock import Clock
from console.controllers.aggregated import Aggregated, group_version, is_remote

LOOK_SECONDS = 30.0  # between looks: a server may come to have other kinds without its APIService changing
VERBS = ("list", "watch", "delete")  # without which nothing can be collected
_LOOK = "aggregated kinds"  # the one key there is


class Following:
    """`begin` and `end` are told of kinds that are to be collected from now on, or no longer; meanwhile `kinds` has
    them."""

    def __init__(
        self,
        aggregated: Aggregated,
        services: Informer,
        clock: Clock,
        begin: Callable[[Resource], None],
        end: Callable[[Resource], None],
    ) -> None:
        self.kinds: set[Resource] = set()
        self.client = aggregated.client
        self.informers = aggregated.informers
        self._aggregated = aggregated
        self._services = services
        self._begin = begin
        self._end = end
        self._queue: WorkQueue[str] = WorkQueue(clock, _LOOK)
        self._tasks = Tasks(_LOOK)
        services.listen(self._changed)

    def start(self) -> None:
        self._queue.add(_LOOK)
        run_workers(self._queue, self._look, 1, self._tasks, _LOOK)

    async def close(self) -> None:
        await self._tasks.close()
        await self._queue.close()

    def _changed(self, old: Object | None, new: Object | None) -> None:
        if is_remote(old or {}) or is_remote(new or {}):
            self._queue.add(_LOOK)

    async def _look(self, _key: str) -> None:
        services = [service for service in self._services.items() if is_remote(service)]
        if services:
            self._queue.add_after(_LOOK, LOOK_SECONDS)
        found = set(await self._aggregated.resources(services, VERBS))
        registered = {group_version(service) for service in services}
        answering = {resource.api_version for resource in found}
        for resource in self.kinds - found:
            if resource.api_version not in registered or resource.api_version in answering:
                self._end(resource)
                self.kinds.discard(resource)
        for resource in found - self.kinds:
            self.kinds.add(resource)
            self._begin(resource)
        self.informers.start()
