"""How endpoints are spread over slices, with as little change as possible. Pure.

An endpoint stays in the slice where it is, so that a change of one pod rewrites one slice; room in slices that change
anyway is used first. Every node receives every changed slice, so each needless write would cost all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from common.api import meta
from common.api.meta import Object, labels, name
from common.api.names import MAX_GENERATED_BASE, random_suffix
from common.api.weights import WEIGHTS, render

from .endpoints import Group

MAX_ENDPOINTS = 100  # a slice; Kubernetes' default


@dataclass(slots=True)
class Plan:
    """Whole slices to create and update, and slices to delete."""

    create: list[Object] = field(default_factory=list)
    update: list[Object] = field(default_factory=list)
    delete: list[Object] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not (self.create or self.update or self.delete)


@dataclass(frozen=True, slots=True)
class Template:
    """What the slices of one owner have in common. `weights` are those of endpoints by address; one empty slice stays
    with `keep_one`, so that "no endpoints" and "not looked at yet" differ."""

    base: str  # of the slices' names
    namespace: str
    labels: dict[str, str]
    owner: Object
    annotations: dict[str, str] = field(default_factory=dict)
    weights: Mapping[str, int] = field(default_factory=dict)
    keep_one: bool = True

    def said(self, endpoints: Sequence[Object]) -> dict[str, str]:
        """The annotations of a slice of ours with these endpoints."""
        every = (address for endpoint in endpoints for address in endpoint["addresses"])
        text = render({address: self.weights[address] for address in every if address in self.weights})
        return {**self.annotations, **({WEIGHTS: text} if text else {})}


@dataclass(slots=True)
class _Draft:
    """A slice in the making; `old` is None for a new one."""

    old: Object | None
    endpoints: list[Object]
    changed: bool


def arrange(wanted: Mapping[Group, Mapping[str, Object]], slices: Sequence[Object], template: Template) -> Plan:
    """Bring an owner's slices to the endpoints that it should have, by group and address."""
    plan = Plan()
    remaining = list(slices)
    for group, endpoints in sorted(wanted.items(), key=lambda item: repr(item[0])):
        ports = group.port_list()
        same = [obj for obj in remaining if obj["addressType"] == group.family and (obj.get("ports") or []) == ports]
        if not endpoints and not same:
            # With nothing to address, ports do not matter: the slice that is there is kept rather than replaced.
            same = [obj for obj in remaining if obj["addressType"] == group.family][:1]
        remaining = [obj for obj in remaining if obj not in same]
        _reconcile(group, endpoints, same, template, plan)
    plan.delete += remaining
    return plan


def _reconcile(
    group: Group, endpoints: Mapping[str, Object], slices: list[Object], template: Template, plan: Plan
) -> None:
    left = dict(endpoints)
    drafts = [_kept(obj, left) for obj in sorted(slices, key=name)]
    _fill(drafts, list(left.values()))
    filled = [draft for draft in drafts if draft.endpoints]
    if not filled and template.keep_one:
        filled = drafts[:1] or [_Draft(None, [], changed=True)]
    for draft in drafts:
        if draft not in filled and draft.old is not None:
            plan.delete.append(draft.old)
    for draft in filled:
        _emit(group, draft, template, plan)


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


def _emit(group: Group, draft: _Draft, template: Template, plan: Plan) -> None:
    said = template.said(draft.endpoints)
    if draft.old is None:
        plan.create.append(_new_slice(group, draft.endpoints, template, said))
        return
    before = meta.annotations(draft.old)
    # Annotations of others stay; weights that nobody has any more go.
    wanted = {key: value for key, value in before.items() if key != WEIGHTS} | said
    if draft.changed or labels(draft.old) != template.labels or before != wanted:
        metadata = {**draft.old["metadata"], "labels": template.labels}
        if wanted or before:
            metadata["annotations"] = wanted
        plan.update.append({**draft.old, "metadata": metadata, "endpoints": draft.endpoints})


def _new_slice(group: Group, endpoints: list[Object], template: Template, said: dict[str, str]) -> Object:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": template.base[: MAX_GENERATED_BASE - 1] + "-" + random_suffix(),
            "generateName": f"{template.base}-",
            "namespace": template.namespace,
            "labels": template.labels,
            "ownerReferences": [template.owner],
            **({"annotations": said} if said else {}),
        },
        "addressType": group.family,
        "ports": group.port_list(),
        "endpoints": endpoints,
    }
