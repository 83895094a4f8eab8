"""Which network interfaces are the host's own: where to speak mDNS and which addresses to announce.

Bridges and links of containers are left out: an announcement there reaches pods, and an address of a bridge is the
same on every host.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

import ifaddr

_FOREIGN = (
    "docker",
    "br-",
    "veth",
    "qd0",  # our own bridge
    "qdvx",  # and tunnels
    "vxlan",
    "virbr",
    "cni",
    "flannel",
    "cali",
    "podman",
    "lxc",
    "lxd",
    "nerdctl",
)


@dataclass(frozen=True, slots=True)
class Interface:
    name: str
    index: int
    addresses: tuple[str, ...]  # without prefix length and scope


@dataclass(frozen=True, slots=True)
class Choice:
    """`speak` is what zeroconf takes: IPv4 addresses, and interface indexes for IPv6. `announce` are addresses."""

    speak: tuple[str | int, ...]
    announce: tuple[str, ...]


def read_interfaces() -> list[Interface]:
    """The machine's interfaces; a system call or two, no waiting."""
    found: list[Interface] = []
    for adapter in ifaddr.get_adapters():
        addresses = tuple(str(ip.ip[0] if isinstance(ip.ip, tuple) else ip.ip) for ip in adapter.ips)
        found.append(Interface(adapter.name, adapter.index or 0, addresses))
    return found


def choose(interfaces: Iterable[Interface]) -> Choice:
    """The host's own interfaces; the loopback one only where there is no other."""
    own = [item for item in interfaces if item.addresses and not item.name.startswith(_FOREIGN)]
    usable = [item for item in own if item.name != "lo"] or own
    speak: list[str | int] = []
    announce: list[str] = []
    for item in usable:
        addresses = [ipaddress.ip_address(text) for text in item.addresses]
        speak += [str(address) for address in addresses if address.version == 4][:1]
        if item.index and any(address.version == 6 for address in addresses):
            speak.append(item.index)
        announce += [str(address) for address in addresses]
    return Choice(tuple(speak), tuple(dict.fromkeys(announce)))


def own_addresses() -> tuple[str, ...]:
    """Every address that an agent of this host announces."""
    return choose(read_interfaces()).announce
