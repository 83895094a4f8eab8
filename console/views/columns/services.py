"""Services and their endpoints."""

from __future__ import annotations

from common.api import kinds
from common.api.meta import Object
from console.views.status import Tone
from console.views.usage import backing

from .column import AGE, LABELS, NAME, NAMESPACE, Table, dim, text


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


def _external(service: Object) -> str:
    """Where it is reached from outside, or the name it stands for."""
    spec, status = service.get("spec") or {}, service.get("status") or {}
    balancers = (status.get("loadBalancer") or {}).get("ingress") or ()
    found = [str(item.get("ip") or item.get("hostname")) for item in balancers]
    return str(spec.get("externalName") or "") or ",".join([*found, *(spec.get("externalIPs") or ())]) or "-"


def _ready(service: Object) -> str:
    found = backing(service)
    return f"{found.ready}/{found.total}" if found else "-"


def _ready_tone(service: Object) -> Tone:
    found = backing(service)
    if found is None or not found.total:
        return Tone.DIM
    return Tone.OK if found.ready == found.total else Tone.WARN if found.ready else Tone.BAD


def _selector(service: Object) -> str:
    return ",".join(f"{k}={v}" for k, v in ((service.get("spec") or {}).get("selector") or {}).items()) or "-"


SERVICE_COLUMNS = (
    NAMESPACE,
    NAME,
    text("TYPE", lambda s: str((s.get("spec") or {}).get("type", "ClusterIP")), letter="S"),
    text("CLUSTER-IP", lambda s: str((s.get("spec") or {}).get("clusterIP") or "-"), drop=3, letter="I"),
    text("READY", _ready, letter="R", tone=_ready_tone),
    text("FAMILIES", _families, drop=4, tone=dim),
    text("PORTS", _ports, drop=2),
    text("EXTERNAL", _external, drop=5, flexible=True, least=14),
    text("SELECTOR", _selector, drop=6, flexible=True, least=16, tone=dim),
    AGE,
    text("ALL IPS", _cluster_ips, wide=True, drop=8, tone=dim),
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
    text("FAMILY", lambda item: str(item.get("addressType", "-")), letter="S"),
    text("READY", _slice_ready, letter="R"),
    text("PORTS", _slice_ports, drop=4),
    text("ENDPOINTS", _slice_addresses, drop=3, flexible=True, least=16, tone=dim),
    AGE,
)

TABLES = {
    kinds.SERVICES: Table(SERVICE_COLUMNS),
    kinds.ENDPOINTSLICES: Table(ENDPOINTSLICE_COLUMNS),
}
