"""EndpointSlices: the addresses behind a Service."""

from __future__ import annotations

from ipaddress import ip_address

from common.api import kinds
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.columns import AGE, NAME, field
from console.registry.row import Column, Context, Row

from . import address_forms, address_warnings
from .addresses import special_address

MAX_ENDPOINTS = 1000
MAX_ADDRESSES = 100
MAX_PORTS = 20000
PROTOCOLS = ("SCTP", "TCP", "UDP")
_SHOWN = 3  # entries of a table cell before "+ N more..."


def _default(obj: Object) -> None:
    for port in obj.get("ports") or ():
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")
    obj.setdefault("endpoints", [])


def _validate(new: Object, old: Object | None, _context: Context) -> list[Cause]:
    causes = validation.one_of("addressType", new.get("addressType"), ("FQDN", "IPv4", "IPv6"))
    if old is not None:
        causes += validation.unchanged("addressType", new.get("addressType"), old.get("addressType"))
    endpoints, ports = new["endpoints"], new.get("ports") or []
    if len(endpoints) > MAX_ENDPOINTS:
        causes.append(validation.too_many("endpoints", len(endpoints), MAX_ENDPOINTS))
    if len(ports) > MAX_PORTS:
        causes.append(validation.too_many("ports", len(ports), MAX_PORTS))
    causes += _validate_endpoints(new, old)
    return causes + _validate_ports(ports)


def _validate_endpoints(new: Object, old: Object | None) -> list[Cause]:
    causes: list[Cause] = []
    for index, endpoint in enumerate(new["endpoints"][:MAX_ENDPOINTS]):
        causes += _validate_endpoint(f"endpoints[{index}]", endpoint, str(new.get("addressType")))
    if causes and old is not None and new["endpoints"] == old.get("endpoints"):
        return []  # an older version took them
    return causes


def _validate_endpoint(path: str, endpoint: Object, family: str) -> list[Cause]:
    addresses = endpoint.get("addresses") or []
    if not addresses:
        return [validation.required(f"{path}.addresses", "must contain at least 1 address")]
    if len(addresses) > MAX_ADDRESSES:
        return [validation.too_many(f"{path}.addresses", len(addresses), MAX_ADDRESSES)]
    causes: list[Cause] = []
    for index, address in enumerate(addresses):
        causes += _validate_address(f"{path}.addresses[{index}]", address, family)
    if endpoint.get("nodeName") is not None:
        causes += validation.name_field(f"{path}.nodeName", endpoint["nodeName"], validation.dns_subdomain)
    if endpoint.get("hostname") is not None:
        causes += validation.name_field(f"{path}.hostname", endpoint["hostname"], validation.dns_label)
    return causes


def _validate_address(path: str, address: str, family: str) -> list[Cause]:
    if family not in {"FQDN", *_EXAMPLES}:
        return []  # which is what is wrong
    if family == "FQDN":
        return validation.each(path, address, validation.dns_subdomain(address))
    causes = address_forms.ip(path, address)
    if causes and address_forms.is_address(address):
        return causes
    if causes or ip_address(address).version != int(family[-1]):
        return [validation.wrong(path, address, f"must be a valid {family} address, (e.g. {_EXAMPLES.get(family)})")]
    return special_address(path, address)


_EXAMPLES = {"IPv4": "10.9.8.7", "IPv6": "2001:db8::ffff"}


def _validate_ports(ports: list[Object]) -> list[Cause]:
    causes: list[Cause] = []
    names: set[str] = set()
    for index, port in enumerate(ports):
        path = f"ports[{index}]"
        if port["name"]:
            causes += validation.each(f"{path}.name", port["name"], validation.dns_label(port["name"]))
        if port["name"] in names:
            causes.append(validation.duplicate(f"{path}.name", port["name"]))
        names.add(port["name"])
        if port["protocol"] not in PROTOCOLS:
            causes.append(validation.unsupported(f"{path}.protocol", port["protocol"], PROTOCOLS))
        if port.get("port") is not None:
            causes += validation.port_number(f"{path}.port", port["port"])
    return causes


def _warnings(obj: Object) -> list[str]:
    found = ["spec.addressType: FQDN endpoints are deprecated"] if obj.get("addressType") == "FQDN" else []
    for index, endpoint in enumerate(obj.get("endpoints") or ()):
        for place, text in enumerate(endpoint.get("addresses") or ()):
            found += address_warnings.address(f"endpoints[{index}].addresses[{place}]", text)
    return found


def _cell(values: list[str], empty: str) -> str:
    if not values:
        return empty
    more = len(values) - _SHOWN
    return ",".join(values[:_SHOWN]) + (f" + {more} more..." if more > 0 else "")


def _ports_cell(obj: Object) -> str:
    ports = [str(port["port"]) if port.get("port") else "*" for port in obj.get("ports") or ()]
    return _cell(ports, "<unset>")


def _endpoints_cell(obj: Object) -> str:
    addresses = [address for endpoint in obj.get("endpoints") or () for address in endpoint.get("addresses") or ()]
    return _cell(addresses, "<unset>")


ENDPOINTSLICES = Row(
    kinds.ENDPOINTSLICES,
    "endpointslice",
    columns=(
        NAME,
        field("AddressType", "addressType"),
        Column("Ports", lambda obj, _now: _ports_cell(obj)),
        Column("Endpoints", lambda obj, _now: _endpoints_cell(obj)),
        AGE,
    ),
    schema="io.k8s.api.discovery.v1.EndpointSlice",
    default=_default,
    validate=_validate,
    warnings=_warnings,
)
ROWS = (ENDPOINTSLICES,)
