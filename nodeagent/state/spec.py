"""Reading a pod's specification: kinds of containers, restart rules."""

from __future__ import annotations

import hashlib
from enum import StrEnum

from common.api.meta import Object

DEFAULT_GRACE = 30.0  # seconds; Kubernetes' default terminationGracePeriodSeconds
RESTART_ALL = "RestartAllContainers"


class ContainerKind(StrEnum):
    INIT = "init"
    SIDECAR = "sidecar"  # an init container with restartPolicy Always
    APP = "app"
    EPHEMERAL = "ephemeral"  # added to a running pod to look into it; it runs once


def containers(pod: Object) -> list[tuple[ContainerKind, Object]]:
    """All containers in the order they start."""
    spec = pod.get("spec") or {}
    result = []
    for container in spec.get("initContainers") or ():
        sidecar = container.get("restartPolicy") == "Always"
        result.append((ContainerKind.SIDECAR if sidecar else ContainerKind.INIT, container))
    result += [(ContainerKind.APP, container) for container in spec.get("containers") or ()]
    return result + [(ContainerKind.EPHEMERAL, container) for container in spec.get("ephemeralContainers") or ()]


def container_hash(container: Object) -> str:
    """What makes a running container out of date: name and image, the only mutable part (as kubelet's hash)."""
    return hashlib.sha256(f"{container.get('name')}\0{container.get('image')}".encode()).hexdigest()[:16]


def restart_policy(pod: Object) -> str:
    return str((pod.get("spec") or {}).get("restartPolicy") or "Always")


def grace_seconds(pod: Object) -> float:
    value = (pod.get("spec") or {}).get("terminationGracePeriodSeconds")
    return DEFAULT_GRACE if value is None else float(value) if value >= 0 else 1.0


def host_network(pod: Object) -> bool:
    return bool((pod.get("spec") or {}).get("hostNetwork"))


def wants_restart(kind: ContainerKind, container: Object, pod: Object, exit_code: int) -> bool:
    """Whether a container that ended by itself runs again: its own rules, its own policy, then the pod's."""
    if kind in {ContainerKind.SIDECAR, ContainerKind.EPHEMERAL}:
        return kind is ContainerKind.SIDECAR
    if rule_action(container, exit_code):
        return True
    policy = str(container.get("restartPolicy") or restart_policy(pod))
    if kind is ContainerKind.INIT:
        return exit_code != 0 and policy != "Never"
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


def rule_action(container: Object, exit_code: int) -> str:
    """What the first of the container's rules that is about this exit code has done; empty when none is."""
    for rule in container.get("restartPolicyRules") or ():
        if _rule_matches(rule, exit_code):
            return str(rule.get("action") or "")
    return ""


def _rule_matches(rule: Object, exit_code: int) -> bool:
    codes = rule.get("exitCodes") or {}
    inside = exit_code in (codes.get("values") or ())
    return inside if codes.get("operator") == "In" else not inside
