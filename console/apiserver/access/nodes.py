"""What a node may do in the API: what its own pods need, and no more.

Agents work through their session and need none of this; it limits what a stolen certificate of a node is good for. As
Kubernetes' node authorizer: what a node may read is what leads to it, from a pod that runs there to the claims, volumes
and Secrets that it names. What is in a write is held by `NodeRestriction`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from common.api.references import CONFIGMAPS, SECRETS
from common.api.selectors import parse_fields
from common.pki import NODE_PREFIX, NODES

from .attributes import Attributes
from .reach import Lookup, Reach

_READ = frozenset({"get", "list", "watch"})
_CHANGE = frozenset({"patch", "update"})
_OWN = frozenset({"get", "create", "delete", *_CHANGE})
_OPEN = {
    ("", "services"): _READ,
    ("node.k8s.io", "runtimeclasses"): _READ,
    ("storage.k8s.io", "csidrivers"): _READ,
    ("", "events"): _CHANGE | {"create"},
    ("events.k8s.io", "events"): _CHANGE | {"create"},
    ("certificates.k8s.io", "certificatesigningrequests"): _READ | {"create"},
    ("authentication.k8s.io", "tokenreviews"): frozenset({"create"}),
    ("authorization.k8s.io", "subjectaccessreviews"): frozenset({"create"}),
    ("authorization.k8s.io", "localsubjectaccessreviews"): frozenset({"create"}),
}
"""What every node may do with all of a resource."""
_LEASES = "kube-node-lease"


def node_of(user: str, groups: frozenset[str]) -> str:
    """The node that this user is; empty when it is none."""
    return user.removeprefix(NODE_PREFIX) if NODES in groups and user.startswith(NODE_PREFIX) else ""


def is_node(user: str, groups: frozenset[str]) -> bool:
    """Whether the user is one of the nodes, be it that nobody knows which."""
    return NODES in groups and user.startswith(NODE_PREFIX)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` is Kubernetes' for a refusal, empty where it has none."""

    allowed: bool
    reason: str = ""


_YES, _NO = Verdict(True), Verdict(False)


def decide(node: str, asked: Attributes, lookup: Lookup) -> Verdict:
    """What a node may ask of a resource. `lookup` is used only for what depends on its pods."""
    verbs = _OPEN.get((asked.group, asked.full_resource))
    if verbs is not None:
        return Verdict(asked.verb in verbs)
    rule = _RULES.get((asked.group, asked.resource))
    return _NO if rule is None else rule(node, asked, Reach(node, lookup))


# The rules of the resources that are divided up


def _related(node: str, asked: Attributes, reach: Reach) -> Verdict:
    if not asked.name:
        return Verdict(False, "No Object name found")
    if not reach.has(asked):
        return Verdict(False, f"no relationship found between node '{node}' and this object")
    return _YES


def _one(node: str, asked: Attributes, reach: Reach) -> Verdict:
    if asked.verb != "get":
        return Verdict(False, "can only get individual resources of this type")
    if asked.subresource:
        return Verdict(False, "cannot get subresource")
    return _related(node, asked, reach)


def _read(node: str, asked: Attributes, reach: Reach) -> Verdict:
    if asked.verb not in _READ:
        return Verdict(False, "can only read resources of this type")
    if asked.subresource:
        return Verdict(False, "cannot read subresource")
    if not asked.namespace:
        return Verdict(False, "can only read namespaced object of this type")
    return _related(node, asked, reach)


def _claim(node: str, asked: Attributes, reach: Reach) -> Verdict:
    if asked.subresource != "status":
        return _one(node, asked, reach)
    if asked.verb not in _CHANGE:
        return Verdict(False, "can only get/update/patch this type")
    return _related(node, asked, reach)


def _token(node: str, asked: Attributes, reach: Reach) -> Verdict:
    if asked.verb != "create" or not asked.name:
        return Verdict(False, "can only create tokens for individual service accounts")
    if asked.subresource != "token":
        return Verdict(False, "can only create token subresource of serviceaccount")
    return _related(node, asked, reach)


def _lease(node: str, asked: Attributes, _reach: Reach) -> Verdict:
    if asked.verb not in _OWN:
        return Verdict(False, "can only get, create, update, patch, or delete a node lease")
    if asked.namespace != _LEASES:
        return Verdict(False, f'can only access leases in the "{_LEASES}" system namespace')
    if asked.verb != "create" and asked.name != node:  # a creation has its name in the body: NodeRestriction looks
        return Verdict(False, "can only access node lease with the same name as the requesting node")
    return _YES


def _csi_node(node: str, asked: Attributes, _reach: Reach) -> Verdict:
    if asked.verb not in _OWN:
        return Verdict(False, "can only get, create, update, patch, or delete a CSINode")
    if asked.subresource:
        return Verdict(False, "cannot authorize CSINode subresources")
    if asked.verb != "create" and asked.name != node:
        return Verdict(False, "can only access CSINode with the same name as the requesting node")
    return _YES


def _slice(node: str, asked: Attributes, reach: Reach) -> Verdict:
    if asked.subresource:
        return Verdict(False, "cannot authorize ResourceSlice subresources")
    if asked.verb in _OWN:
        return _YES if asked.verb == "create" else _related(node, asked, reach)
    if asked.verb in {"list", "watch", "deletecollection"}:
        if _selects(asked, "spec.nodeName", node) or _selects(asked, "nodeName", node):
            return _YES
        return Verdict(False, "can only list/watch/deletecollection resourceslices with nodeName field selector")
    return _NO


def _node(node: str, asked: Attributes, _reach: Reach) -> Verdict:
    if asked.subresource == "status":
        return Verdict(asked.verb in _CHANGE)
    if asked.subresource or asked.verb not in _READ:
        return Verdict(not asked.subresource and asked.verb in _CHANGE | {"create"})
    if asked.name == node:
        return _YES
    if not asked.name:
        return Verdict(False, f"node '{node}' cannot read all nodes, only its own Node object")
    return Verdict(False, f"node '{node}' cannot read '{asked.name}', only its own Node object")


def _pod(node: str, asked: Attributes, reach: Reach) -> Verdict:
    """Narrower than Kubernetes' in one thing: there are no static pods here, so that nodes make none."""
    if asked.subresource in {"status", "eviction"}:
        verbs = _CHANGE if asked.subresource == "status" else {"create"}
        return _related(node, asked, reach) if asked.verb in verbs else _NO
    if asked.subresource:
        return _NO
    if asked.verb == "delete":
        return _related(node, asked, reach)
    if asked.verb == "get":
        return _one(node, asked, reach)
    if asked.verb not in _READ:
        return _NO
    if _selects(asked, "spec.nodeName", node):
        return _YES
    if asked.name:
        return _related(node, asked, reach)
    return Verdict(False, "can only list/watch pods with spec.nodeName field selector")


def _selects(asked: Attributes, path: str, value: str) -> bool:
    try:
        return (path, value, True) in parse_fields(asked.field_selector)
    except ValueError:
        return False


_RULES: dict[tuple[str, str], Callable[[str, Attributes, Reach], Verdict]] = {
    ("", SECRETS): _read, ("", CONFIGMAPS): _read, ("", "persistentvolumeclaims"): _claim,
    ("", "persistentvolumes"): _one, ("resource.k8s.io", "resourceclaims"): _one,
    ("storage.k8s.io", "volumeattachments"): _one, ("", "serviceaccounts"): _token,
    ("coordination.k8s.io", "leases"): _lease, ("storage.k8s.io", "csinodes"): _csi_node,
    ("resource.k8s.io", "resourceslices"): _slice, ("", "nodes"): _node, ("", "pods"): _pod,
}  # fmt: skip
