"""The roles of Kubernetes' own controllers and components, as Kubernetes seeds them. Data and nothing else.

Our controllers are parts of one program and need none of them; programs that bind to these names, or run a controller
of their own under one, do.
"""

from __future__ import annotations

from collections.abc import Sequence

from common.api.kinds import RBAC
from common.api.meta import Object

from .building import READ, binding, role, rule

_PREFIX = "system:controller:"
_SYSTEM, _PUBLIC = "kube-system", "kube-public"
_EVENTS = (
    rule(("create", "patch", "update"), "", "events"),
    rule(("create", "patch", "update"), "events.k8s.io", "events"),
)
_ALL = {"apiGroups": ["*"], "resources": ["*"]}
_KEEP = ("create", "delete", "get", "list", "update")
_OWN = ("create", "delete", "get", "list", "patch", "update", "watch")
_PODS = ("create", "delete", "list", "patch", "watch")
_FOLLOW = ("list", "watch")
_SCALES = {"verbs": ["get", "update"], "apiGroups": ["*"], "resources": ["*/scale"]}
_LEASES, _SLICES = "coordination.k8s.io", "discovery.k8s.io"


def _workload(plural: str, group: str, *verbs: str) -> tuple[Object, ...]:
    return (
        rule(verbs, group, plural), rule(("update",), group, f"{plural}/status"),
        rule(("update",), group, f"{plural}/finalizers"),
    )  # fmt: skip


_CONTROLLERS: dict[str, Sequence[Object]] = {
    "attachdetach-controller": (
        rule(_FOLLOW, "", "persistentvolumeclaims", "persistentvolumes"), rule(READ, "", "nodes"),
        rule(("patch", "update"), "", "nodes/status"), rule(_FOLLOW, "", "pods"),
        rule(("create", "delete", *READ), "storage.k8s.io", "volumeattachments"),
        rule(READ, "storage.k8s.io", "csidrivers", "csinodes"), *_EVENTS,
    ),
    "certificate-controller": (
        rule(("delete", *READ), "certificates.k8s.io", "certificatesigningrequests"),
        rule(("update",), "certificates.k8s.io", "certificatesigningrequests/approval",
             "certificatesigningrequests/status"),
        rule(("approve",), "certificates.k8s.io", "signers",
             names=("kubernetes.io/kube-apiserver-client-kubelet",)),
        rule(("sign",), "certificates.k8s.io", "signers",
             names=("kubernetes.io/kube-apiserver-client", "kubernetes.io/kube-apiserver-client-kubelet",
                    "kubernetes.io/kubelet-serving", "kubernetes.io/legacy-unknown")),
        rule(("create",), "authorization.k8s.io", "subjectaccessreviews"), *_EVENTS,
    ),
    "clusterrole-aggregation-controller": (
        rule(("escalate", "get", "list", "patch", "update", "watch"), RBAC, "clusterroles"),
    ),
    "cronjob-controller": (
        *_workload("cronjobs", "batch", "get", "list", "update", "watch"), rule(_OWN, "batch", "jobs"),
        rule(("delete", "list"), "", "pods"), *_EVENTS,
    ),
    "daemon-set-controller": (
        *_workload("daemonsets", "apps", *READ), rule(_FOLLOW, "", "nodes"), rule(_PODS, "", "pods"),
        rule(("create",), "", "pods/binding"), rule(_OWN, "apps", "controllerrevisions"), *_EVENTS,
    ),
    "deployment-controller": (
        *_workload("deployments", "apps", "get", "list", "update", "watch"), rule(_OWN, "apps", "replicasets"),
        rule(("get", "list", "update", "watch"), "", "pods"), *_EVENTS,
    ),
    "disruption-controller": (
        rule(READ, "apps", "deployments", "replicasets", "statefulsets"), rule(READ, "", "replicationcontrollers"),
        rule(READ, "policy", "poddisruptionbudgets"), rule(("update",), "policy", "poddisruptionbudgets/status"),
        rule(READ, "", "pods"), rule(("patch", "update"), "", "pods/status"),
        {"verbs": ["get"], "apiGroups": ["*"], "resources": ["*/scale"]}, *_EVENTS,
    ),
    "endpoint-controller": (
        rule(READ, "", "pods", "services"), rule(_KEEP, "", "endpoints"),
        rule(("create",), "", "endpoints/restricted"), *_EVENTS,
    ),
    "endpointslice-controller": (
        rule(READ, "", "nodes", "pods", "services"), rule(("update",), "", "services/finalizers"),
        rule(_KEEP, _SLICES, "endpointslices"), rule(("create",), _SLICES, "endpointslices/restricted"), *_EVENTS,
    ),
    "endpointslicemirroring-controller": (
        rule(READ, "", "endpoints", "services"), rule(("update",), "", "endpoints/finalizers", "services/finalizers"),
        rule(_KEEP, _SLICES, "endpointslices"), rule(("create",), _SLICES, "endpointslices/restricted"), *_EVENTS,
    ),
    "ephemeral-volume-controller": (
        rule(("update",), "", "pods/finalizers"), rule(READ, "", "pods"),
        rule(("create", *READ), "", "persistentvolumeclaims"), *_EVENTS,
    ),
    "expand-controller": (
        rule(("get", "list", "patch", "update", "watch"), "", "persistentvolumes"),
        rule(("patch", "update"), "", "persistentvolumeclaims/status"), rule(READ, "", "persistentvolumeclaims"),
        rule(READ, "storage.k8s.io", "storageclasses"), rule(("get",), "", "endpoints", "secrets", "services"),
        *_EVENTS,
    ),
    "generic-garbage-collector": (
        {"verbs": ["delete", "get", "list", "patch", "update", "watch"], **_ALL}, *_EVENTS,
    ),
    "horizontal-pod-autoscaler": (
        rule(READ, "autoscaling", "horizontalpodautoscalers"),
        rule(("update",), "autoscaling", "horizontalpodautoscalers/status"), _SCALES, rule(("list",), "", "pods"),
        rule(("list",), "metrics.k8s.io", "pods"),
        {"verbs": ["get", "list"], "apiGroups": ["custom.metrics.k8s.io", "external.metrics.k8s.io"],
         "resources": ["*"]}, *_EVENTS,
    ),
    "job-controller": (
        *_workload("jobs", "batch", "get", "list", "patch", "update", "watch"), rule(_PODS, "", "pods"), *_EVENTS,
    ),
    "namespace-controller": (
        rule(("delete", *READ), "", "namespaces"), rule(("update",), "", "namespaces/finalize", "namespaces/status"),
        {"verbs": ["delete", "deletecollection", "get", "list"], **_ALL},
    ),
    "node-controller": (
        rule(("delete", "get", "list", "patch", "update"), "", "nodes"),
        rule(("patch", "update"), "", "nodes/status", "pods/status"), rule(("delete", "get", "list"), "", "pods"),
        *_EVENTS,
    ),
    "persistent-volume-binder": (
        rule(_OWN, "", "persistentvolumes"), rule(("update",), "", "persistentvolumes/status"),
        rule(("get", "list", "update", "watch"), "", "persistentvolumeclaims"),
        rule(("update",), "", "persistentvolumeclaims/status"), rule(("create", "delete", *READ), "", "pods"),
        rule(READ, "storage.k8s.io", "storageclasses"), rule(("create", "delete", "get", "update"), "", "endpoints"),
        rule(("create", "delete", "get"), "", "services"), rule(("get", "list"), "", "secrets"),
        rule(_FOLLOW, "", "nodes"), *_EVENTS,
    ),
    "pod-garbage-collector": (
        rule(("delete", "list", "watch"), "", "pods"), rule(("get", "list"), "", "nodes"),
        rule(("patch",), "", "pods/status"),
    ),
    "pv-protection-controller": (rule(("get", "list", "update", "watch"), "", "persistentvolumes"), *_EVENTS),
    "pvc-protection-controller": (
        rule(("get", "list", "update", "watch"), "", "persistentvolumeclaims"), rule(READ, "", "pods"), *_EVENTS,
    ),
    "replicaset-controller": (
        *_workload("replicasets", "apps", "get", "list", "update", "watch"), rule(_PODS, "", "pods"), *_EVENTS,
    ),
    "replication-controller": (
        *_workload("replicationcontrollers", "", "get", "list", "update", "watch"), rule(_PODS, "", "pods"), *_EVENTS,
    ),
    "resourcequota-controller": (
        {"verbs": ["list", "watch"], **_ALL}, rule(("update",), "", "resourcequotas/status"), *_EVENTS,
    ),
    "root-ca-cert-publisher": (rule(("create", "update"), "", "configmaps"), *_EVENTS),
    "route-controller": (rule(_FOLLOW, "", "nodes"), rule(("patch",), "", "nodes/status"), *_EVENTS),
    "service-account-controller": (rule(("create",), "", "serviceaccounts"), *_EVENTS),
    "service-controller": (
        rule(READ, "", "services"), rule(("patch", "update"), "", "services/status"), rule(_FOLLOW, "", "nodes"),
        *_EVENTS,
    ),
    "statefulset-controller": (
        rule(_FOLLOW, "", "pods"), *_workload("statefulsets", "apps", *READ),
        rule(("create", "delete", "get", "patch", "update"), "", "pods"), rule(_OWN, "apps", "controllerrevisions"),
        rule(("create", "delete", "get", "list", "update", "watch"), "", "persistentvolumeclaims"), *_EVENTS,
    ),
    "ttl-after-finished-controller": (rule(("delete", *READ), "batch", "jobs"), *_EVENTS),
    "ttl-controller": (rule(("list", "patch", "update", "watch"), "", "nodes"), *_EVENTS),
}  # fmt: skip

_MANAGER = (
    *_EVENTS, rule(("create", "get", "list", "update", "watch"), _LEASES, "leases"),
    rule(("create",), "", "secrets", "serviceaccounts"), rule(("delete",), "", "secrets"),
    rule(("get",), "", "configmaps", "namespaces", "secrets", "serviceaccounts"),
    rule(("update",), "", "secrets", "serviceaccounts"), rule(("create",), "authentication.k8s.io", "tokenreviews"),
    rule(("create",), "authorization.k8s.io", "subjectaccessreviews"), {"verbs": ["list", "watch"], **_ALL},
    rule(("create",), "", "serviceaccounts/token"),
)  # fmt: skip
_REQUESTS = "system:certificates.k8s.io:certificatesigningrequests:"
_SIGNERS = ("legacy-unknown", "kubelet-serving", "kube-apiserver-client-kubelet")

ROLES: tuple[Object, ...] = (
    *(role(f"{_PREFIX}{name}", *rules) for name, rules in _CONTROLLERS.items()),
    role("system:kube-controller-manager", *_MANAGER),
    role("system:kube-dns", rule(_FOLLOW, "", "endpoints", "services")),
    role("system:kube-aggregator", rule(READ, "", "endpoints", "services")),
    role(
        "system:node-bootstrapper",
        rule(("create", *READ), "certificates.k8s.io", "certificatesigningrequests"),
    ),
    *(
        role(f"{_REQUESTS}{name}", rule(("create",), "certificates.k8s.io", f"certificatesigningrequests/{name}"))
        for name in ("nodeclient", "selfnodeclient")
    ),
    *(
        role(
            f"system:certificates.k8s.io:{name}-approver",
            rule(("approve",), "certificates.k8s.io", "signers", names=(f"kubernetes.io/{name}",)),
        )
        for name in _SIGNERS
    ),
)
BINDINGS: tuple[Object, ...] = (
    *(binding(f"{_PREFIX}{name}", account=name) for name in _CONTROLLERS),
    binding("system:kube-controller-manager", user="system:kube-controller-manager"),
    binding("system:kube-dns", account="kube-dns"),
)


def _lock(component: str) -> tuple[Object, Object]:
    """A component leads by a lock of its own name."""
    name = f"system::leader-locking-{component}"
    made = role(
        name, rule(("watch",), "", "configmaps"), rule(("get", "update"), "", "configmaps", names=(component,)),
        namespace=_SYSTEM,
    )  # fmt: skip
    return made, binding(name, user=f"system:{component}", account=component, namespace=_SYSTEM)


_LOCKS = tuple(_lock(component) for component in ("kube-controller-manager", "kube-scheduler"))
NAMESPACED_ROLES: tuple[Object, ...] = (
    role(f"{_PREFIX}bootstrap-signer", rule(READ, "", "secrets"), namespace=_SYSTEM),
    role(f"{_PREFIX}cloud-provider", rule(("create", *READ), "", "configmaps"), namespace=_SYSTEM),
    role(f"{_PREFIX}token-cleaner", rule(("delete", *READ), "", "secrets"), *_EVENTS, namespace=_SYSTEM),
    role(
        f"{_PREFIX}bootstrap-signer", rule(READ, "", "configmaps"),
        rule(("update",), "", "configmaps", names=("cluster-info",)), *_EVENTS, namespace=_PUBLIC,
    ),
    *(made for made, _ in _LOCKS),
)  # fmt: skip
NAMESPACED_BINDINGS: tuple[Object, ...] = (
    *(binding(f"{_PREFIX}{name}", account=name, namespace=_SYSTEM)
      for name in ("bootstrap-signer", "cloud-provider", "token-cleaner")),
    binding(f"{_PREFIX}bootstrap-signer", account="bootstrap-signer", namespace=_PUBLIC),
    *(made for _, made in _LOCKS),
)  # fmt: skip
