"""The Endpoints of a Service with a selector: what its slices say, in the older words. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from common.api import endpoints as subsets
from common.api import meta
from common.api.meta import Object, is_deleting, labels, name, namespace
from common.api.pods import is_terminal

from .endpoints import address_of, endpoint, families, ports_of
from .layout import Plan
from .plan import HEADLESS, has_endpoints

MANAGED = "endpoints.kubernetes.io/managed-by"
CONTROLLER = "endpoint-controller"
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
MAX_ADDRESSES = 1000  # of one object; Kubernetes' limit


def plan(service: Object | None, pods: Iterable[Object], current: Object | None, *, was_deleted: bool) -> Plan:
    """`was_deleted`: the Service was there and went; then its Endpoints go, whoever wrote them."""
    if service is None or is_deleting(service):
        ours = current is not None and (was_deleted or labels(current).get(MANAGED) == CONTROLLER)
        return Plan(delete=[current] if current is not None and ours and not is_deleting(current) else [])
    if not has_endpoints(service):
        return Plan()
    found, truncated = _limited(_subsets(service, pods))
    wanted = {key: value for key, value in labels(service).items() if key != HEADLESS}
    wanted |= {MANAGED: CONTROLLER} | ({HEADLESS: ""} if service["spec"].get("clusterIP") == "None" else {})
    said = {key: value for key, value in meta.annotations(current or {}).items() if key != OVER_CAPACITY}
    if truncated:
        said[OVER_CAPACITY] = "truncated"
    if current is None:
        metadata: Object = {"name": name(service), "namespace": namespace(service), "labels": wanted}
        return Plan(create=[_made(metadata, said, found)])
    same = (current.get("subsets") or []) == found and labels(current) == wanted and meta.annotations(current) == said
    if same or is_deleting(current):
        return Plan()
    return Plan(update=[_made({**current["metadata"], "labels": wanted}, said, found)])


def _made(metadata: Object, said: dict[str, str], found: list[Object]) -> Object:
    metadata = {**metadata, "annotations": said} if said or "annotations" in metadata else metadata
    made: Object = {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata}
    return made | ({"subsets": found} if found else {})


def _subsets(service: Object, pods: Iterable[Object]) -> list[Object]:
    family = families(service)[0]
    published = bool(service["spec"].get("publishNotReadyAddresses"))
    found = []
    for pod in pods:
        ip = address_of(pod, family)
        if is_terminal(pod) or not ip or (is_deleting(pod) and not published):
            continue
        entry = endpoint(service, pod, ip, lambda _node: "")
        address: Object = {"ip": ip, "targetRef": entry["targetRef"]}
        address |= {field: entry[field] for field in ("nodeName", "hostname") if field in entry}
        ports = [
            {"name": port, "port": number, "protocol": protocol} | ({"appProtocol": application} if application else {})
            for port, protocol, number, application in ports_of(service, pod)
        ]
        if not ports and service["spec"].get("ports"):
            continue  # none of the Service's ports is one of this pod's
        ready = "addresses" if entry["conditions"]["ready"] else "notReadyAddresses"
        found.append({ready: [address], **({"ports": [_without_empty(port) for port in ports]} if ports else {})})
    return subsets.repack(found)


def _without_empty(port: Object) -> Object:
    return {field: value for field, value in port.items() if value != ""}


def _limited(found: list[Object]) -> tuple[list[Object], bool]:
    """At most so many addresses, those that are ready first."""
    count = sum(len(subset.get(field) or ()) for subset in found for field in ("addresses", "notReadyAddresses"))
    if count <= MAX_ADDRESSES:
        return found, False
    left = MAX_ADDRESSES
    kept: list[Object] = [{} for _ in found]
    for field in ("addresses", "notReadyAddresses"):
        for subset, cut in zip(found, kept, strict=True):
            chosen = (subset.get(field) or [])[:left]
            left -= len(chosen)
            if chosen:
                cut[field] = chosen
    return [
        cut | ({"ports": s["ports"]} if "ports" in s else {}) for s, cut in zip(found, kept, strict=True) if cut
    ], True
