"""The pods that a Job makes. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from common.api import jobs
from common.api.kinds import JOBS
from common.api.meta import Object, controller_reference, name
from common.api.names import MAX_GENERATED_BASE, random_suffix

from .model import INDEX_FAILURES, INDEX_IGNORED, index_failures, index_ignored, limits_each_index, spec_of
from .plan import Slot
from .policy import match_failure

INDEX_VARIABLE = "JOB_COMPLETION_INDEX"


def new_pod(job: Object, slot: Slot, replaced: Object | None = None) -> Object:
    """A pod of the template, for an index or none. It gets its whole name here, so that the controller knows what it
    expects to see; `replaced` is the pod of the same index that failed before."""
    template = spec_of(job)["template"]
    found = template.get("metadata") or {}
    middle = "-" if slot is None else f"-{slot}-"
    base = name(job)[: MAX_GENERATED_BASE - len(middle)] + middle
    metadata: Object = {
        "name": base + random_suffix(),
        "generateName": base,
        "labels": dict(found.get("labels") or {}),
        "annotations": dict(found.get("annotations") or {}),
        "finalizers": [*(found.get("finalizers") or ())],
        "ownerReferences": [controller_reference(job, JOBS.api_version, JOBS.kind)],
    }
    if jobs.TRACKING_FINALIZER not in metadata["finalizers"]:
        metadata["finalizers"].append(jobs.TRACKING_FINALIZER)
    spec = template["spec"]
    if slot is not None:
        metadata["labels"][jobs.COMPLETION_INDEX] = str(slot)
        metadata["annotations"] |= {jobs.COMPLETION_INDEX: str(slot), **_failure_counts(job, replaced)}
        spec = _indexed(spec, name(job), slot)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {field: value for field, value in metadata.items() if value},
        "spec": spec,
    }


def _failure_counts(job: Object, replaced: Object | None) -> dict[str, str]:
    """How often the index has failed by now, for the pod that tries it next."""
    if not limits_each_index(job):
        return {}
    if replaced is None:
        return {INDEX_FAILURES: "0"}
    counts = match_failure(job, replaced).counts
    failures, ignored = index_failures(replaced) + counts, index_ignored(replaced) + (not counts)
    return {INDEX_FAILURES: str(failures)} | ({INDEX_IGNORED: str(ignored)} if ignored else {})


def _indexed(spec: Object, job_name: str, index: int) -> Object:
    changed = {**spec, "hostname": f"{job_name}-{index}"}
    for field in ("containers", "initContainers"):
        if spec.get(field):
            changed[field] = _with_variable(spec[field])
    return changed


def _with_variable(containers: Iterable[Object]) -> list[Object]:
    reference = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{jobs.COMPLETION_INDEX}']"}}
    variable = {"name": INDEX_VARIABLE, "valueFrom": reference}
    return [
        container
        if any(item.get("name") == INDEX_VARIABLE for item in container.get("env") or ())
        else {**container, "env": [*(container.get("env") or ()), variable]}
        for container in containers
    ]
