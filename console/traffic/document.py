"""The LoadBalancer document: Services with endpoints, Ingresses with backends, and the figures of both. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from common.api import meta
from common.api.ingressclass import our_classes
from common.api.ingressroutes import Target, routes_of
from common.api.meta import Key, Object
from common.api.weights import DEFAULT, weights_of

_SERVICE_LABEL = "kubernetes.io/service-name"
_SUMS = ("requests", "errors", "requestsPerSecond", "errorsPerSecond", "sessions")


@dataclass(frozen=True, slots=True)
class Mirrors:
    nodes: tuple[Object, ...] = ()
    services: tuple[Object, ...] = ()
    slices: tuple[Object, ...] = ()
    ingresses: tuple[Object, ...] = ()
    classes: tuple[Object, ...] = ()


@dataclass(slots=True)
class Heard:
    """A node's newest message. `per_second` are new connections by Service."""

    reason: str = "Unknown"
    message: str = ""
    backends: list[Object] = field(default_factory=list)
    connections: dict[Key, int] = field(default_factory=dict)
    per_second: dict[Key, float] = field(default_factory=dict)

    @classmethod
    def parse(cls, traffic: Object) -> Heard:
        """Whatever is not as it should be is left out: it comes from another machine."""
        proxy = traffic.get("proxy")
        found = cls()
        if isinstance(proxy, dict):
            found.reason, found.message = str(proxy.get("reason", "Unknown")), str(proxy.get("message", ""))
        found.backends = [entry for entry in _dicts(traffic.get("backends")) if isinstance(entry.get("servers"), list)]
        for entry in _dicts(traffic.get("connections")):
            if isinstance(entry.get("connections"), int):
                found.connections[Key(str(entry.get("namespace")), str(entry.get("name")))] = entry["connections"]
        return found

    def rates_since(self, before: Heard, seconds: float) -> None:
        for key, total in self.connections.items():
            self.per_second[key] = max(total - before.connections.get(key, total), 0) / seconds


def _dicts(value: Any) -> Iterable[Object]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def document(mirrors: Mirrors, heard: Mapping[str, Heard]) -> Object:
    servers, backends = _collect(heard.values())
    slices: dict[Key, list[Object]] = {}
    for item in mirrors.slices:
        slices.setdefault(Key(meta.namespace(item), meta.labels(item).get(_SERVICE_LABEL, "")), []).append(item)
    return {
        "nodes": [_node(node, heard.get(meta.name(node))) for node in sorted(mirrors.nodes, key=meta.name)],
        "services": [
            _service(service, slices.get(meta.key(service), []), servers, heard.values())
            for service in sorted(mirrors.services, key=meta.key)
            if (service.get("spec") or {}).get("type") != "ExternalName"
        ],
        "ingresses": _ingresses(mirrors, backends),
    }


Servers = dict[tuple[Key, str, int], list[Object]]
"""What was counted of an endpoint, by Service, address and port."""


def _collect(heard: Iterable[Heard]) -> tuple[Servers, dict[Target, list[Object]]]:
    servers: Servers = {}
    backends: dict[Target, list[Object]] = {}
    for node in heard:
        for entry in node.backends:
            space, service = str(entry.get("namespace")), str(entry.get("service"))
            target = Target(Key(space, str(entry.get("ingress"))), service, str(entry.get("port")))
            backends.setdefault(target, []).append(entry)
            for server in _dicts(entry["servers"]):
                place = (Key(space, service), str(server.get("address")), int(server.get("port") or 0))
                servers.setdefault(place, []).append(server)
    return servers, backends


def rates(heard: Mapping[str, Heard]) -> dict[tuple[str, str], tuple[float, float | None, bool]]:
    """By namespace and name of a Service: requests a second through Ingresses, the mean of their latency in
    milliseconds, and True; or new connections a second, None, and False where no Ingress leads to it."""
    found: dict[tuple[str, str], tuple[float, float | None, bool]] = {}
    for node in heard.values():
        for key, connections in node.per_second.items():
            before = found.get((key.namespace, key.name), (0.0, None, False))
            found[key.namespace, key.name] = (before[0] + connections, None, False)
    entries: dict[Key, list[Object]] = {}
    for (key, _, _), counted in _collect(heard.values())[0].items():
        entries.setdefault(key, []).extend(counted)
    for key, counted in entries.items():
        total = add(counted)
        found[key.namespace, key.name] = (total["requestsPerSecond"], total["latency"], True)
    return found


def add(entries: Iterable[Object]) -> Object:
    """Figures added up; the latency is the mean, each weighing as much as it answers."""
    found = list(entries)
    total: Object = {name: round(sum(_number(entry.get(name)) for entry in found), 2) for name in _SUMS}
    timed = [(_number(entry["latency"]), _number(entry.get("requestsPerSecond"))) for entry in found
             if isinstance(entry.get("latency"), int | float)]  # fmt: skip
    weight = sum(rate for _, rate in timed)
    if weight:
        total["latency"] = round(sum(latency * rate for latency, rate in timed) / weight, 1)
    else:
        total["latency"] = round(sum(latency for latency, _ in timed) / len(timed), 1) if timed else None
    return total


def _number(value: Any) -> float:
    return value if isinstance(value, int | float) else 0


def _node(node: Object, heard: Heard | None) -> Object:
    reason, message = (heard.reason, heard.message) if heard is not None else ("Unknown", "nothing was heard of it")
    return {"name": meta.name(node), "proxy": reason, "message": message}


def _service(service: Object, slices: list[Object], servers: Servers, heard: Iterable[Heard]) -> Object:
    key, spec = meta.key(service), service.get("spec") or {}
    nodes = list(heard)
    endpoints = list(_endpoints(key, slices, servers))
    counted = [endpoint["http"] for endpoint in endpoints if endpoint["http"] is not None]
    return {
        "namespace": key.namespace,
        "name": key.name,
        "type": spec.get("type", "ClusterIP"),
        "clusterIP": spec.get("clusterIP", ""),
        "ports": [_port(port) for port in spec.get("ports") or ()],
        "connections": sum(node.connections.get(key, 0) for node in nodes),
        "connectionsPerSecond": round(sum(node.per_second.get(key, 0.0) for node in nodes), 2),
        "http": add(counted) if counted else None,
        "endpoints": endpoints,
    }


def _port(port: Object) -> str:
    return f"{port.get('port')}/{port.get('protocol') or 'TCP'}"


def _endpoints(key: Key, slices: Iterable[Object], servers: Servers) -> Iterable[Object]:
    for item in sorted(slices, key=lambda obj: (obj.get("addressType", ""), meta.name(obj))):
        numbers = [int(port["port"]) for port in item.get("ports") or () if port.get("port")]
        weights = weights_of(item)
        for endpoint in item.get("endpoints") or ():
            for address in endpoint.get("addresses") or ():
                found = [entry for number in numbers for entry in servers.get((key, address, number), ())]
                weight = weights.get(address, DEFAULT)
                yield {
                    "address": address,
                    "port": numbers[0] if numbers else 0,
                    "pod": (endpoint.get("targetRef") or {}).get("name", ""),
                    "node": endpoint.get("nodeName", ""),
                    "state": _state(endpoint.get("conditions") or {}, weight),
                    "weight": weight,
                    "http": add(found) if found else None,
                }


def _state(conditions: Object, weight: int) -> str:
    if conditions.get("terminating"):
        return "terminating"
    if conditions.get("ready") is False:
        return "unready"
    return "ready" if weight else "drained"


def _ingresses(mirrors: Mirrors, backends: Mapping[Target, list[Object]]) -> list[Object]:
    routes = routes_of(mirrors.ingresses, our_classes(mirrors.classes))
    found = []
    for ingress in sorted(routes.ingresses, key=meta.key):
        key = meta.key(ingress)
        mine = sorted(target for target in routes.targets() if target.ingress == key)
        hosts = {str(rule.get("host") or "*") for rule in (ingress.get("spec") or {}).get("rules") or ()}
        found.append({
            "namespace": key.namespace,
            "name": key.name,
            "hosts": sorted(hosts),
            "http": add(entry for target in mine for entry in backends.get(target, ())),
            "backends": [
                {
                    "service": target.service,
                    "port": target.port,
                    "canary": routes.options[key].canary is not None,
                    "http": add(backends.get(target, ())),
                }
                for target in mine
            ],
        })  # fmt: skip
    return found
