"""The cluster's names with their answers in wire format, made once per change so that a query costs two look-ups.

What exists is Kubernetes' DNS specification 1.1.0: Services (A, AAAA, SRV, PTR), headless Services with their pods,
ExternalName as CNAME, pods by their addresses. An immutable `Zone` is replaced as a whole; `build` makes it.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from . import wire

TTL = 5  # seconds; how long a client may hold on to an endpoint that is gone, as CoreDNS sets it


@dataclass(frozen=True, slots=True)
class Answer:
    """The records of one name and type. `units` are the encoded answer records, owned by the question's name; they are
    turned on each query so that clients that take the first address spread."""

    rcode: int = wire.NOERROR
    units: tuple[bytes, ...] = ()
    body: bytes = b""
    counts: tuple[int, int, int] = (0, 0, 0)
    extra: bytes = b""  # records of the additional section
    alias: bytes = b""  # the name that this one stands for (CNAME), to be resolved as well

    def rotated(self) -> bytes:
        if len(self.units) < 2:
            return self.body
        turn = random.randrange(len(self.units))  # noqa: S311 - spreads load, guards nothing
        return b"".join((*self.units[turn:], *self.units[:turn], self.extra))


@dataclass(frozen=True, slots=True)
class Zone:
    """All names of the cluster. `lookup` answers for them; None means that the name belongs to somebody else."""

    apex: bytes = b"\x00"
    names: Mapping[bytes, Mapping[int, Answer]] = field(default_factory=dict)
    reverse: tuple[IPv4Network | IPv6Network, ...] = ()  # networks whose PTR names are ours
    soa: bytes = b""  # data of the SOA record

    def lookup(self, name: bytes, kind: int) -> Answer | None:
        known = self.names.get(name)
        if known is not None:
            return known.get(kind) or known.get(wire.CNAME) or self._negative(wire.NOERROR)
        if self.apex != b"\x00" and wire.is_within(name, self.apex):
            return self._pod(name, kind) or self._negative(wire.NXDOMAIN)
        address = reverse_address(name)
        if address is not None and any(address in network for network in self.reverse):
            return self._negative(wire.NXDOMAIN)
        return None

    def _negative(self, rcode: int) -> Answer:
        return Answer(rcode, body=wire.record(self.apex, wire.SOA, TTL, self.soa), counts=(0, 1, 0))

    def _pod(self, name: bytes, kind: int) -> Answer | None:
        """`10-42-0-7.NAMESPACE.pod.ZONE`: the address is in the name, so nothing has to be looked up."""
        labels = wire.split_name(name[: len(name) - len(self.apex)] + b"\x00")
        if len(labels) != 3 or labels[2] != b"pod":
            return None
        address = _dashed(labels[0].decode("ascii", "replace"))
        if address is None:
            return None
        if kind != (wire.A if len(address) == 4 else wire.AAAA):
            return self._negative(wire.NOERROR)
        unit = wire.record(wire.OWNER_IS_QUESTION, kind, TTL, address)
        return Answer(units=(unit,), body=unit, counts=(1, 0, 0))


def _dashed(label: str) -> bytes | None:
    for separator in (".", ":"):
        try:
            return ip_address(label.replace("-", separator)).packed
        except ValueError:
            continue
    return None


@functools.lru_cache(65536)
def reverse_name(address: str) -> str:
    return ip_address(address).reverse_pointer


def reverse_address(name: bytes) -> IPv4Address | IPv6Address | None:
    """The address of a PTR name; None when the name is none, or only a part of one."""
    labels = wire.split_name(name)
    if labels[-2:] == [b"in-addr", b"arpa"] and len(labels) == 6:
        text = b".".join(reversed(labels[:4])).decode("ascii", "replace")
    elif labels[-2:] == [b"ip6", b"arpa"] and len(labels) == 34:
        digits = b"".join(reversed(labels[:32])).decode("ascii", "replace")
        text = ":".join(digits[start : start + 4] for start in range(0, 32, 4))
    else:
        return None
    try:
        return ip_address(text)
    except ValueError:
        return None
