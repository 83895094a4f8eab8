"""A pod in a word and two figures: STATUS, READY and RESTARTS of `kubectl get pods`.

The API's tables and the console both show them, so they are worked out once.
"""

from __future__ import annotations

from . import pods
from .conditions import get_condition, is_true
from .meta import Object, is_deleting


def _statuses(pod: Object, field: str) -> list[Object]:
    found = (pod.get("status") or {}).get(field)
    return found if isinstance(found, list) else []


def _sidecars(pod: Object) -> frozenset[str]:
    """Names of init containers that go on running beside the others."""
    declared = (pod.get("spec") or {}).get("initContainers") or ()
    return frozenset(item["name"] for item in declared if item.get("restartPolicy") == "Always")


def status_word(pod: Object) -> str:
    """The STATUS column: the most telling reason among pod and containers."""
    status = pod.get("status") or {}
    word = status.get("reason") or pods.phase(pod)
    gate = get_condition(pod, "PodScheduled")
    if gate is not None and gate.get("reason") == "SchedulingGated":
        word = "SchedulingGated"
    initializing = _init_word(pod)
    if initializing:
        word = initializing
    if not initializing or is_true(pod, "Initialized"):
        word = _container_word(pod, word)
    if not is_deleting(pod):
        return str(word)
    if status.get("reason") == "NodeLost":
        return "Unknown"
    return str(word) if pods.is_terminal(pod) and word in {"Completed", "Error"} else "Terminating"


def _init_word(pod: Object) -> str:
    """`Init:…` while init containers are not through; empty afterwards."""
    total = len((pod.get("spec") or {}).get("initContainers") or ())
    sidecars = _sidecars(pod)
    for index, container in enumerate(_statuses(pod, "initContainerStatuses")):
        state = container.get("state") or {}
        ended = state.get("terminated")
        if ended is not None and ended.get("exitCode") == 0:
            continue
        if container.get("name") in sidecars and container.get("started"):
            continue
        if ended is not None:
            return f"Init:{ended_word(ended)}"
        waiting = (state.get("waiting") or {}).get("reason")
        if waiting and waiting != "PodInitializing":
            return f"Init:{waiting}"
        return f"Init:{index}/{total}"
    return ""


def ended_word(ended: Object) -> str:
    """How a container ended: its reason, else the signal or exit code."""
    if ended.get("reason"):
        return str(ended["reason"])
    return f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode', 0)}"


def _container_word(pod: Object, word: str) -> str:
    running = False
    # The first container in the list has the last word, so go backwards.
    for container in reversed(_statuses(pod, "containerStatuses")):
        state = container.get("state") or {}
        waiting = (state.get("waiting") or {}).get("reason")
        ended = state.get("terminated")
        if waiting:
            word = str(waiting)
        elif ended is not None:
            word = ended_word(ended)
        elif container.get("ready") and state.get("running") is not None:
            running = True
    if word == "Completed" and running:
        return "Running" if pods.is_ready(pod) else "NotReady"
    return word


def ready_containers(pod: Object) -> tuple[int, int]:
    """Ready and all containers, sidecars included."""
    sidecars = _sidecars(pod)
    total = len((pod.get("spec") or {}).get("containers") or ()) + len(sidecars)
    ready = sum(
        1
        for container in _statuses(pod, "initContainerStatuses")
        if container.get("name") in sidecars and container.get("started") and container.get("ready")
    )
    ready += sum(
        1
        for container in _statuses(pod, "containerStatuses")
        if container.get("ready") and (container.get("state") or {}).get("running") is not None
    )
    return ready, total


def counted_for_restarts(pod: Object) -> list[Object]:
    """The statuses whose restarts are shown: of the init containers while they run, of the others (and sidecars)
    afterwards."""
    initial = _statuses(pod, "initContainerStatuses")
    if _init_word(pod):
        return initial
    sidecars = _sidecars(pod)
    return [*(item for item in initial if item.get("name") in sidecars), *_statuses(pod, "containerStatuses")]


def restarts(pod: Object) -> int:
    return sum(int(item.get("restartCount") or 0) for item in counted_for_restarts(pod))
