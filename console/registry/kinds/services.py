"""Services: defaults, families, cluster addresses and node ports."""

from __future__ import annotations

from ipaddress import ip_address

from common import settings
from common.api import kinds, meta
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.columns import AGE, NAME, NONE, at, field, listed
from console.registry.row import Column, Context, Row

from . import addresses, service_validation
from .service_families import Families, choose_families
from .service_validation import NODE_PORT_TYPES, is_headless

_API = meta.Key("default", "kubernetes")


def _default(service: Object) -> None:
    spec = service.setdefault("spec", {})
    spec["type"] = spec.get("type") or "ClusterIP"
    spec["sessionAffinity"] = spec.get("sessionAffinity") or "None"
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    else:
        client = spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {})
        client.setdefault("timeoutSeconds", 10800)
    if spec["type"] == "LoadBalancer":
        for entry in addresses.balancers(service):
            if entry.get("ip"):
                entry.setdefault("ipMode", "VIP")
    for port in spec.get("ports") or ():
        port["protocol"] = port.get("protocol") or "TCP"
        if port.get("targetPort") in {None, 0, ""}:
            port["targetPort"] = port.get("port", 0)
    if spec["type"] != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")
    if spec["type"] in NODE_PORT_TYPES:
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)


def _prepare(new: Object, old: Object | None, context: Context) -> None:
    if old is None:
        new["status"] = {"loadBalancer": {}}
    if context.subresource:
        return
    spec = new["spec"]
    before = (old or {}).get("spec") or {}
    _drop_foreign_fields(spec, before)
    if spec["type"] == "ExternalName":
        return
    _follow_older_field(spec, before)
    families = choose_families(spec, before, context.config.families)
    if families.causes:
        return  # validation reports them; nothing is allocated for what will be refused
    spec["ipFamilies"], spec["ipFamilyPolicy"] = list(families.chosen), families.policy
    _Allocation(new, before, context).run(families)


def _drop_foreign_fields(spec: Object, before: Object) -> None:
    """A change of type leaves no fields of the former type behind, when the request did not set them itself."""
    if spec["type"] == "ExternalName" and before.get("type") != "ExternalName":
        for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"):
            if spec.get(name) == before.get(name):
                spec.pop(name, None)
    if spec["type"] not in NODE_PORT_TYPES and before.get("type") in NODE_PORT_TYPES:
        known = {(item.get("port"), item.get("protocol")): item.get("nodePort") for item in before.get("ports") or ()}
        for port in spec.get("ports") or ():
            if port.get("nodePort") and known.get((port.get("port"), port["protocol"])) == port["nodePort"]:
                del port["nodePort"]
        for name in ("externalTrafficPolicy", "healthCheckNodePort", "allocateLoadBalancerNodePorts"):
            if spec.get(name) == before.get(name):
                spec.pop(name, None)


def _follow_older_field(spec: Object, before: Object) -> None:
    """A client that knows only `clusterIP` changes that one, and sends the list as it was."""
    one, several = spec.get("clusterIP"), spec.get("clusterIPs")
    if one and several and one != before.get("clusterIP") and several == before.get("clusterIPs"):
        spec["clusterIPs"] = [one, *several[1:]]


class _Allocation:
    """Gives one service what it lacks. Other services are looked at once, and only when something is to be given."""

    def __init__(self, service: Object, before: Object, context: Context) -> None:
        self._service = service
        self._spec: Object = service["spec"]
        self._before = before
        self._context = context
        self._key = meta.key(service)
        self._others: list[Object] | None = None

    def others(self) -> list[Object]:
        if self._others is None:
            self._others = addresses.other_services(self._service, self._context)
        return self._others

    def run(self, families: Families) -> None:
        self._addresses(families)
        self._node_ports()
        self._health_check_port()

    def _addresses(self, families: Families) -> None:
        if is_headless(self._spec):
            self._spec["clusterIP"], self._spec["clusterIPs"] = "None", ["None"]
            return
        found = self._asked()[: len(families.chosen)]
        if len(found) < len(families.chosen):
            used = set() if self._key == _API else addresses.used_addresses(self.others())
            for family in families.chosen[len(found) :]:
                address = self._new_address(family, used)
                if address is None:
                    break
                found.append(address)
        if found:
            self._spec["clusterIPs"] = found
            self._spec["clusterIP"] = self._spec.get("clusterIP") or found[0]

    def _asked(self) -> list[str]:
        """The addresses that the request names or, when it names none, those that the service has."""
        one, several = self._spec.get("clusterIP"), list(self._spec.get("clusterIPs") or ())
        before = list(self._before.get("clusterIPs") or ())
        if several:
            self._spec["clusterIP"] = one or several[0]
            return several
        if one:
            return [one]
        return [] if before == ["None"] else before

    def _new_address(self, family: str, used: set[str]) -> str | None:
        cidrs = [item for item in addresses.ranges(self._context) if f"IPv{_version(item)}" == family]
        if self._key == _API:
            return addresses.first_address(cidrs[0])
        seed = meta.uid(self._service) + family
        return next(filter(None, (addresses.free_address(cidr, used, seed) for cidr in cidrs)), None)

    def _node_ports(self) -> None:
        spec = self._spec
        if spec["type"] not in NODE_PORT_TYPES:
            return
        if spec["type"] == "LoadBalancer" and not spec.get("allocateLoadBalancerNodePorts", True):
            return
        known = {
            (item.get("port"), item.get("protocol")): item.get("nodePort") for item in self._before.get("ports") or ()
        }
        missing = []
        for port in spec.get("ports") or ():
            if not port.get("nodePort"):
                kept = known.get((port.get("port"), port["protocol"]))
                if kept:
                    port["nodePort"] = kept
                else:
                    missing.append(port)
        if missing:
            self._give_node_ports(missing)

    def _give_node_ports(self, missing: list[Object]) -> None:
        own = {(int(item["nodePort"]), item["protocol"]) for item in self._spec["ports"] if item.get("nodePort")}
        used = addresses.used_node_ports(self.others()) | own
        given: dict[int, int] = {}  # the same port over TCP and UDP gets the same node port, as DNS servers need
        for port in missing:
            number = given.get(port.get("port", 0))
            if number is None or (number, port["protocol"]) in used:
                protocols = {item["protocol"] for item in missing if item.get("port") == port.get("port")}
                seed = f"{meta.uid(self._service)}/{port.get('port')}"
                number = addresses.free_node_port(settings.NODE_PORTS, used, protocols, seed)
            if number is None:
                return  # validation says that the range is full
            given[port.get("port", 0)] = port["nodePort"] = number
            used.add((number, port["protocol"]))

    def _health_check_port(self) -> None:
        """Where a load balancer asks a node whether it has endpoints, for policy Local only."""
        spec, kept = self._spec, self._before.get("healthCheckNodePort")
        if not service_validation.needs_health_check(spec):
            if spec.get("healthCheckNodePort") == kept:
                spec.pop("healthCheckNodePort", None)
            return
        if kept and not spec.get("healthCheckNodePort"):
            spec["healthCheckNodePort"] = kept
        if spec.get("healthCheckNodePort"):
            return
        own = {(int(item["nodePort"]), item["protocol"]) for item in spec.get("ports") or () if item.get("nodePort")}
        used = addresses.used_node_ports(self.others()) | own
        number = addresses.free_node_port(settings.NODE_PORTS, used, ("TCP",), f"{meta.uid(self._service)}/health")
        if number is not None:
            spec["healthCheckNodePort"] = number


def _version(cidr: str) -> int:
    return ip_address(cidr.partition("/")[0]).version


def _validate(new: Object, old: Object | None, context: Context) -> list[Cause]:
    if context.subresource:
        return service_validation.validate_status(new, old) if context.subresource == "status" else []
    return service_validation.validate(new, old, context)


def _overtaken(service: Object, context: Context) -> bool:
    others = addresses.other_services(service, context)
    own, key = [service], meta.key(service)
    held = addresses.used_addresses(own) & addresses.used_addresses(others) if key != _API else set()
    return bool(held or addresses.used_node_ports(own) & addresses.used_node_ports(others))


def _external_ip(service: Object) -> str:
    spec, kind = service.get("spec") or {}, at(service, "spec.type", "ClusterIP")
    external = list(spec.get("externalIPs") or ())
    if kind == "ExternalName":
        return str(spec.get("externalName", ""))
    if kind == "LoadBalancer":
        ingress = [
            str(item.get("ip") or item.get("hostname")) for item in at(service, "status.loadBalancer.ingress", ())
        ]
        return ",".join([*ingress, *external]) or "<pending>"
    return listed(external)


def _ports(service: Object) -> str:
    return listed(
        f"{port.get('port')}:{port['nodePort']}/{port.get('protocol')}"
        if port.get("nodePort")
        else f"{port.get('port')}/{port.get('protocol')}"
        for port in at(service, "spec.ports", ())
    )


def _selector(service: Object) -> str:
    return listed(f"{key}={value}" for key, value in sorted(at(service, "spec.selector", {}).items()))


SERVICES = Row(
    kinds.SERVICES,
    "service",
    short_names=("svc",),
    categories=("all",),
    columns=(
        NAME,
        field("Type", "spec.type", description="ClusterIP, NodePort, LoadBalancer or ExternalName."),
        Column("Cluster-IP", lambda obj, _now: str(at(obj, "spec.clusterIP") or NONE)),
        Column("External-IP", lambda obj, _now: _external_ip(obj)),
        Column("Port(s)", lambda obj, _now: _ports(obj)),
        AGE,
        Column("Selector", lambda obj, _now: _selector(obj), priority=1),
    ),
    subresources=frozenset({"status", "proxy"}),
    schema="io.k8s.api.core.v1.Service",
    default=_default,
    prepare=_prepare,
    validate=_validate,
    overtaken=_overtaken,
    warnings=service_validation.warnings,
    fields=("metadata.name", "metadata.namespace", "spec.clusterIP", "spec.type"),
    name_format=validation.dns_1035_label,
    has_spec_generation=False,
    creates_on_update=True,
)
ROWS = (SERVICES,)
