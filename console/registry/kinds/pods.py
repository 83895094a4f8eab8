"""Pods: defaults, what the system sets, and the few fields that may change."""

from __future__ import annotations

from common.api import kinds
from common.api.meta import Object
from common.api.pods import qos_class
from common.errors import Cause
from console.registry.row import Context, OfSpec, Row

from . import pod_columns
from .label_keys import merge_label_keys
from .limits import check_limits, default_limits
from .pod_account import admit_account, keep_account
from .pod_annotations import take_profiles
from .pod_defaults import default_pod_spec
from .pod_resize import take_no_more_than_spec, take_resources
from .pod_status import agree_on_addresses
from .pod_update import validate_pod_update
from .pod_validation import validate_new_pod
from .pod_warnings import pod_warnings
from .runtimeclasses import admit_runtime
from .scheduling import admit_priority

NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
_ADMITTED = (
    "serviceAccountName", "serviceAccount", "priorityClassName", "priority", "preemptionPolicy", "tolerations",
    "nodeName",
)  # fmt: skip
_SUBRESOURCES = frozenset({
    "status", "log", "exec", "attach", "portforward", "proxy", "binding", "eviction", "ephemeralcontainers", "resize",
    "why",
})  # fmt: skip
TOLERATION_SECONDS = 1  # Kubernetes' default is 300; replacements here start seconds after a host is lost


def _default(spec: Object) -> None:
    spec.setdefault("enableServiceLinks", True)
    default_pod_spec(spec, is_pod=True)


def _prepare(new: Object, old: Object | None, context: Context) -> None:
    spec = new["spec"]
    if old is None:
        new["status"] = {"phase": "Pending"}
        merge_label_keys(new)
        take_profiles(new)
        _admit_all(new, context)
    elif context.subresource == "status":
        _keep_observed(new.setdefault("status", {}), old.get("status") or {})
        agree_on_addresses(new["status"])
    elif context.subresource == "ephemeralcontainers":
        added = spec.get("ephemeralContainers") or []
        take_no_more_than_spec(new, old)
        new["spec"] = {**old["spec"], "ephemeralContainers": added}
    elif context.subresource == "resize":
        take_resources(new, old)
    elif not context.subresource:
        _keep_admitted(spec, old["spec"])
        _admit(spec)


def _keep_observed(status: Object, old: Object) -> None:
    """Writers that know nothing of them leave the QoS class and the generations that were observed as they are.

    Moments of conditions are always said, null where nobody told one.
    """
    for name in ("qosClass", "observedGeneration"):
        if not status.get(name) and old.get(name):
            status[name] = old[name]
    known = {condition.get("type"): condition for condition in old.get("conditions") or ()}
    if status.get("conditions"):
        status["conditions"] = [_observed(item, known.get(item.get("type")) or {}) for item in status["conditions"]]


def _observed(condition: Object, before: Object) -> Object:
    told = dict(condition)
    for moment in ("lastProbeTime", "lastTransitionTime"):
        told.setdefault(moment, None)
    if not condition.get("observedGeneration") and before.get("observedGeneration"):
        told["observedGeneration"] = before["observedGeneration"]
    return before if told == before else told


def _admit_all(pod: Object, context: Context) -> None:
    """What Kubernetes' built-in admission plugins do to a new pod; a second time for what others added to it."""
    admit_priority(pod, context)
    admit_account(pod, context)
    admit_runtime(pod, context)
    default_limits(pod, context)
    pod["status"]["qosClass"] = qos_class(pod)
    _admit(pod["spec"])


def _admit(spec: Object) -> None:
    """What Kubernetes' built-in admission plugins add to a pod, new or changed."""
    tolerations = spec.setdefault("tolerations", [])
    for taint in (NOT_READY, UNREACHABLE):
        if not any(_tolerates(toleration, taint) for toleration in tolerations):
            tolerations.append(
                {"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": TOLERATION_SECONDS}
            )


def _keep_admitted(spec: Object, old: Object) -> None:
    """A replace by someone who leaves out what admission added means no change of it."""
    keep_account(spec, old)
    for name in _ADMITTED:
        if name not in spec and name in old:
            spec[name] = old[name]


def _tolerates(toleration: Object, taint: str) -> bool:
    return toleration.get("key") in {taint, None, ""} and toleration.get("effect") in {"NoExecute", None, ""}


def _validate(new: Object, old: Object | None, context: Context) -> list[Cause]:
    if old is None:
        return validate_new_pod(new)
    return validate_pod_update(new, old, context.subresource)


def grace_period(pod: Object) -> int:
    """Seconds a deletion waits for the agent: none when no agent has the pod."""
    spec = pod.get("spec") or {}
    if not spec.get("nodeName"):
        return 0
    phase = (pod.get("status") or {}).get("phase")
    if phase in {"Succeeded", "Failed"}:
        return 0
    found = int(spec.get("terminationGracePeriodSeconds") or 0)
    return 1 if found < 0 else found


PODS = Row(
    kinds.PODS,
    "pod",
    short_names=("po",),
    categories=("all",),
    columns=pod_columns.COLUMNS,
    subresources=_SUBRESOURCES,
    status_keeps=frozenset({"ownerReferences", "deletionTimestamp"}),
    schema="io.k8s.api.core.v1.Pod",
    default=OfSpec(_default),
    prepare=_prepare,
    reinvoke=_admit_all,
    validate=_validate,
    permit=check_limits,
    warnings=pod_warnings,
    warns_on_update=False,
    fields=(
        "metadata.name",
        "metadata.namespace",
        "spec.host",
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.podIPs",
        "status.nominatedNodeName",
    ),
    grace_period=grace_period,
)
BINDINGS = Row(
    kinds.BINDINGS,
    "binding",
    verbs=("create",),
    durable=False,
    schema="io.k8s.api.core.v1.Binding",
    has_spec_generation=False,
)
"""What a POST to `pods/NAME/binding`, or here, takes; there are no such objects."""

ROWS = (PODS, BINDINGS)
