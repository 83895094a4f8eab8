"""What the rest of the agent needs of the network. `NodeNetwork` is real; hollow nodes have one of their own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from common.api.meta import Object

DNS_PORT = 53


@dataclass(frozen=True, slots=True)
class Attachment:
    """Where a pod's sandbox is attached: Docker network name and the addresses chosen for it."""

    network: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BridgeSpec:
    """The Docker network that pods of this node are attached to."""

    name: str
    bridge: str  # network device
    cluster: str  # uid of the cluster, for the label
    subnets: tuple[str, ...]  # the node's podCIDRs; the first address of each is the bridge's own
    mtu: int


class BridgeNetworks(Protocol):
    """Makes and removes Docker networks; implemented beside the engine, so that only `runtime` knows it."""

    async def ensure(self, spec: BridgeSpec) -> None:
        """Have exactly this network; one that differs is made anew if no container uses it. RuntimeFailure names what
        is in the way."""
        ...

    async def remove(self, name: str) -> None:
        """Remove the network if it is Quarterdeck's; harmless when there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Policies:
    """What NetworkPolicies are decided by: the policies, all namespaces, the pods of this node, and of the others
    what `common.api.policypeers` tells."""

    policies: list[Object] = field(default_factory=list)
    namespaces: list[Object] = field(default_factory=list)
    pods: list[Object] = field(default_factory=list)
    peers: list[Object] = field(default_factory=list)


class Network(Protocol):
    @property
    def gateways(self) -> tuple[str, ...]:
        """The bridge's addresses after `configure`: where DNS and the tunnel to the API server answer pods."""
        ...

    async def configure(self, node: Object, nodes: Iterable[Object], config: Object) -> None:
        """Make bridge, routes and firewall for this node's podCIDRs and its peers; called again when they change.
        `config` is ClusterConfig.to_json()."""
        ...

    def allocate(self, pod_uid: str) -> Attachment:
        """Addresses for a pod out of the node's slice; the same ones for the same pod until released.
        Raises RuntimeFailure(FailedCreatePodSandBox) when none is free."""
        ...

    def adopt(self, pod_uid: str, addresses: Iterable[str]) -> None:
        """Mark addresses as used by a sandbox that was found running."""
        ...

    def release(self, pod_uid: str) -> None: ...

    def resolv_conf(self, pod: Object) -> str:
        """Path of the resolv.conf for the pod, by its dnsPolicy and dnsConfig."""
        ...

    async def sync_services(
        self, services: Iterable[Object], slices: Iterable[Object], unready: frozenset[str], policies: Policies
    ) -> None:
        """Make nftables and DNS reflect these. `unready` are pod addresses that this node or a peer knows to be
        unready whatever the slices say. Returns when the tables are in the kernel."""
        ...

    async def isolate(self, pod: Object, policies: Policies) -> None:
        """Returns when the rules of the policies that select this pod of the node are in the kernel, so that it sends
        and takes nothing before; the pod has its addresses."""
        ...

    async def connections(self) -> list[Object]:
        """New connections to each Service with a virtual address since the tables were made: `namespace`, `name`,
        `connections`."""
        ...

    async def established(self, addresses: Iterable[str]) -> int:
        """How many established connections lead to these pod addresses now."""
        ...

    async def close(self, *, remove: bool) -> None:
        """Stop serving DNS; with `remove` take away every rule, route and network that was made."""
        ...
