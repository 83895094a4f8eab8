"""ReplicationControllers: what ReplicaSets were called before selectors had expressions."""

from __future__ import annotations

from common.api import kinds, selectors
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.columns import AGE, NAME, NONE, at, containers, number
from console.registry.row import Column, Context, Row

from .pod_warnings import template_warnings
from .workload_fields import CONTAINERS, default_labels, default_template, mismatch, template_labels, validate_pods


def _default(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    default_template(spec)
    default_labels(obj)
    if not spec.get("selector") and template_labels(spec):
        spec["selector"] = dict(template_labels(spec))


def _prepare(new: Object, old: Object | None, _context: Context) -> None:
    if old is None:
        new["status"] = {"replicas": 0}


def _validate(new: Object, old: Object | None, _context: Context) -> list[Cause]:
    spec = new["spec"]
    causes = validation.non_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    causes += validation.non_negative("spec.replicas", spec["replicas"])
    wanted = spec.get("selector") or {}
    if not wanted:
        causes.append(validation.required("spec.selector"))
    elif not selectors.from_labels(wanted).matches(template_labels(spec)):
        causes.append(mismatch(spec))
    return causes + validate_pods(spec, old, "ReplicationController")


def _selector(obj: Object) -> str:
    found = at(obj, "spec.selector", {})
    return ",".join(f"{key}={found[key]}" for key in sorted(found)) or NONE


ROW = Row(
    kinds.REPLICATIONCONTROLLERS,
    "replicationcontroller",
    short_names=("rc",),
    categories=("all",),
    columns=(
        NAME,
        number("Desired", "spec.replicas"),
        number("Current", "status.replicas"),
        number("Ready", "status.readyReplicas"),
        AGE,
        *containers(CONTAINERS),
        Column("Selector", lambda obj, _now: _selector(obj), priority=1),
    ),
    subresources=frozenset({"status", "scale"}),
    schema="io.k8s.api.core.v1.ReplicationController",
    default=_default,
    prepare=_prepare,
    validate=_validate,
    warnings=template_warnings("spec.template"),
    fields=("metadata.name", "metadata.namespace", "status.replicas"),
    default_propagation="Orphan",
)
ROWS = (ROW,)
