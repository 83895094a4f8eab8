"""The disruption controller: keeps in each PodDisruptionBudget's status how many disruptions it allows now.

Evictions read and lower that number in the API server; this controller raises it again as pods come back. A budget in
shares counts against what the pods' controllers want, not against the pods that happen to be there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from common.api import disruptions, intstr, kinds
from common.api.conditions import set_condition
from common.api.definitions import resources_of
from common.api.kinds import CUSTOMRESOURCEDEFINITIONS, PODDISRUPTIONBUDGETS, PODS, Resource
from common.api.meta import Key, Object, controller_of, generation, is_deleting, key, name, namespace
from common.api.pods import is_ready, is_terminal
from common.api.selectors import from_label_selector
from common.errors import ApiError, Conflict, NotFound
from console.controllers.base import BY_NAMESPACE, Controller, Kit, namespace_index

_UNMANAGED = (
    "Pods selected by this PodDisruptionBudget were found to be unmanaged. As a result, the status of the PDB cannot "
    "be calculated correctly, which may result in undefined behavior. To account for these pods please set "
    '".spec.minAvailable" field of the PDB to an integer value.'
)
_SCALABLE = (kinds.REPLICASETS, kinds.DEPLOYMENTS, kinds.STATEFULSETS, kinds.REPLICATIONCONTROLLERS)


@dataclass(frozen=True, slots=True)
class Count:
    """`expected` pods of which `desired` must stay healthy."""

    expected: int
    desired: int


def count(budget: Object, covered: int, wanted: int) -> Count:
    """What a budget demands: of `covered` pods that there are, whose controllers want `wanted`.

    As in Kubernetes: `maxUnavailable` and shares are of what is wanted, a plain `minAvailable` is of what is there.
    """
    spec = budget.get("spec") or {}
    if spec.get("maxUnavailable") is not None:
        most = intstr.scaled(spec["maxUnavailable"], wanted, round_up=True)
        return Count(wanted, max(0, wanted - most))
    least = spec.get("minAvailable")
    if isinstance(least, str):
        return Count(wanted, intstr.scaled(least, wanted, round_up=True))
    return Count(covered, int(least or 0))


def wanted_pods(covered: Iterable[Object], owners: Mapping[tuple[str, str], Object]) -> int:
    """How many pods the controllers of these want together; pods that nobody controls count for nothing. `owners` are
    the controllers by kind and name."""
    wanted: dict[tuple[str, str], int] = {}
    for pod in covered:
        ref = controller_of(pod)
        if ref is None:
            continue
        found = owners.get((str(ref.get("kind")), str(ref.get("name"))))
        if found is not None:
            above = controller_of(found)
            found = owners.get((str(above.get("kind")), str(above.get("name"))), found) if above else found
            wanted[str(found.get("kind")), name(found)] = int((found.get("spec") or {}).get("replicas", 1))
    return sum(wanted.values())


def counts_wanted(budget: Object) -> bool:
    """Whether it demands a part of what the pods' controllers want, not of what there is."""
    spec = budget.get("spec") or {}
    return spec.get("maxUnavailable") is not None or isinstance(spec.get("minAvailable"), str)


def status(budget: Object, covered: list[Object], wanted: int, now: datetime) -> tuple[Object, float | None]:
    """The status of a budget, and in how many seconds it changes by itself."""
    before = budget.get("status") or {}
    disrupted, soonest = disruptions.still_disrupted(before, covered, now)
    healthy = sum(1 for pod in covered if is_ready(pod) and not is_deleting(pod) and name(pod) not in disrupted)
    demand = count(budget, len(covered), wanted)
    allowed = max(0, healthy - demand.desired) if demand.expected > 0 else 0
    conditions = set_condition(
        list(before.get("conditions") or ()), "DisruptionAllowed", "True" if allowed else "False",
        "SufficientPods" if allowed else "InsufficientPods", "", now,
    )  # fmt: skip
    observed = [{**condition, "observedGeneration": generation(budget)} for condition in conditions]
    new: Object = {
        "observedGeneration": generation(budget),
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": demand.desired,
        "expectedPods": demand.expected,
        "conditions": observed,
    }
    if disrupted:
        new["disruptedPods"] = disrupted
    return new, soonest


class DisruptionController(Controller[Key]):
    """Keys are PodDisruptionBudgets."""

    name: ClassVar[str] = "disruption-controller"
    component: ClassVar[str] = "controllermanager"
    workers: ClassVar[int] = 2

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        for indexed in (PODS, PODDISRUPTIONBUDGETS, *_SCALABLE):
            self.index(indexed, BY_NAMESPACE, namespace_index)
        self._budgets = self.follow(PODDISRUPTIONBUDGETS, lambda budget: [key(budget)])
        self._pods = self.follow(PODS, self._budgets_of)
        self._owners = {resource.kind: self.mirror(resource) for resource in _SCALABLE}
        self._definitions = self.mirror(CUSTOMRESOURCEDEFINITIONS)
        for resource in _SCALABLE:
            self._follow_scale(resource)

    def _follow_scale(self, resource: Resource) -> None:
        def scaled(old: Object | None, new: Object | None) -> None:
            changed = new or old
            if changed is not None and _replicas(old) != _replicas(new):
                for budget in self._budgets.by_index(BY_NAMESPACE, namespace(changed)):
                    self.queue.add(key(budget))

        self._owners[resource.kind].listen(scaled)

    def _budgets_of(self, pod: Object) -> Iterable[Key]:
        return [
            key(budget) for budget in disruptions.budgets_of(pod, self._budgets.by_index(BY_NAMESPACE, namespace(pod)))
        ]

    async def sync(self, key: Key) -> None:
        budget = self._budgets.get(key)
        if budget is None:
            return
        selector = from_label_selector((budget.get("spec") or {}).get("selector"))
        covered = [
            pod
            for pod in self._pods.by_index(BY_NAMESPACE, key.namespace)
            if not is_terminal(pod) and selector.matches(pod["metadata"].get("labels") or {})
        ]
        if counts_wanted(budget) and any(controller_of(pod) is None for pod in covered):
            self.events.warning(PODDISRUPTIONBUDGETS, budget, "UnmanagedPods", _UNMANAGED)
        owners = self._known(key.namespace)
        await self._ask_others(covered, owners)
        new, soonest = status(budget, covered, wanted_pods(covered, owners), self.clock.now())
        if soonest is not None:
            self.queue.add_after(key, soonest + 0.1)
        if new != budget.get("status"):
            try:
                await self.client.update(PODDISRUPTIONBUDGETS, {**budget, "status": new}, subresource="status")
            except (Conflict, NotFound):
                # An eviction lowered it meanwhile: count again from what that left.
                self.queue.add_after(key, 0.05)

    async def _ask_others(self, covered: Iterable[Object], owners: dict[tuple[str, str], Object]) -> None:
        """Add the controllers of kinds that users define, which say by their scale how many pods they want."""
        for pod in covered:
            ref = controller_of(pod) or {}
            kind, owner = str(ref.get("kind") or ""), str(ref.get("name") or "")
            resource = self._defined(str(ref.get("apiVersion") or ""), kind)
            if resource is None or (kind, owner) in owners:
                continue
            try:
                scale = await self.client.get(resource, owner, namespace(pod), subresource="scale")
            except ApiError:
                continue  # it has no scale, or is gone: its pods count for nothing
            owners[kind, owner] = {"kind": kind, "metadata": {"name": owner}, "spec": scale.get("spec") or {}}

    def _defined(self, api_version: str, kind: str) -> Resource | None:
        """The resource of a kind that users define."""
        served = (resource for definition in self._definitions.items() for resource in resources_of(definition))
        return next((item for item in served if (item.api_version, item.kind) == (api_version, kind)), None)

    def _known(self, space: str) -> dict[tuple[str, str], Object]:
        return {
            (kind, name(obj)): obj
            for kind, informer in self._owners.items()
            for obj in informer.by_index(BY_NAMESPACE, space)
        }


def _replicas(obj: Object | None) -> int | None:
    return None if obj is None else int((obj.get("spec") or {}).get("replicas", 1))
