"""What Services and EndpointSlices mean for one node and one address family: pure, no rule syntax.

The rules are kube-proxy's as documented: ready endpoints; when there is none, those that still serve while they
terminate; `Local` policies see only this node's endpoints. The Service `default/kubernetes` leads to this node's own
tunnel to the API server, whatever its slices say, because no API server has an address in the pod network.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from common.api import meta
from common.api.meta import Key, Object
from common.api.weights import DEFAULT, weights_of
from common.settings import TUNNEL_PORT

from .memo import Memo, version_of

SERVICE_NAME_LABEL = "kubernetes.io/service-name"
_OTHERS = ("service.kubernetes.io/service-proxy-name", "service.kubernetes.io/headless")
API_SERVICE = Key("default", "kubernetes")
DEFAULT_AFFINITY_SECONDS = 10800  # core/v1 ClientIPConfig.timeoutSeconds
PROTOCOLS = {"TCP": "tcp", "UDP": "udp"}  # SCTP has no NAT in many kernels and is left alone


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    address: str
    port: int
    local: bool  # on this node
    weight: int = DEFAULT


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port of one Service in one address family."""

    name: str  # namespace/name:port/protocol, unique
    protocol: str  # tcp or udp
    port: int
    endpoints: tuple[Endpoint, ...]  # in order of address and port
    cluster_ips: tuple[str, ...] = ()
    node_port: int = 0  # 0: none
    external_ips: tuple[str, ...] = ()
    balancer_ips: tuple[str, ...] = ()
    source_ranges: tuple[str, ...] | None = None  # who may use the balancer addresses; None: everybody
    affinity_seconds: int = 0  # 0: none
    internal_local: bool = False
    external_local: bool = False

    @property
    def local_endpoints(self) -> tuple[Endpoint, ...]:
        return tuple(endpoint for endpoint in self.endpoints if endpoint.local)


@dataclass(frozen=True, slots=True)
class View:
    """From where Services are looked at: the node's name and zone, its gateway addresses with their IP versions, and
    the pod addresses known to be unready whatever the slices say."""

    node: str
    gateways: tuple[tuple[int, str], ...]
    unready: frozenset[str] = frozenset()
    zone: str = ""


def group_slices(slices: Iterable[Object]) -> dict[Key, list[Object]]:
    """EndpointSlices by the Service that they belong to."""
    grouped: dict[Key, list[Object]] = defaultdict(list)
    for item in slices:
        service = meta.labels(item).get(SERVICE_NAME_LABEL)
        if service:
            grouped[Key(meta.namespace(item), service)].append(item)
    return grouped


def proxied(services: Iterable[Object]) -> list[Object]:
    """Those that this node's tables are for: a label leaves a Service to a proxy of another name, or to none. Names are
    answered for the others too, and Ingresses lead to them."""
    return [service for service in services if not any(label in meta.labels(service) for label in _OTHERS)]


def service_ports(
    services: Iterable[Object],
    slices: Mapping[Key, list[Object]],
    version: int,
    view: View,
    memo: Memo[list[ServicePort]],
) -> list[ServicePort]:
    """All ports of all Services that are ours and have a virtual address of IP `version`, sorted by name."""
    found: list[ServicePort] = []
    for service in proxied(services):
        key = meta.key(service)
        own = slices.get(key, [])
        make = functools.partial(_ports, service, own, version, view)
        found += memo.get(key, version_of(service, own, view), make)
    memo.end_round()
    return sorted(found, key=lambda port: port.name)


def cluster_ips(service: Object, version: int) -> tuple[str, ...]:
    """The Service's virtual addresses of that IP version; none for headless and ExternalName Services."""
    spec = service.get("spec") or {}
    if spec.get("type") == "ExternalName":
        return ()
    return addresses_of(spec.get("clusterIPs") or [spec.get("clusterIP") or ""], version)


def addresses_of(texts: Iterable[str], version: int) -> tuple[str, ...]:
    """The addresses of that IP version in canonical form; whatever is no address (`None`, names) is left out."""
    parsed = map(_parse, texts)
    return tuple(address[1] for address in parsed if address is not None and address[0] == version)


@functools.lru_cache(65536)
def _parse(text: str) -> tuple[int, str] | None:
    """IP version and canonical form."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return address.version, str(address)


def _ports(service: Object, slices: list[Object], version: int, view: View) -> list[ServicePort]:
    addresses = cluster_ips(service, version)
    if not addresses:
        return []
    found = []
    spec = service.get("spec") or {}
    balancers = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    for port in spec.get("ports") or ():
        protocol = PROTOCOLS.get(port.get("protocol") or "TCP")
        if protocol is None:
            continue
        made = ServicePort(
            name=port_name(service, port),
            protocol=protocol,
            port=int(port["port"]),
            endpoints=_endpoints(service, port, slices, version, view),
            cluster_ips=addresses,
            node_port=int(port.get("nodePort") or 0),
            external_ips=addresses_of(spec.get("externalIPs") or (), version),
            balancer_ips=addresses_of(
                [entry.get("ip", "") for entry in balancers if entry.get("ipMode") != "Proxy"], version
            ),
            source_ranges=_networks(spec.get("loadBalancerSourceRanges"), version),
            affinity_seconds=_affinity(spec),
            internal_local=spec.get("internalTrafficPolicy") == "Local",
            external_local=spec.get("externalTrafficPolicy") == "Local",
        )
        found.append(made)
    return found


def port_name(service: Object, port: Object) -> str:
    """How a port of a Service is called wherever it has to be told apart; unique, the same in both families."""
    protocol = PROTOCOLS.get(port.get("protocol") or "TCP", "")
    return f"{meta.key(service)}:{port.get('name') or port['port']}/{protocol}"


def _networks(texts: Iterable[str] | None, version: int) -> tuple[str, ...] | None:
    if not texts:
        return None
    found = []
    for text in texts:
        try:
            network = ip_network(text.strip(), strict=False)
        except ValueError:
            continue
        if network.version == version:
            found.append(str(network))
    return tuple(sorted(found))


def _affinity(spec: Object) -> int:
    if spec.get("sessionAffinity") != "ClientIP":
        return 0
    config = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
    return int(config.get("timeoutSeconds") or DEFAULT_AFFINITY_SECONDS)


def _endpoints(service: Object, port: Object, slices: list[Object], version: int, view: View) -> tuple[Endpoint, ...]:
    if meta.key(service) == API_SERVICE:
        gateway = dict(view.gateways).get(version)
        return (Endpoint(gateway, TUNNEL_PORT, local=True),) if gateway else ()
    publish_all = bool((service.get("spec") or {}).get("publishNotReadyAddresses"))
    unready = frozenset() if publish_all else view.unready
    ready: dict[Endpoint, Object] = {}  # with their hints
    draining: set[Endpoint] = set()
    for item in slices:
        number = _target(item, port)
        if number is None or item.get("addressType") != f"IPv{version}":
            continue
        weights = weights_of(item)
        for entry in item.get("endpoints") or ():
            local = entry.get("nodeName") == view.node
            for address in addresses_of(entry.get("addresses") or (), version):
                if address in unready:
                    continue
                kind = readiness(entry)
                endpoint = Endpoint(address, number, local, weights.get(address, DEFAULT))
                if kind == "ready":
                    ready[endpoint] = entry.get("hints") or {}
                elif kind == "draining":
                    draining.add(endpoint)
    # Weight 0 takes nothing new; what is established goes on without the tables.
    usable = {endpoint: hints for endpoint, hints in ready.items() if endpoint.weight}
    chosen = _near(usable, view) if ready else draining
    return tuple(sorted(endpoint for endpoint in chosen if endpoint.weight))


def _near(ready: Mapping[Endpoint, Object], view: View) -> Iterable[Endpoint]:
    """Those that are meant for this node, else those for its zone, else all. Hints count only when every endpoint has
    them: while some have none yet, those would get nothing."""
    for field, mine in (("forNodes", view.node), ("forZones", view.zone)):
        meant = {endpoint: {item.get("name") for item in hints.get(field) or ()} for endpoint, hints in ready.items()}
        chosen = [endpoint for endpoint, names in meant.items() if mine and mine in names]
        if chosen and all(meant.values()):
            return chosen
    return ready


def _target(item: Object, port: Object) -> int | None:
    """The number behind a Service port: the slice's port of the same name and protocol."""
    for candidate in item.get("ports") or ():
        same_name = (candidate.get("name") or "") == (port.get("name") or "")
        if same_name and (candidate.get("protocol") or "TCP") == (port.get("protocol") or "TCP"):
            number = candidate.get("port")
            return int(number) if number else None
    return None


def readiness(entry: Object) -> str:
    """`ready`, `draining` (terminating but still serving) or `unready`, by an endpoint's conditions; a missing
    `ready` counts as true, as discovery.k8s.io/v1 says."""
    conditions = entry.get("conditions") or {}
    ready = conditions.get("ready")
    if ready or ready is None:
        return "ready"
    return "draining" if conditions.get("serving") and conditions.get("terminating") else "unready"
