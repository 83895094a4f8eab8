"""The FlowSchemas and PriorityLevelConfigurations that every cluster begins with, as Kubernetes v1.36 has them.

The mandatory ones are fixed: a request that nothing else matches falls to `catch-all`, and administrators are `exempt`.
The others are suggestions that whoever runs the cluster may change.
"""

from __future__ import annotations

from common.api import kinds
from common.api.meta import Object

EXEMPT, CATCH_ALL = "exempt", "catch-all"
AUTO_UPDATE = "apf.kubernetes.io/autoupdate-spec"
_EVERYBODY = ("system:unauthenticated", "system:authenticated")
_LEADING = ("get", "create", "update")
_LEASES = ("coordination.k8s.io", ("leases",))
_CONTROLLERS, _SCHEDULER = "system:kube-controller-manager", "system:kube-scheduler"


def _level(name: str, spec: Object) -> Object:
    return {"metadata": {"name": name}, "spec": spec}


def _queuing(name: str, shares: int, lendable: int, queues: int, hand: int) -> Object:
    queuing = {"queues": queues, "handSize": hand, "queueLengthLimit": 50}
    response = {"type": "Queue", "queuing": queuing}
    limited = {"nominalConcurrencyShares": shares, "lendablePercent": lendable, "limitResponse": response}
    return _level(name, {"type": "Limited", "limited": limited})


def _schema(name: str, level: str, precedence: int, method: str, rule: Object) -> Object:
    spec: Object = {"matchingPrecedence": precedence, "priorityLevelConfiguration": {"name": level}, "rules": [rule]}
    if method:
        spec["distinguisherMethod"] = {"type": method}
    return {"metadata": {"name": name}, "spec": spec}


def _groups(*names: str) -> list[Object]:
    return [{"kind": "Group", "group": {"name": name}} for name in names]


def _users(*names: str) -> list[Object]:
    return [{"kind": "User", "user": {"name": name}} for name in names]


def _accounts(*names: str) -> list[Object]:
    found = [{"name": name, "namespace": "kube-system"} for name in names]
    return [{"kind": "ServiceAccount", "serviceAccount": account} for account in found]


def _resources(verbs: tuple[str, ...], group: str, names: tuple[str, ...], *, cluster: bool = False) -> Object:
    rule: Object = {"verbs": list(verbs), "apiGroups": [group], "resources": list(names), "namespaces": ["*"]}
    return {**rule, "clusterScope": True} if cluster else rule


def _everything(subjects: list[Object]) -> Object:
    return {
        "subjects": subjects,
        "resourceRules": [_resources(("*",), "*", ("*",), cluster=True)],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
    }


def _rule(subjects: list[Object], *rules: Object) -> Object:
    return {"subjects": subjects, "resourceRules": list(rules)}


_PROBES = {
    "subjects": _groups(*_EVERYBODY),
    "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/healthz", "/readyz", "/livez"]}],
}

MANDATORY_LEVELS = (
    _level(EXEMPT, {"type": "Exempt", "exempt": {"nominalConcurrencyShares": 0, "lendablePercent": 0}}),
    _level(CATCH_ALL, {
        "type": "Limited",
        "limited": {"nominalConcurrencyShares": 5, "lendablePercent": 0, "limitResponse": {"type": "Reject"}},
    }),
)  # fmt: skip
MANDATORY_SCHEMAS = (
    _schema(EXEMPT, EXEMPT, 1, "", _everything(_groups("system:masters"))),
    _schema(CATCH_ALL, CATCH_ALL, 10_000, "ByUser", _everything(_groups(*_EVERYBODY))),
)
_SUGGESTED_LEVELS = (
    _queuing("system", 30, 33, 64, 6), _queuing("node-high", 40, 25, 64, 6), _queuing("leader-election", 10, 0, 16, 4),
    _queuing("workload-high", 40, 50, 128, 6), _queuing("workload-low", 100, 90, 128, 6),
    _queuing("global-default", 20, 50, 128, 6),
)  # fmt: skip
_SUGGESTED_SCHEMAS = (
    _schema("probes", EXEMPT, 2, "", _PROBES),
    _schema("system-leader-election", "leader-election", 100, "ByUser",
            _rule([*_users(_CONTROLLERS, _SCHEDULER), *_accounts("*")], _resources(_LEADING, *_LEASES))),
    _schema("endpoint-controller", "workload-high", 150, "ByUser",
            _rule([*_users(_CONTROLLERS), *_accounts("endpoint-controller", "endpointslicemirroring-controller")],
                  _resources(_LEADING, "", ("endpoints",)))),
    _schema("workload-leader-election", "leader-election", 200, "ByUser",
            _rule(_accounts("*"), _resources(_LEADING, "", ("endpoints", "configmaps")),
                  _resources(_LEADING, *_LEASES))),
    _schema("system-node-high", "node-high", 400, "ByUser",
            _rule(_groups("system:nodes"), _resources(("*",), "", ("nodes", "nodes/status"), cluster=True),
                  _resources(("*",), *_LEASES))),
    _schema("system-nodes", "system", 500, "ByUser", _everything(_groups("system:nodes"))),
    _schema("kube-controller-manager", "workload-high", 800, "ByNamespace", _everything(_users(_CONTROLLERS))),
    _schema("kube-scheduler", "workload-high", 800, "ByNamespace", _everything(_users(_SCHEDULER))),
    _schema("kube-system-service-accounts", "workload-high", 900, "ByNamespace", _everything(_accounts("*"))),
    _schema("service-accounts", "workload-low", 9000, "ByUser", _everything(_groups("system:serviceaccounts"))),
    _schema("global-default", "global-default", 9900, "ByUser", _everything(_groups(*_EVERYBODY))),
)  # fmt: skip

MANDATORY = {
    kinds.PRIORITYLEVELCONFIGURATIONS: {level["metadata"]["name"]: level for level in MANDATORY_LEVELS},
    kinds.FLOWSCHEMAS: {schema["metadata"]["name"]: schema for schema in MANDATORY_SCHEMAS},
}
SUGGESTED = {
    kinds.PRIORITYLEVELCONFIGURATIONS: {level["metadata"]["name"]: level for level in _SUGGESTED_LEVELS},
    kinds.FLOWSCHEMAS: {schema["metadata"]["name"]: schema for schema in _SUGGESTED_SCHEMAS},
}
