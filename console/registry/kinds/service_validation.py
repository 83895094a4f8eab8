"""What a Service must satisfy, alone and beside the other Services of the cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_network

from common import settings
from common.api import meta
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.row import Context

from . import address_forms, address_warnings, addresses
from .service_families import choose_families

TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
NODE_PORT_TYPES = frozenset({"NodePort", "LoadBalancer"})
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_KUBELET = 10250
_MAX_AFFINITY = 86400  # seconds
_POLICIES = ("Cluster", "Local")
_IP_MODES = ("Proxy", "VIP")
_HINTS = "service.kubernetes.io/topology-aware-hints"
_NOT_HEADLESS = ("loadBalancerIP", "externalIPs")
_DISTRIBUTIONS = ("PreferClose", "PreferSameNode", "PreferSameZone")


def is_headless(spec: Object) -> bool:
    return spec.get("clusterIP") == "None" or (spec.get("clusterIPs") or [""])[0] == "None"


def needs_health_check(spec: Object) -> bool:
    """Whether load balancers are to ask each node for endpoints of its own."""
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def warnings(service: Object) -> list[str]:
    """Fields that are kept and mean nothing for the Service's type, older words, and addresses oddly written."""
    spec, found = service["spec"], []
    if _HINTS in meta.annotations(service):
        found.append(f"annotation {_HINTS} is deprecated, please use service.kubernetes.io/topology-mode instead")
    if not is_headless(spec):
        found += _odd(address_warnings.address, spec, "clusterIPs")
    elif spec["type"] == "ClusterIP":
        found += [f"spec.{field} is ignored for headless services" for field in _NOT_HEADLESS if spec.get(field)]
        if spec.get("sessionAffinity") == "ClientIP":
            found.append("spec.SessionAffinity is ignored for headless services")
    found += _odd(address_warnings.address, spec, "externalIPs")
    found += address_warnings.address("spec.loadBalancerIP", spec.get("loadBalancerIP") or "")
    found += _odd(address_warnings.block, spec, "loadBalancerSourceRanges")
    if spec["type"] == "ExternalName" and spec.get("externalIPs"):
        found.append('spec.externalIPs is ignored when spec.type is "ExternalName"')
    if spec["type"] != "ExternalName" and spec.get("externalName"):
        found.append('spec.externalName is ignored when spec.type is not "ExternalName"')
    if spec.get("trafficDistribution") == "PreferClose":
        found.append('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
    return found


def _odd(told: Callable[[str, str], Iterator[str]], spec: Object, field: str) -> list[str]:
    values = enumerate(spec.get(field) or ())
    return [text for index, value in values for text in told(f"spec.{field}[{index}]", value.strip())]


def validate_status(service: Object, old: Object | None) -> list[Cause]:
    """What load balancers say about where they are."""
    ingress, known = addresses.balancers(service), {str(entry.get("ip")) for entry in addresses.balancers(old or {})}
    path = "status.loadBalancer.ingress"
    if ingress and service["spec"]["type"] != "LoadBalancer":
        return [validation.forbidden(path, 'may only be used when `spec.type` is "LoadBalancer"')]
    causes: list[Cause] = []
    for index, entry in enumerate(ingress):
        where = f"{path}[{index}]"
        if entry.get("ip"):
            causes += address_forms.ip(f"{where}.ip", entry["ip"], known)
        if entry.get("ipMode") is not None and entry["ipMode"] not in _IP_MODES:
            causes.append(validation.unsupported(f"{where}.ipMode", entry["ipMode"], _IP_MODES))
        if name := entry.get("hostname"):
            causes += validation.each(f"{where}.hostname", name, validation.dns_subdomain(name))
            if address_forms.is_address(name):
                causes.append(validation.wrong(f"{where}.hostname", name, "must be a DNS name, not an IP address"))
    return causes


def validate(new: Object, old: Object | None, context: Context) -> list[Cause]:
    spec = new["spec"]
    before = (old or {}).get("spec") or {}
    causes = validation.one_of("spec.type", spec["type"], TYPES)
    causes += _validate_ports(spec)
    causes += validation.labels("spec.selector", spec.get("selector") or {})
    causes += _validate_affinity(spec)
    causes += _validate_policies(spec, before)
    causes += _validate_external(spec, before)
    causes += _validate_balancer(spec, before)
    if spec["type"] == "ExternalName":
        return causes + _validate_external_name(spec)
    causes += choose_families(spec, before, context.config.families).causes
    causes += _validate_addresses(spec, before)
    causes += _validate_change(spec, before)
    return causes + (_validate_allocation(new, before, context) if not causes else [])


def _validate_ports(spec: Object) -> list[Cause]:
    ports = spec.get("ports") or []
    causes: list[Cause] = []
    if not ports and not is_headless(spec) and spec["type"] != "ExternalName":
        causes.append(validation.required("spec.ports"))
    names: set[str] = set()
    seen: set[tuple[int, str]] = set()
    node_ports: set[tuple[int, str]] = set()
    for index, port in enumerate(ports):
        path = f"spec.ports[{index}]"
        name = port.get("name") or ""
        if name:
            causes += validation.each(f"{path}.name", name, validation.dns_label(name))
        elif len(ports) > 1:
            causes.append(validation.required(f"{path}.name"))
        if name and name in names:
            causes.append(validation.duplicate(f"{path}.name", name))
        names.add(name)
        causes += _validate_port(port, path, spec)
        causes += _no_duplicates(port, path, seen, node_ports)
    return causes


def _validate_port(port: Object, path: str, spec: Object) -> list[Cause]:
    causes = validation.port_number(f"{path}.port", port.get("port", 0))
    causes += validation.one_of(f"{path}.protocol", port.get("protocol"), _PROTOCOLS)
    causes += validation.port_number_or_name(f"{path}.targetPort", port.get("targetPort", 0))
    if spec["type"] == "LoadBalancer" and port.get("port") == _KUBELET:
        why = f"may not expose port {_KUBELET} externally since it is used by kubelet"
        causes.append(validation.wrong(f"{path}.port", _KUBELET, why))
    if port.get("appProtocol"):
        causes += validation.each(
            f"{path}.appProtocol", port["appProtocol"], validation.qualified_name(port["appProtocol"])
        )
    if port.get("nodePort") and spec["type"] not in NODE_PORT_TYPES:
        causes.append(validation.forbidden(f"{path}.nodePort", f"may not be used when `type` is '{spec['type']}'"))
    return causes


def _no_duplicates(
    port: Object, path: str, seen: set[tuple[int, str]], node_ports: set[tuple[int, str]]
) -> list[Cause]:
    causes: list[Cause] = []
    key = (port.get("port", 0), port.get("protocol", ""))
    if key in seen:
        causes.append(validation.duplicate(path, {"port": key[0], "protocol": key[1]}))
    seen.add(key)
    if port.get("nodePort"):
        number = (port["nodePort"], port.get("protocol", ""))
        if number in node_ports:
            causes.append(validation.duplicate(f"{path}.nodePort", port["nodePort"]))
        node_ports.add(number)
    return causes


def _validate_affinity(spec: Object) -> list[Cause]:
    causes = validation.one_of("spec.sessionAffinity", spec.get("sessionAffinity"), ("ClientIP", "None"))
    timeout = ((spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}).get("timeoutSeconds")
    if timeout is not None and not 0 < timeout <= _MAX_AFFINITY:
        causes.append(
            validation.wrong(
                "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
                timeout,
                f"must be greater than 0 and less than {_MAX_AFFINITY}",
            )
        )
    return causes


def _validate_policies(spec: Object, before: Object) -> list[Cause]:
    causes = [
        validation.unsupported(f"spec.{name}", spec[name], _POLICIES)
        for name in ("internalTrafficPolicy", "externalTrafficPolicy")
        if spec.get(name) is not None and spec[name] not in _POLICIES
    ]
    if spec.get("trafficDistribution") is not None and spec["trafficDistribution"] not in _DISTRIBUTIONS:
        causes.append(validation.unsupported("spec.trafficDistribution", spec["trafficDistribution"], _DISTRIBUTIONS))
    external = spec.get("externalTrafficPolicy")
    if external is not None and spec["type"] not in NODE_PORT_TYPES and not spec.get("externalIPs"):
        causes.append(
            validation.wrong(
                "spec.externalTrafficPolicy", external, "may only be set for externally-accessible services"
            )
        )
    if spec["type"] != "LoadBalancer":
        causes += [
            validation.forbidden(f"spec.{name}", "may only be used when `type` is 'LoadBalancer'")
            for name in ("loadBalancerClass", "allocateLoadBalancerNodePorts", "loadBalancerSourceRanges")
            if spec.get(name)
        ]
    known = {cidr.strip() for cidr in before.get("loadBalancerSourceRanges") or ()}
    for index, cidr in enumerate(spec.get("loadBalancerSourceRanges") or ()):
        causes += address_forms.block(f"spec.loadBalancerSourceRanges[{index}]", cidr.strip(), known)
    return causes


def _validate_balancer(spec: Object, before: Object) -> list[Cause]:
    """What is only for load balancers, and whose they are."""
    causes: list[Cause] = []
    port, path = spec.get("healthCheckNodePort"), "spec.healthCheckNodePort"
    if port and not needs_health_check(spec):
        problem = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        causes.append(validation.wrong(path, port, problem))
    elif port and before.get("healthCheckNodePort") not in {None, port} and needs_health_check(before):
        causes.append(validation.forbidden(path, "field is immutable"))
    elif port:
        causes += validation.port_number(path, port)
    elif needs_health_check(spec):
        causes.append(Cause(path, "Internal error: failed to allocate a nodePort: range is full", "InternalError"))
    found = spec.get("loadBalancerClass")
    if found is not None and spec["type"] == "LoadBalancer":
        causes += validation.each("spec.loadBalancerClass", found, validation.qualified_name(found))
    if spec["type"] == before.get("type") == "LoadBalancer" and found != before.get("loadBalancerClass"):
        causes.append(validation.wrong("spec.loadBalancerClass", found, "may not change once set"))
    return causes


def _validate_external(spec: Object, before: Object) -> list[Cause]:
    causes: list[Cause] = []
    for index, ip in enumerate(spec.get("externalIPs") or ()):
        causes += addresses.special_address(f"spec.externalIPs[{index}]", ip, before.get("externalIPs") or ())
    return causes


def _validate_external_name(spec: Object) -> list[Cause]:
    causes = [
        validation.forbidden(f"spec.{name}", "may not be set for ExternalName services")
        for name in ("clusterIPs", "ipFamilies", "ipFamilyPolicy")
        if spec.get(name)
    ]
    name = spec.get("externalName") or ""
    if not name:
        return [*causes, validation.required("spec.externalName")]
    return causes + validation.each("spec.externalName", name, validation.dns_subdomain(name.removesuffix(".")))


def _validate_addresses(spec: Object, before: Object) -> list[Cause]:
    """The form of clusterIPs, whoever chose them."""
    found = spec.get("clusterIPs") or []
    causes: list[Cause] = []
    if is_headless(spec):
        if spec["type"] in NODE_PORT_TYPES:
            problem = f"may not be set to 'None' for {spec['type']} services"
            causes.append(validation.wrong("spec.clusterIPs[0]", "None", problem))
        return causes
    if spec.get("clusterIP") and found and found[0] != spec["clusterIP"]:
        causes.append(validation.wrong("spec.clusterIPs", found, "first value must match `clusterIP`"))
    for index, address in enumerate(found):
        causes += address_forms.ip(f"spec.clusterIPs[{index}]", address, before.get("clusterIPs") or ())
    if not causes and len({address_forms.address(address).version for address in found}) < len(found):
        causes.append(validation.wrong("spec.clusterIPs", found, "may specify no more than one IP for each IP family"))
    return causes


def _validate_change(spec: Object, before: Object) -> list[Cause]:
    """Clients keep the primary address for as long as the service lives, so it may not change."""
    if not before or before.get("type") == "ExternalName":
        return []
    causes: list[Cause] = []
    old, new = before.get("clusterIPs") or [], spec.get("clusterIPs") or []
    if old and new[:1] != old[:1]:
        causes.append(validation.wrong("spec.clusterIPs[0]", new, "may not change once set"))
    if len(old) == 2 and len(new) == 2 and old[1] != new[1] and old[0] == new[0]:
        causes.append(validation.wrong("spec.clusterIPs[1]", new, "may not change once set"))
    old_families, new_families = before.get("ipFamilies") or [], spec.get("ipFamilies") or []
    if old_families and new_families[:1] != old_families[:1]:
        causes.append(validation.wrong("spec.ipFamilies[0]", new_families, "may not change once set"))
    return causes


def _validate_allocation(new: Object, before: Object, context: Context) -> list[Cause]:
    """What this service has and had not: in range, free, and there at all."""
    spec = new["spec"]
    causes = _missing(spec)
    fresh = [address for address in spec.get("clusterIPs") or () if address not in (before.get("clusterIPs") or ())]
    known = addresses.used_node_ports([{"spec": before}])
    ports = [
        (index, port)
        for index, port in enumerate(spec.get("ports") or ())
        if port.get("nodePort") and (port["nodePort"], port["protocol"]) not in known
    ]
    if (not fresh or is_headless(spec)) and not ports:
        return causes
    others = addresses.other_services(new, context)
    if not is_headless(spec):
        causes += _check_addresses(fresh, spec, addresses.used_addresses(others), addresses.ranges(context))
    return causes + _check_node_ports(ports, addresses.used_node_ports(others))


def _missing(spec: Object) -> list[Cause]:
    causes: list[Cause] = []
    if not is_headless(spec) and len(spec.get("clusterIPs") or ()) < len(spec.get("ipFamilies") or ()):
        causes.append(
            Cause("spec.clusterIPs", "Internal error: failed to allocate a serviceIP: range is full", "InternalError")
        )
    wanted = spec["type"] == "NodePort" or (
        spec["type"] == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts", True)
    )
    if wanted and any(not port.get("nodePort") for port in spec.get("ports") or ()):
        causes.append(
            Cause("spec.ports", "Internal error: failed to allocate a nodePort: range is full", "InternalError")
        )
    return causes


def _check_addresses(fresh: list[str], spec: Object, used: set[str], cidrs: Iterable[str]) -> list[Cause]:
    causes: list[Cause] = []
    for address in fresh:
        fitting = [item for item in cidrs if ip_network(item).version == address_forms.address(address).version]
        if not any(addresses.is_in(address, cidr) for cidr in fitting):
            valid = ", ".join(fitting)
            problem = f"the provided IP ({address}) is not in the valid range. The range of valid IPs is {valid}"
        elif address in used:
            problem = "provided IP is already allocated"
        else:
            continue
        causes.append(
            validation.wrong("spec.clusterIPs", spec["clusterIPs"], f"failed to allocate IP {address}: {problem}")
        )
    return causes


def _check_node_ports(ports: Iterable[tuple[int, Object]], used: set[tuple[int, str]]) -> list[Cause]:
    causes: list[Cause] = []
    allowed = settings.NODE_PORTS
    for index, port in ports:
        path, number = f"spec.ports[{index}].nodePort", port["nodePort"]
        if number not in allowed:
            causes.append(
                validation.wrong(
                    path,
                    number,
                    f"provided port is not in the valid range. The range of valid ports is {allowed[0]}-{allowed[-1]}",
                )
            )
        elif (number, port["protocol"]) in used:
            causes.append(validation.wrong(path, number, "provided port is already allocated"))
    return causes
