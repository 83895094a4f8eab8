"""What makes pods, and the revisions that it keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from common.api import kinds, meta, rollout
from common.api.meta import Object
from console.views import status
from console.views.status import Tone

from .column import AGE, LABELS, NAME, NAMESPACE, Table, dim, number, state, text


def count(*path: str) -> Callable[[Object], int]:
    """A reader of the number at that path, 0 when there is none."""

    def value(obj: Object) -> int:
        found: Any = obj
        for part in path:
            found = (found or {}).get(part)
        return int(found or 0)

    return value


_WANTED = count("spec", "replicas")


def _workload_ready(workload: Object) -> str:
    return f"{count('status', 'readyReplicas')(workload)}/{_WANTED(workload)}"


def _workload_ready_tone(workload: Object) -> Tone:
    return Tone.OK if count("status", "readyReplicas")(workload) >= _WANTED(workload) else Tone.WARN


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
    number("UP-TO-DATE", count("status", "updatedReplicas"), drop=6, tone=dim),
    number("AVAILABLE", count("status", "availableReplicas"), drop=5, tone=dim),
    text("IMAGE", images, drop=4, flexible=True, least=19, letter="I", tone=dim),
    AGE,
    LABELS,
)


def owner(obj: Object) -> str:
    """The name of what controls the object."""
    found = meta.controller_of(obj)
    return str(found["name"]) if found else "-"


def _revision(obj: Object) -> int:
    return int(meta.annotations(obj).get(rollout.REVISION, "0"))


REPLICASET_COLUMNS = (
    NAMESPACE,
    NAME,
    text("READY", _workload_ready, tone=_workload_ready_tone, letter="R"),
    state("STATUS", status.workload_status, drop=6, letter="S"),
    number("REV", _revision, drop=3, tone=dim),
    text("OWNER", owner, drop=5, letter="O", tone=dim),
    text("IMAGE", images, drop=4, flexible=True, least=19, letter="I", tone=dim),
    AGE,
    LABELS,
)

STATEFULSET_COLUMNS = (
    NAMESPACE,
    NAME,
    text("READY", _workload_ready, tone=_workload_ready_tone, letter="R"),
    state("STATUS", status.workload_status, letter="S"),
    number("UP-TO-DATE", count("status", "updatedReplicas"), drop=6, tone=dim),
    number("AVAILABLE", count("status", "availableReplicas"), drop=5, tone=dim),
    text("SERVICE", lambda obj: str(obj["spec"].get("serviceName") or "-"), drop=7, tone=dim),
    text("IMAGE", images, drop=4, flexible=True, least=19, letter="I", tone=dim),
    AGE,
    LABELS,
)


_DESIRED = count("status", "desiredNumberScheduled")


def _daemons_ready(daemonset: Object) -> str:
    return f"{count('status', 'numberReady')(daemonset)}/{_DESIRED(daemonset)}"


def _daemons_ready_tone(daemonset: Object) -> Tone:
    return Tone.OK if count("status", "numberReady")(daemonset) >= _DESIRED(daemonset) else Tone.WARN


def _node_selector(workload: Object) -> str:
    chosen = ((workload["spec"].get("template") or {}).get("spec") or {}).get("nodeSelector") or {}
    return ",".join(f"{key}={value}" for key, value in sorted(chosen.items())) or "-"


DAEMONSET_COLUMNS = (
    NAMESPACE,
    NAME,
    text("READY", _daemons_ready, tone=_daemons_ready_tone, letter="R"),
    state("STATUS", status.workload_status, letter="S"),
    number("UP-TO-DATE", count("status", "updatedNumberScheduled"), drop=6, tone=dim),
    number("AVAILABLE", count("status", "numberAvailable"), drop=5, tone=dim),
    text("NODES", _node_selector, drop=7, tone=dim),
    text("IMAGE", images, drop=4, flexible=True, least=19, letter="I", tone=dim),
    AGE,
    LABELS,
)
REVISION_COLUMNS = (
    NAMESPACE,
    NAME,
    text("OWNER", owner, letter="O", tone=dim),
    number("REV", rollout.revision_number, letter="R"),
    text("IMAGE", lambda obj: images({"spec": {"template": rollout.Revision(0, "", obj).template}}), drop=4,
         flexible=True, least=19, tone=dim),
    AGE,
    LABELS,
)  # fmt: skip

TABLES = {
    kinds.DEPLOYMENTS: Table(DEPLOYMENT_COLUMNS, status.workload_status),
    kinds.REPLICASETS: Table(REPLICASET_COLUMNS, status.workload_status),
    kinds.STATEFULSETS: Table(STATEFULSET_COLUMNS, status.workload_status),
    kinds.DAEMONSETS: Table(DAEMONSET_COLUMNS, status.workload_status),
    kinds.CONTROLLERREVISIONS: Table(REVISION_COLUMNS),
    kinds.REPLICATIONCONTROLLERS: Table(
        tuple(column for column in REPLICASET_COLUMNS if column.title not in {"REV", "OWNER"}), status.workload_status
    ),
}
