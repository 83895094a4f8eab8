"""What `kubectl get pods` says of a pod: READY, STATUS and RESTARTS."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from common.api import meta, pods
from common.api.conditions import get_condition, is_true
from common.api.meta import Object
from console.registry import durations
from console.registry.columns import AGE, NAME, NONE, at
from console.registry.row import Column


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
    if not meta.is_deleting(pod):
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
            return f"Init:{_ended_word(ended)}"
        waiting = (state.get("waiting") or {}).get("reason")
        if waiting and waiting != "PodInitializing":
            return f"Init:{waiting}"
        return f"Init:{index}/{total}"
    return ""


def _ended_word(ended: Object) -> str:
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
            word = _ended_word(ended)
        elif container.get("ready") and state.get("running") is not None:
            running = True
    if word == "Completed" and running:
        return "Running" if pods.is_ready(pod) else "NotReady"
    return word


def ready_count(pod: Object) -> tuple[int, int]:
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


def _restarts(pod: Object, now: datetime) -> str:
    """`2 (3m ago)`: of the init containers while they run, of the others (and sidecars) afterwards."""
    sidecars = _sidecars(pod)
    initial = _statuses(pod, "initContainerStatuses")
    lasting = [item for item in initial if item.get("name") in sidecars]
    counted = initial if _init_word(pod) else [*lasting, *_statuses(pod, "containerStatuses")]
    count = sum(int(item.get("restartCount") or 0) for item in counted)
    latest = _latest_end(counted)
    return f"{count} ({durations.since(latest, now)} ago)" if count and latest else str(count)


def _latest_end(statuses: Iterable[Object]) -> str:
    ends = (at(item, "lastState.terminated.finishedAt", "") for item in statuses)
    return max(ends, default="")


def _ready(pod: Object) -> str:
    ready, total = ready_count(pod)
    return f"{ready}/{total}"


def _gates(pod: Object) -> str:
    gates = (pod.get("spec") or {}).get("readinessGates") or ()
    passed = sum(1 for gate in gates if is_true(pod, str(gate.get("conditionType"))))
    return f"{passed}/{len(gates)}" if gates else NONE


COLUMNS = (
    NAME,
    Column("Ready", lambda pod, _now: _ready(pod), description="The ready containers of all containers."),
    Column("Status", lambda pod, _now: status_word(pod), description="The state of the pod and its containers."),
    Column("Restarts", _restarts, description="How often containers were restarted, and when last."),
    AGE,
    Column("IP", lambda pod, _now: next(iter(pods.ips(pod)), NONE), priority=1),
    Column("Node", lambda pod, _now: pods.node_name(pod) or NONE, priority=1),
    Column("Nominated Node", lambda pod, _now: str(at(pod, "status.nominatedNodeName") or NONE), priority=1),
    Column("Readiness Gates", lambda pod, _now: _gates(pod), priority=1),
)
