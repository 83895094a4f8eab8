"""Preemption: which pods of lower priority would have to leave for a pod that fits nowhere, and from which node.

The rules are Kubernetes': on each node where removing pods could help, remove all of lower priority and put back as
many as fit, the most important first and those that a disruption budget protects before the others. Of the nodes the
one that violates fewest budgets wins, then the one whose most important victim matters least, then by the sum of the
priorities, the number of victims and how short they have run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from common.api.selectors import Selector

from .evaluation import Evaluation
from .model import NodeInfo, PodInfo
from .refusal import Refusal
from .scores import Profile
from .state import ClusterState, Trial
from .verdict import no_victims

NEVER = "not eligible due to preemptionPolicy=Never."
LEAVING = "not eligible due to a terminating pod on the nominated node."
LEAST_CANDIDATES = 100  # on so many nodes, or a tenth of all, victims are found before the best are taken
_OFFSET = 2**31  # so that a sum of priorities grows with every victim, also with those below zero


@dataclass(frozen=True, slots=True)
class Budget:
    """A PodDisruptionBudget: how many of the pods that it selects may still go. `disrupted` are already going."""

    namespace: str
    selector: Selector
    allowed: int
    disrupted: frozenset[str]

    def protects(self, pod: PodInfo) -> bool:
        if self.selector.is_empty or pod.key.namespace != self.namespace or pod.key.name in self.disrupted:
            return False
        return self.selector.matches(pod.kind.labels)


@dataclass(frozen=True, slots=True)
class Preemption:
    """`victims` leave `node`, the most important first; none when room is only reserved for pods of lower priority."""

    node: str
    victims: tuple[PodInfo, ...]
    violations: int


def ineligible(pod: PodInfo, state: ClusterState, refusals: Mapping[str, Refusal]) -> str:
    """Why the pod may make no other leave; empty when it may."""
    if not pod.kind.preempts:
        return NEVER
    node = state.node(pod.nominated) if pod.nominated else None
    refusal = refusals.get(pod.nominated)
    if node is None or (refusal is not None and not refusal.resolvable):
        return ""
    leaving = any(other.deleting and other.priority < pod.priority for other in node.pods.values())
    return LEAVING if leaving else ""


def preempt(
    pod: PodInfo, state: ClusterState, profile: Profile, refusals: Mapping[str, Refusal], budgets: Sequence[Budget]
) -> Preemption | str:
    """The best way to make room, or what to say when there is none. `refusals` are those of the pod on every node."""
    if reason := ineligible(pod, state, refusals):
        return reason
    ways: list[Preemption] = []
    others: dict[str, str] = {}
    # The trial changes the state while it looks, so the nodes are taken beforehand.
    possible = [item for item in state.nodes() if (no := refusals.get(item.name)) is not None and no.resolvable]
    most = max(LEAST_CANDIDATES, len(state) // 10)
    for node in possible:
        if len(ways) >= most:
            break
        way = _on(node, pod, state, profile, budgets)
        if isinstance(way, Preemption):
            ways.append(way)
        elif way is not None:
            others[node.name] = way.counted[0]
    return min(ways, key=_cost) if ways else no_victims(refusals, len(state), others)


def _on(
    node: NodeInfo, pod: PodInfo, state: ClusterState, profile: Profile, budgets: Sequence[Budget]
) -> Preemption | Refusal | None:
    """The victims on this node; the refusal that remains without them, None when it has none that could be."""
    lower = [other for other in node.pods.values() if other.priority < pod.priority and other.uid != pod.uid]
    if not lower:
        return None
    with state.trial() as trial:
        for other in lower:
            trial.remove(other.uid)
        evaluation = Evaluation(pod.kind, state, profile)
        refusal = next(evaluation.refusals(node), None)
        if refusal is not None:
            return refusal
        protected, free = _split(sorted(lower, key=_importance), budgets)
        violated = _reprieve(protected, node, evaluation, trial)
        victims = [*violated, *_reprieve(free, node, evaluation, trial)]
    return Preemption(node.name, tuple(sorted(victims, key=_importance)), len(violated))


def _reprieve(pods: Iterable[PodInfo], node: NodeInfo, evaluation: Evaluation, trial: Trial) -> list[PodInfo]:
    """Put back all that can stay; those that cannot are the victims."""
    victims = []
    for other in pods:
        trial.place(other, node.name)
        if not evaluation.fits(node):
            trial.remove(other.uid)
            victims.append(other)
    return victims


def _split(pods: Iterable[PodInfo], budgets: Sequence[Budget]) -> tuple[list[PodInfo], list[PodInfo]]:
    """Those whose end would go beyond a budget, when all before them in the order end too, and the others."""
    left = [budget.allowed for budget in budgets]
    protected: list[PodInfo] = []
    free: list[PodInfo] = []
    for pod in pods:
        violated = False
        for index, budget in enumerate(budgets):
            if budget.protects(pod):
                left[index] -= 1
                violated = violated or left[index] < 0
        (protected if violated else free).append(pod)
    return protected, free


def _importance(pod: PodInfo) -> tuple[int, bool, str]:
    """Sorts the most important first: by priority, then by how long it has run."""
    return (-pod.priority, not pod.started, pod.started)


def _cost(way: Preemption) -> tuple[int, int, int, int, _Latest]:
    priorities = [victim.priority for victim in way.victims]
    highest = max(priorities, default=-_OFFSET)
    started = min((victim.started or "~" for victim in way.victims if victim.priority == highest), default="~")
    return (
        way.violations,
        highest,
        sum(priority + _OFFSET for priority in priorities),
        len(priorities),
        _Latest(started),
    )


class _Latest(str):
    """Text that sorts backwards: of equal ways the one whose victims started last."""

    __slots__ = ()

    def __lt__(self, other: str) -> bool:
        return str(self) > str(other)
