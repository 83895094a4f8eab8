"""One informer a resource for all components of a process, so that each object is mirrored and delivered once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from common.api.kinds import Resource
from common.api.meta import Object
from common.clock import Clock

from .base import Client
from .informer import Informer


class SharedInformers:
    """Informers by resource, made on first use; `start` may be called again after more were asked for."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._informers: dict[Resource, Informer] = {}
        self._indexes: set[tuple[Resource, str]] = set()
        self._started: set[Resource] = set()

    def get(self, resource: Resource) -> Informer:
        informer = self._informers.get(resource)
        if informer is None:
            informer = self._informers[resource] = Informer(self._client, resource, self._clock)
        return informer

    def index(self, resource: Resource, name: str, values: Callable[[Object], Iterable[str]]) -> None:
        """Keep the index on the resource's informer; the first definition of a name counts for all."""
        if (resource, name) not in self._indexes:
            self._indexes.add((resource, name))
            self.get(resource).add_index(name, values)

    async def drop(self, resource: Resource) -> None:
        """Mirror a resource no longer: it is not served any more."""
        informer = self._informers.pop(resource, None)
        self._indexes = {known for known in self._indexes if known[0] != resource}
        self._started.discard(resource)
        if informer is not None:
            await informer.close()

    def start(self) -> None:
        for resource, informer in self._informers.items():
            if resource not in self._started:
                self._started.add(resource)
                informer.start()

    async def close(self) -> None:
        await asyncio.gather(*(informer.close() for informer in self._informers.values()))
