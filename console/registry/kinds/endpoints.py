"""Endpoints: the addresses behind a Service as clients of old know them. EndpointSlices say the same, and more."""

from __future__ import annotations

from common.api import endpoints, kinds
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.columns import AGE, NAME, NONE
from console.registry.row import Column, Context, Row

from . import address_warnings
from .addresses import special_address
from .discovery import PROTOCOLS

DEPRECATED = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"
_SHOWN = 3  # addresses of a table cell before "+ N more..."


def _default(obj: Object) -> None:
    for subset in obj.get("subsets") or ():
        for port in subset.get("ports") or ():
            port["protocol"] = port.get("protocol") or "TCP"


def _prepare(new: Object, _old: Object | None, _context: Context) -> None:
    if new.get("subsets") and not _check(new):  # what is wrong is told as it was written
        new["subsets"] = endpoints.repack(new["subsets"])


def _validate(new: Object, old: Object | None, _context: Context) -> list[Cause]:
    causes = _check(new)
    if causes and old is not None and new.get("subsets") == old.get("subsets"):
        return []  # an older version took them
    return causes


def _check(obj: Object) -> list[Cause]:
    causes: list[Cause] = []
    for index, subset in enumerate(obj.get("subsets") or ()):
        path = f"subsets[{index}]"
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            causes.append(validation.required(path, "must specify `addresses` or `notReadyAddresses`"))
        for field in ("addresses", "notReadyAddresses"):
            for number, address in enumerate(subset.get(field) or ()):
                causes += _check_address(f"{path}.{field}[{number}]", address)
        ports = subset.get("ports") or []
        for number, port in enumerate(ports):
            causes += _check_port(f"{path}.ports[{number}]", port, named=len(ports) > 1)
    return causes


def _check_address(path: str, address: Object) -> list[Cause]:
    causes = special_address(f"{path}.ip", str(address.get("ip") or ""))
    if address.get("hostname"):
        causes += validation.name_field(f"{path}.hostname", address["hostname"], validation.dns_label)
    if address.get("nodeName") is not None:
        causes += validation.name_field(f"{path}.nodeName", address["nodeName"], validation.dns_subdomain)
    return causes


def _check_port(path: str, port: Object, *, named: bool) -> list[Cause]:
    causes: list[Cause] = []
    name = port.get("name") or ""
    if name:
        causes += validation.each(f"{path}.name", name, validation.dns_label(name))
    elif named:
        causes.append(validation.required(f"{path}.name"))
    causes += validation.port_number(f"{path}.port", port.get("port", 0))
    if port["protocol"] not in PROTOCOLS:
        causes.append(validation.unsupported(f"{path}.protocol", port["protocol"], PROTOCOLS))
    if port.get("appProtocol"):
        found = port["appProtocol"]
        causes += validation.each(f"{path}.appProtocol", found, validation.qualified_name(found))
    return causes


def _warnings(obj: Object) -> list[str]:
    return [
        told
        for index, subset in enumerate(obj.get("subsets") or ())
        for field in ("addresses", "notReadyAddresses")
        for place, entry in enumerate(subset.get(field) or ())
        for told in address_warnings.address(f"subsets[{index}].{field}[{place}].ip", str(entry.get("ip") or ""))
    ]


def _cell(obj: Object) -> str:
    found: list[str] = []
    for subset in obj.get("subsets") or ():
        ips = [str(address.get("ip")) for address in subset.get("addresses") or ()]
        ports = subset.get("ports") or ()
        found += [_joined(ip, port["port"]) for port in ports for ip in ips] if ports else ips
    more = len(found) - _SHOWN
    return (",".join(found[:_SHOWN]) + (f" + {more} more..." if more > 0 else "")) or NONE


def _joined(ip: str, port: int) -> str:
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


ENDPOINTS = Row(
    kinds.ENDPOINTS,
    "endpoints",
    short_names=("ep",),
    columns=(NAME, Column("Endpoints", lambda obj, _now: _cell(obj)), AGE),
    schema="io.k8s.api.core.v1.Endpoints",
    default=_default,
    prepare=_prepare,
    validate=_validate,
    warnings=_warnings,
    deprecation=DEPRECATED,
    has_spec_generation=False,
    creates_on_update=True,
)
ROWS = (ENDPOINTS,)
