"""The slices of a Service with a selector. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from common.api.kinds import SERVICES
from common.api.meta import Object, controller_reference, is_deleting, labels, name, namespace
from common.api.pods import ips
from common.api.weights import weight_of

from .endpoints import ZoneOf, desired
from .layout import Plan, Template, arrange

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
MANAGER = "endpointslice-controller.k8s.io"
HEADLESS = "service.kubernetes.io/headless"
_OUR_LABELS = (SERVICE_NAME, MANAGED_BY, HEADLESS)


def has_endpoints(service: Object) -> bool:
    """Whether the controller makes slices for it: others are made by users, or there is nothing to address."""
    spec = service["spec"]
    return spec.get("type") != "ExternalName" and bool(spec.get("selector"))


def plan(
    service: Object | None,
    pods: Iterable[Object],
    slices: Sequence[Object],
    zone_of: ZoneOf,
    shares: Mapping[str, float] | None = None,
) -> Plan:
    """`pods` are those that the Service selects, `slices` those of it that this controller manages, `shares` as
    `endpoints.desired` wants them."""
    mine = [obj for obj in slices if not is_deleting(obj)]
    if service is None or is_deleting(service) or not has_endpoints(service):
        return Plan(delete=mine)
    pods = list(pods)
    template = Template(
        name(service),
        namespace(service),
        _labels(service),
        controller_reference(service, SERVICES.api_version, SERVICES.kind),
        weights={address: weight_of(pod) for pod in pods for address in ips(pod)},
    )
    return arrange(desired(service, pods, zone_of, shares), mine, template)


def _labels(service: Object) -> dict[str, str]:
    """The Service's own labels, and what finds the slice."""
    wanted = {key: value for key, value in labels(service).items() if key not in _OUR_LABELS}
    wanted |= {SERVICE_NAME: name(service), MANAGED_BY: MANAGER}
    if service["spec"].get("clusterIP") == "None":
        wanted[HEADLESS] = ""
    return wanted
