"""The `scale` subresource: replicas of any workload behind one small object (autoscaling/v1 Scale)."""

from __future__ import annotations

from typing import Any

from common import errors
from common.api import meta
from common.api.kinds import REPLICATIONCONTROLLERS, Resource
from common.api.meta import Object

from . import validation, yamlbody
from .row import Row, ScalePaths

SCALES = Row(Resource("autoscaling", "v1", "scales", "Scale"), "scale", schema="io.k8s.api.autoscaling.v1.Scale")
"""What a workload's `scale` is; there are no such objects."""
_BUILT_IN = ScalePaths(("spec", "replicas"), ("status", "replicas"))


def scale_of(row: Row, obj: Object) -> Object:
    """The Scale of a workload."""
    found = meta.metadata(obj)
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    paths = _paths(row)
    status: Object = {"replicas": _at(obj, paths.current) or 0}
    if row.custom is not None:
        selector = str(_at(obj, paths.selector) or "") if paths.selector else ""
    else:
        selector = selector_text(_label_selector(row, (obj.get("spec") or {}).get("selector") or {}))
    if selector:
        status["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {field: found[field] for field in kept if field in found},
        "spec": {"replicas": _at(obj, paths.replicas) or 0},
        "status": status,
    }


def require_replicas(row: Row, obj: Object) -> None:
    """Raises InternalError for a custom object that does not say how many replicas it wants, as Kubernetes does of
    whoever only reads its scale."""
    path = _paths(row).replicas
    if row.custom is not None and _at(obj, path) is None:
        named = ".".join(path)
        raise errors.InternalError(f'Internal error occurred: the spec replicas field ".{named}" does not exist')


def _paths(row: Row) -> ScalePaths:
    return (row.custom.scale if row.custom else None) or _BUILT_IN


def _at(obj: Object, path: tuple[str, ...]) -> Any:
    value: Any = obj
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _with(obj: Object, path: tuple[str, ...], value: Any) -> Object:
    """A copy with one field set; what is not on the way to it is shared."""
    name, *rest = path
    below = obj.get(name)
    return {**obj, name: _with(below if isinstance(below, dict) else {}, tuple(rest), value) if rest else value}


def _label_selector(row: Row, selector: Object) -> Object:
    """ReplicationControllers are older than label selectors: theirs are plain labels."""
    return {"matchLabels": selector} if row.resource == REPLICATIONCONTROLLERS else selector


def apply_scale(row: Row, obj: Object, scale: Object) -> Object:
    """A copy of the workload with the replicas of a Scale; Invalid for a negative number, Conflict when the Scale is
    of another revision than the workload."""
    name = meta.name(obj)
    causes = []
    given = (scale.get("spec") or {}).get("replicas", 0)
    if isinstance(given, bool) or not isinstance(given, int):
        raise errors.BadRequest(
            f'Scale in version "v1" cannot be handled as a Scale: spec.replicas is {given!r}; it must be an int32'
        )
    causes += validation.non_negative("spec.replicas", given)
    for field, word in (("name", "URL"), ("namespace", "request")):
        wanted, found = (str(meta.metadata(one).get(field) or "") for one in (scale, obj))
        if wanted and wanted != found:
            raise errors.BadRequest(
                f"the {field} of the object ({wanted}) does not match the {field} on the {word} ({found})"
            )
    if given < 0 and row.custom is not None:
        path = ".".join(_paths(row).replicas)
        cause = validation.wrong(f".{path}", given, "should be a non-negative integer")
        raise errors.invalid(row.resource.kind, row.resource.group, name, [cause])
    if causes:
        raise errors.invalid("Scale", "autoscaling", name, causes)
    revision = meta.resource_version(scale)
    if revision and revision != meta.resource_version(obj):
        raise errors.conflict(row.resource.group_resource, name)
    return _with(obj, _paths(row).replicas, given)


def decode_scale(body: bytes) -> Object:
    """An applied Scale, which may be YAML; raises BadRequest when it is no Scale."""
    try:
        scale = yamlbody.load(body)
    except (ValueError, RecursionError) as error:
        raise errors.BadRequest(f"error decoding YAML: {error}") from None
    if not isinstance(scale, dict) or not isinstance(scale.get("metadata", {}), dict):
        raise errors.BadRequest("error decoding YAML: the body must be a Scale")
    if (scale.get("apiVersion"), scale.get("kind")) != ("autoscaling/v1", "Scale"):
        raise errors.BadRequest(
            f"the object must be a Scale of autoscaling/v1, not {scale.get('kind')} of {scale.get('apiVersion')}"
        )
    return scale


def replicas_applied(row: Row, scale: Object) -> Object:
    """What an applied Scale says of its workload, as a part of that."""
    resource = row.resource
    whole: Object = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": dict(meta.metadata(scale))}
    given = scale.get("spec")
    if not isinstance(given, dict) or "replicas" not in given:
        return whole
    return apply_scale(row, whole, {"spec": given})


def selector_text(selector: Object) -> str:
    """A `metav1.LabelSelector` as a query string, keys in order."""
    terms = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    for term in selector.get("matchExpressions") or ():
        key, values = term["key"], ",".join(sorted(term.get("values") or ()))
        match term["operator"]:
            case "In":
                terms.append(f"{key} in ({values})")
            case "NotIn":
                terms.append(f"{key} notin ({values})")
            case "Exists":
                terms.append(key)
            case _:
                terms.append(f"!{key}")
    return ",".join(sorted(terms))
