"""What makes pods: Deployments and ReplicaSets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from common.api import kinds, meta, rollout
from common.api.meta import Object
from console.views import status
from console.views.status import Tone

from .column import AGE, LABELS, NAME, NAMESPACE, Table, dim, number, state, text


def _count(*path: str) -> Callable[[Object], int]:
    def value(obj: Object) -> int:
        found: Any = obj
        for part in path:
            found = (found or {}).get(part)
        return int(found or 0)

    return value


_WANTED = _count("spec", "replicas")


def _workload_ready(workload: Object) -> str:
    return f"{_count('status', 'readyReplicas')(workload)}/{_WANTED(workload)}"


def _workload_ready_tone(workload: Object) -> Tone:
    return Tone.OK if _count("status", "readyReplicas")(workload) >= _WANTED(workload) else Tone.WARN


def images(workload: Object) -> str:
    """The images of a pod template's or a pod's containers, comma-separated."""
    spec = workload.get("spec") or {}
    template = (spec.get("template") or {}).get("spec") or spec
    return ",".join(str(c.get("image", "")) for c in template.get("containers") or ())


DEPLOYMENT_COLUMNS = (
    NAMESPACE,
    NAME,
    text("READY", _workload_ready, tone=_workload_ready_tone, letter="R"),
    state("STATUS", status.workload_status, letter="S"),
    number("UP-TO-DATE", _count("status", "updatedReplicas"), drop=6, tone=dim),
    number("AVAILABLE", _count("status", "availableReplicas"), drop=5, tone=dim),
    text("IMAGE", images, drop=4, flexible=True, least=19, letter="I", tone=dim),
    AGE,
    LABELS,
)


def _owner(obj: Object) -> str:
    owner = meta.controller_of(obj)
    return str(owner["name"]) if owner else "-"


def _revision(obj: Object) -> int:
    return int(meta.annotations(obj).get(rollout.REVISION, "0"))


REPLICASET_COLUMNS = (
    NAMESPACE,
    NAME,
    text("READY", _workload_ready, tone=_workload_ready_tone, letter="R"),
    state("STATUS", status.workload_status, drop=6, letter="S"),
    number("REV", _revision, drop=3, tone=dim),
    text("OWNER", _owner, drop=5, letter="O", tone=dim),
    text("IMAGE", images, drop=4, flexible=True, least=19, letter="I", tone=dim),
    AGE,
    LABELS,
)

TABLES = {
    kinds.DEPLOYMENTS: Table(DEPLOYMENT_COLUMNS, status.workload_status),
    kinds.REPLICASETS: Table(REPLICASET_COLUMNS, status.workload_status),
}
