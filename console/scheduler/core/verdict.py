"""Why a pod is where it is, or nowhere: the message of Kubernetes' scheduler and the verdict on each node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from common.api.meta import Object

from .evaluation import Evaluation
from .model import NodeInfo, PodInfo, quantities
from .refusal import Refusal
from .scores import Profile
from .state import ClusterState

NO_NODES = "no nodes available to schedule pods"
NO_VICTIMS = "No preemption victims found for incoming pod"
HELPLESS = "Preemption is not helpful for scheduling"
# What Kubernetes' scheduler says of claims to devices, which it would rather take back than end pods.
NO_CLAIMS = "no new claims to deallocate"
CLAIMS = "still not schedulable"


def first_refusals(evaluation: Evaluation, state: ClusterState) -> dict[str, Refusal]:
    """For every node that will not do the first reason, as Kubernetes counts them."""
    found = ((node.name, next(evaluation.refusals(node), None)) for node in state.nodes())
    return {name: refusal for name, refusal in found if refusal is not None}


def summary(refusals: Mapping[str, Refusal], total: int, preemption: str = "", *, devices: bool = False) -> str:
    """`0/3 nodes are available: …`; `preemption` tells what came of looking for victims, empty when some were found.
    `devices`: the pod claims some."""
    if not total:
        return NO_NODES
    reasons: Counter[str] = Counter()
    for refusal in refusals.values():
        reasons.update(refusal.counted)
    looked = f" {CLAIMS if devices else NO_CLAIMS}, preemption: {preemption}" if preemption else ""
    return f"0/{total} nodes are available: {listed(reasons)}{looked}"


def blocked(reason: str, total: int) -> str:
    """What is wrong with the pod's claims, which Kubernetes finds before it looks at any node: no nodes are counted."""
    if not total:
        return NO_NODES
    none = f"0/{total} nodes are available:"
    return f"{none} {reason}. {NO_CLAIMS}, preemption: {none} {total} {HELPLESS}."


def no_victims(refusals: Mapping[str, Refusal], total: int, others: Mapping[str, str] | None = None) -> str:
    """What preemption says of the nodes when it found nobody; `others` has nodes with a reason of their own."""
    counts: Counter[str] = Counter()
    for name, refusal in refusals.items():
        counts[(others or {}).get(name) or (NO_VICTIMS if refusal.resolvable else HELPLESS)] += 1
    return f"0/{total} nodes are available: {listed(counts)}"


def listed(counts: Counter[str]) -> str:
    return ", ".join(sorted(f"{count} {text}" for text, count in counts.items())) + "."


def verdicts(pod: PodInfo, state: ClusterState, profile: Profile) -> list[Object]:
    """The nodes of an Explanation by name. A pod that runs is judged as if it came anew."""
    with state.trial() as trial:
        if state.where(pod.uid) is not None:
            trial.remove(pod.uid)
        evaluation = Evaluation(pod.kind, state, profile)
        scores = evaluation.scores()
        nodes = sorted(state.nodes(), key=lambda node: node.name)
        return [_verdict(node, evaluation, scores.get(node.name)) for node in nodes]


def _verdict(node: NodeInfo, evaluation: Evaluation, score: float | None) -> Object:
    reasons = list(dict.fromkeys(reason for refusal in evaluation.refusals(node) for reason in refusal.reasons))
    return {
        "name": node.name,
        "fits": not reasons,
        "reasons": reasons,
        "score": None if score is None else round(score, 3),
        "requested": quantities(node.requested),
        "allocatable": quantities(node.allocatable),
        "free": quantities({**node.free, "pods": node.pod_room}),
    }
