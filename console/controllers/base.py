"""The loop that all controllers share: informers put keys into a queue, workers bring each to what is asked.

A controller decides in a pure `plan` over what the informers mirror and acts through the client; `sync` is
level-triggered, so that a lost, late or repeated watch event changes nothing but the moment. Keeping the loop here
keeps start, failure and retry the same for every controller.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from common.aio import Tasks, WorkQueue, run_workers
from common.api.kinds import Resource
from common.api.meta import Object, controller_of, namespace
from common.api.storage import claim_keys
from common.client import Client, Informer, SharedInformers
from common.clock import Clock
from common.errors import ApiError
from common.events import Recorder

K = TypeVar("K", bound=Hashable)

BY_CONTROLLER = "controller"
"""Informer index: uid of the controlling owner; objects without one are under `ORPHANS + namespace`."""
ORPHANS = "orphans of "
BY_NAMESPACE = "namespace"
BY_NODE = "node"
BY_CLAIM = "claim"
FIRST_BATCH = 1  # pods tried before more are, doubled after each batch that worked (slow start)
LARGEST_BATCH = 64  # at once: one commit of the store takes them, and nobody else waits long for the event loop


def controller_index(obj: Object) -> list[str]:
    ref = controller_of(obj)
    return [str(ref.get("uid"))] if ref else [ORPHANS + namespace(obj)]


def namespace_index(obj: Object) -> list[str]:
    return [namespace(obj)]


def claim_index(pod: Object) -> list[str]:
    """Pods by the claims that they name, as `namespace/name`."""
    return [str(key) for key in claim_keys(pod)]


@dataclass(frozen=True, slots=True)
class Kit:
    """What every controller works with."""

    client: Client
    informers: SharedInformers
    clock: Clock
    events: Recorder


async def finish_all(work: Iterable[Awaitable[object]]) -> None:
    """Wait for all, then raise the first error: what was begun beside it is never left behind."""
    for result in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


async def slow_start(count: int, act: Callable[[], Awaitable[None]]) -> None:
    """Run `act` `count` times in batches of 1, 2, 4, …; the first failure ends it after its batch."""
    batch = FIRST_BATCH
    while count > 0:
        size = min(batch, count)
        await finish_all([act() for _ in range(size)])
        count -= size
        batch = min(batch * 2, LARGEST_BATCH)


def namespace_ends(error: Exception) -> bool:
    """Whether a create was refused because its namespace is being deleted: nothing to report and nothing to retry."""
    causes = error.causes if isinstance(error, ApiError) else ()
    return any(cause.kind == "NamespaceTerminating" for cause in causes)


class Controller(Generic[K]):
    """A named queue, its workers and the informers that feed it. Subclasses follow resources and implement `sync`."""

    name: ClassVar[str]
    component: ClassVar[str] = ""  # under which its events are known, where Kubernetes calls it otherwise
    workers: ClassVar[int] = 4

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.client = kit.client
        self.clock = kit.clock
        self.events = kit.events.named(self.component or self.name)
        self.queue: WorkQueue[K] = WorkQueue(kit.clock, self.name)
        self.tasks = Tasks(self.name)
        self._followed: list[Informer] = []

    def mirror(self, resource: Resource) -> Informer:
        """The shared informer of the resource; `sync` runs only after it has listed."""
        informer = self.kit.informers.get(resource)
        if informer not in self._followed:
            self._followed.append(informer)
        return informer

    def follow(self, resource: Resource, keys: Callable[[Object], Iterable[K]]) -> Informer:
        """Mirror the resource and queue `keys` of every object that changes, as it was and as it is."""

        def changed(old: Object | None, new: Object | None) -> None:
            for obj in (old, new):
                if obj is not None:
                    for key in keys(obj):
                        self.queue.add(key)

        informer = self.mirror(resource)
        informer.listen(changed)
        return informer

    def index(self, resource: Resource, name: str, values: Callable[[Object], Iterable[str]]) -> None:
        self.kit.informers.index(resource, name, values)

    async def sync(self, key: K) -> None:
        """Bring what `key` names to its desired state; an exception means again later."""
        raise NotImplementedError

    def start(self) -> None:
        self.tasks.start("run", self._run())

    async def _run(self) -> None:
        for informer in self._followed:
            await informer.synced.wait()
        await self.begin()
        run_workers(self.queue, self.sync, self.workers, self.tasks, self.name)

    async def begin(self) -> None:
        """What a controller does once, after the first lists and before the first sync."""

    async def close(self) -> None:
        await self.tasks.close()
        await self.queue.close()
