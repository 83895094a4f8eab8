"""What the API server needs of other components, as protocols; `controlplane.py` connects them.

They are structural: the components that implement them do not import this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import aiohttp

from common.api.kinds import Resource
from common.api.meta import Object


class NodeStreams(Protocol):
    """Requests to the agent of a node, over the cluster's mutual TLS.

    Both raise NotFound when there is no such node and ServiceUnavailable when its agent cannot be reached.
    `path` and `params` are those of the agent's server (docs/architecture.md). The caller closes what it gets.
    """

    async def request(
        self, node: str, method: str, path: str, params: Mapping[str, str], data: bytes | aiohttp.StreamReader | None
    ) -> aiohttp.ClientResponse: ...

    async def websocket(
        self, node: str, path: str, params: list[tuple[str, str]]
    ) -> aiohttp.ClientWebSocketResponse: ...


class Explainer(Protocol):
    def explain(self, pod: Object) -> Object:
        """An `Explanation` (docs/architecture.md): for each node whether the pod fits, and every reason why not."""
        ...

    def fit(self, pod: Object, replicas: int) -> Object:
        """The status of a `Fit`: where replicas of the pod would land, and what does not fit and why."""
        ...

    def moves(self, node: str, pods: Sequence[Object]) -> list[Object]:
        """For each of these pods of a node where it would land if the node took none, or why nowhere."""
        ...


class Computed(Protocol):
    """Objects of kinds that are kept nowhere and made when somebody asks. They have no resourceVersion."""

    def one(self, resource: Resource, namespace: str, name: str, query: Mapping[str, str]) -> Object | None:
        """One object, None when there is none. `query` is that of the request; BadRequest for a wrong one."""
        ...

    def every(self, resource: Resource, namespace: str, query: Mapping[str, str]) -> Iterable[Object]:
        """All of a namespace, or with an empty one all, made one by one: to be gone through at once."""
        ...


class HostAdmin(Protocol):
    async def adopt(self, host: str, code: str) -> Object:
        """Make a discovered host a node of this cluster; `code` is what its agent prints, empty for an agent on this
        machine. Returns the Host. Raises NotFound, Forbidden (wrong code), Conflict (belongs to another cluster)."""
        ...

    async def add(self, address: str) -> Object:
        """Look for an agent at HOST or HOST:PORT that mDNS does not reach; returns its Host."""
        ...

    async def remove(self, node: str) -> None:
        """Release a node: its agent forgets the cluster, its certificate is revoked."""
        ...
