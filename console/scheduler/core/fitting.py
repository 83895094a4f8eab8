"""What would happen if: where replicas of a pod would land, and what that makes of the nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from common.api.meta import Object

from .evaluation import Evaluation
from .filters import UNSCHEDULABLE
from .model import NodeInfo, PodInfo, quantities
from .rows import Rows
from .scores import Profile
from .state import ClusterState
from .verdict import first_refusals, no_victims, summary

_SHOWN = ("cpu", "memory", "pods")


def fit(pods: Iterable[PodInfo], state: ClusterState, rows: Rows, profile: Profile) -> Object:
    """The status of a Fit (docs/architecture.md). The pods are of one class and come one after another; nothing stays
    of it."""
    replicas = list(pods)
    names = sorted(node.name for node in state.nodes())
    before = {name: _taken(state, name) for name in names}
    with state.trial() as trial:
        placed: list[str] = []
        for pod in replicas:
            chosen = rows.choose(pod.kind)
            if chosen is None:
                break
            trial.place(pod, chosen)
            placed.append(chosen)
        evaluation = Evaluation(replicas[0].kind, state, profile)
        message = ""
        if len(placed) < len(replicas):
            refusals = first_refusals(evaluation, state)
            message = summary(refusals, len(state), no_victims(refusals, len(state)))
        counts = Counter(placed)
        nodes = [_node(state, name, before[name], counts[name], evaluation) for name in names]
        after = {name: _taken(state, name) for name in names}
        return {
            "placements": [{"replica": index + 1, "node": node} for index, node in enumerate(placed)],
            "fitting": len(placed),
            "message": message,
            "nodes": nodes,
            "packing": {"before": _packing(state, before), "after": _packing(state, after)},
        }


def moves(pods: Iterable[PodInfo], leaving: str, state: ClusterState, profile: Profile) -> list[Object]:
    """Where each pod of a node would land when that node takes none, one after another in their order; nothing stays
    of it. `node` is empty for a pod without a home, `message` says why."""
    found: list[Object] = []
    everyone = list(pods)
    with state.trial() as trial:
        for pod in everyone:
            trial.remove(pod.uid)
        for pod in everyone:
            evaluation = Evaluation(pod.kind, state, profile)
            scores = {name: score for name, score in evaluation.scores().items() if name != leaving}
            chosen = max(scores, key=lambda name: scores[name], default="")
            message = ""
            if chosen:
                trial.place(pod, chosen)
            else:
                refusals = first_refusals(evaluation, state) | {leaving: UNSCHEDULABLE}
                message = summary(refusals, len(state), no_victims(refusals, len(state)))
            found.append({"namespace": pod.key.namespace, "name": pod.key.name, "node": chosen, "message": message})
    return found


def _taken(state: ClusterState, name: str) -> dict[str, int]:
    node = _known(state, name)
    return {**node.requested, "pods": len(node.pods)}


def _known(state: ClusterState, name: str) -> NodeInfo:
    node = state.node(name)
    assert node is not None, f"node {name} vanished while nothing could change"  # noqa: S101
    return node


def _node(state: ClusterState, name: str, before: Mapping[str, int], replicas: int, evaluation: Evaluation) -> Object:
    node = _known(state, name)
    reasons = list(dict.fromkeys(reason for refusal in evaluation.refusals(node) for reason in refusal.reasons))
    return {
        "name": name,
        "replicas": replicas,
        "fits": not reasons,
        "reasons": reasons,
        "before": _amounts(before),
        "after": _amounts(_taken(state, name)),
        "allocatable": _amounts(node.allocatable),
    }


def _amounts(amounts: Mapping[str, int]) -> Object:
    return quantities({name: amounts.get(name, 0) for name in _SHOWN})


def _packing(state: ClusterState, taken: Mapping[str, Mapping[str, int]]) -> Object:
    """Over all nodes: the shares of cpu and memory that are asked for, in percent, and on how many nodes pods run."""
    found: Object = {"nodesInUse": sum(1 for amounts in taken.values() if amounts.get("pods"))}
    for resource in ("cpu", "memory"):
        offered = sum(_known(state, name).allocatable.get(resource, 0) for name in taken)
        asked = sum(amounts.get(resource, 0) for amounts in taken.values())
        found[resource] = round(100 * asked / offered, 1) if offered else 0.0
    return found
