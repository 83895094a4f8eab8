"""Defaults and validation of NetworkPolicies, in the words of networking.k8s.io/v1."""

from __future__ import annotations

from collections.abc import Iterator, Set
from ipaddress import IPv4Network, IPv6Network

from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.row import Context

from . import address_forms, address_warnings

TYPES = ("Ingress", "Egress")
_PROTOCOLS = ("TCP", "UDP", "SCTP")
_PEERS = {"ingress": "from", "egress": "to"}


def default(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("podSelector", {})
    for direction in _PEERS:
        for rule in spec.get(direction) or ():
            for port in rule.get("ports") or ():
                port.setdefault("protocol", "TCP")
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", *(["Egress"] if spec.get("egress") else [])]


def validate(new: Object, old: Object | None, _context: Context) -> list[Cause]:
    spec = new["spec"]
    known = {text for _, text in _ranges(old)} if old is not None else set()
    causes = validation.label_selector("spec.podSelector", spec.get("podSelector"))
    for direction, peers in _PEERS.items():
        for index, rule in enumerate(spec.get(direction) or ()):
            path = f"spec.{direction}[{index}]"
            for number, port in enumerate(rule.get("ports") or ()):
                causes += _validate_port(f"{path}.ports[{number}]", port)
            for number, peer in enumerate(rule.get(peers) or ()):
                causes += _validate_peer(f"{path}.{peers}[{number}]", peer, known)
    types = spec["policyTypes"]
    if len(types) > len(TYPES):
        return [*causes, validation.wrong("spec.policyTypes", types, "may not specify more than two policyTypes")]
    causes += [
        validation.unsupported(f"spec.policyTypes[{index}]", kind, TYPES)
        for index, kind in enumerate(types)
        if kind not in TYPES
    ]
    return causes


def warnings(policy: Object) -> list[str]:
    """Ranges that are oddly written."""
    return [told for path, text in _ranges(policy) for told in address_warnings.block(path, text)]


def _ranges(policy: Object) -> Iterator[tuple[str, str]]:
    """Each range with the path to it."""
    for direction, peers in _PEERS.items():
        for index, rule in enumerate(policy["spec"].get(direction) or ()):
            for number, peer in enumerate(rule.get(peers) or ()):
                block, path = peer.get("ipBlock") or {}, f"spec.{direction}[{index}].{peers}[{number}].ipBlock"
                yield f"{path}.cidr", block.get("cidr") or ""
                yield from ((f"{path}.except[{place}]", text) for place, text in enumerate(block.get("except") or ()))


def _validate_port(path: str, port: Object) -> list[Cause]:
    causes: list[Cause] = []
    protocol, number, end = port.get("protocol"), port.get("port"), port.get("endPort")
    if protocol not in _PROTOCOLS:
        causes.append(validation.unsupported(f"{path}.protocol", protocol, _PROTOCOLS))
    if number is None:
        if end is not None:
            causes.append(validation.wrong(f"{path}.endPort", end, "may not be specified when `port` is not specified"))
        return causes
    causes += validation.port_number_or_name(f"{path}.port", number)
    if end is None:
        return causes
    if not isinstance(number, int):
        causes.append(validation.wrong(f"{path}.endPort", end, "may not be specified when `port` is non-numeric"))
    elif end < number:
        causes.append(validation.wrong(f"{path}.endPort", end, "must be greater than or equal to `port`"))
    return causes + validation.port_number(f"{path}.endPort", end)


def _validate_peer(path: str, peer: Object, known: Set[str]) -> list[Cause]:
    causes: list[Cause] = []
    given = [field for field in ("podSelector", "namespaceSelector", "ipBlock") if peer.get(field) is not None]
    for field in ("podSelector", "namespaceSelector"):
        causes += validation.label_selector(f"{path}.{field}", peer.get(field))
    if peer.get("ipBlock") is not None:
        causes += _validate_block(f"{path}.ipBlock", peer["ipBlock"], known)
    if not given:
        causes.append(validation.required(path, "must specify a peer"))
    elif len(given) > 1 and "ipBlock" in given:
        causes.append(validation.forbidden(path, "may not specify both ipBlock and another peer"))
    return causes


def _validate_block(path: str, block: Object, known: Set[str]) -> list[Cause]:
    """`known` are the ranges that the policy had before: they may stay as they are written."""
    cidr = block.get("cidr") or ""
    if not cidr:
        return [validation.required(f"{path}.cidr")]
    causes = address_forms.block(f"{path}.cidr", cidr, known)
    outer = address_forms.network(cidr)
    if outer is None:
        return causes
    for index, text in enumerate(block.get("except") or ()):
        where, inner = f"{path}.except[{index}]", address_forms.network(text)
        causes += address_forms.block(where, text, known)
        if inner is not None and not _is_strictly_inside(inner, outer):
            causes.append(validation.wrong(where, text, "must be a strict subset of `cidr`"))
    return causes


def _is_strictly_inside(inner: IPv4Network | IPv6Network, outer: IPv4Network | IPv6Network) -> bool:
    if isinstance(inner, IPv4Network) and isinstance(outer, IPv4Network):
        return inner.subnet_of(outer) and inner != outer
    return (
        isinstance(inner, IPv6Network) and isinstance(outer, IPv6Network) and inner.subnet_of(outer) and inner != outer
    )
