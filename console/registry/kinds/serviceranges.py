"""IPAddresses and ServiceCIDRs: which addresses Services may have, and who has one.

The words are those of Kubernetes' validation. The range of the cluster itself is the ServiceCIDR `kubernetes`.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from common.api import kinds
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.columns import AGE, NAME, NONE, at
from console.registry.row import Column, Context, Row

DEFAULT_RANGE = "kubernetes"
READY = "Ready"


def _address_name(name: str) -> list[str]:
    try:
        parsed = str(ip_address(name))
    except ValueError:
        return ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]
    return [] if parsed == name else [f'must be in canonical form ("{parsed}")']


def _validate_address(new: Object, old: Object | None, _context: Context) -> list[Cause]:
    parent = (new.get("spec") or {}).get("parentRef")
    path = "spec.parentRef"
    if parent is None:
        return [validation.required(path)]
    causes = [validation.required(f"{path}.{name}") for name in ("resource", "name") if not parent.get(name)]
    for name in ("group", "resource", "namespace", "name"):
        value = str(parent.get(name) or "")
        causes += validation.each(f"{path}.{name}", value, validation.path_segment(value))
    if old is not None:
        causes += validation.unchanged(path, parent, (old.get("spec") or {}).get("parentRef"))
    return causes


def _prepare_range(new: Object, old: Object | None, _context: Context) -> None:
    if old is None:
        new["status"] = {}


def _validate_range(new: Object, old: Object | None, context: Context) -> list[Cause]:
    if context.subresource == "status":
        return []
    path, found = "spec.cidrs", (new.get("spec") or {}).get("cidrs") or []
    if not found:
        return [validation.required(path, "at least one CIDR required")]
    if len(found) > 2:
        return [validation.wrong(path, found, "may only hold up to 2 values")]
    causes = [cause for index, cidr in enumerate(found) for cause in _validate_cidr(f"{path}[{index}]", cidr)]
    if not causes and len(found) == 2 and len({ip_network(cidr).version for cidr in found}) == 1:
        why = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/96"
        causes.append(validation.wrong(path, found, why))
    before = ((old or {}).get("spec") or {}).get("cidrs") or []
    # A second family may be added; what is there stays.
    for index, cidr in enumerate(before):
        if index >= len(found) or found[index] != cidr:
            value = found[index] if index < len(found) else ""
            causes.append(validation.wrong(f"{path}[{index}]", value, "field is immutable"))
    return causes


def _validate_cidr(path: str, cidr: str) -> list[Cause]:
    try:
        network = ip_network(cidr, strict=False)
    except ValueError:
        network = None
    if network is None or "/" not in cidr:
        return [validation.wrong(path, cidr, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")]
    return [] if str(network) == cidr else [validation.wrong(path, cidr, f'must be in canonical form ("{network}")')]


def default_range(cidrs: Iterable[str]) -> Object:
    """The range that the cluster was made with."""
    return {"metadata": {"name": DEFAULT_RANGE}, "spec": {"cidrs": list(cidrs)}}


def _parent(obj: Object) -> str:
    parent = at(obj, "spec.parentRef")
    if not parent:
        return NONE
    group = f".{parent['group']}" if parent.get("group") else ""
    words = (f"{parent.get('resource', '')}{group}".lower(), parent.get("namespace"), parent.get("name"))
    return "/".join(str(word) for word in words if word)


IPADDRESSES = Row(
    kinds.IPADDRESSES,
    "ipaddress",
    short_names=("ip",),
    columns=(
        NAME,
        Column("ParentRef", lambda obj, _now: _parent(obj), description="The resource that has this address."),
        AGE,
    ),
    schema="io.k8s.api.networking.v1.IPAddress",
    validate=_validate_address,
    name_format=_address_name,
)
SERVICECIDRS = Row(
    kinds.SERVICECIDRS,
    "servicecidr",
    columns=(
        NAME,
        Column("CIDRs", lambda obj, _now: ",".join(at(obj, "spec.cidrs", ())), description="Ranges of addresses."),
        AGE,
    ),
    subresources=frozenset({"status"}),
    schema="io.k8s.api.networking.v1.ServiceCIDR",
    prepare=_prepare_range,
    validate=_validate_range,
)
ROWS = (IPADDRESSES, SERVICECIDRS)
