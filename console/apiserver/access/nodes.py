"""What a node may do in the API: what its own pods need, and no more.

Agents work through their session and need none of this; it limits what a stolen certificate of a node is good for. As
Kubernetes' node authorizer: a node reads the Secrets and ConfigMaps that its pods name, asks for tokens of their
ServiceAccounts, and writes the status of itself and of them.
"""

from __future__ import annotations

from collections.abc import Iterable

from common.api import meta
from common.api.meta import Object
from common.api.pods import node_name
from common.api.references import CONFIGMAPS, SECRETS, references
from common.pki import NODE_PREFIX, NODES

from .attributes import Attributes

_READ = frozenset({"get", "list", "watch"})
_WRITE = frozenset({"patch", "update"})
_OPEN = frozenset({("", "services"), ("discovery.k8s.io", "endpointslices"), ("", "nodes"), ("", "namespaces")})
"""What every node may read all of."""
_LEASES = "kube-node-lease"


def node_of(user: str, groups: frozenset[str]) -> str:
    """The node that this user is; empty when it is none."""
    return user.removeprefix(NODE_PREFIX) if NODES in groups and user.startswith(NODE_PREFIX) else ""


def allows(node: str, asked: Attributes, pods: Iterable[Object]) -> bool:
    """`pods` are all pods; they are looked through only for requests that depend on them."""
    kind = (asked.group, asked.full_resource)
    if kind in _OPEN and asked.verb in _READ:
        return True
    match kind:
        case ("", "nodes" | "nodes/status"):
            return asked.name == node and asked.verb in _WRITE
        case ("coordination.k8s.io", "leases"):
            own = asked.namespace == _LEASES and (asked.name == node or asked.verb == "create")
            return own and asked.verb in {"create", "delete", "get", *_WRITE}
        case ("" | "events.k8s.io", "events"):
            return asked.verb in {"create", *_WRITE}
        case ("", "pods") if asked.verb in {"list", "watch"}:
            return asked.field_selector == f"spec.nodeName={node}"
    return _of_pods(asked, [pod for pod in pods if node_name(pod) == node])


def _of_pods(asked: Attributes, pods: list[Object]) -> bool:
    match asked.full_resource:
        case "pods" | "pods/status":
            mine = any(meta.key(pod) == meta.Key(asked.namespace, asked.name) for pod in pods)
            return mine and asked.verb in ({"get", "delete"} if not asked.subresource else {"get", *_WRITE})
        case "secrets" | "configmaps":
            plural = SECRETS if asked.resource == SECRETS else CONFIGMAPS
            wanted = (plural, asked.namespace, asked.name)
            return asked.verb in _READ and any(wanted in references(pod) for pod in pods)
        case "serviceaccounts/token":
            return asked.verb == "create" and any(_runs_as(pod, asked.namespace, asked.name) for pod in pods)
    return False


def _runs_as(pod: Object, namespace: str, account: str) -> bool:
    return meta.namespace(pod) == namespace and (pod.get("spec") or {}).get("serviceAccountName") == account
