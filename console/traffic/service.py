"""The component: takes what sessions hear, and answers the API server from memory. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from common.api import meta
from common.api.kinds import ENDPOINTSLICES, INGRESSCLASSES, INGRESSES, NODES, SERVICES, Resource
from common.api.meta import Object, format_time
from common.client import SharedInformers
from common.clock import Clock
from common.session import Usage

from .document import Heard, Mirrors, document, rates

CLUSTER = "cluster"
"""The name of the one LoadBalancer."""
MAX_AGE = 30.0  # seconds after which a node's figures count no longer: six of its messages


@dataclass(slots=True)
class _Last:
    moment: float  # on our clock
    at: float  # on the agent's
    heard: Heard


class Traffic:
    """`informers` must be running."""

    def __init__(self, informers: SharedInformers, clock: Clock) -> None:
        self._clock = clock
        self._nodes = informers.get(NODES)
        self._services = informers.get(SERVICES)
        self._slices = informers.get(ENDPOINTSLICES)
        self._ingresses = informers.get(INGRESSES)
        self._classes = informers.get(INGRESSCLASSES)
        self._last: dict[str, _Last] = {}

    def take(self, node: str, message: Usage) -> None:
        """What the session with a node brought; what is no figures counts as none."""
        if not isinstance(message.traffic, dict):
            return
        heard = Heard.parse(message.traffic)
        before = self._last.get(node)
        if before is not None and message.at > before.at:
            heard.rates_since(before.heard, message.at - before.at)
        self._last[node] = _Last(self._clock.monotonic(), message.at, heard)

    def rates(self) -> dict[tuple[str, str], tuple[float, float | None, bool]]:
        """What comes to Services now (`document.rates`)."""
        fresh = self._clock.monotonic() - MAX_AGE
        return rates({name: last.heard for name, last in self._last.items() if last.moment >= fresh})

    # What the API server asks (console/apiserver/backends.py: Computed)

    def one(self, resource: Resource, namespace: str, name: str, query: Mapping[str, str]) -> Object | None:
        return next(iter(self.every(resource, namespace, query)), None) if name == CLUSTER else None

    def every(self, resource: Resource, _namespace: str, _query: Mapping[str, str]) -> list[Object]:
        fresh = self._clock.monotonic() - MAX_AGE
        known = {meta.name(node) for node in self._nodes.items()}
        self._last = {name: last for name, last in self._last.items() if name in known and last.moment >= fresh}
        mirrors = Mirrors(
            tuple(self._nodes.items()),
            tuple(self._services.items()),
            tuple(self._slices.items()),
            tuple(self._ingresses.items()),
            tuple(self._classes.items()),
        )
        found = document(mirrors, {name: last.heard for name, last in self._last.items()})
        return [
            {
                "apiVersion": resource.api_version,
                "kind": resource.kind,
                "metadata": {"name": CLUSTER, "creationTimestamp": format_time(self._clock.now())},
                **found,
            }
        ]
