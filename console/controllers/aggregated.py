"""The kinds of API servers behind ours (APIServices with a Service), for the controllers that look after all objects.

Nobody here has their rows: what they serve is asked of discovery, and their objects are reached as by any client,
through the API server. A server that is away costs its own objects their turn and nobody else's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from common.api.conditions import is_true
from common.api.kinds import Resource
from common.api.meta import Object
from common.client import Client, SharedInformers
from common.client.resources import ApiResource


class Remote(Client, Protocol):
    """A client of the whole API, that of servers behind it included."""

    async def discover(self) -> Sequence[ApiResource]: ...


class Aggregated:
    """`client` and `informers` are for objects of these kinds alone."""

    def __init__(self, client: Remote, informers: SharedInformers) -> None:
        self.client = client
        self.informers = informers

    async def resources(self, services: Iterable[Object], verbs: Iterable[str]) -> list[Resource]:
        """What the servers of these APIServices have that knows all these verbs, a kind once, whatever its versions.
        Asks nobody while no APIService leads to another server. Raises ApiError."""
        served = {
            group_version(service) for service in services if is_remote(service) and is_true(service, "Available")
        }
        if not served:
            return []
        found: dict[str, Resource] = {}
        for item in await self.client.discover():
            if item.resource.api_version in served and item.verbs.issuperset(verbs):
                found.setdefault(item.resource.group_resource, item.resource)
        return list(found.values())


def is_remote(service: Object) -> bool:
    """Whether an APIService leads to a server of somebody else's."""
    return bool((service.get("spec") or {}).get("service"))


def is_silent(service: Object) -> bool:
    """Whether such a server does not answer: nobody knows what it holds."""
    return is_remote(service) and not is_true(service, "Available")


def group_version(service: Object) -> str:
    spec = service["spec"]
    return f"{spec.get('group', '')}/{spec.get('version', '')}"
