"""How the default roles and bindings are written down: a line a rule, with the marks that keep them up to date."""

from __future__ import annotations

from collections.abc import Sequence

from common.api.kinds import CLUSTERROLEBINDINGS, CLUSTERROLES, RBAC, ROLEBINDINGS, ROLES
from common.api.meta import Object

AUTO_UPDATE = "rbac.authorization.kubernetes.io/autoupdate"
READ = ("get", "list", "watch")
WRITE = ("create", "delete", "deletecollection", "patch", "update")
BOTH = (*READ, *WRITE)
_BOOTSTRAP = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_AGGREGATE = f"{RBAC}/aggregate-to-"


def rule(verbs: Sequence[str], group: str, *resources: str, names: Sequence[str] = ()) -> Object:
    made: Object = {"verbs": sorted(verbs), "apiGroups": [group], "resources": sorted(resources)}
    return {**made, "resourceNames": list(names)} if names else made


def paths(*urls: str) -> Object:
    return {"verbs": ["get"], "nonResourceURLs": sorted(urls)}


def role(name: str, *rules: Object, aggregate_to: str = "", namespace: str = "") -> Object:
    """A ClusterRole, or with a namespace a Role."""
    labels = {f"{_AGGREGATE}{aggregate_to}": "true"} if aggregate_to else {}
    kind = ROLES.kind if namespace else CLUSTERROLES.kind
    return {**_typed(kind), "metadata": _metadata(name, namespace, labels), "rules": list(rules)}


def aggregated(name: str, *, part_of: str = "") -> Object:
    selector = {"matchLabels": {f"{_AGGREGATE}{name}": "true"}}
    made = role(name, aggregate_to=part_of)
    del made["rules"]  # whose controller writes them
    return {**made, "aggregationRule": {"clusterRoleSelectors": [selector]}}


def binding(name: str, *groups: str, user: str = "", account: str = "", namespace: str = "") -> Object:
    """Of the role of that name to groups, a user and a ServiceAccount of kube-system; cluster-wide, or in a
    namespace."""
    subjects: list[Object] = [{"kind": "Group", "apiGroup": RBAC, "name": group} for group in groups]
    subjects += [{"kind": "User", "apiGroup": RBAC, "name": user}] if user else []
    subjects += [{"kind": "ServiceAccount", "name": account, "namespace": "kube-system"}] if account else []
    kinds = (ROLEBINDINGS.kind, ROLES.kind) if namespace else (CLUSTERROLEBINDINGS.kind, CLUSTERROLES.kind)
    reference = {"apiGroup": RBAC, "kind": kinds[1], "name": name}
    return {**_typed(kinds[0]), "metadata": _metadata(name, namespace, {}), "roleRef": reference, "subjects": subjects}


def _metadata(name: str, namespace: str, labels: dict[str, str]) -> Object:
    found: Object = {"name": name, "labels": {**_BOOTSTRAP, **labels}, "annotations": {AUTO_UPDATE: "true"}}
    return {**found, "namespace": namespace} if namespace else found


def _typed(kind: str) -> Object:
    return {"apiVersion": f"{RBAC}/v1", "kind": kind}
