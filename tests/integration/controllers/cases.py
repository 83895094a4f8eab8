"""What the conformance cases of the workloads have in common: nodes that play along, an HTTP client, watches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from common.aio import Tasks
from common.api.kinds import Resource
from common.api.meta import Object, labels, name, owner_references
from common.client import PatchType
from common.client.http import HttpClient
from common.errors import NotFound

from .conftest import DEADLINE, Cluster

T = TypeVar("T")
SPACE = "default"


class Case:
    """A program that talks to the API over HTTP while the nodes run its pods."""

    def __init__(self, cluster: Cluster, api: HttpClient) -> None:
        self.cluster = cluster
        self.api = api

    @classmethod
    @asynccontextmanager
    async def played(cls, cluster: Cluster, *nodes: str) -> AsyncIterator[Case]:
        await cluster.add_nodes(*(nodes or ("n1", "n2")))
        tasks = Tasks("nodes of a test")

        async def play() -> None:
            while True:
                with suppress(NotFound):  # a pod that went between two requests
                    await cluster.run_pods()
                await asyncio.sleep(0.02)

        tasks.start("play", play())
        try:
            async with HttpClient(cluster.endpoint) as api:
                yield cls(cluster, api)
        finally:
            await tasks.close()

    async def until(self, found: Callable[[], Awaitable[T | None]], what: str | Callable[[], str]) -> T:
        """What `found` gives once it is true."""
        try:
            async with asyncio.timeout(DEADLINE):
                while not (result := await found()):  # noqa: ASYNC110 - happens in several parts
                    await asyncio.sleep(0.02)
        except TimeoutError:
            told = what if isinstance(what, str) else what()
            raise AssertionError(f"{told} did not happen within {DEADLINE} s") from None
        return result

    async def has(self, resource: Resource, named: str, **status: Any) -> Object:
        """The object once its status has these values; a counter that is left out is zero."""

        told: Object = {}

        async def there() -> Object | None:
            found = await self.api.get(resource, named, SPACE)
            told.clear()
            told.update(found.get("status") or {})
            return found if all((told.get(field) or 0) == value for field, value in status.items()) else None

        return await self.until(there, lambda: f"{resource.kind} {named} with {status} instead of {told}")

    async def count(self, resource: Resource, selector: str, wanted: int) -> list[Object]:
        """The objects once there are so many."""

        async def there() -> list[Object] | None:
            items = (await self.api.list(resource, SPACE, label_selector=selector)).items
            return items if len(items) == wanted else None

        if wanted:
            return await self.until(there, f"{wanted} {resource.plural}")

        async def gone() -> bool:
            return await there() is not None

        await self.until(gone, f"no {resource.plural}")
        return []

    async def gone(self, resource: Resource, named: str) -> None:
        async def is_gone() -> bool:
            try:
                await self.api.get(resource, named, SPACE)
            except NotFound:
                return True
            return False

        await self.until(is_gone, f"{resource.kind} {named} going")

    async def sees(
        self, resource: Resource, since: str, selector: str, kind: str, holds: Callable[[Object], bool] = bool
    ) -> Object:
        """The first watch event of that kind since a revision whose object fits."""
        async with asyncio.timeout(DEADLINE):
            async for event in self.api.watch(resource, SPACE, resource_version=since, label_selector=selector):
                if event.type == kind and holds(event.object):
                    return event.object
        raise AssertionError("the watch ended")

    async def strategic(self, resource: Resource, named: str, patch: Object, subresource: str = "") -> Object:
        return await self.api.patch(resource, named, patch, SPACE, kind=PatchType.STRATEGIC, subresource=subresource)

    async def merge(self, resource: Resource, named: str, patch: Object, subresource: str = "") -> Object:
        return await self.api.patch(resource, named, patch, SPACE, subresource=subresource)

    async def delete_collection(self, resource: Resource, selector: str, **options: Any) -> None:
        path = f"{'/apis/' + resource.group if resource.group else '/api'}/{resource.version}/namespaces/{SPACE}"
        body = {"kind": "DeleteOptions", "apiVersion": "v1", **options}
        await self.api.request_json("DELETE", f"{path}/{resource.plural}", {"labelSelector": selector}, body)

    async def adopts_and_releases(self, owners: Resource, owner: Object, pods: Resource, pod: Object) -> None:
        """Whoever controls the pod lets go of it when its labels no longer match."""
        assert [ref["name"] for ref in owner_references(pod) if ref.get("controller")] == [name(owner)]
        changed = dict.fromkeys(labels(pod), "not-matching-any-longer")
        await self.merge(pods, name(pod), {"metadata": {"labels": changed}})

        async def released() -> bool:
            found = await self.api.get(pods, name(pod), SPACE)
            return not any(ref["kind"] == owners.kind for ref in owner_references(found))

        await self.until(released, f"{owners.kind} releasing a pod")
