"""The `resize` subresource of pods: what comes through it, and Kubernetes' words for what must not.

Only requests and limits of cpu and memory change, of containers and sidecars; the rest of the pod stays as it is, so
that somebody with a stale copy of the pod can still resize it.
"""

from __future__ import annotations

from common.api.meta import Object
from common.api.pods import qos_class
from common.api.resizing import resizable
from common.errors import Cause
from console.registry import validation

from .pod_validation import validate_pod

_LISTS = ("containers", "initContainers")


def take_resources(new: Object, old: Object) -> None:
    """Leave of the new pod only what a resize may bring, when its containers are those of the old one."""
    spec = new["spec"]
    take_no_more_than_spec(new, old)
    if any(_names(spec, name) != _names(old["spec"], name) for name in _LISTS):
        return  # the validation says what is wrong with them
    new["spec"] = dict(old["spec"])
    for name in _LISTS:
        if name in old["spec"]:
            new["spec"][name] = [
                {**before, **{field: after[field] for field in ("resources", "resizePolicy") if field in after}}
                for before, after in zip(old["spec"][name], spec[name], strict=True)
            ]


def take_no_more_than_spec(new: Object, old: Object) -> None:
    """Leave metadata and status as they were: a right to a subresource is none to mark or report the whole pod."""
    metadata = dict(old["metadata"])
    for field in ("resourceVersion", "managedFields"):
        metadata.pop(field, None)
        if field in new["metadata"]:
            metadata[field] = new["metadata"][field]
    new["metadata"], new["status"] = metadata, old.get("status") or {}


def _names(spec: Object, field: str) -> list[str]:
    return [str(container.get("name")) for container in spec.get(field) or ()]


def validate_resize(new: Object, old: Object) -> list[Cause]:
    spec, before = new["spec"], old["spec"]
    if spec.get("resources") != before.get("resources") or before.get("resources"):
        return [validation.forbidden("", "pods with pod-level resources cannot be resized")]
    if (before.get("os") or {}).get("name") == "windows":
        return [validation.forbidden("", "windows pods cannot be resized")]
    causes = validate_pod(new, old)
    was = qos_class(old)
    if (old.get("status") or {}).get("qosClass", was) != qos_class(new):
        causes.append(validation.wrong("spec", was, "Pod QOS Class may not change as a result of resizing"))
    for field in _LISTS:
        causes += _validate_list(spec.get(field) or [], before.get(field) or [], f"spec.{field}")
    if causes:
        return causes
    if _without_resizable(spec) != _without_resizable(before):
        causes.append(validation.forbidden("spec", "only cpu and memory resources are mutable"))
    return causes


def _validate_list(new: list[Object], old: list[Object], path: str) -> list[Cause]:
    if len(new) != len(old):
        return [validation.forbidden(path, "containers may not be added or removed on resize")]
    causes: list[Cause] = []
    for index, (after, before) in enumerate(zip(new, old, strict=True)):
        where = f"{path}[{index}]"
        if after.get("name") != before.get("name"):
            causes.append(validation.forbidden(f"{where}.name", "containers may not be renamed or reordered on resize"))
        else:
            causes += _validate_container(after, before, where, fixed=_is_plain_init(before, path))
    return causes


def _is_plain_init(container: Object, path: str) -> bool:
    return path.endswith("initContainers") and container.get("restartPolicy") != "Always"


def _validate_container(new: Object, old: Object, path: str, *, fixed: bool) -> list[Cause]:
    after, before = new.get("resources") or {}, old.get("resources") or {}
    if fixed:
        if after == before:
            return []
        return [validation.forbidden(f"{path}.resources", "resources for non-sidecar init containers are immutable")]
    wanted, had = resizable(after), resizable(before)
    return [
        validation.forbidden(f"{path}.resources.{part}", f"resource {part} cannot be removed")
        for part in ("limits", "requests")
        if had.get(part, {}).keys() - wanted.get(part, {}).keys()
    ]


def _without_resizable(spec: Object) -> Object:
    return {**spec, **{field: [_rest_of(item) for item in spec.get(field) or ()] for field in _LISTS}}


def _rest_of(container: Object) -> Object:
    resources = dict(container.get("resources") or {})
    for part, amounts in resizable(resources).items():
        rest = {name: value for name, value in resources[part].items() if name not in amounts}
        resources.pop(part)
        if rest:
            resources[part] = rest
    return {**container, "resources": resources}
