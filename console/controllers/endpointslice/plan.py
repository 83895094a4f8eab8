"""How endpoints are spread over slices, with as little change as possible. Pure.

An endpoint stays in the slice where it is, so that a change of one pod rewrites one slice; room in slices that change
anyway is used first. Every node receives every changed slice, so each needless write would cost all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from common.api import meta
from common.api.kinds import SERVICES
from common.api.meta import Object, controller_reference, is_deleting, labels, name, namespace
from common.api.names import MAX_GENERATED_BASE, random_suffix
from common.api.pods import ips
from common.api.weights import WEIGHTS, render, weight_of

from .endpoints import Group, ZoneOf, desired

MAX_ENDPOINTS = 100  # a slice; Kubernetes' default
SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
MANAGER = "endpointslice-controller.k8s.io"
HEADLESS = "service.kubernetes.io/headless"
_OUR_LABELS = (SERVICE_NAME, MANAGED_BY, HEADLESS)


@dataclass(slots=True)
class Plan:
    """Whole slices to create and update, and slices to delete."""

    create: list[Object] = field(default_factory=list)
    update: list[Object] = field(default_factory=list)
    delete: list[Object] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not (self.create or self.update or self.delete)


@dataclass(slots=True)
class _Draft:
    """A slice in the making; `old` is None for a new one."""

    old: Object | None
    endpoints: list[Object]
    changed: bool


@dataclass(frozen=True, slots=True)
class _Output:
    """Where slices go, and the weights of their endpoints by address."""

    plan: Plan
    weights: dict[str, int]


def has_endpoints(service: Object) -> bool:
    """Whether the controller makes slices for it: others are made by users, or there is nothing to address."""
    spec = service["spec"]
    return spec.get("type") != "ExternalName" and bool(spec.get("selector"))


def plan(service: Object | None, pods: Iterable[Object], slices: Sequence[Object], zone_of: ZoneOf) -> Plan:
    """`pods` are those that the Service selects, `slices` those of it that this controller manages."""
    mine = [obj for obj in slices if not is_deleting(obj)]
    if service is None or is_deleting(service) or not has_endpoints(service):
        return Plan(delete=mine)
    result = Plan()
    pods = list(pods)
    weights = {address: weight_of(pod) for pod in pods for address in ips(pod)}
    remaining = list(mine)
    for group, endpoints in sorted(desired(service, pods, zone_of).items(), key=lambda item: repr(item[0])):
        ports = group.port_list()
        same = [obj for obj in remaining if obj["addressType"] == group.family and (obj.get("ports") or []) == ports]
        if not endpoints and not same:
            # With nothing to address, ports do not matter: the slice that is there is kept rather than replaced.
            same = [obj for obj in remaining if obj["addressType"] == group.family][:1]
        remaining = [obj for obj in remaining if obj not in same]
        _reconcile(service, group, endpoints, same, _Output(result, weights))
    result.delete += remaining
    return result


def _reconcile(service: Object, group: Group, endpoints: dict[str, Object], slices: list[Object], out: _Output) -> None:
    left = dict(endpoints)
    drafts = [_kept(obj, left) for obj in sorted(slices, key=name)]
    _fill(drafts, list(left.values()))
    filled = [draft for draft in drafts if draft.endpoints]
    if not filled:
        # One empty slice stays, so that "no endpoints" and "not looked at yet" differ.
        filled = drafts[:1] or [_Draft(None, [], changed=True)]
    for draft in drafts:
        if draft not in filled and draft.old is not None:
            out.plan.delete.append(draft.old)
    for draft in filled:
        _emit(service, group, draft, out)


def _kept(obj: Object, left: dict[str, Object]) -> _Draft:
    """The slice's endpoints that are still wanted, as they are now; takes them out of `left`."""
    old = obj.get("endpoints") or []
    kept = []
    for endpoint in old:
        fresh = left.pop(endpoint["addresses"][0], None)
        if fresh is not None:
            kept.append(fresh)
    return _Draft(obj, kept, changed=kept != old)


def _fill(drafts: list[_Draft], new: list[Object]) -> None:
    """Place new endpoints: into slices that change anyway, then into the fullest that takes all, then into new ones."""
    for draft in drafts:
        if draft.changed and draft.endpoints:
            _move(new, draft)
    if new:
        roomy = [draft for draft in drafts if len(draft.endpoints) + len(new) <= MAX_ENDPOINTS]
        if roomy:
            _move(new, max(roomy, key=lambda draft: len(draft.endpoints)))
    while new:
        draft = _Draft(None, [], changed=True)
        drafts.append(draft)
        _move(new, draft)


def _move(new: list[Object], draft: _Draft) -> None:
    count = min(len(new), MAX_ENDPOINTS - len(draft.endpoints))
    if count > 0:
        draft.endpoints += new[:count]
        draft.changed = True
        del new[:count]


def _emit(service: Object, group: Group, draft: _Draft, out: _Output) -> None:
    wanted = _labels(service)
    weights = render({address: out.weights[address] for item in draft.endpoints for address in item["addresses"]})
    if draft.old is None:
        made = _new_slice(service, group, draft.endpoints, wanted)
        if weights:
            made["metadata"]["annotations"] = {WEIGHTS: weights}
        out.plan.create.append(made)
        return
    said = meta.annotations(draft.old)
    if draft.changed or labels(draft.old) != wanted or said.get(WEIGHTS, "") != weights:
        kept = {key: value for key, value in said.items() if key != WEIGHTS} | ({WEIGHTS: weights} if weights else {})
        metadata = {**draft.old["metadata"], "labels": wanted}
        if kept or said:
            metadata["annotations"] = kept
        out.plan.update.append({**draft.old, "metadata": metadata, "endpoints": draft.endpoints})


def _labels(service: Object) -> dict[str, str]:
    """The Service's own labels, and what finds the slice."""
    wanted = {key: value for key, value in labels(service).items() if key not in _OUR_LABELS}
    wanted |= {SERVICE_NAME: name(service), MANAGED_BY: MANAGER}
    if service["spec"].get("clusterIP") == "None":
        wanted[HEADLESS] = ""
    return wanted


def _new_slice(service: Object, group: Group, endpoints: list[Object], wanted: dict[str, str]) -> Object:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": name(service)[: MAX_GENERATED_BASE - 1] + "-" + random_suffix(),
            "generateName": f"{name(service)}-",
            "namespace": namespace(service),
            "labels": wanted,
            "ownerReferences": [controller_reference(service, SERVICES.api_version, SERVICES.kind)],
        },
        "addressType": group.family,
        "ports": group.port_list(),
        "endpoints": endpoints,
    }
