"""The network of a simulated node: addresses are handed out as on a real one, nothing reaches a kernel."""

from __future__ import annotations

from collections.abc import Iterable

from common.api.meta import Object

from .addresses import Allocator
from .base import Attachment, Policies
from .topology import read


class HollowNetwork:
    def __init__(self) -> None:
        self._allocator = Allocator()

    @property
    def gateways(self) -> tuple[str, ...]:
        """None: a simulated node has no address of its own to listen on."""
        return ()

    async def configure(self, node: Object, nodes: Iterable[Object], config: Object) -> None:
        self._allocator.configure(read(node, (), config).own.pod_cidrs)

    def allocate(self, pod_uid: str) -> Attachment:
        return Attachment("hollow", self._allocator.allocate(pod_uid))

    def adopt(self, pod_uid: str, addresses: Iterable[str]) -> None:
        self._allocator.adopt(pod_uid, addresses)

    def release(self, pod_uid: str) -> None:
        self._allocator.release(pod_uid)

    def resolv_conf(self, pod: Object) -> str:
        """Nothing to mount: there is no container."""
        return ""

    async def sync_services(
        self, services: Iterable[Object], slices: Iterable[Object], unready: frozenset[str], policies: Policies
    ) -> None:
        """There are no tables."""

    async def isolate(self, pod: Object, policies: Policies) -> None:
        """There is nothing to keep apart."""

    async def connections(self) -> list[Object]:
        return []

    async def established(self, addresses: Iterable[str]) -> int:
        return 0

    async def close(self, *, remove: bool) -> None:
        """There is nothing to take away."""
