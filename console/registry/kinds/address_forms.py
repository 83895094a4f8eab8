"""How addresses and ranges may be written: no form that programs read as different ones.

What an older version took may stay as it is: callers tell which texts the object had before.
"""

from __future__ import annotations

import re
from collections.abc import Container
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_interface, ip_network

from common.errors import Cause
from console.registry import validation

_LENGTH = re.compile("[0-9]+")
_ZEROS = re.compile(r"(?<![0-9a-fA-F:.])0+(?=[0-9])|(?<=\.)0+(?=[0-9])|(?<=:)0+(?=[0-9]+\.)")
"""Zeros before the digits of an IPv4 octet or of a prefix length."""


def ip(path: str, value: str, known: Container[str] = ()) -> list[Cause]:
    """`known`: what the object had before."""
    problem = "" if value in known else _ip_problem(value)
    return [validation.wrong(path, value, problem)] if problem else []


def _ip_problem(value: str) -> str:
    if not is_address(value):
        return _IP_RULE
    if _plain(value) != value:
        return "must not have leading 0s"
    parsed = ip_address(value)
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return "must not be an IPv4-mapped IPv6 address"
    return ""


def block(path: str, value: str, known: Container[str] = ()) -> list[Cause]:
    """Of a range (CIDR)."""
    problem = "" if value in known else _block_problem(value)
    return [validation.wrong(path, value, problem)] if problem else []


def _block_problem(value: str) -> str:
    address, slash, length = value.partition("/")
    plain = f"{_plain(address)}/{_plain(length)}"
    if not slash or not _LENGTH.fullmatch(length) or "%" in address or network(plain) is None:
        return _CIDR_RULE
    if plain != value:
        return "must not have leading 0s in IP or prefix length"
    parsed = ip_interface(value)
    if isinstance(parsed.ip, IPv6Address) and parsed.ip.ipv4_mapped is not None:
        return "must not have an IPv4-mapped IPv6 address"
    if parsed.ip != parsed.network.network_address:
        return "must not have bits set beyond the prefix length"
    return ""


def address(text: str) -> IPv4Address | IPv6Address:
    """What programs that are not strict read, as Kubernetes' own. Raises ValueError for what is no address at all."""
    parsed = ip_address(_plain(text))
    return parsed.ipv4_mapped or parsed if isinstance(parsed, IPv6Address) else parsed


def network(text: str) -> IPv4Network | IPv6Network | None:
    """The range, bits beyond the prefix length left out; None when it is none."""
    try:
        return ip_network(_plain(text), strict=False) if "/" in text else None
    except ValueError:
        return None


def _plain(text: str) -> str:
    return _ZEROS.sub("", text)


def is_address(text: str) -> bool:
    """Whether programs that are not strict read an address."""
    try:
        return address(text) is not None and "%" not in text
    except ValueError:
        return False


_IP_RULE = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
_CIDR_RULE = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
