"""The functions that Kubernetes' own libraries add to expressions, beside those of `celfunctions`. Pure.

Values of their types are texts here: canonical quantities and addresses, and versions behind a mark that tells them
from quantities, as both are compared by methods of the same names. What the evaluator has for texts alone (`indexOf`),
nobody can add for lists.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any
from urllib.parse import parse_qs, urlsplit

from common.api import quantity

from . import patterns

VERSION = "semver:"
"""What a text that is a version begins with."""
_SEMVER = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+([0-9A-Za-z.-]+))?"
)
_LOOSE = re.compile(r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(.*)")


@dataclass(frozen=True, slots=True)
class Function:
    """`parameters` and `result` are names of types: `string`, `int`, `bool`, `list`, `dyn`; `member`: the first
    parameter stands before the dot."""

    name: str
    parameters: tuple[str, ...]
    result: str
    act: Callable[..., Any]
    member: bool = True


def compare(one: str, two: str) -> int:
    """Versions or quantities: -1, 0 or 1."""
    if one.startswith(VERSION):
        return _compare_versions(one.removeprefix(VERSION), two.removeprefix(VERSION))
    left, right = quantity.parse(one), quantity.parse(two)
    return (left > right) - (left < right)


def semver(text: str, loose: bool = False) -> str:
    """A version; a loose one may begin with `v`, lack its last numbers and have zeros before them. ValueError."""
    found = text
    if loose and (parts := _LOOSE.fullmatch(text)):
        numbers = [str(int(number or 0)) for number in parts.groups()[:3]]
        found = ".".join(numbers) + parts[4]
    if not _SEMVER.fullmatch(found):
        raise ValueError(f"{text!r} is no semantic version")
    return VERSION + found


def _parts(text: str) -> tuple[int, int, int, str]:
    found = _SEMVER.fullmatch(text.removeprefix(VERSION))
    if found is None:
        raise ValueError(f"{text!r} is no semantic version")
    return int(found[1]), int(found[2]), int(found[3]), found[4] or ""


def _compare_versions(one: str, two: str) -> int:
    left, right = _rank(one), _rank(two)
    return (left > right) - (left < right)


def _rank(text: str) -> tuple[Any, ...]:
    *numbers, early = _parts(text)
    # A version comes after its own candidates; of these numbers come before words.
    words = [(0, int(word), "") if word.isdigit() else (1, 0, word) for word in early.split(".")] if early else []
    return *numbers, not early, words


def _number(part: int) -> Callable[[str], int]:
    return lambda text: int(_parts(text)[part])


def _sum(one: str, two: str | int, sign: int) -> str:
    other = Fraction(two) if isinstance(two, int) else Fraction(quantity.parse(two))
    total = Fraction(quantity.parse(one)) + sign * other
    return quantity.canonical(f"{Decimal(total.numerator) / Decimal(total.denominator):f}")


def _is_integer(text: str) -> bool:
    found = quantity.parse(text)
    return found == int(found) and -(2**63) <= found < 2**63


def _is_canonical(text: str) -> bool:
    try:
        return str(ipaddress.ip_address(text)) == text
    except ValueError:
        return False


def _contains(outer: str, inner: str) -> bool:
    one, two = ipaddress.ip_interface(outer).network, ipaddress.ip_interface(inner).network
    return one.version == two.version and two.subnet_of(one)  # type: ignore[arg-type]  # of one version, both


def _is_global_unicast(text: str) -> bool:
    """As Go has it: private addresses are, too."""
    found = ipaddress.ip_address(text)
    other = found.is_loopback or found.is_multicast or found.is_unspecified or found.is_link_local
    return not (other or str(found) == "255.255.255.255")


def _succeeds(act: Callable[..., Any]) -> Callable[..., bool]:
    def check(*arguments: Any) -> bool:
        try:
            act(*arguments)
        except ValueError:
            return False
        return True

    return check


def _find_all(text: str, regex: str, limit: int) -> list[str]:
    found = [match[0] for match in re.finditer(regex, text)] if patterns.matches(regex, text) else []
    return found if limit < 0 else found[:limit]


_ON_ADDRESSES: dict[str, Callable[[str], bool]] = {
    "isUnspecified": lambda text: ipaddress.ip_address(text).is_unspecified,
    "isLinkLocalMulticast": lambda text: ipaddress.ip_address(text) in _LINK_LOCAL[ipaddress.ip_address(text).version],
    "isLinkLocalUnicast": lambda text: ipaddress.ip_address(text).is_link_local,
    "isGlobalUnicast": _is_global_unicast,
}
_LINK_LOCAL: dict[int, Any] = {4: ipaddress.ip_network("224.0.0.0/24"), 6: ipaddress.ip_network("ff02::/16")}

FUNCTIONS: tuple[Function, ...] = (
    Function("findAll", ("string", "string", "int"), "list", _find_all),
    Function("getQuery", ("string",), "dyn", lambda text: parse_qs(urlsplit(text).query, keep_blank_values=True)),
    Function("isInteger", ("string",), "bool", _is_integer),
    Function("sign", ("string",), "int", lambda text: compare(text, "0")),
    Function("add", ("string", "string"), "string", lambda one, two: _sum(one, two, 1)),
    Function("add", ("string", "int"), "string", lambda one, two: _sum(one, two, 1)),
    Function("sub", ("string", "string"), "string", lambda one, two: _sum(one, two, -1)),
    Function("sub", ("string", "int"), "string", lambda one, two: _sum(one, two, -1)),
    *(Function(name, ("string",), "bool", act) for name, act in _ON_ADDRESSES.items()),
    Function("ip.isCanonical", ("string",), "bool", _is_canonical, member=False),
    Function("containsCIDR", ("string", "string"), "bool", _contains),
    Function("ip", ("string",), "string", lambda text: str(ipaddress.ip_interface(text).ip)),
    Function("masked", ("string",), "string", lambda text: str(ipaddress.ip_interface(text).network)),
    Function("semver", ("string",), "string", semver, member=False),
    Function("semver", ("string", "bool"), "string", semver, member=False),
    Function("isSemver", ("string",), "bool", _succeeds(semver), member=False),
    Function("isSemver", ("string", "bool"), "bool", _succeeds(semver), member=False),
    Function("major", ("string",), "int", _number(0)),
    Function("minor", ("string",), "int", _number(1)),
    Function("patch", ("string",), "int", _number(2)),
    Function("sets.contains", ("list", "list"), "bool", lambda one, two: all(item in one for item in two), False),
    Function("sets.equivalent", ("list", "list"), "bool",
             lambda one, two: all(item in one for item in two) and all(item in two for item in one), False),
    Function("sets.intersects", ("list", "list"), "bool", lambda one, two: any(item in one for item in two), False),
)  # fmt: skip
