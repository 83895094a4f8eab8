"""Which nodes a DaemonSet's pods belong on, and the pod that a node gets. Pure.

A daemon pod goes through the scheduler like any other; what binds it to its node is a node affinity that names the
node. What keeps ordinary pods away from a node in trouble does not keep a daemon away: it gets Kubernetes' tolerations.
"""

from __future__ import annotations

from typing import Any

from common.api.affinity import NodeAffinity
from common.api.kinds import DAEMONSETS
from common.api.meta import Object, controller_reference, labels, name
from common.api.meta import annotations as annotations_of
from common.api.names import MAX_GENERATED_BASE, random_suffix
from common.api.pods import node_name
from common.api.revisions import REVISION_HASH
from common.api.rollout import TEMPLATE_GENERATION
from common.api.taints import Toleration, taints_of, tolerations_of, untolerated

GENERATION_LABEL = "pod-template-generation"
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_KEEP_AWAY = frozenset({"NoSchedule", "NoExecute"})
_SEND_AWAY = frozenset({"NoExecute"})
_TOLERATED = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)
_TOLERATED_ON_HOST_NETWORK = ("node.kubernetes.io/network-unavailable", "NoSchedule")


def tolerations(spec: Object) -> list[Object]:
    """A pod spec's tolerations with those that every daemon has."""
    wanted = [*_TOLERATED, *([_TOLERATED_ON_HOST_NETWORK] if spec.get("hostNetwork") else [])]
    added = [{"key": key, "operator": "Exists", "effect": effect} for key, effect in wanted]
    present = list(spec.get("tolerations") or ())
    return [*present, *(toleration for toleration in added if toleration not in present)]


def fits(owner: Object, node: Object) -> tuple[bool, bool]:
    """Whether a pod shall come to the node, and whether one that is there may stay."""
    spec = owner["spec"]["template"]["spec"]
    if spec.get("nodeName") not in {None, "", name(node)}:
        return False, False
    if not NodeAffinity.of(spec).allows(labels(node), name(node)):
        return False, False
    tolerated: tuple[Toleration, ...] = tolerations_of({"spec": {"tolerations": tolerations(spec)}})
    taints = taints_of(node)
    if untolerated(taints, tolerated, _SEND_AWAY):
        return False, False
    return not untolerated(taints, tolerated, _KEEP_AWAY), True


def new_pod(owner: Object, digest: str, node: str) -> Object:
    """The pod of a node. It gets its whole name here, so that the controller knows what it expects to see."""
    template = owner["spec"]["template"]
    meta = template.get("metadata") or {}
    generation = annotations_of(owner).get(TEMPLATE_GENERATION, "1")
    made = {
        "name": name(owner)[: MAX_GENERATED_BASE - 1] + "-" + random_suffix(),
        "generateName": f"{name(owner)}-",
        "labels": {**(meta.get("labels") or {}), REVISION_HASH: digest, GENERATION_LABEL: generation},
        "annotations": dict(meta.get("annotations") or {}),
        "finalizers": list(meta.get("finalizers") or ()),
        "ownerReferences": [controller_reference(owner, DAEMONSETS.api_version, DAEMONSETS.kind)],
    }
    spec = {**template["spec"], "affinity": _bound(template["spec"].get("affinity") or {}, node)}
    spec["tolerations"] = tolerations(template["spec"])
    filled = {field: value for field, value in made.items() if value}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": filled, "spec": spec}


def _bound(affinity: Object, node: str) -> Object:
    """The affinity with the node in place of what is required: that was judged when the node was chosen."""
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    found = {**(affinity.get("nodeAffinity") or {}), _REQUIRED: {"nodeSelectorTerms": [term]}}
    return {**affinity, "nodeAffinity": found}


def target(pod: Object) -> str:
    """The node that a daemon pod runs on or is meant for; empty when it names none."""
    bound = node_name(pod)
    if bound:
        return bound
    affinity: Any = ((pod.get("spec") or {}).get("affinity") or {}).get("nodeAffinity") or {}
    for term in (affinity.get(_REQUIRED) or {}).get("nodeSelectorTerms") or ():
        for field in term.get("matchFields") or ():
            if field.get("key") == "metadata.name" and field.get("operator") == "In" and len(field["values"]) == 1:
                return str(field["values"][0])
    return ""
