"""EndpointSlices that say what users wrote into Endpoints of a Service without selector. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from ipaddress import ip_address

from common.api import meta
from common.api.kinds import ENDPOINTS
from common.api.meta import Object, controller_reference, is_deleting, labels, name, namespace

from .endpoints import Group
from .layout import Plan, Template, arrange
from .plan import HEADLESS, MANAGED_BY, SERVICE_NAME

MIRROR_MANAGER = "endpointslicemirroring-controller.k8s.io"
SKIP_MIRROR = "endpointslice.kubernetes.io/skip-mirror"
LEADER = "control-plane.alpha.kubernetes.io/leader"  # of Endpoints that are a lock and no addresses
MAX_ADDRESSES = 1000  # of a subset; Kubernetes' default
_NOT_COPIED = ("kubectl.kubernetes.io/last-applied-configuration", "endpoints.kubernetes.io/last-change-trigger-time")


def is_mirrored(endpoints: Object | None, service: Object | None) -> bool:
    if endpoints is None or service is None or is_deleting(endpoints) or is_deleting(service):
        return False
    if labels(endpoints).get(SKIP_MIRROR) == "true" or LEADER in meta.annotations(endpoints):
        return False
    return not service["spec"].get("selector")


def mirror(endpoints: Object | None, service: Object | None, slices: Sequence[Object]) -> Plan:
    """`slices` are those of the Service that this controller manages."""
    mine = [obj for obj in slices if not is_deleting(obj)]
    if endpoints is None or service is None or not is_mirrored(endpoints, service):
        return Plan(delete=mine)
    copied = {key: value for key, value in labels(endpoints).items() if key not in {MANAGED_BY, HEADLESS}}
    template = Template(
        name(endpoints),
        namespace(endpoints),
        {**copied, SERVICE_NAME: name(endpoints), MANAGED_BY: MIRROR_MANAGER},
        controller_reference(endpoints, ENDPOINTS.api_version, ENDPOINTS.kind),
        annotations={key: value for key, value in meta.annotations(endpoints).items() if key not in _NOT_COPIED},
        keep_one=False,
    )
    return arrange(_groups(endpoints), mine, template)


def _groups(endpoints: Object) -> dict[Group, dict[str, Object]]:
    groups: dict[Group, dict[str, Object]] = defaultdict(dict)
    for subset in endpoints.get("subsets") or ():
        ports = tuple(
            (port.get("name") or "", port.get("protocol") or "TCP", int(port["port"]), port.get("appProtocol") or "")
            for port in subset.get("ports") or ()
        )
        every = [(address, True) for address in subset.get("addresses") or ()]
        every += [(address, False) for address in subset.get("notReadyAddresses") or ()]
        for address, ready in every[:MAX_ADDRESSES]:
            family = f"IPv{ip_address(address['ip']).version}"
            groups[Group(family, ports)].setdefault(address["ip"], _endpoint(address, ready))
    return groups


def _endpoint(address: Object, ready: bool) -> Object:
    kept = {field: address[field] for field in ("hostname", "targetRef", "nodeName") if address.get(field)}
    return {"addresses": [address["ip"]], "conditions": {"ready": ready}, **kept}
