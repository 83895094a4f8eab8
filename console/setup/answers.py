"""Does the example's Service answer from all its pods, on every address? Really asked, from this host."""

from __future__ import annotations

import http.client
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

from common.api.meta import Object

REQUEST_SECONDS = 2.0


@dataclass(frozen=True, slots=True, order=True)
class Way:
    """One address of the Service: `kind` is ClusterIP or NodePort."""

    kind: str
    address: str
    port: int

    @property
    def family(self) -> str:
        return f"IPv{ip_address(self.address).version}"

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{host}:{self.port}/ ({self.kind}, {self.family})"


def ways(service: Object, nodes: Iterable[Object]) -> list[Way]:
    """Every way in: the cluster addresses, and the node port on a node's address of each family."""
    spec = service.get("spec") or {}
    families = set(spec.get("ipFamilies") or ())
    port = (spec.get("ports") or [{}])[0]
    found = [Way("ClusterIP", each, int(port["port"])) for each in spec.get("clusterIPs") or () if each != "None"]
    if port.get("nodePort"):
        for family in sorted(families):
            address = _node_address(nodes, family)
            if address:
                found.append(Way("NodePort", address, int(port["nodePort"])))
    return found


def _node_address(nodes: Iterable[Object], family: str) -> str:
    for node in nodes:
        for entry in (node.get("status") or {}).get("addresses") or ():
            if entry.get("type") == "InternalIP" and f"IPv{ip_address(entry['address']).version}" == family:
                return str(entry["address"])
    return ""


@dataclass(slots=True)
class Answers:
    """Who has answered on which way; `failures` are those since the last answer there."""

    wanted: frozenset[str]
    heard: dict[Way, set[str]] = field(default_factory=dict)
    trouble: dict[Way, str] = field(default_factory=dict)

    def ask(self, way: Way) -> None:
        """One request on a new connection, so that the balancer chooses anew."""
        heard = self.heard.setdefault(way, set())
        try:
            heard.add(_get(way))
            self.trouble.pop(way, None)
        except (OSError, http.client.HTTPException) as error:
            self.trouble[way] = str(error) or type(error).__name__

    def complete(self, way: Way) -> bool:
        return self.wanted <= self.heard.get(way, set())

    def lines(self) -> list[str]:
        """One line a way: who answered there."""
        return [
            f"{way}: {len(self.wanted & heard)} of {len(self.wanted)} replicas answered"
            + (f", last failure: {self.trouble[way]}" if way in self.trouble else "")
            for way, heard in sorted(self.heard.items())
        ]


def _get(way: Way) -> str:
    connection = http.client.HTTPConnection(way.address, way.port, timeout=REQUEST_SECONDS)
    try:
        connection.request("GET", "/", headers={"Connection": "close"})
        response = connection.getresponse()
        body = response.read().decode(errors="replace").strip()
    finally:
        connection.close()
    if response.status != 200:
        raise http.client.HTTPException(f"HTTP {response.status}")
    return body


def summary(progress: Mapping[str, str]) -> str:
    """Pods with what each is doing, on one line."""
    return ", ".join(f"{name} {what}" for name, what in sorted(progress.items())) or "no pods yet"
