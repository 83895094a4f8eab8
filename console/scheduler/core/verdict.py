"""Why a pod is where it is, or nowhere: the message of Kubernetes' scheduler and the verdict on each node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from common.api.meta import Object

from .filters import all_refusals, first_refusal
from .model import NodeInfo, PodClass, copy_node, quantities
from .scores import Profile

NO_NODES = "no nodes available to schedule pods"


def summary(kind: PodClass, nodes: Iterable[NodeInfo]) -> str:
    """`0/3 nodes are available: …`: each node counts with the reasons of the first filter that refuses it."""
    reasons: Counter[str] = Counter()
    preemption: Counter[str] = Counter()
    total = 0
    for node in nodes:
        total += 1
        refusal = first_refusal(kind, node)
        if refusal is None:
            continue
        reasons.update(refusal[1])
        helpless = "Preemption is not helpful for scheduling"
        preemption["No preemption victims found for incoming pod" if refusal[0].resolvable else helpless] += 1
    if not total:
        return NO_NODES
    if kind.volumes.blocked:
        # Kubernetes finds this out before it looks at any node, and so does not count nodes with it.
        none = f"0/{total} nodes are available:"
        return f"{none} {kind.volumes.blocked}. preemption: {none} {total} Preemption is not helpful for scheduling."
    return f"0/{total} nodes are available: {_listed(reasons)} preemption: 0/{total} nodes are available: " + _listed(
        preemption
    )


def _listed(counts: Counter[str]) -> str:
    return ", ".join(sorted(f"{count} {text}" for text, count in counts.items())) + "."


def node_verdict(kind: PodClass, pod_uid: str, node: NodeInfo, profile: Profile) -> Object:
    """One node of an Explanation. A pod that runs there is judged as if it came anew."""
    if pod_uid in node.pods:
        node = copy_node(node)
        node.remove(pod_uid)
    reasons = all_refusals(kind, node)
    score = None if reasons else profile.score(kind, node)
    return {
        "name": node.name,
        "fits": not reasons,
        "reasons": reasons,
        "score": None if score is None else round(score, 3),
        "requested": quantities(node.requested),
        "allocatable": quantities(node.allocatable),
        "free": quantities({**node.free, "pods": node.pod_room}),
    }
