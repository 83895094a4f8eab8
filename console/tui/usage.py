"""What pods and nodes use and what stands behind Services, asked for while a table shows them: figures cannot be
watched, they are read every few seconds. Without an answer a table goes on without figures."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence

from common.api.kinds import ENDPOINTSLICES, NODE_METRICS, NODES, POD_METRICS, PODS, SERVICES, Resource
from common.api.meta import Key, Object, key
from common.clock import Clock
from common.errors import ApiError
from console.views.usage import Backing, Figure, Sample, backings, sample_of, use_in

from .gateway import Gateway

log = logging.getLogger(__name__)

SECONDS = 5.0  # as often as agents measure
AT_ONCE = 100  # objects that are looked at before a key gets its turn
_SOURCES = {PODS: POD_METRICS, NODES: NODE_METRICS, SERVICES: ENDPOINTSLICES}


class Usages:
    """The newest figures of one resource; `fresh` are the keys whose figures changed since they were last taken."""

    def __init__(self, gateway: Gateway, clock: Clock) -> None:
        self._gateway = gateway
        self._clock = clock
        self._resource: Resource | None = None
        self._asked: float | None = None
        self._known: dict[Key, Sample | Backing] = {}
        self.fresh: set[Key] = set()

    def follow(self, resource: Resource) -> None:
        """From now on figures of this resource, if it has any."""
        if resource != self._resource:
            self._resource, self._asked = resource, None
            self._known = {}
            self.fresh.clear()

    def of(self, obj_key: Key) -> Figure | None:
        known = self._known.get(obj_key)
        return use_in(known) if isinstance(known, tuple) else known

    @property
    def due(self) -> bool:
        """Whether it is time to ask again."""
        if self._resource not in _SOURCES:
            return False
        return self._asked is None or self._clock.monotonic() - self._asked >= SECONDS

    async def ask(self, namespaces: Sequence[str] = ()) -> None:
        """Read the figures of all objects, or of those in the namespaces that its user may look at."""
        resource = self._resource
        if resource not in _SOURCES:
            return
        self._asked = self._clock.monotonic()
        try:
            items = await self._items(_SOURCES[resource], namespaces)
        except (ApiError, OSError) as error:
            log.debug("no figures of %s: %s", resource.plural, error)
            items = []
        found = backings(items) if resource == SERVICES else await _samples(items)
        if resource == self._resource:
            await self._renew(found)

    async def _items(self, source: Resource, namespaces: Sequence[str]) -> list[Object]:
        spaces = namespaces if namespaces and source.namespaced else (None,)
        lists = [await self._gateway.list(source, space) for space in spaces]
        return [obj for listing in lists for obj in listing.items]

    async def _renew(self, found: Mapping[Key, Sample | Backing]) -> None:
        """Take the figures over and remember which are others than before."""
        known = self._known
        for number, item in enumerate(list(found.keys() | known.keys()), start=1):
            new = found.get(item)
            if new != known.get(item):
                self.fresh.add(item)
                known.pop(item, None)
                if new is not None:
                    known[item] = new
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
                if known is not self._known:
                    return  # another resource is followed by now


async def _samples(metrics: Sequence[Object]) -> dict[Key, Sample]:
    found: dict[Key, Sample] = {}
    for number, item in enumerate(metrics, start=1):
        found[key(item)] = sample_of(item)
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)
    return found
