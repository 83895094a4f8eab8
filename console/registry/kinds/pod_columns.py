"""What `kubectl get pods` says of a pod: READY, STATUS and RESTARTS."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from common.api import ages, pods, podstate
from common.api.conditions import is_true
from common.api.meta import Object
from console.registry.columns import AGE, NAME, NONE, at
from console.registry.row import Column


def _restarts(pod: Object, now: datetime) -> str:
    """`2 (3m ago)`."""
    count, latest = podstate.restarts(pod), _latest_end(podstate.counted_for_restarts(pod))
    return f"{count} ({ages.since(latest, now)} ago)" if count and latest else str(count)


def _latest_end(statuses: Iterable[Object]) -> str:
    ends = (at(item, "lastState.terminated.finishedAt", "") for item in statuses)
    return max(ends, default="")


def _ready(pod: Object) -> str:
    ready, total = podstate.ready_containers(pod)
    return f"{ready}/{total}"


def _gates(pod: Object) -> str:
    gates = (pod.get("spec") or {}).get("readinessGates") or ()
    passed = sum(1 for gate in gates if is_true(pod, str(gate.get("conditionType"))))
    return f"{passed}/{len(gates)}" if gates else NONE


COLUMNS = (
    NAME,
    Column("Ready", lambda pod, _now: _ready(pod), description="The ready containers of all containers."),
    Column(
        "Status", lambda pod, _now: podstate.status_word(pod), description="The state of the pod and its containers."
    ),
    Column("Restarts", _restarts, description="How often containers were restarted, and when last."),
    AGE,
    Column("IP", lambda pod, _now: next(iter(pods.ips(pod)), NONE), priority=1),
    Column("Node", lambda pod, _now: pods.node_name(pod) or NONE, priority=1),
    Column("Nominated Node", lambda pod, _now: str(at(pod, "status.nominatedNodeName") or NONE), priority=1),
    Column("Readiness Gates", lambda pod, _now: _gates(pod), priority=1),
)
