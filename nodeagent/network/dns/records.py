"""Collects the cluster's DNS records out of Services and EndpointSlices and encodes them into a `Zone`: pure."""

from __future__ import annotations

import contextlib
import functools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from ipaddress import ip_address

from common.api import meta
from common.api.meta import Key, Object
from common.settings import ClusterConfig
from nodeagent.network.memo import Memo, version_of
from nodeagent.network.services import PROTOCOLS, addresses_of, cluster_ips, readiness

from . import wire
from .zone import TTL, Answer, Zone, reverse_name

SPECIFICATION = "1.1.0"  # of Kubernetes' DNS, told by the TXT record dns-version
_WEIGHT = 100  # of all endpoints of one SRV name together


class _Collector:
    """Data of records by name and type, and which names a SRV record points to."""

    def __init__(self, domain: str) -> None:
        self.domain = domain
        self.data: dict[str, dict[int, list[bytes]]] = defaultdict(lambda: defaultdict(list))
        self.targets: dict[str, list[str]] = defaultdict(list)

    def address(self, name: str, text: str) -> None:
        packed = ip_address(text).packed
        entries = self.data[name][wire.A if len(packed) == 4 else wire.AAAA]
        if packed not in entries:
            entries.append(packed)

    def pointer(self, text: str, name: str) -> None:
        entries = self.data[reverse_name(text)][wire.PTR]
        if not entries:
            entries.append(wire.encode_name(name))

    def server(self, name: str, port: int, target: str, weight: int) -> None:
        data = b"\x00\x00" + weight.to_bytes(2, "big") + port.to_bytes(2, "big") + wire.encode_name(target)
        if data not in self.data[name][wire.SRV]:
            self.data[name][wire.SRV].append(data)
            self.targets[name].append(target)


Names = dict[bytes, dict[int, Answer]]


class ZoneBuilder:
    """Makes the zone of the cluster, reusing the records of Services that did not change since the last time."""

    def __init__(self) -> None:
        self._memo: Memo[Names] = Memo()

    def build(
        self,
        services: Iterable[Object],
        slices: Mapping[Key, list[Object]],
        unready: frozenset[str],
        config: ClusterConfig,
        gateways: Iterable[str],
    ) -> Zone:
        """`gateways` are the addresses at which this node answers."""
        domain = config.cluster_domain.strip(".").lower()
        apex = wire.encode_name(domain)
        names, soa = _own_names(domain, gateways)
        for service in sorted(services, key=meta.key):
            key = meta.key(service)
            own = slices.get(key, [])
            make = functools.partial(_service_names, domain, service, own, unready)
            _merge(names, self._memo.get(key, version_of(service, own, domain, unready), make))
        self._memo.end_round()
        _add_parents(names, apex)
        networks = (*config.networks(config.pod_cidrs), *config.networks(config.service_cidrs))
        return Zone(apex, names, networks, soa)


def _own_names(domain: str, gateways: Iterable[str]) -> tuple[Names, bytes]:
    """The names of the DNS itself, and the data of its SOA record."""
    collector = _Collector(domain)
    collector.data[f"dns-version.{domain}"][wire.TXT].append(bytes([len(SPECIFICATION)]) + SPECIFICATION.encode())
    for gateway in gateways:
        collector.address(f"ns.dns.{domain}", gateway)
    server = wire.encode_name(f"ns.dns.{domain}")
    numbers = b"".join(value.to_bytes(4, "big") for value in (1, 7200, 1800, 86400, TTL))
    soa = server + wire.encode_name(f"hostmaster.{domain}") + numbers
    collector.data[domain][wire.SOA].append(soa)
    collector.data[domain][wire.NS].append(server)
    return _encode(collector), soa


def _service_names(domain: str, service: Object, slices: list[Object], unready: frozenset[str]) -> Names:
    collector = _Collector(domain)
    _add_service(collector, service, slices, unready)
    return _encode(collector)


def _merge(names: Names, more: Names) -> None:
    for owner, answers in more.items():
        known = names.get(owner)
        # Only names of addresses can be shared. An address has one name: that of the first Service, so that it does
        # not change from sync to sync.
        names[owner] = answers if known is None else answers | known


def _add_service(collector: _Collector, service: Object, slices: list[Object], unready: frozenset[str]) -> None:
    spec = service.get("spec") or {}
    name = f"{meta.name(service)}.{meta.namespace(service)}.svc.{collector.domain}"
    if spec.get("type") == "ExternalName":
        target = str(spec.get("externalName") or "")
        # The API refuses names that are none; one that came through all the same is left out, not everybody's DNS.
        with contextlib.suppress(ValueError):
            if target:
                collector.data[name][wire.CNAME] = [wire.encode_name(target)]
        return
    virtual = [address for version in (4, 6) for address in cluster_ips(service, version)]
    if not virtual:
        _add_headless(collector, name, spec, slices, unready)
        return
    for address in virtual:
        collector.address(name, address)
        collector.pointer(address, name)
    for port in spec.get("ports") or ():
        if port.get("name"):
            collector.server(f"{_port_label(port)}.{name}", int(port["port"]), name, _WEIGHT)


def _port_label(port: Object) -> str:
    protocol = PROTOCOLS.get(port.get("protocol") or "TCP", "sctp")
    return f"_{port['name']}._{protocol}".lower()


def _add_headless(
    collector: _Collector, name: str, spec: Object, slices: list[Object], unready: frozenset[str]
) -> None:
    collector.data[name]  # the name exists even when no pod is ready: NODATA, not NXDOMAIN
    hidden = frozenset() if spec.get("publishNotReadyAddresses") else unready
    hosts: list[tuple[str, str, Object]] = []
    for item in slices:
        version = {"IPv4": 4, "IPv6": 6}.get(str(item.get("addressType")))
        if version is None:
            continue
        for entry in item.get("endpoints") or ():
            if readiness(entry) != "ready":
                continue
            for address in addresses_of(entry.get("addresses") or (), version):
                if address not in hidden:
                    host = str(entry.get("hostname") or address.replace(".", "-").replace(":", "-")).lower()
                    hosts.append((f"{host}.{name}", address, item))
    for host, address, item in hosts:
        collector.address(name, address)
        collector.address(host, address)
        collector.pointer(address, host)
        for port in item.get("ports") or ():
            if port.get("name") and port.get("port"):
                weight = max(_WEIGHT // len(hosts), 1)
                collector.server(f"{_port_label(port)}.{name}", int(port["port"]), host, weight)


def _encode(collector: _Collector) -> Names:
    names: Names = {}
    for name, kinds in collector.data.items():
        answers = {kind: _answer(collector, name, kind, data) for kind, data in kinds.items() if data}
        names[wire.encode_name(name)] = answers
    return names


def _add_parents(names: Names, apex: bytes) -> None:
    """A name above an existing one exists too (RFC 8020), so it is NODATA and not NXDOMAIN."""
    for owner in list(names):
        parent = owner[owner[0] + 1 :]
        while parent.endswith(apex) and parent not in names:
            names[parent] = {}
            parent = parent[parent[0] + 1 :]


def _answer(collector: _Collector, name: str, kind: int, data: list[bytes]) -> Answer:
    units = tuple(wire.record(wire.OWNER_IS_QUESTION, kind, TTL, item) for item in data)
    extra: list[bytes] = []
    if kind == wire.SRV:
        for target in dict.fromkeys(collector.targets[name]):
            owner = wire.encode_name(target)
            for family in (wire.A, wire.AAAA):
                data_of_target = collector.data.get(target, {}).get(family, ())
                extra += [wire.record(owner, family, TTL, item) for item in data_of_target]
    tail = b"".join(extra)
    return Answer(
        units=units,
        body=b"".join(units) + tail,
        counts=(len(units), 0, len(extra)),
        extra=tail,
        alias=data[0] if kind == wire.CNAME else b"",
    )
