"""Access of the seeded cluster: a ServiceAccount, roles of every reach, and who has them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from common.api import kinds
from common.api.kinds import RBAC, Resource
from common.api.meta import Object, format_time
from tests.fakes.api import FakeApi


def add_access(api: FakeApi, now: datetime) -> None:
    """Seeded with creation times before `now`."""

    def seed(resource: Resource, name: str, days: float, space: str = "", **fields: Any) -> None:
        place = {"namespace": space} if space else {}
        moment = format_time(now - timedelta(days=days))
        obj: Object = {"apiVersion": resource.api_version, "kind": resource.kind}
        api.seed(resource, {**obj, "metadata": {"name": name, "creationTimestamp": moment, **place}, **fields})

    seed(kinds.SERVICEACCOUNTS, "default", 40, "default")
    seed(kinds.SERVICEACCOUNTS, "ledger", 22, "default", imagePullSecrets=[{"name": "registry"}])
    seed(kinds.SERVICEACCOUNTS, "default", 40, "iot", automountServiceAccountToken=False)
    reads = {"verbs": ["get", "list", "watch"], "apiGroups": [""], "resources": ["configmaps", "pods", "services"]}
    writes = {"verbs": ["create", "delete", "patch"], "apiGroups": ["apps"], "resources": ["deployments"]}
    seed(kinds.CLUSTERROLES, "cluster-admin", 40, rules=[{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}])
    seed(kinds.CLUSTERROLES, "view", 40, rules=[reads])
    seed(kinds.CLUSTERROLES, "deployer", 12, rules=[reads, writes])
    seed(kinds.ROLES, "ledger", 22, "default", rules=[reads])

    def bind(resource: Resource, name: str, kind: str, role: str, subject: Object, space: str = "") -> None:
        reference = {"apiGroup": RBAC, "kind": kind, "name": role}
        seed(resource, name, 12, space, roleRef=reference, subjects=[subject])

    account = {"kind": "ServiceAccount", "name": "ledger", "namespace": "default"}
    bind(kinds.ROLEBINDINGS, "ledger", "Role", "ledger", account, "default")
    bind(kinds.ROLEBINDINGS, "deployers", "ClusterRole", "deployer", {"kind": "Group", "name": "devs"}, "default")
    bind(kinds.CLUSTERROLEBINDINGS, "auditor", "ClusterRole", "view", {"kind": "User", "name": "jane"})
