"""What is said of addresses and ranges that are taken, though they are not written as they should be."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address, ip_interface

from console.registry import validation

_SOON = "will be considered invalid in a future Kubernetes release"


def address(path: str, value: str) -> Iterator[str]:
    try:
        parsed = ip_address(value)
    except ValueError:
        return  # it is refused
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            use = validation.shown(str(parsed.ipv4_mapped))
            yield f"{path}: non-standard IP address {validation.shown(value)} {_SOON}: use {use}"
        elif str(parsed) != value:
            form = f"should be in RFC 5952 canonical format ({validation.shown(str(parsed))})"
            yield f"{path}: IPv6 address {validation.shown(value)} {form}"


def block(path: str, value: str) -> Iterator[str]:
    """Of a range (CIDR)."""
    try:
        parsed = ip_interface(value)
    except ValueError:
        return
    given, network = validation.shown(value), str(parsed.network)
    is_mapped = isinstance(parsed.ip, IPv6Address) and parsed.ip.ipv4_mapped is not None
    if parsed.ip != parsed.network.network_address:
        either = f"{validation.shown(network)} or {validation.shown(f'{parsed.ip}/{parsed.max_prefixlen}')}"
        yield f"{path}: CIDR value {given} is ambiguous in this context (should be {either}?)"
    if is_mapped:
        yield f"{path}: non-standard CIDR value {given} {_SOON}: use {validation.shown(network)}"
    elif parsed.version == 6 and parsed.ip == parsed.network.network_address and network != value:
        yield f"{path}: IPv6 CIDR value {given} should be in RFC 5952 canonical format ({validation.shown(network)})"
