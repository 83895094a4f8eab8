"""Whether the node takes a pod: resources, host ports, kernel settings, its system, labels and taints; as kubelet does.

The scheduler has decided before; this catches a scheduler with old data, and pods that name their node themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from common.api import meta, pods, quantity
from common.api.affinity import NodeAffinity
from common.api.meta import Object
from common.api.resizing import DEFERRED, INFEASIBLE, RESIZABLE
from common.api.taints import taints_of, tolerations_of, untolerated

_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_OS = "kubernetes.io/os"
_SUFFIX_SCALE = {"cpu": 1000}  # cpu is named in millicores in messages
_SAFE_SYSCTLS = frozenset({
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range", "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem", "net.ipv4.tcp_syncookies", "net.ipv4.tcp_wmem",
})  # fmt: skip
"""Those that kubelet allows by itself: each is the pod's own and can harm no other."""


@dataclass(frozen=True, slots=True)
class Refusal:
    reason: str
    message: str


def admit(pod: Object, others: Iterable[Object], node: Object, *, apparmor: bool) -> Refusal | None:
    """None when the pod fits beside the others (those that hold resources); `node` is the Node as assigned, `apparmor`
    says whether its kernel enforces such profiles."""
    others = list(others)
    unfit = _sysctls(pod) or _system(pod, node) or _resources(pod, others, node) or _affinity(pod, node)
    unfit = unfit or _ports(pod, others) or _taints(pod, node)
    return unfit or (None if apparmor else _profiles(pod)) or _groups(pod)


def fits_resize(pod: Object, others: Iterable[Object], node: Object) -> tuple[str, str]:
    """Reason and message of a resize that the node does not take on; both empty when it does. `others` are the pods
    beside it, as allocated."""
    allocatable = (node.get("status") or {}).get("allocatable") or {}
    bare = {**pod, "status": {}}
    for name, amount in pods.requests(bare).items():
        capacity = quantity.parse(allocatable.get(name, 0))
        if allocatable and name in RESIZABLE and amount > capacity:
            figures = _figures(name, requested=amount, capacity=capacity)
            return INFEASIBLE, f"Node didn't have enough capacity: {name}, {figures}"
    refusal = _resources(bare, list(others), node)
    return (DEFERRED, refusal.message) if refusal is not None else ("", "")


def _figures(name: str, **amounts: Fraction) -> str:
    scale = _SUFFIX_SCALE.get(name, 1)
    return ", ".join(f"{word}: {int(value * scale)}" for word, value in amounts.items())


def _sysctls(pod: Object) -> Refusal | None:
    spec = pod.get("spec") or {}
    for sysctl in (spec.get("securityContext") or {}).get("sysctls") or ():
        name = str(sysctl.get("name") or "").replace("/", ".")
        why = ""
        if name not in _SAFE_SYSCTLS:
            why = "not allowlisted"
        elif spec.get("hostNetwork") and name.startswith("net."):
            why = "not allowed with host net enabled"
        elif spec.get("hostIPC") and name.startswith("kernel.shm"):
            why = "not allowed with host ipc enabled"
        if why:
            return Refusal("SysctlForbidden", f'forbidden sysctl: "{sysctl["name"]}" {why}')
    return None


def _groups(pod: Object) -> Refusal | None:
    """The engine always adds the groups that the image gives the user."""
    policy = ((pod.get("spec") or {}).get("securityContext") or {}).get("supplementalGroupsPolicy")
    if policy != "Strict":
        return None
    return Refusal(
        "SupplementalGroupsPolicyNotSupported", "SupplementalGroupsPolicy=Strict is not supported in this node"
    )


def _profiles(pod: Object) -> Refusal | None:
    spec = pod.get("spec") or {}
    holders = [spec, *(container for kind in _CONTAINERS for container in spec.get(kind) or ())]
    profiles = [(holder.get("securityContext") or {}).get("appArmorProfile") or {} for holder in holders]
    if all(profile.get("type", "Unconfined") == "Unconfined" for profile in profiles):
        return None
    return Refusal("AppArmor", "Cannot enforce AppArmor: AppArmor is not enabled on the host")


def _system(pod: Object, node: Object) -> Refusal | None:
    """A label of the pod counts too, oddly; what names no node's system runs here as well."""
    label = meta.labels(pod).get(_OS)
    if label is not None and label != meta.labels(node).get(_OS, "linux"):
        return Refusal(
            "PodOSSelectorNodeLabelDoesNotMatch",
            "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label",
        )
    system = ((pod.get("spec") or {}).get("os") or {}).get("name")
    if system in {None, "linux"}:
        return None
    return Refusal("PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS")


def _affinity(pod: Object, node: Object) -> Refusal | None:
    known = bool(meta.metadata(node))  # before that the scheduler's word counts
    if not known or NodeAffinity.of(pod.get("spec") or {}).allows(meta.labels(node), meta.name(node)):
        return None
    return Refusal("NodeAffinity", "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector")


def _taints(pod: Object, node: Object) -> Refusal | None:
    """Those alone that drive pods away."""
    if not untolerated(taints_of(node), tolerations_of(pod), frozenset({"NoExecute"})):
        return None
    return Refusal(
        "TaintToleration", "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate"
    )


def _ports(pod: Object, others: list[Object]) -> Refusal | None:
    taken = {port for other in others for port in host_ports(other)}
    if any(_clash(port, other) for port in host_ports(pod) for other in taken):
        return Refusal(
            "NodePorts", "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"
        )
    return None


def host_ports(pod: Object) -> Iterator[tuple[str, str, int]]:
    """(address, protocol, port) on the host that the pod asks for; with hostNetwork every container port is one."""
    spec = pod.get("spec") or {}
    for container in spec.get("containers") or ():
        for port in container.get("ports") or ():
            number = port.get("hostPort") or (port.get("containerPort") if spec.get("hostNetwork") else None)
            if number:
                yield str(port.get("hostIP") or "0.0.0.0"), str(port.get("protocol") or "TCP"), int(number)


def _clash(one: tuple[str, str, int], other: tuple[str, str, int]) -> bool:
    everywhere = {"0.0.0.0", "::"}
    same_address = one[0] == other[0] or bool({one[0], other[0]} & everywhere)
    return same_address and one[1:] == other[1:]


def _resources(pod: Object, others: list[Object], node: Object) -> Refusal | None:
    allocatable = (node.get("status") or {}).get("allocatable") or {}
    if not allocatable:
        return None  # nothing is known yet: the scheduler's word counts
    used: dict[str, Fraction] = {"pods": Fraction(len(others))}
    for other in others:
        for name, amount in pods.requests(other).items():
            used[name] = used.get(name, Fraction()) + amount
    for name, amount in {"pods": Fraction(1), **pods.requests(pod)}.items():
        if name not in allocatable:
            continue  # somebody else counts it: kubelet leaves such resources to the scheduler too
        capacity = quantity.parse(allocatable[name])
        in_use = used.get(name, Fraction())
        if amount > 0 and in_use + amount > capacity:
            figures = _figures(name, requested=amount, used=in_use, capacity=capacity)
            return Refusal(f"OutOf{name}", f"Node didn't have enough resource: {name}, {figures}")
    return None
