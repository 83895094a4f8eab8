"""The subsets of an Endpoints object, in the form in which Kubernetes keeps them. Pure.

A subset says that each of its addresses has each of its ports. Whoever writes Endpoints may say the same in many ways;
one form for all makes that a change in words alone is none for those who watch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from ipaddress import ip_address

from .meta import Object

_Port = tuple[str, int, str, str]  # protocol, number, name, appProtocol


def repack(subsets: Iterable[Object]) -> list[Object]:
    """Addresses with the same ports in one subset, ports with the same addresses too, all in order. What one subset
    calls ready and another not, on the same port, is not ready."""
    known: dict[tuple[str, str], Object] = {}
    ports: dict[_Port | None, Object] = {}
    found: dict[_Port | None, dict[tuple[str, str], bool]] = defaultdict(dict)
    for subset in subsets:
        for port in subset.get("ports") or [None]:
            number = _port_key(port)
            ports[number] = port
            for field, ready in (("addresses", True), ("notReadyAddresses", False)):
                for address in subset.get(field) or ():
                    where = (str(address.get("ip")), str((address.get("targetRef") or {}).get("uid") or ""))
                    known.setdefault(where, address)
                    found[number][where] = found[number].get(where, True) and ready
    grouped: dict[frozenset[tuple[tuple[str, str], bool]], list[_Port | None]] = defaultdict(list)
    for number, addresses in found.items():
        grouped[frozenset(addresses.items())].append(number)
    made = [_subset(addresses, [ports[number] for number in sorted(numbers, key=_order)], known)
            for addresses, numbers in grouped.items()]  # fmt: skip
    return sorted(made, key=lambda subset: [_order(_port_key(port)) for port in subset.get("ports") or [None]])


def _subset(
    addresses: Iterable[tuple[tuple[str, str], bool]], ports: list[Object | None], known: dict[tuple[str, str], Object]
) -> Object:
    made: Object = {}
    for field, wanted in (("addresses", True), ("notReadyAddresses", False)):
        chosen = sorted((where for where, ready in addresses if ready is wanted), key=lambda at: (_numeric(at[0]), at))
        if chosen:
            made[field] = [known[where] for where in chosen]
    real = [port for port in ports if port is not None]
    return made | ({"ports": real} if real else {})


def _port_key(port: Object | None) -> _Port | None:
    if port is None:
        return None
    protocol = str(port.get("protocol") or "TCP")
    return protocol, int(port.get("port") or 0), str(port.get("name") or ""), str(port.get("appProtocol") or "")


def _order(port: _Port | None) -> tuple[str, str, int, str]:
    return ("", "", 0, "") if port is None else (port[2], port[0], port[1], port[3])


def _numeric(text: str) -> tuple[int, int]:
    address = ip_address(text)
    return address.version, int(address)
