"""What a node may write of the objects that it may write at all: its own facts, and no rights.

As Kubernetes' admission plugin NodeRestriction: the authorizer lets a node write itself and the status of its pods, and
labels and taints decide where pods and their secrets go, so that a stolen certificate of a node must not change them.
"""

from __future__ import annotations

from common.api import meta
from common.api.kinds import LEASES, NODES, PODS, Resource
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


class NodeRestriction:
    def check(self, caller: Caller, resource: Resource, new: Object, old: Object | None) -> None:
        """Raises Forbidden. `new` is admitted already."""
        if caller.is_component:
            return
        node = nodes.node_of(caller.user, caller.groups)
        if not node:
            return
        if old is None:
            # The authorizer cannot tell: a creation has no name in its path.
            is_other = resource == LEASES and meta.name(new) != node
            why = "can only access node lease with the same name as the requesting node" if is_other else ""
        elif resource == NODES:
            why = _refuse_node(node, new, old)
        elif resource == PODS and meta.labels(new) != meta.labels(old):
            why = f'node "{node}" cannot update labels through pod status'
        else:
            why = ""
        if why:
            name = meta.name(new)
            details = {"name": name, "group": resource.group, "kind": resource.plural}
            raise Forbidden(f'{resource.group_resource} "{name}" is forbidden: {why}', details=details)


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
