"""The columns of each kind's table: what they show, how they sort, and which go first when the screen is narrow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from common.api import ages, meta, pods, podstate, rollout
from common.api.kinds import (
    CONFIGMAPS,
    DEPLOYMENTS,
    ENDPOINTSLICES,
    EVENTS,
    HOSTS,
    LEASES,
    NAMESPACES,
    NODES,
    PODS,
    REPLICASETS,
    SECRETS,
    SERVICES,
    Resource,
)
from common.api.meta import Object

from . import amounts, status
from .status import Status, Tone

KEEP = 0  # a column with this `drop` never goes


@dataclass(frozen=True, slots=True)
class Column:
    """`value` gives the text, or a Status for text with a glyph. Columns with a higher `drop` leave a narrow screen
    first. `sort` orders rows (default: the text); `letter` is the shifted key that sorts by it. A `flexible` column
    is cut down to `least` cells: in the middle, or `prose` at its end. `live` text changes with time alone and is
    made when it is drawn.
    """

    title: str
    value: Callable[[Object, datetime], str | Status]
    drop: int = KEEP
    right: bool = False
    wide: bool = False
    live: bool = False
    flexible: bool = False
    prose: bool = False
    least: int = 0
    letter: str = ""
    sort: Callable[[Object], Any] | None = None
    tone: Callable[[Object], Tone] | None = None


def _number(title: str, value: Callable[[Object], int], **rest: Any) -> Column:
    return Column(title, lambda obj, _now: str(value(obj)), right=True, sort=value, **rest)


def _text(title: str, value: Callable[[Object], str], **rest: Any) -> Column:
    return Column(title, lambda obj, _now: value(obj), **rest)


def _state(title: str, value: Callable[[Object], Status], **rest: Any) -> Column:
    return Column(title, lambda obj, _now: value(obj), **rest)


def _dim(_obj: Object) -> Tone:
    return Tone.DIM


NAMESPACE = _text("NS", meta.namespace, drop=2, letter="P", tone=_dim, flexible=True, least=8)
NAME = _text("NAME", meta.name, flexible=True, least=22, letter="N")
AGE = Column(
    "AGE", ages.age, right=True, live=True, drop=1, letter="A", tone=_dim,
    sort=lambda obj: _newest_first(meta.metadata(obj).get("creationTimestamp")),
)  # fmt: skip
LABELS = _text(
    "LABELS",
    lambda obj: ",".join(f"{k}={v}" for k, v in sorted(meta.labels(obj).items())) or "-",
    wide=True,
    drop=9,
    tone=_dim,
)


def _newest_first(moment: str | None) -> float:
    return -meta.parse_time(moment).timestamp() if moment else 0.0


# --- pods


def _pod_ready(pod: Object) -> str:
    ready, count = podstate.ready_containers(pod)
    return f"{ready}/{count}"


def _pod_ready_tone(pod: Object) -> Tone:
    ready, count = podstate.ready_containers(pod)
    if ready == count:
        return Tone.OK
    return Tone.DIM if pods.is_terminal(pod) else Tone.WARN


def _restarts_tone(pod: Object) -> Tone:
    return Tone.WARN if podstate.restarts(pod) else Tone.DIM


def _requested(resource: str) -> Callable[[Object], str]:
    return lambda pod: amounts.amount(resource, pods.requests(pod).get(resource))


def _requested_order(resource: str) -> Callable[[Object], Any]:
    return lambda pod: -pods.requests(pod).get(resource, 0)


def _ip(pod: Object) -> str:
    return next(iter(pods.ips(pod)), "-")


POD_COLUMNS = (
    NAMESPACE,
    NAME,
    _text("READY", _pod_ready, tone=_pod_ready_tone, letter="R"),
    _state("STATUS", status.pod_status, letter="S"),
    _number("RS", podstate.restarts, drop=4, letter="T", tone=_restarts_tone),
    _text("CPU/R", _requested("cpu"), right=True, drop=7, letter="C", sort=_requested_order("cpu"), tone=_dim),
    _text("MEM/R", _requested("memory"), right=True, drop=7, letter="M", sort=_requested_order("memory"), tone=_dim),
    _text("IP", _ip, drop=6, letter="I", tone=_dim),
    _text("NODE", lambda pod: pods.node_name(pod) or "-", drop=3, letter="O", tone=_dim),
    AGE,
    _text("ALL IPS", lambda pod: ",".join(pods.ips(pod)) or "-", wide=True, drop=8, tone=_dim),
    LABELS,
)

# --- workloads


def _count(*path: str) -> Callable[[Object], int]:
    def value(obj: Object) -> int:
        found: Any = obj
        for part in path:
            found = (found or {}).get(part)
        return int(found or 0)

    return value


_WANTED = _count("spec", "replicas")


def _workload_ready(workload: Object) -> str:
    return f"{_count('status', 'readyReplicas')(workload)}/{_WANTED(workload)}"


def _workload_ready_tone(workload: Object) -> Tone:
    return Tone.OK if _count("status", "readyReplicas")(workload) >= _WANTED(workload) else Tone.WARN


def images(workload: Object) -> str:
    """The images of a pod template's or a pod's containers, comma-separated."""
    spec = workload.get("spec") or {}
    template = (spec.get("template") or {}).get("spec") or spec
    return ",".join(str(c.get("image", "")) for c in template.get("containers") or ())


DEPLOYMENT_COLUMNS = (
    NAMESPACE,
    NAME,
    _text("READY", _workload_ready, tone=_workload_ready_tone, letter="R"),
    _state("STATUS", status.workload_status, letter="S"),
    _number("UP-TO-DATE", _count("status", "updatedReplicas"), drop=6, tone=_dim),
    _number("AVAILABLE", _count("status", "availableReplicas"), drop=5, tone=_dim),
    _text("IMAGE", images, drop=4, flexible=True, least=19, letter="I", tone=_dim),
    AGE,
    LABELS,
)


def _owner(obj: Object) -> str:
    owner = meta.controller_of(obj)
    return str(owner["name"]) if owner else "-"


def _revision(obj: Object) -> int:
    return int(meta.annotations(obj).get(rollout.REVISION, "0"))


REPLICASET_COLUMNS = (
    NAMESPACE,
    NAME,
    _text("READY", _workload_ready, tone=_workload_ready_tone, letter="R"),
    _state("STATUS", status.workload_status, drop=6, letter="S"),
    _number("REV", _revision, drop=3, tone=_dim),
    _text("OWNER", _owner, drop=5, letter="O", tone=_dim),
    _text("IMAGE", images, drop=4, flexible=True, least=19, letter="I", tone=_dim),
    AGE,
    LABELS,
)

# --- services and endpoints


def _ports(service: Object) -> str:
    def one(port: Object) -> str:
        node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
        return f"{port.get('port')}{node_port}/{port.get('protocol', 'TCP')}"

    return ",".join(one(port) for port in (service.get("spec") or {}).get("ports") or ()) or "-"


def _families(service: Object) -> str:
    short = {"IPv4": "v4", "IPv6": "v6"}
    return "+".join(short.get(f, f) for f in (service.get("spec") or {}).get("ipFamilies") or ()) or "-"


def _cluster_ips(service: Object) -> str:
    spec = service.get("spec") or {}
    return ",".join(spec.get("clusterIPs") or ()) or str(spec.get("clusterIP") or "-")


def _selector(service: Object) -> str:
    return ",".join(f"{k}={v}" for k, v in ((service.get("spec") or {}).get("selector") or {}).items()) or "-"


SERVICE_COLUMNS = (
    NAMESPACE,
    NAME,
    _text("TYPE", lambda s: str((s.get("spec") or {}).get("type", "ClusterIP")), letter="S"),
    _text("CLUSTER-IP", lambda s: str((s.get("spec") or {}).get("clusterIP") or "-"), drop=3, letter="I"),
    _text("FAMILIES", _families, drop=4, tone=_dim),
    _text("PORTS", _ports, drop=2),
    _text("SELECTOR", _selector, drop=6, flexible=True, least=16, tone=_dim),
    AGE,
    _text("ALL IPS", _cluster_ips, wide=True, drop=8, tone=_dim),
    LABELS,
)


def _slice_ready(item: Object) -> str:
    endpoints = item.get("endpoints") or ()
    ready = sum(1 for e in endpoints if (e.get("conditions") or {}).get("ready", True))
    return f"{ready}/{len(endpoints)}"


def _slice_addresses(item: Object) -> str:
    return ",".join(a for e in item.get("endpoints") or () for a in e.get("addresses") or ()) or "-"


def _slice_ports(item: Object) -> str:
    return ",".join(f"{p.get('port')}/{p.get('protocol', 'TCP')}" for p in item.get("ports") or ()) or "-"


ENDPOINTSLICE_COLUMNS = (
    NAMESPACE,
    NAME,
    _text("FAMILY", lambda item: str(item.get("addressType", "-")), letter="S"),
    _text("READY", _slice_ready, letter="R"),
    _text("PORTS", _slice_ports, drop=4),
    _text("ENDPOINTS", _slice_addresses, drop=3, flexible=True, least=16, tone=_dim),
    AGE,
)

# --- nodes and hosts


def address(node: Object, family: int) -> str:
    """The node's InternalIP of that IP family, or `-`."""
    found = ((node.get("status") or {}).get("addresses")) or ()
    internal = (str(a.get("address", "")) for a in found if a.get("type") == "InternalIP")
    return next((a for a in internal if (":" in a) == (family == 6)), "-")


def _capacity(resource: str) -> Callable[[Object], str]:
    return lambda node: amounts.amount(resource, amounts.allocatable(node).get(resource))


def _node_info(field: str) -> Callable[[Object], str]:
    return lambda node: str(((node.get("status") or {}).get("nodeInfo") or {}).get(field) or "-")


def _taints(node: Object) -> int:
    return len((node.get("spec") or {}).get("taints") or ())


NODE_COLUMNS = (
    _text("NAME", meta.name, flexible=True, least=12, letter="N"),
    _state("STATUS", status.node_status, letter="S"),
    _number("TAINTS", _taints, drop=7, tone=_dim),
    _text("CPU", _capacity("cpu"), right=True, drop=3, letter="C"),
    _text("MEMORY", _capacity("memory"), right=True, drop=3, letter="M"),
    _text("PODS", _capacity("pods"), right=True, drop=6, tone=_dim),
    _text("IPV4", lambda node: address(node, 4), drop=4, letter="I"),
    _text("IPV6", lambda node: address(node, 6), drop=5),
    _text("VERSION", _node_info("kubeletVersion"), drop=8, tone=_dim),
    AGE,
    _text("ENGINE", _node_info("containerRuntimeVersion"), wide=True, drop=9, tone=_dim),
    _text("OS", _node_info("osImage"), wide=True, drop=9, tone=_dim),
    LABELS,
)


def _host(field: str) -> Callable[[Object], str]:
    return lambda host: str((host.get("status") or {}).get(field) or "-")


def _host_address(family: int) -> Callable[[Object], str]:
    def value(host: Object) -> str:
        found = (host.get("status") or {}).get("addresses") or ()
        return next((str(a) for a in found if (":" in str(a)) == (family == 6)), "-")

    return value


def _host_memory(host: Object) -> str:
    value = (host.get("status") or {}).get("memory")
    return amounts.amount("memory", amounts.parsed(value))


def _fingerprint(host: Object) -> str:
    return amounts.fingerprint(_host("fingerprint")(host))


HOST_COLUMNS = (
    _text("NAME", meta.name, flexible=True, least=12, letter="N"),
    _state("PHASE", status.host_status, letter="S"),
    _text("IPV4", _host_address(4), drop=2, letter="I"),
    _text("IPV6", _host_address(6), drop=5),
    _text("CPU", _host("cpu"), right=True, drop=4, letter="C"),
    _text("MEMORY", _host_memory, right=True, drop=4, letter="M"),
    _text("ENGINE", _host("engine"), drop=6, tone=_dim),
    _text("ARCH", _host("arch"), drop=8, tone=_dim),
    _text("FINGERPRINT", _fingerprint, drop=3, tone=_dim),
    Column("SEEN", lambda host, now: ages.since((host.get("status") or {}).get("lastSeen"), now),
           right=True, live=True, drop=7, tone=_dim),
    _text("NODE", _host("nodeName"), wide=True, drop=9),
)  # fmt: skip

# --- configuration


def _keys(obj: Object) -> int:
    return len(obj.get("data") or {}) + len(obj.get("binaryData") or {}) + len(obj.get("stringData") or {})


CONFIGMAP_COLUMNS = (NAMESPACE, NAME, _number("KEYS", _keys, letter="S"), AGE, LABELS)
SECRET_COLUMNS = (
    NAMESPACE,
    NAME,
    _text("TYPE", lambda s: str(s.get("type", "Opaque")), drop=3, letter="S"),
    _number("KEYS", _keys),
    AGE,
    LABELS,
)
NAMESPACE_COLUMNS = (NAME, _state("STATUS", status.namespace_status, letter="S"), AGE, LABELS)

# --- events and leases


def event_time(event: Object) -> str:
    """When the event was last seen, RFC 3339; events of both API generations."""
    series = event.get("series") or {}
    moments = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return str(next((m for m in moments if m), meta.metadata(event).get("creationTimestamp") or ""))


def event_count(event: Object) -> int:
    return int((event.get("series") or {}).get("count") or event.get("count") or 1)


def involved(event: Object) -> str:
    """`pod/web-1`: what the event is about, in kubectl's form."""
    ref = event.get("involvedObject") or event.get("regarding") or {}
    return f"{str(ref.get('kind', '')).lower()}/{ref.get('name', '')}"


def event_message(event: Object) -> str:
    text = str(event.get("message") or event.get("note") or "")
    return " ".join(text.split())


EVENT_COLUMNS = (
    _text("NS", meta.namespace, drop=5, letter="P", tone=_dim, flexible=True, least=8),
    Column("LAST", lambda event, now: ages.since(event_time(event) or None, now), right=True, live=True, letter="A",
           sort=lambda event: _newest_first(event_time(event) or None), tone=_dim),
    _state("TYPE", status.event_status, drop=7, letter="S"),
    _text("REASON", lambda event: str(event.get("reason", "")), letter="R",
          tone=lambda event: Tone.WARN if event.get("type") == "Warning" else Tone.LINK),
    _text("OBJECT", involved, flexible=True, least=18, drop=3, letter="O"),
    _number("×", event_count, drop=6, tone=_dim),
    _text("MESSAGE", event_message, flexible=True, prose=True, least=24, letter="M"),
)  # fmt: skip
LEASE_COLUMNS = (
    NAMESPACE,
    NAME,
    _text("HOLDER", lambda o: str((o.get("spec") or {}).get("holderIdentity") or "-"), flexible=True, least=12),
    Column("RENEWED", lambda o, now: ages.since((o.get("spec") or {}).get("renewTime"), now), right=True, live=True),
    AGE,
)

# --- containers of one pod: not API objects, made by `containers.rows`

CONTAINER_COLUMNS = (
    _text("NAME", meta.name, flexible=True, least=14, letter="N"),
    _text("KIND", lambda c: str(c["role"]), drop=5, tone=_dim),
    _state("STATUS", lambda c: status.container_status(c.get("state")), letter="S"),
    _text("READY", lambda c: "yes" if c.get("ready") else "no", drop=3),
    _number("RS", lambda c: int(c.get("restartCount") or 0), drop=2, letter="T"),
    _text("PROBES", lambda c: str(c["probes"]), drop=6, tone=_dim),
    _text("PORTS", lambda c: str(c["ports"]), drop=4, tone=_dim),
    _text("IMAGE", lambda c: str(c["image"]), flexible=True, least=12, drop=1, tone=_dim),
)

GENERIC_COLUMNS = (NAMESPACE, NAME, AGE, LABELS)
GENERIC_CLUSTER_COLUMNS = (NAME, AGE, LABELS)

_COLUMNS: dict[str, tuple[Column, ...]] = {
    PODS.group_resource: POD_COLUMNS,
    DEPLOYMENTS.group_resource: DEPLOYMENT_COLUMNS,
    REPLICASETS.group_resource: REPLICASET_COLUMNS,
    SERVICES.group_resource: SERVICE_COLUMNS,
    ENDPOINTSLICES.group_resource: ENDPOINTSLICE_COLUMNS,
    NODES.group_resource: NODE_COLUMNS,
    HOSTS.group_resource: HOST_COLUMNS,
    NAMESPACES.group_resource: NAMESPACE_COLUMNS,
    CONFIGMAPS.group_resource: CONFIGMAP_COLUMNS,
    SECRETS.group_resource: SECRET_COLUMNS,
    EVENTS.group_resource: EVENT_COLUMNS,
    LEASES.group_resource: LEASE_COLUMNS,
    "containers": CONTAINER_COLUMNS,
}


def columns_for(resource: Resource) -> tuple[Column, ...]:
    """The columns of a resource; kinds that we have no own view of show name, age and labels."""
    generic = GENERIC_COLUMNS if resource.namespaced else GENERIC_CLUSTER_COLUMNS
    return _COLUMNS.get(resource.group_resource, generic)


_STATUS: dict[str, Callable[[Object], Status]] = {
    PODS.group_resource: status.pod_status,
    DEPLOYMENTS.group_resource: status.workload_status,
    REPLICASETS.group_resource: status.workload_status,
    NODES.group_resource: status.node_status,
    HOSTS.group_resource: status.host_status,
    NAMESPACES.group_resource: status.namespace_status,
    EVENTS.group_resource: status.event_status,
    "containers": lambda c: status.container_status(c.get("state")),
}


def tone_of(resource: Resource, obj: Object) -> Tone:
    """How the object as a whole stands; it tints its name and decides whether it is a fault."""
    found = _STATUS.get(resource.group_resource)
    return found(obj).tone if found else Tone.TEXT
