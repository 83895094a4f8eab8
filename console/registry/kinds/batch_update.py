"""What of a Job may change once it exists."""

from __future__ import annotations

from typing import Any

from common.api import jobs
from common.api.conditions import is_true
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation

_IMMUTABLE = (
    "selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy",
)  # fmt: skip
_DIRECTIVES = ("nodeSelector", "tolerations", "schedulingGates")
_CONTAINERS = ("containers", "initContainers")


def validate_job_change(new: Object, old: Object) -> list[Cause]:
    spec, before = new["spec"], old["spec"]
    causes = _validate_completions(new, old)
    template, earlier = spec["template"], before["template"]
    if _may_move(old):
        earlier = _with_directives(earlier, template, resources=jobs.is_suspended(new))
    causes += validation.unchanged("spec.template", template, earlier)
    for field in _IMMUTABLE:
        causes += validation.unchanged(f"spec.{field}", spec.get(field), before.get(field))
    return causes


def _validate_completions(new: Object, old: Object) -> list[Cause]:
    """An Indexed Job may grow and shrink when its parallelism does so with it."""
    now, before = new["spec"].get("completions"), old["spec"].get("completions")
    if not jobs.is_indexed(new):
        return validation.unchanged("spec.completions", now, before)
    if now is None or now == before or now == new["spec"].get("parallelism"):
        return []
    return [validation.wrong("spec.completions", now, "can only be modified in tandem with spec.parallelism")]


def _may_move(old: Object) -> bool:
    """A suspended Job whose pods are gone may be told where its next ones run and what they ask for."""
    status = old.get("status") or {}
    if not jobs.is_suspended(old):
        return False
    return status.get("startTime") is None or (is_true(old, "Suspended") and not status.get("active"))


def _with_directives(template: Object, new: Object, *, resources: bool) -> Object:
    """The old template with everything of the new one that a suspended Job may change."""
    spec: Object = {**template["spec"]}
    wanted: Object = new["spec"]
    for field in _DIRECTIVES:
        _take(spec, wanted, field)
    affinity = {**(spec.get("affinity") or {})}
    _take(affinity, wanted.get("affinity") or {}, "nodeAffinity")
    # An affinity without anything in it is the same as none.
    if affinity or wanted.get("affinity") is not None:
        spec["affinity"] = affinity
    else:
        spec.pop("affinity", None)
    if resources:
        for field in _CONTAINERS:
            _take_resources(spec, wanted, field)
    metadata = {**template["metadata"]}
    for field in ("labels", "annotations"):
        _take(metadata, new["metadata"], field)
    return {**template, "metadata": metadata, "spec": spec}


def _take(target: Object, source: Object, field: str) -> None:
    if field in source:
        target[field] = source[field]
    else:
        target.pop(field, None)


def _take_resources(spec: Object, wanted: Object, field: str) -> None:
    old: list[Any] = spec.get(field) or []
    new: list[Any] = wanted.get(field) or []
    if len(old) == len(new):
        spec[field] = [{**a, "resources": b.get("resources") or {}} for a, b in zip(old, new, strict=True)]
    if not spec.get(field) and field not in wanted:
        spec.pop(field, None)
