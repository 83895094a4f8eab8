"""The API in memory as the console sees it: discovery, logs and explanations beside the `Client` protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import aiohttp

from common.api import kinds
from common.api.meta import Object, name, namespace
from common.client import PatchType
from common.client.http import Params
from common.client.resources import ApiResource
from common.errors import ApiError, NotFound, ServiceUnavailable
from console.tui.access import PATH as RULES_REVIEWS
from tests.fakes.api import FakeApi, FakeClient, copy, merge
from tests.tui.fleet_storage import USAGE

_PATCHES = {kind.value for kind in PatchType}
_VERBS = frozenset({"list", "watch", "get"})
SERVED = tuple(
    ApiResource(resource, singular, short, (), _VERBS)
    for resource, singular, short in (
        (kinds.PODS, "pod", ("po",)),
        (kinds.SERVICES, "service", ("svc",)),
        (kinds.NODES, "node", ("no",)),
        (kinds.NAMESPACES, "namespace", ("ns",)),
        (kinds.CONFIGMAPS, "configmap", ("cm",)),
        (kinds.SECRETS, "secret", ()),
        (kinds.EVENTS, "event", ("ev",)),
        (kinds.SERVICEACCOUNTS, "serviceaccount", ("sa",)),
        (kinds.ROLES, "role", ()),
        (kinds.ROLEBINDINGS, "rolebinding", ()),
        (kinds.CLUSTERROLES, "clusterrole", ()),
        (kinds.CLUSTERROLEBINDINGS, "clusterrolebinding", ()),
        (kinds.DEPLOYMENTS, "deployment", ("deploy",)),
        (kinds.REPLICASETS, "replicaset", ("rs",)),
        (kinds.HORIZONTALPODAUTOSCALERS, "horizontalpodautoscaler", ("hpa",)),
        (kinds.STATEFULSETS, "statefulset", ("sts",)),
        (kinds.DAEMONSETS, "daemonset", ("ds",)),
        (kinds.JOBS, "job", ()),
        (kinds.CRONJOBS, "cronjob", ("cj",)),
        (kinds.PERSISTENTVOLUMECLAIMS, "persistentvolumeclaim", ("pvc",)),
        (kinds.PERSISTENTVOLUMES, "persistentvolume", ("pv",)),
        (kinds.STORAGECLASSES, "storageclass", ("sc",)),
        (kinds.ENDPOINTSLICES, "endpointslice", ()),
        (kinds.LEASES, "lease", ()),
        (kinds.HOSTS, "host", ()),
        (kinds.CHANGES, "change", ()),
    )
)


class FakeGateway(FakeClient):
    """`logs` by pod/container; `explanations` by pod name; `fits` answers what-if questions; `feed` adds lines that
    followers get; `refusals` are what the next replacements are answered with, `refused` by path what every request
    is; `rules` what the user may do by namespace, everything while there are none."""

    def __init__(self, api: FakeApi) -> None:
        super().__init__(api)
        self.logs: dict[str, list[str]] = {}
        self.explanations: dict[str, Any] = {}
        self.fits: Any = {}
        self.series: dict[str, Object] = {}  # by path
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.broken_streams = 0
        self.refusals: list[ApiError] = []
        self.refused: dict[str, ApiError] = {}
        self.read_only = False
        self.rules: dict[str, list[Object]] = {}
        self._more = asyncio.Event()

    async def discover(self) -> Sequence[ApiResource]:
        return SERVED

    async def request_json(
        self, method: str, path: str, params: Params = (), body: Any = None, *, content_type: str = "application/json"
    ) -> Any:
        if path in self.refused:
            raise self.refused[path]
        if method == "POST" and path.endswith("/fit"):
            return {**body, "status": self.fits}
        if method == "PUT":
            return await self._put(path, dict(params), body)
        if path == RULES_REVIEWS:
            return self._review(body)
        if path in self.series:
            self.asked.append((path, dict(params)))
            return self.series[path]
        if content_type in _PATCHES or method == "POST":
            return await self._written(method, path, dict(params), body)
        pod = path.split("/")[-2]
        if path.endswith("/usage"):
            return USAGE
        if path.endswith("/why") and pod in self.explanations:
            return self.explanations[pod]
        return await self._read(path)

    async def _read(self, path: str) -> Object:
        for item in SERVED:
            space = path.partition("/namespaces/")[2].partition("/")[0] if item.resource.namespaced else None
            if path == item.resource.path(space, path.rpartition("/")[2]):
                return await self.get(item.resource, path.rpartition("/")[2], space)
        raise NotFound(f"{path} not found")

    async def _written(self, method: str, path: str, params: dict[str, str], body: Object) -> Object:
        """A create, or a patch of what the path names. A dry run is answered and not stored."""
        if self.refusals:
            raise self.refusals.pop(0)
        if method == "POST":
            (resource,) = (item.resource for item in SERVED if item.resource.kind == body["kind"])
            assert path == resource.path(namespace(body) or None)
            return body if params.get("dryRun") else await self.create(resource, body)
        live = await self._read(path)
        changed = merge(copy(live), body)
        if params.get("dryRun"):
            return changed
        (resource,) = (item.resource for item in SERVED if item.resource.kind == live["kind"])
        return await self.update(resource, changed)

    def _review(self, review: Object) -> Object:
        if not self.rules:
            raise NotFound("this API in memory has no reviews")
        found = self.rules.get(review["spec"]["namespace"], [])
        return {**review, "status": {"resourceRules": found, "nonResourceRules": [], "incomplete": False}}

    async def _put(self, path: str, params: dict[str, str], body: Object) -> Object:
        resource = next(item.resource for item in SERVED if item.resource.kind == body["kind"])
        assert path == resource.path(namespace(body) or None, name(body))
        if self.refusals:
            raise self.refusals.pop(0)
        return body if params.get("dryRun") == "All" else await self.update(resource, body)

    def feed(self, source: str, *lines: str) -> None:
        self.logs.setdefault(source, []).extend(lines)
        self._more.set()

    async def stream(self, path: str, params: Params = ()) -> AsyncIterator[bytes]:
        asked = dict(params)
        self.asked.append((path, asked))
        source = f"{path.split('/')[-2]}/{asked['container']}"
        if asked.get("previous"):
            source += "/previous"
        if source not in self.logs:
            raise NotFound(f"container {asked['container']} has no logs")
        sent, since = 0, asked.get("sinceTime", "")[:19]
        while True:
            lines = [line for line in self.logs[source] if line >= since]
            if sent < len(lines):
                yield "".join(f"{line}\n" for line in lines[sent:]).encode()
                sent = len(lines)
            if self.broken_streams:
                self.broken_streams -= 1
                raise ServiceUnavailable("the agent of node berth-1 cannot be reached")
            if not asked.get("follow"):
                return
            self._more.clear()
            await self._more.wait()

    async def websocket(
        self, path: str, params: Params = (), protocols: Sequence[str] = ()
    ) -> aiohttp.ClientWebSocketResponse:
        raise ServiceUnavailable("the API in memory has no streams")

    async def close(self) -> None:
        """Nothing is open."""
