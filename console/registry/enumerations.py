"""The values that fields of built-in kinds may have, as the OpenAPI of a Kubernetes API server lists them.

The published definitions leave them out; `kubectl explain` and generators of clients read them from a server.
Validation has its own rules, since some of these fields take further values for some objects.
"""

from __future__ import annotations

from common.api.meta import Object

Fields = dict[str, tuple[str, ...]]

_PROTOCOLS = ("SCTP", "TCP", "UDP")
_EFFECTS = ("NoExecute", "NoSchedule", "PreferNoSchedule")
_POLICIES = ("Cluster", "Local")
_CONTAINER: Fields = {
    "imagePullPolicy": ("Always", "IfNotPresent", "Never"),
    "terminationMessagePolicy": ("FallbackToLogsOnError", "File"),
}
_PREEMPTION: Fields = {"preemptionPolicy": ("Never", "PreemptLowerPriority")}
_PROFILE: Fields = {"type": ("Localhost", "RuntimeDefault", "Unconfined")}
_SET_STRATEGY: Fields = {"type": ("OnDelete", "RollingUpdate")}
_RECLAIM = ("Delete", "Recycle", "Retain")
_VOLUME_MODE: Fields = {"volumeMode": ("Block", "Filesystem")}
_WEBHOOK: Fields = {
    "failurePolicy": ("Fail", "Ignore"),
    "matchPolicy": ("Equivalent", "Exact"),
    "sideEffects": ("None", "NoneOnDryRun", "Some", "Unknown"),
}
_CORE: dict[str, Fields] = {
    "AppArmorProfile": _PROFILE,
    "Container": _CONTAINER,
    "ContainerPort": {"protocol": _PROTOCOLS},
    "EndpointPort": {"protocol": _PROTOCOLS},
    "EphemeralContainer": _CONTAINER,
    "HTTPGetAction": {"scheme": ("HTTP", "HTTPS")},
    "HostPathVolumeSource": {
        "type": ("", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket")
    },
    "NamespaceStatus": {"phase": ("Active", "Terminating")},
    "NodeSelectorRequirement": {"operator": ("DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn")},
    "NodeStatus": {"phase": ("Pending", "Running", "Terminated")},
    "PersistentVolumeClaimSpec": _VOLUME_MODE,
    "PersistentVolumeClaimStatus": {"phase": ("Bound", "Lost", "Pending")},
    "PersistentVolumeSpec": {**_VOLUME_MODE, "persistentVolumeReclaimPolicy": _RECLAIM},
    "PersistentVolumeStatus": {"phase": ("Available", "Bound", "Failed", "Pending", "Released")},
    "PodSecurityContext": {"fsGroupChangePolicy": ("Always", "OnRootMismatch")},
    "PodSpec": {
        **_PREEMPTION,
        "dnsPolicy": ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
        "restartPolicy": ("Always", "Never", "OnFailure"),
    },
    "PodStatus": {
        "phase": ("Failed", "Pending", "Running", "Succeeded", "Unknown"),
        "qosClass": ("BestEffort", "Burstable", "Guaranteed"),
    },
    "PortStatus": {"protocol": _PROTOCOLS},
    "ScopedResourceSelectorRequirement": {"operator": ("DoesNotExist", "Exists", "In", "NotIn")},
    "SeccompProfile": _PROFILE,
    "SecurityContext": {"procMount": ("Default", "Unmasked")},
    "ServicePort": {"protocol": _PROTOCOLS},
    "ServiceSpec": {
        "externalTrafficPolicy": _POLICIES,
        "internalTrafficPolicy": _POLICIES,
        "ipFamilyPolicy": ("PreferDualStack", "RequireDualStack", "SingleStack"),
        "sessionAffinity": ("ClientIP", "None"),
        "type": ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort"),
    },
    "Taint": {"effect": _EFFECTS},
    "Toleration": {"effect": _EFFECTS, "operator": ("Equal", "Exists", "Gt", "Lt")},
    "TopologySpreadConstraint": {
        "nodeAffinityPolicy": ("Honor", "Ignore"),
        "nodeTaintsPolicy": ("Honor", "Ignore"),
        "whenUnsatisfiable": ("DoNotSchedule", "ScheduleAnyway"),
    },
}
_APPS: dict[str, Fields] = {
    "DaemonSetUpdateStrategy": _SET_STRATEGY,
    "DeploymentStrategy": {"type": ("Recreate", "RollingUpdate")},
    "StatefulSetSpec": {"podManagementPolicy": ("OrderedReady", "Parallel")},
    "StatefulSetUpdateStrategy": _SET_STRATEGY,
}
_BATCH: dict[str, Fields] = {
    "CronJobSpec": {"concurrencyPolicy": ("Allow", "Forbid", "Replace")},
    "JobSpec": {
        "completionMode": ("Indexed", "NonIndexed"),
        "podReplacementPolicy": ("Failed", "TerminatingOrFailed"),
    },
    "PodFailurePolicyOnExitCodesRequirement": {"operator": ("In", "NotIn")},
    "PodFailurePolicyRule": {"action": ("Count", "FailIndex", "FailJob", "Ignore")},
}
_VALUES: dict[str, dict[str, Fields]] = {
    "admissionregistration.v1": {
        "MutatingWebhook": {**_WEBHOOK, "reinvocationPolicy": ("IfNeeded", "Never")},
        "ValidatingWebhook": _WEBHOOK,
    },
    "apps.v1": _APPS,
    "batch.v1": _BATCH,
    "core.v1": _CORE,
    "discovery.v1": {"EndpointSlice": {"addressType": ("FQDN", "IPv4", "IPv6")}},
    "networking.v1": {
        "HTTPIngressPath": {"pathType": ("Exact", "ImplementationSpecific", "Prefix")},
        "NetworkPolicyPort": {"protocol": _PROTOCOLS},
    },
    "policy.v1": {"PodDisruptionBudgetSpec": {"unhealthyPodEvictionPolicy": ("AlwaysAllow", "IfHealthyBudget")}},
    "scheduling.v1": {"PriorityClass": _PREEMPTION},
    "storage.v1": {
        "StorageClass": {"reclaimPolicy": _RECLAIM, "volumeBindingMode": ("Immediate", "WaitForFirstConsumer")}
    },
}
ENUMERATIONS = {
    f"io.k8s.api.{group}.{kind}": fields for group, kinds in _VALUES.items() for kind, fields in kinds.items()
}
"""Definition -> field -> its values, sorted."""


def with_enumerations(name: str, component: Object) -> Object:
    """A component of the OpenAPI document with the values of its fields."""
    fields = ENUMERATIONS.get(name)
    if not fields:
        return component
    properties = component["properties"]
    listed = {field: {**properties[field], "enum": list(values)} for field, values in fields.items()}
    return {**component, "properties": {**properties, **listed}}
