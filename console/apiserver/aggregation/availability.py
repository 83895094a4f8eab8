"""Looks after APIServices that a Service serves: whether it answers, and what it has to say of itself.

The condition `Available` has Kubernetes' reasons. What the server answered last is kept for the discovery documents, so
that they never wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import aiohttp

from common.aio import Tasks, WorkQueue, run_workers
from common.api import meta
from common.api.conditions import get_condition, set_condition
from common.api.kinds import APISERVICES, ENDPOINTSLICES, SERVICES, Resource
from common.api.meta import Key, Object
from common.clock import Clock
from common.errors import ApiError, NotFound
from common.pki import MASTERS
from console.apiserver.caller import Caller
from console.apiserver.proxying.bodies import whole
from console.apiserver.proxying.services import Services
from console.apiserver.proxying.target import slices_of
from console.apiserver.verbs import StoreLookup, Verbs
from console.registry.catalog import Registry
from console.store import Event, Store

from .frontproxy import FrontProxy, headers
from .remote import Remote, is_object, resources_of, swagger_of

RESYNC_SECONDS = 30.0  # a server that fails without any object changing is found out in this time
RETRY_SECONDS = 1.0  # while it fails
CHECK_SECONDS = 5.0
MAX_DOCUMENT = 16 * 1024 * 1024
_CALLER = Caller("system:kube-aggregator", frozenset({MASTERS}))


class Failure(Exception):
    """Why an APIService is not available: `reason` for machines, the message for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Availability:
    def __init__(
        self, store: Store, registry: Registry, verbs: Verbs, services: Services, front: FrontProxy, clock: Clock
    ) -> None:
        self._store = store
        self._registry = registry
        self._verbs = verbs
        self._services = services
        self._front = front
        self._clock = clock
        self._lookup = StoreLookup(store)
        self._remotes: dict[str, Remote] = {}
        self._queue: WorkQueue[str] = WorkQueue(clock, "apiservices")
        self._tasks = Tasks("apiservices")

    def start(self) -> None:
        for entry in self._store.entries(APISERVICES.group_resource):
            self._seen(entry.obj, gone=False)
        for resource in (APISERVICES, SERVICES, ENDPOINTSLICES):
            self._store.follow(resource.group_resource, partial(self._changed, resource))
        run_workers(self._queue, self._sync, 2, self._tasks, "apiservices")

    async def close(self) -> None:
        await self._tasks.close()
        await self._queue.close()

    @property
    def remotes(self) -> list[Remote]:
        """All groups and versions of other servers, answering or not."""
        return list(self._remotes.values())

    def service_of(self, group: str, version: str) -> Object | None:
        """The APIService that leads to another server; None for what is served here or nowhere."""
        name = f"{version}.{group}"
        return self._lookup.get(APISERVICES, Key("", name)) if name in self._remotes else None

    def _changed(self, resource: Resource, event: Event) -> None:
        if resource is APISERVICES:
            self._seen(event.entry.obj, gone=event.type == "DELETED")
            return
        for name in self._remotes:
            self._queue.add(name)

    def _seen(self, obj: Object, *, gone: bool) -> None:
        name, spec = meta.name(obj), obj.get("spec") or {}
        # No path leads to a server for the group without a name.
        if gone or spec.get("service") is None or not spec.get("group"):
            self._remotes.pop(name, None)
            return
        priorities = (int(spec["groupPriorityMinimum"]), int(spec["versionPriority"]))
        known = self._remotes.get(name) or Remote(spec["group"], spec["version"], *priorities)
        self._remotes[name] = replace(known, group_priority=priorities[0], version_priority=priorities[1])
        self._queue.add(name)

    async def _sync(self, name: str) -> None:
        obj = self._lookup.get(APISERVICES, Key("", name))
        if obj is None or name not in self._remotes:
            return
        spec = obj["spec"]
        self._queue.add_after(name, RESYNC_SECONDS)
        try:
            self._check_service(spec["service"])
            answers = await self._ask(spec)
            words = ("True", "Passed", "all checks passed")
        except Failure as failure:
            answers = {"available": False}
            words = ("False", failure.reason, str(failure))
            self._queue.add_after(name, RETRY_SECONDS)
        if name in self._remotes:
            self._remotes[name] = replace(self._remotes[name], **answers)
            await self._write(obj, words)

    def _check_service(self, reference: Object) -> None:
        space, name, port = reference["namespace"], reference["name"], reference.get("port", 443)
        service = self._lookup.get(SERVICES, Key(space, name))
        where = f'service/{name} in "{space}"'
        if service is None:
            raise Failure("ServiceNotFound", f"{where} is not present")
        if (service.get("spec") or {}).get("type", "ClusterIP") != "ClusterIP":
            return
        ports = [item for item in service["spec"].get("ports") or () if item.get("port") == port]
        if not ports:
            raise Failure("ServicePortError", f"{where} is not listening on port {port}")
        slices = slices_of(self._lookup, space, name)
        if not slices:
            raise Failure("EndpointsNotFound", f"cannot find endpointslices for {where}")
        title = str(ports[0].get("name") or "")
        if not any(_has_endpoint(item, title) for item in slices):
            raise Failure("MissingEndpoints", f'endpointslices for {where} have no addresses with port name "{title}"')

    async def _ask(self, spec: Object) -> dict[str, Any]:
        """What the server says of its group and version. Raises Failure when it does not answer."""
        path = f"/apis/{spec['group']}/{spec['version']}"
        # As kube-aggregator: whether it answers is asked of whatever certificate it has; what it says is believed of
        # the right one alone, as requests for its objects are sent to that alone.
        await self._document({**spec, "insecureSkipTLSVerify": True}, path)
        resources = await self._optional(spec, path)
        openapi = await self._optional(spec, f"/openapi/v3{path}")
        swagger = b"" if openapi else await self._optional(spec, "/openapi/v2")
        return {
            "available": is_object(resources),
            "resources": resources_of(resources),
            "openapi": openapi if is_object(openapi) else b"",
            "swagger": swagger_of(swagger),
        }

    async def _optional(self, spec: Object, path: str) -> bytes:
        try:
            return await self._document(spec, path)
        except Failure:
            return b""

    async def _document(self, spec: Object, path: str) -> bytes:
        reference = spec["service"]
        where = (reference["namespace"], reference["name"], int(reference.get("port", 443)))
        url = f"https://{where[1]}.{where[0]}.svc:{where[2]}{path}"
        how: Mapping[str, Any] = {"headers": [*headers(_CALLER), ("Accept", "application/json")]}
        try:
            context = self._front.context(spec)
            async with (
                asyncio.timeout(CHECK_SECONDS),
                self._services.request(where, "GET", path, context, **how) as answer,
            ):
                body = await whole(answer, MAX_DOCUMENT)
                if not 200 <= answer.status < 300:
                    raise Failure("FailedDiscoveryCheck", _failing(url, f"bad status from {url}: {answer.status}"))
                return body
        except TimeoutError:
            raise Failure("FailedDiscoveryCheck", f"timed out waiting for {url}") from None
        except (aiohttp.ClientError, ApiError, OSError, ValueError) as error:
            raise Failure("FailedDiscoveryCheck", _failing(url, str(error))) from None

    async def _write(self, obj: Object, words: tuple[str, str, str]) -> None:
        found = get_condition(obj, "Available") or {}
        if (found.get("status"), found.get("reason"), found.get("message")) == words:
            return
        row, now = self._registry.row_for(APISERVICES), self._clock.now()

        def change(old: Object) -> Object:
            status = old.get("status") or {}
            conditions = set_condition(list(status.get("conditions") or ()), "Available", *words, now)
            return {**old, "status": {**status, "conditions": conditions}}

        try:
            await self._verbs.modify(_CALLER, "update", row, "", meta.name(obj), change, "status")
        except NotFound:
            return


def _failing(url: str, why: str) -> str:
    return f"failing or missing response from {url}: {why}"


def _has_endpoint(found: Object, port: str) -> bool:
    ready = any((item.get("conditions") or {}).get("ready") is not False for item in found.get("endpoints") or ())
    return ready and any((item.get("name") or "") == port and item.get("port") for item in found.get("ports") or ())
