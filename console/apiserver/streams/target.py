"""Which container on which node a request means, and whether it can be reached; with Kubernetes' messages. Pure."""

from __future__ import annotations

from typing import Any

from common.api.meta import Object, name
from common.api.pods import is_terminal, node_name
from common.errors import BadRequest

_PULL_PROBLEMS = {
    "ErrImagePull": "image can't be pulled",
    "ImagePullBackOff": "trying and failing to pull image",
    "ErrImageNeverPull": "image can't be pulled",
}


def host_of(pod: Object) -> str:
    """The node that runs the pod; raises BadRequest when none does yet."""
    node = node_name(pod)
    if not node:
        raise BadRequest(f"pod {name(pod)} does not have a host assigned")
    return node


def container_of(pod: Object, asked: str) -> str:
    """The container that is meant: the one asked for, or the only one there is. Raises BadRequest."""
    containers, inits = _names(pod, "containers"), _names(pod, "initContainers")
    every = [*containers, *inits, *_names(pod, "ephemeralContainers")]
    if asked:
        if asked not in every:
            raise BadRequest(f"container {asked} is not valid for pod {name(pod)}")
        return asked
    if len(containers) == 1:
        return containers[0]
    choice = f"a container name must be specified for pod {name(pod)}, choose one of: [{' '.join(containers)}]"
    if inits:
        choice += f" or one of the init containers: [{' '.join(inits)}]"
    raise BadRequest(choice)


def _names(pod: Object, section: str) -> list[str]:
    return [str(item["name"]) for item in (pod.get("spec") or {}).get(section) or ()]


def check_running(pod: Object) -> None:
    """For exec, attach and port-forward; raises BadRequest."""
    if is_terminal(pod):
        phase = pod["status"]["phase"]
        raise BadRequest(f"cannot exec into a container in a completed pod; current phase is {phase}")


def check_logs(pod: Object, container: str, *, previous: bool) -> None:
    """Whether the container has logs (those of the run before the last with `previous`); raises BadRequest."""
    subject = f'container "{container}" in pod "{name(pod)}"'
    status = _status_of(pod, container)
    if status is None:
        if previous:
            raise BadRequest(f"previous terminated {subject} not found")
        raise BadRequest(f"{subject} is not available")
    ran_before = bool((status.get("lastState") or {}).get("terminated"))
    if previous:
        if not ran_before:
            raise BadRequest(f"previous terminated {subject} not found")
        return
    state = status.get("state") or {}
    if "running" in state or "terminated" in state or ran_before:
        return
    reason = str((state.get("waiting") or {}).get("reason") or "ContainerCreating")
    raise BadRequest(f"{subject} is waiting to start: {_PULL_PROBLEMS.get(reason, reason)}")


def _status_of(pod: Object, container: str) -> dict[str, Any] | None:
    status = pod.get("status") or {}
    for section in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        for item in status.get(section) or ():
            if item.get("name") == container:
                found: dict[str, Any] = item
                return found
    return None
