"""What the console needs of the API: the `Client` protocol and, past it, discovery, streams and plain requests.

`common.client.http.HttpClient` is one; tests have another on an API in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Protocol

import aiohttp

from common.api.configuration import USERS
from common.api.kinds import FITS, PERSISTENTVOLUMECLAIMS, PODS, Resource
from common.api.meta import Key, Object, name, namespace
from common.client import Client
from common.client.http import Params
from common.client.resources import ApiResource
from common.errors import NotFound


class Gateway(Client, Protocol):
    read_only: bool  # while it is set, the server refuses everything that is more than reading

    async def discover(self) -> Sequence[ApiResource]: ...

    async def request_json(
        self, method: str, path: str, params: Params = (), body: Any = None, *, content_type: str = "application/json"
    ) -> Any: ...

    def stream(self, path: str, params: Params = ()) -> AsyncIterator[bytes]: ...

    async def websocket(
        self, path: str, params: Params = (), protocols: Sequence[str] = ()
    ) -> aiohttp.ClientWebSocketResponse: ...

    async def close(self) -> None: ...


Connect = Callable[[], Gateway]
"""Makes a client for the event loop that calls it."""


async def explain(gateway: Gateway, pod: Object) -> Object:
    """The scheduler's verdict about a pod, a node each (docs/architecture.md: Explanation)."""
    answer: Object = await gateway.request_json("GET", PODS.path(namespace(pod), name(pod), "why"))
    return answer


async def what_if(gateway: Gateway, question: Object) -> Object:
    """The question with the scheduler's answer (docs/architecture.md: Fit)."""
    answer: Object = await gateway.request_json("POST", FITS.path(), body=question)
    return answer


async def usage_of(gateway: Gateway, claim: Object) -> Object:
    """How full the claim's volume is (docs/architecture.md: VolumeUsage)."""
    path = PERSISTENTVOLUMECLAIMS.path(namespace(claim), name(claim), "usage")
    answer: Object = await gateway.request_json("GET", path)
    return answer


async def series_of(gateway: Gateway, series: Resource, key: Key, seconds: int) -> Object:
    """What something used over the last seconds (docs/architecture.md: Figures)."""
    path = series.path(key.namespace or None, key.name)
    answer: Object = await gateway.request_json("GET", path, {"seconds": str(seconds)})
    return answer


async def users_of(gateway: Gateway, space: str) -> list[Object]:
    """What may name a ConfigMap or Secret of a namespace."""
    found = await asyncio.gather(*(_all_of(gateway, resource, space) for resource in USERS))
    return [obj for objects in found for obj in objects]


async def _all_of(gateway: Gateway, resource: Resource, space: str) -> list[Object]:
    """The objects of a namespace with their kind; none of a kind that the server does not know."""
    try:
        listing = await gateway.list(resource, space)
    except NotFound:
        return []
    return [{**obj, "kind": resource.kind} for obj in listing.items]


async def reread(gateway: Gateway, resource: Resource, obj: Object) -> Object:
    """The object as it is now."""
    return await gateway.get(resource, name(obj), namespace(obj) or None)
