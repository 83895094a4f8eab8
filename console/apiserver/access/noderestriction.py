"""What a node may write of the objects that it may write at all: its own facts, and no rights.

As Kubernetes' admission plugin NodeRestriction: the authorizer lets a node write itself and the status of its pods, and
labels and taints decide where pods and their secrets go, so that a stolen certificate of a node must not change them.
"""

from __future__ import annotations

from common.api import meta
from common.api.kinds import CSINODES, LEASES, NODES, PERSISTENTVOLUMECLAIMS, PODS, RESOURCESLICES, Resource
from common.api.meta import Object
from common.errors import Forbidden
from console.apiserver.caller import Caller

from . import nodes

_RESTRICTED = "node-restriction.kubernetes.io"
_OWN_SPACES = ("kubelet.kubernetes.io", "node.kubernetes.io")
_OWN = frozenset(
    {
        "kubernetes.io/hostname", "kubernetes.io/os", "kubernetes.io/arch", "beta.kubernetes.io/os",
        "beta.kubernetes.io/arch", "beta.kubernetes.io/instance-type", "topology.kubernetes.io/zone",
        "topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region",
    }
)  # fmt: skip
"""Labels of Kubernetes that a node may give itself, besides those of `_OWN_SPACES`."""


_CLAIM_STATUS = frozenset({"capacity", "conditions", "allocatedResourceStatuses", "allocatedResources"})


class NodeRestriction:
    def check(self, caller: Caller, resource: Resource, new: Object, old: Object | None) -> None:
        """Raises Forbidden. `new` is admitted already."""
        if caller.is_component:
            return
        node = nodes.node_of(caller.user, caller.groups)
        if not node:
            return
        why = _refuse_new(node, resource, new) if old is None else _refuse_change(node, resource, new, old)
        if why:
            name = meta.name(new)
            details = {"name": name, "group": resource.group, "kind": resource.plural}
            raise Forbidden(f'{resource.group_resource} "{name}" is forbidden: {why}', details=details)


def _refuse_new(node: str, resource: Resource, new: Object) -> str:
    """The authorizer cannot tell: a creation has no name in its path."""
    if resource == LEASES and meta.name(new) != node:
        return "can only access node lease with the same name as the requesting node"
    if resource == CSINODES and meta.name(new) != node:
        return "can only access CSINode with the same name as the requesting node"
    if resource == RESOURCESLICES and (new.get("spec") or {}).get("nodeName") != node:
        return "can only create ResourceSlice with the same NodeName as the requesting node"
    if resource == NODES:
        wrong = sorted(label for label in meta.labels(new) if not is_own_label(label))
        labels = f"is not allowed to set the following labels: {', '.join(wrong)}" if wrong else ""
        return _refuse_other(node, new) or labels
    return ""


def _refuse_other(node: str, new: Object) -> str:
    other = meta.name(new)
    return "" if other == node else f'node "{node}" is not allowed to modify node "{other}"'


def _refuse_change(node: str, resource: Resource, new: Object, old: Object) -> str:
    if resource == NODES:
        return _refuse_other(node, new) or _refuse_node(node, new, old)
    if resource == PODS:
        if meta.labels(new) != meta.labels(old):
            return f'node "{node}" cannot update labels through pod status'
        if _device_claims(new) != _device_claims(old):
            return f'node "{node}" cannot update resource claim statues'
    if resource == PERSISTENTVOLUMECLAIMS and _kept(new) != _kept(old):
        return f'node "{node}" is not allowed to update fields other than status.capacity and status.conditions'
    return ""


def _device_claims(pod: Object) -> object:
    return (pod.get("status") or {}).get("resourceClaimStatuses") or []


def _kept(claim: Object) -> Object:
    """What of a claim is not the node's."""
    status = {name: value for name, value in (claim.get("status") or {}).items() if name not in _CLAIM_STATUS}
    unmanaged = {"resourceVersion", "managedFields"}
    metadata = {name: value for name, value in meta.metadata(claim).items() if name not in unmanaged}
    return {**claim, "metadata": metadata, "status": status}


def _refuse_node(node: str, new: Object, old: Object) -> str:
    before, after = ((obj.get("spec") or {}).get("taints") or [] for obj in (old, new))
    if before != after:
        return f'node "{node}" is not allowed to modify taints'
    if meta.owner_references(new) != meta.owner_references(old):
        return f'node "{node}" is not allowed to modify ownerReferences'
    wrong = sorted(label for label in _changed(meta.labels(old), meta.labels(new)) if not is_own_label(label))
    return f"is not allowed to modify labels: {', '.join(wrong)}" if wrong else ""


def _changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {label for label in before.keys() | after.keys() if before.get(label) != after.get(label)}


def is_own_label(label: str) -> bool:
    """Whether a node may set that label of itself."""
    space, slash, _ = label.partition("/")
    if not slash:
        return True
    if _within(space, _RESTRICTED):
        return False
    of_kubernetes = _within(space, "kubernetes.io") or _within(space, "k8s.io")
    return not of_kubernetes or label in _OWN or any(_within(space, own) for own in _OWN_SPACES)


def _within(space: str, domain: str) -> bool:
    return space == domain or space.endswith(f".{domain}")
