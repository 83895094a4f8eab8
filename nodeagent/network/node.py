"""The network of a real node: wires the planners of this package to the kernel, the engine and DNS.

Every step is idempotent and derived from the whole wanted state, so an agent that died in the middle of anything puts
it right with its next `configure` and `sync_services`. One lock orders the two: tables refer to what `configure` made.
Work that computes or blocks runs in a thread; the event loop only waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import re
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TypeVar

from pyroute2.netlink.exceptions import NetlinkError

from common.api import meta
from common.api.meta import Object
from common.api.policypeers import peer
from common.files import naming
from nodeagent.runtime.base import RuntimeFailure

from . import conntrack, links, resolv, routes, sysctls, topology
from .addresses import Allocator, gateway
from .base import DNS_PORT, Attachment, BridgeNetworks, BridgeSpec, Policies
from .commands import Commands, Runner
from .dns.forward import Address, Forwarder
from .dns.server import DnsServer
from .errors import NetworkFailure
from .glue import Glue
from .healthports import HealthPorts, counts
from .nft import Nftables
from .policies import OwnPeers, PolicyObjects, isolated
from .ruleset import BRIDGE, counter_name
from .services import cluster_ips, group_slices, port_name, proxied
from .topology import Topology
from .wanted import Compiler, Inputs, UdpEndpoint

log = logging.getLogger(__name__)
T = TypeVar("T")

NETWORK = "quarterdeck"
_SAFE_UID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class NodeNetwork:
    """`directory` holds the pods' resolv.conf files."""

    def __init__(
        self,
        networks: BridgeNetworks,
        directory: Path,
        *,
        runner: Runner | None = None,
        host_files: Iterable[Path] = resolv.HOST_FILES,
    ) -> None:
        runner = runner or Commands()
        self._networks = networks
        self._runner = runner
        self._directory = directory
        self._host_files = tuple(host_files)
        self._nft = Nftables(runner)
        self._glue = Glue(runner)
        self._dns = DnsServer(Forwarder(self._upstreams))
        self._health_ports = HealthPorts()
        self._allocator = Allocator()
        self._lock = asyncio.Lock()
        self._topology: Topology | None = None
        self._inputs = Inputs()
        self._compiler = Compiler()
        self._udp: frozenset[UdpEndpoint] = frozenset()
        self._pods: dict[str, Object] = {}  # of this node, for policies
        self._peers = OwnPeers()

    @property
    def gateways(self) -> tuple[str, ...]:
        return tuple(gateway(cidr) for cidr in self._topology.own.pod_cidrs) if self._topology else ()

    async def configure(self, node: Object, nodes: Iterable[Object], config: Object) -> None:
        wanted = topology.read(node, nodes, config)
        if not wanted.own.pod_cidrs:
            raise NetworkFailure(f"node {wanted.own.name} has no podCIDRs yet: the control plane assigns them")
        async with self._lock:
            await _in_thread(lambda: sysctls.enable_forwarding(wanted.versions))
            await self._networks.ensure(await _in_thread(lambda: _bridge_spec(wanted)))
            await _in_thread(lambda: _lay_routes(wanted))
            self._topology = wanted
            self._allocator.configure(wanted.own.pod_cidrs)
            await self._apply(wanted)
            await _in_thread(sysctls.keep_connections)  # which are there with the first table that looks at connections
            await self._dns.listen(self.gateways)

    def allocate(self, pod_uid: str) -> Attachment:
        return Attachment(NETWORK, self._allocator.allocate(pod_uid))

    def adopt(self, pod_uid: str, addresses: Iterable[str]) -> None:
        self._allocator.adopt(pod_uid, addresses)

    def release(self, pod_uid: str) -> None:
        self._allocator.release(pod_uid)
        with contextlib.suppress(FileNotFoundError):
            self._resolv_path(pod_uid).unlink()

    def resolv_conf(self, pod: Object) -> str:
        domain = self._topology.config.cluster_domain if self._topology else "cluster.local"
        conf = resolv.for_pod(pod, resolv.read_host(self._host_files), self.gateways, domain)
        path = self._resolv_path(meta.uid(pod))
        path.parent.mkdir(parents=True, exist_ok=True)
        # Containers have the file itself mounted, so a new text goes into the same inode.
        with naming(path):
            if not path.exists() or path.read_text() != conf.render():
                path.write_text(conf.render())
        return str(path)

    def _resolv_path(self, pod_uid: str) -> Path:
        if not _SAFE_UID.fullmatch(pod_uid):
            raise RuntimeFailure("FailedCreatePodSandBox", f"the pod's uid {pod_uid!r} cannot be part of a file name")
        return self._directory / f"{pod_uid}.conf"

    async def sync_services(
        self, services: Iterable[Object], slices: Iterable[Object], unready: frozenset[str], policies: Policies
    ) -> None:
        async with self._lock:
            self._inputs = Inputs(tuple(services), tuple(slices), unready, self._take(policies))
            # Before the first `configure` there is no network for these; `configure` applies them.
            if self._topology is not None:
                await self._apply(self._topology)

    def _take(self, policies: Policies) -> PolicyObjects:
        self._pods = {meta.uid(pod): pod for pod in policies.pods}
        return PolicyObjects(tuple(policies.policies), tuple(policies.namespaces), tuple(policies.peers))

    async def isolate(self, pod: Object, policies: Policies) -> None:
        async with self._lock:
            # A policy that was told just before the pod may still wait for its sync, behind one of the proxy.
            self._inputs = dataclasses.replace(self._inputs, policies=self._take(policies))
            self._pods[meta.uid(pod)] = pod
            record = peer(pod, self._allocator.addresses(meta.uid(pod)))
            # Whom no policy selects can wait for the next sync: others let it through a moment later.
            if record is not None and isolated(policies.policies, [record]) and self._topology is not None:
                await self._apply(self._topology)

    def _own_peers(self) -> tuple[Object, ...]:
        """The pods that have addresses, by what this node knows of them. Pods that run since before the agent started
        and were not found yet have those that were told of them."""
        if not self._inputs.policies.policies:
            return ()
        told = {meta.uid(known): tuple(known["addresses"]) for known in self._inputs.policies.peers}
        found = {}
        for uid, pod in self._pods.items():
            addresses = self._allocator.addresses(uid)
            if not addresses and self._allocator.are_free(told.get(uid, ())):
                addresses = told.get(uid, ())
            found[uid] = (pod, addresses)
        self._peers.prune(found)
        return tuple(filter(None, (self._peers.get(uid, *known) for uid, known in found.items() if known[1])))

    async def _apply(self, current: Topology) -> None:
        inputs = dataclasses.replace(self._inputs, own=self._own_peers())
        if inputs.policies.policies:
            await self._see_bridged(current.versions)
        bridge_sees_ip = {version: sysctls.bridge_sees_ip(version, BRIDGE) for version in current.versions}
        wanted = await _in_thread(lambda: self._compiler.compile(current, inputs, bridge_sees_ip))
        await asyncio.gather(self._nft.apply(wanted.tables), self._glue.assert_in_place(current.versions))
        self._dns.zone = wanted.zone
        grouped = group_slices(inputs.slices)
        await self._health_ports.apply(counts(inputs.services, grouped, current.own.name, inputs.unready))
        gone = {(address, port) for _, address, port in self._udp - wanted.udp}
        self._udp = wanted.udp
        if gone:
            await _in_thread(lambda: conntrack.forget_udp(gone))
        await _in_thread(lambda: sysctls.enable_hairpin(BRIDGE))

    async def _see_bridged(self, versions: list[int]) -> None:
        """Have packets between pods of this node pass the tables: without it policies hold only between nodes."""
        for version in versions:
            if not sysctls.bridge_sees_ip(version, BRIDGE):
                await sysctls.show_bridged(version, BRIDGE, self._runner)

    async def connections(self) -> list[Object]:
        counted = await self._nft.counters()
        found = []
        for service in proxied(self._inputs.services):
            total = 0
            for port in service.get("spec", {}).get("ports") or ():
                total += counted.get(counter_name(port_name(service, port)), 0)
            if cluster_ips(service, 4) or cluster_ips(service, 6):
                found.append({"namespace": meta.namespace(service), "name": meta.name(service), "connections": total})
        return found

    async def established(self, addresses: Iterable[str]) -> int:
        wanted = list(addresses)
        return await _in_thread(lambda: conntrack.established(wanted))

    async def close(self, *, remove: bool) -> None:
        await self._dns.close()
        await self._health_ports.close()
        if not remove:
            return
        steps: list[Callable[[], Awaitable[None]]] = [
            self._nft.remove,
            self._glue.remove,
            lambda: _in_thread(links.remove),
            lambda: self._networks.remove(NETWORK),
            lambda: _in_thread(self._remove_files),
        ]
        failures = []
        async with self._lock:
            for step in steps:
                # What cannot be removed does not keep the rest.
                try:
                    await step()
                except RuntimeFailure as failure:
                    failures.append(failure.message)
        if failures:
            raise NetworkFailure("; ".join(failures))

    def _remove_files(self) -> None:
        for path in self._directory.glob("*.conf"):
            path.unlink(missing_ok=True)

    def _upstreams(self) -> list[Address]:
        """The host's DNS servers without ourselves: a host that points at its own pods' DNS would ask in circles."""
        own = set(self.gateways)
        return [(address, DNS_PORT) for address in resolv.read_host(self._host_files).nameservers if address not in own]


def _bridge_spec(wanted: Topology) -> BridgeSpec:
    mtus = [mtu for mtu in map(links.mtu_of, wanted.own.addresses) if mtu]
    return BridgeSpec(NETWORK, BRIDGE, wanted.config.uid, wanted.own.pod_cidrs, min(mtus, default=routes.DEFAULT_MTU))


def _lay_routes(wanted: Topology) -> None:
    links.settle_gateways(BRIDGE, [gateway(cidr) for cidr in wanted.own.pod_cidrs])
    reach = links.reach({address for peer in wanted.peers for address in peer.addresses})
    links.apply(routes.plan(wanted, reach, BRIDGE))


async def _in_thread(work: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(work)
    except NetlinkError as error:
        hint = ": run the agent as root" if error.code == 1 else ""
        raise NetworkFailure(f"the kernel refused a change of routes or devices: {error}{hint}") from error
    except OSError as error:
        raise NetworkFailure(f"the network of this host cannot be set up: {error}") from error
