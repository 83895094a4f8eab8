"""What pods and nodes use and what stands behind Services, asked for while a table shows them: figures cannot be
watched, they are read every few seconds. Without an answer a table goes on without figures."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from common.api.kinds import ENDPOINTSLICES, NODE_METRICS, NODES, POD_METRICS, PODS, SERVICES, Resource
from common.api.meta import Key, Object
from common.clock import Clock
from common.errors import ApiError
from console.views.usage import Figure, backings, uses

from .gateway import Gateway

log = logging.getLogger(__name__)

SECONDS = 5.0  # as often as agents measure
_SOURCES: dict[Resource, tuple[Resource, Callable[[Iterable[Object]], Mapping[Key, Figure]]]] = {
    PODS: (POD_METRICS, uses),
    NODES: (NODE_METRICS, uses),
    SERVICES: (ENDPOINTSLICES, backings),
}


class Usages:
    """The newest figures of one resource; `fresh` are the keys whose figures changed since they were last taken."""

    def __init__(self, gateway: Gateway, clock: Clock) -> None:
        self._gateway = gateway
        self._clock = clock
        self._resource: Resource | None = None
        self._asked: float | None = None
        self._known: Mapping[Key, Figure] = {}
        self.fresh: set[Key] = set()

    def follow(self, resource: Resource) -> None:
        """From now on figures of this resource, if it has any."""
        if resource != self._resource:
            self._resource, self._asked = resource, None
            self._known = {}
            self.fresh.clear()

    def of(self, obj_key: Key) -> Figure | None:
        return self._known.get(obj_key)

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
        source, read = _SOURCES[resource]
        self._asked = self._clock.monotonic()
        found: Mapping[Key, Figure]
        try:
            spaces = namespaces if namespaces and source.namespaced else (None,)
            lists = [await self._gateway.list(source, space) for space in spaces]
            found = read([obj for listing in lists for obj in listing.items])
        except (ApiError, OSError) as error:
            log.debug("no figures of %s: %s", resource.plural, error)
            found = {}
        if resource == self._resource:
            changed = {item for item in found.keys() | self._known.keys() if found.get(item) != self._known.get(item)}
            self.fresh |= changed
            self._known = found
