"""Pod address ranges: gives every node its slice of the cluster's pod networks (`spec.podCIDRs`).

A range belongs to one node as long as the node exists. Each choice starts after the last one, so that the range of a
removed node, whose routes and containers may linger, is the last to be given away again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import ClassVar, TypeAlias

from common.api.kinds import NODES
from common.api.meta import Key, Object, is_deleting, name, resource_version, uid
from common.settings import ClusterConfig
from console.controllers.base import Controller, Kit

Network: TypeAlias = IPv4Network | IPv6Network


class RangeExhausted(Exception):
    """Every slice of a pod network is taken; the message names the network."""


class Pool:
    """The slices of one network. Raises ValueError when a slice is not smaller than the network."""

    def __init__(self, network: Network, mask: int) -> None:
        if mask < network.prefixlen:
            raise ValueError(f"a node's /{mask} does not fit into the pod network {network}")
        self.network = network
        self._mask = mask
        self._count = 1 << (mask - network.prefixlen)
        self._size = 1 << (network.max_prefixlen - mask)
        self._next = 0

    def slice(self, index: int) -> Network:
        return ip_network((int(self.network.network_address) + index * self._size, self._mask))

    def take(self, used: set[str]) -> str:
        """The next slice that is not in `used`."""
        for step in range(min(self._count, len(used) + 1)):
            index = (self._next + step) % self._count
            if str(self.slice(index)) not in used:
                self._next = (index + 1) % self._count
                return str(self.slice(index))
        raise RangeExhausted(f"no free /{self._mask} is left in the pod network {self.network}")


def plan(node: Object, nodes: Iterable[Object], pools: Sequence[Pool], promised: Iterable[str]) -> list[str] | None:
    """The ranges that the node should get, None when it has them. `promised` are given but not mirrored yet."""
    if _ranges(node) or is_deleting(node):
        return None
    used = {cidr for other in nodes for cidr in _ranges(other)} | set(promised)
    return [pool.take(used) for pool in pools]


def _ranges(node: Object) -> list[str]:
    spec = node.get("spec") or {}
    return list(spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else []))


class NodeIpamController(Controller[str]):
    """Keys are node names. One worker: two at a time could give the same range twice."""

    name: ClassVar[str] = "node-ipam-controller"
    component: ClassVar[str] = "cidrAllocator"
    workers: ClassVar[int] = 1

    def __init__(self, kit: Kit, config: ClusterConfig) -> None:
        super().__init__(kit)
        self._pools = [
            Pool(network, config.node_mask_v4 if network.version == 4 else config.node_mask_v6)
            for network in config.networks(config.pod_cidrs)
        ]
        self._promised: dict[str, list[str]] = {}
        self._nodes = self.follow(NODES, lambda node: [name(node)])

    async def sync(self, key: str) -> None:
        node = self._nodes.get(Key("", key))
        if node is None or _ranges(node):
            self._promised.pop(key, None)
            return
        promised = [cidr for given in self._promised.values() for cidr in given]
        try:
            ranges = self._promised.get(key) or plan(node, self._nodes.items(), self._pools, promised)
        except RangeExhausted as error:
            self.events.warning(NODES, node, "CIDRNotAvailable", f"Node {key} status is now: CIDRNotAvailable: {error}")
            raise
        if ranges is None:
            return
        # Kept when the answer is lost: the same node gets the same ranges when it is asked again.
        self._promised[key] = ranges
        patch = {
            "metadata": {"uid": uid(node), "resourceVersion": resource_version(node)},
            "spec": {"podCIDR": ranges[0], "podCIDRs": ranges},
        }
        await self.client.patch(NODES, key, patch)
