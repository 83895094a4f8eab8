"""The roles and bindings that every cluster has for people, programs and nodes, as Kubernetes documents them. Data and
nothing else."""

from __future__ import annotations

from common.api.kinds import RBAC
from common.api.meta import Object

from . import building

_READ, _WRITE, _BOTH = building.READ, building.WRITE, building.BOTH
_rule, _paths, _role, _aggregated, _binding = (
    building.rule, building.paths, building.role, building.aggregated, building.binding,
)  # fmt: skip
_AUTHENTICATED, _UNAUTHENTICATED = "system:authenticated", "system:unauthenticated"
_HEALTH = ("/healthz", "/livez", "/readyz", "/version", "/version/")

_WORKLOADS = (
    "daemonsets", "deployments", "deployments/scale", "replicasets", "replicasets/scale", "statefulsets",
    "statefulsets/scale",
)  # fmt: skip
_WORKLOAD_STATES = ("daemonsets/status", "deployments/status", "replicasets/status", "statefulsets/status")

VIEW = _role(
    "system:aggregate-to-view",
    _rule(
        _READ, "", "configmaps", "endpoints", "persistentvolumeclaims", "persistentvolumeclaims/status",
        "persistentvolumeclaims/usage", "pods",
        "replicationcontrollers", "replicationcontrollers/scale", "serviceaccounts", "services", "services/status",
    ),
    _rule(
        _READ, "", "bindings", "events", "limitranges", "namespaces/status", "pods/log", "pods/status",
        "replicationcontrollers/status", "resourcequotas", "resourcequotas/status",
    ),
    _rule(_READ, "", "namespaces"),
    _rule(_READ, "discovery.k8s.io", "endpointslices"),
    _rule(_READ, "apps", "controllerrevisions", *_WORKLOADS, *_WORKLOAD_STATES),
    _rule(_READ, "autoscaling", "horizontalpodautoscalers", "horizontalpodautoscalers/status"),
    _rule(_READ, "batch", "cronjobs", "cronjobs/status", "jobs", "jobs/status"),
    _rule(_READ, "policy", "poddisruptionbudgets", "poddisruptionbudgets/status"),
    _rule(_READ, "networking.k8s.io", "ingresses", "ingresses/status", "networkpolicies"),
    aggregate_to="view",
)  # fmt: skip

EDIT = _role(
    "system:aggregate-to-edit",
    _rule(_READ, "", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "secrets", "services/proxy"),
    _rule(("impersonate",), "", "serviceaccounts"),
    _rule(_WRITE, "", "pods", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy"),
    _rule(("create",), "", "pods/eviction"),
    _rule(
        _WRITE, "", "configmaps", "events", "persistentvolumeclaims", "replicationcontrollers",
        "replicationcontrollers/scale", "secrets", "serviceaccounts", "services", "services/proxy",
    ),
    _rule(("create",), "", "serviceaccounts/token"),
    _rule(_WRITE, "apps", "deployments/rollback", *_WORKLOADS),
    _rule(_WRITE, "autoscaling", "horizontalpodautoscalers"),
    _rule(_WRITE, "batch", "cronjobs", "jobs"),
    _rule(_WRITE, "policy", "poddisruptionbudgets"),
    _rule(_WRITE, "networking.k8s.io", "ingresses", "networkpolicies"),
    _rule(_BOTH, "coordination.k8s.io", "leases"),
    aggregate_to="edit",
)  # fmt: skip

ADMIN = _role(
    "system:aggregate-to-admin",
    _rule(("create",), "authorization.k8s.io", "localsubjectaccessreviews"),
    _rule(_BOTH, RBAC, "rolebindings", "roles"),
    aggregate_to="admin",
)

# What this API has besides Kubernetes' own, for the same readers.
EXPLANATIONS = _role("system:quarterdeck:aggregate-to-view", _rule(("get",), "", "pods/why"), aggregate_to="view")
METRICS = _role(
    "system:aggregated-metrics-reader", _rule(_READ, "metrics.k8s.io", "nodes", "pods"), aggregate_to="view"
)

SCHEDULER = _role(
    "system:kube-scheduler",
    _rule(("create", "patch", "update"), "events.k8s.io", "events"),
    _rule(("create", "patch", "update"), "", "events"),
    _rule(("create", "get", "list", "patch", "update", "watch"), "coordination.k8s.io", "leases"),
    _rule(_READ, "", "nodes"),
    _rule(("delete", *_READ), "", "pods"),
    _rule(("create",), "", "bindings", "pods/binding"),
    _rule(("patch", "update"), "", "pods/status"),
    _rule(_READ, "", "namespaces", "persistentvolumeclaims", "persistentvolumes", "replicationcontrollers", "services"),
    _rule(_READ, "apps", "replicasets", "statefulsets"),
    _rule(_READ, "policy", "poddisruptionbudgets"),
    _rule(_READ, "storage.k8s.io", "csidrivers", "csinodes", "csistoragecapacities", "storageclasses"),
    _rule(("create",), "authentication.k8s.io", "tokenreviews"),
    _rule(("create",), "authorization.k8s.io", "subjectaccessreviews"),
)

NODE = _role(
    "system:node",
    _rule(("create",), "authentication.k8s.io", "tokenreviews"),
    _rule(("create",), "authorization.k8s.io", "localsubjectaccessreviews", "subjectaccessreviews"),
    _rule(_READ, "", "services"),
    _rule(("create", "get", "list", "patch", "update", "watch"), "", "nodes"),
    _rule(("patch", "update"), "", "nodes/status"),
    _rule(("create", "patch", "update"), "", "events"),
    _rule(("create", "delete", "get", "list", "watch"), "", "pods"),
    _rule(("patch", "update"), "", "pods/status"),
    _rule(("create",), "", "pods/eviction"),
    _rule(_READ, "", "configmaps", "secrets"),
    _rule(("get",), "", "persistentvolumeclaims", "persistentvolumes"),
    _rule(("create",), "", "serviceaccounts/token"),
    _rule(("create", "delete", "get", "patch", "update"), "coordination.k8s.io", "leases"),
)

ROLES: tuple[Object, ...] = (
    _role(
        "cluster-admin",
        {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
        {"verbs": ["*"], "nonResourceURLs": ["*"]},
    ),
    _aggregated("admin"),
    _aggregated("edit", part_of="admin"),
    _aggregated("view", part_of="edit"),
    ADMIN, EDIT, VIEW, EXPLANATIONS, METRICS, SCHEDULER, NODE,
    _role("system:discovery", _paths(*_HEALTH, "/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*")),
    _role("system:public-info-viewer", _paths(*_HEALTH)),
    _role(
        "system:basic-user",
        _rule(("create",), "authorization.k8s.io", "selfsubjectaccessreviews", "selfsubjectrulesreviews"),
        _rule(("create",), "authentication.k8s.io", "selfsubjectreviews"),
    ),
    _role(
        "system:monitoring",
        _paths("/healthz", "/healthz/*", "/livez", "/livez/*", "/metrics", "/metrics/slis", "/readyz", "/readyz/*"),
    ),
    _role(
        "system:service-account-issuer-discovery",
        _paths(
            "/.well-known/openid-configuration", "/.well-known/openid-configuration/", "/openid/v1/jwks",
            "/openid/v1/jwks/",
        ),
    ),
    _role(
        "system:auth-delegator",
        _rule(("create",), "authentication.k8s.io", "tokenreviews"),
        _rule(("create",), "authorization.k8s.io", "subjectaccessreviews"),
    ),
    _role(
        "system:kubelet-api-admin",
        _rule(_READ, "", "nodes"),
        _rule(("proxy",), "", "nodes"),
        _rule(("*",), "", "nodes/log", "nodes/metrics", "nodes/proxy", "nodes/stats"),
    ),
    _role(
        "system:node-proxier",
        _rule(("list", "watch"), "", "endpoints", "services"),
        _rule(_READ, "", "nodes"),
        _rule(("create", "patch", "update"), "", "events"),
        _rule(("create", "patch", "update"), "events.k8s.io", "events"),
        _rule(("list", "watch"), "discovery.k8s.io", "endpointslices"),
    ),
    _role(
        "system:node-problem-detector",
        _rule(("get",), "", "nodes"),
        _rule(("patch",), "", "nodes/status"),
        _rule(("create", "patch", "update"), "", "events"),
        _rule(("create", "patch", "update"), "events.k8s.io", "events"),
    ),
    _role(
        "system:volume-scheduler",
        _rule(("get", "list", "patch", "update", "watch"), "", "persistentvolumes"),
        _rule(_READ, "storage.k8s.io", "storageclasses"),
        _rule(("get", "list", "patch", "update", "watch"), "", "persistentvolumeclaims"),
    ),
    _role(
        "system:persistent-volume-provisioner",
        _rule(("create", "delete", *_READ), "", "persistentvolumes"),
        _rule(("get", "list", "update", "watch"), "", "persistentvolumeclaims"),
        _rule(_READ, "storage.k8s.io", "storageclasses"),
        _rule(("watch",), "", "events"),
        _rule(("create", "patch", "update"), "", "events"),
    ),
    _role(
        "system:certificates.k8s.io:kube-apiserver-client-approver",
        _rule(("approve",), "certificates.k8s.io", "signers", names=("kubernetes.io/kube-apiserver-client",)),
    ),
)  # fmt: skip


BINDINGS: tuple[Object, ...] = (
    _binding("cluster-admin", "system:masters"),
    _binding("system:monitoring", "system:monitoring"),
    _binding("system:discovery", _AUTHENTICATED),
    _binding("system:basic-user", _AUTHENTICATED),
    _binding("system:public-info-viewer", _AUTHENTICATED, _UNAUTHENTICATED),
    _binding("system:service-account-issuer-discovery", "system:serviceaccounts"),
    _binding("system:node-proxier", user="system:kube-proxy"),
    _binding("system:kube-scheduler", user="system:kube-scheduler"),
    _binding("system:volume-scheduler", user="system:kube-scheduler"),
    _binding("system:node"),
)
