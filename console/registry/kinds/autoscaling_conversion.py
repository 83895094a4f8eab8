"""HorizontalPodAutoscalers between autoscaling/v1 and v2.

Version 1 knows one metric, CPU utilization. All else travels in the annotations that Kubernetes uses for it, in the
form that metrics had then (`targetAverageUtilization` where v2 has `target.averageUtilization`), so that there and back
is the same object. An annotation that is no such document is left out, as a wrong one must not keep an object from
being read.
"""

from __future__ import annotations

import json
from typing import Any

from common.api.kinds import HORIZONTALPODAUTOSCALERS, Resource
from common.api.meta import Object

V1 = Resource(HORIZONTALPODAUTOSCALERS.group, "v1", HORIZONTALPODAUTOSCALERS.plural, HORIZONTALPODAUTOSCALERS.kind)
_PREFIX = "autoscaling.alpha.kubernetes.io/"
METRICS, BEHAVIOR = f"{_PREFIX}metrics", f"{_PREFIX}behavior"
CONDITIONS, CURRENT = f"{_PREFIX}conditions", f"{_PREFIX}current-metrics"
_ALL = (METRICS, BEHAVIOR, CONDITIONS, CURRENT)
_SPEC_FIELDS = ("scaleTargetRef", "minReplicas", "maxReplicas")
_STATUS_FIELDS = ("observedGeneration", "lastScaleTime", "currentReplicas", "desiredReplicas")
_SOURCES = {
    "Resource": "resource",
    "ContainerResource": "containerResource",
    "Pods": "pods",
    "Object": "object",
    "External": "external",
}
# Of each source: its own fields besides the metric and the target, old name to new.
_OWN = {
    "resource": {"name": "name"},
    "containerResource": {"name": "name", "container": "container"},
    "pods": {},
    "object": {"target": "describedObject"},
    "external": {},
}
_TARGETS = {
    "resource": {"targetAverageUtilization": "averageUtilization", "targetAverageValue": "averageValue"},
    "containerResource": {"targetAverageUtilization": "averageUtilization", "targetAverageValue": "averageValue"},
    "pods": {"targetAverageValue": "averageValue"},
    "object": {"targetValue": "value", "averageValue": "averageValue"},
    "external": {"targetValue": "value", "targetAverageValue": "averageValue"},
}
_CURRENTS = {
    "resource": {"currentAverageUtilization": "averageUtilization", "currentAverageValue": "averageValue"},
    "containerResource": {"currentAverageUtilization": "averageUtilization", "currentAverageValue": "averageValue"},
    "pods": {"currentAverageValue": "averageValue"},
    "object": {"currentValue": "value", "averageValue": "averageValue"},
    "external": {"currentValue": "value", "currentAverageValue": "averageValue"},
}
_TYPES = {"averageUtilization": "Utilization", "averageValue": "AverageValue", "value": "Value"}


def _selector_name(source: str) -> str:
    return "metricSelector" if source == "external" else "selector"


def from_v2(obj: Object) -> Object:
    """The autoscaler as autoscaling/v1 has it."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    found = _common(obj, spec, status)
    others = []
    for metric in spec.get("metrics") or ():
        if _is_cpu(metric) and "targetCPUUtilizationPercentage" not in found["spec"]:
            found["spec"]["targetCPUUtilizationPercentage"] = metric["resource"]["target"]["averageUtilization"]
        else:
            others.append(_old_metric(metric, "target", _TARGETS))
    current = status.get("currentMetrics") or []
    for metric in current:
        used = ((metric.get("resource") or {}).get("current") or {}).get("averageUtilization")
        if metric.get("type") == "Resource" and metric["resource"].get("name") == "cpu" and used is not None:
            found.setdefault("status", {})["currentCPUUtilizationPercentage"] = used
    notes = {
        METRICS: others,
        BEHAVIOR: spec.get("behavior"),
        CONDITIONS: status.get("conditions"),
        CURRENT: [_old_metric(metric, "current", _CURRENTS) for metric in current],
    }
    kept = {key: json.dumps(value, separators=(",", ":")) for key, value in notes.items() if value}
    return _annotated(found, {**_annotations(obj), **kept})


def to_v2(obj: Object) -> Object:
    """An autoscaling/v1 autoscaler in the form that is kept."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    notes = _annotations(obj)
    found = _common(obj, spec, status)
    metrics = [_new_metric(metric, "target", _TARGETS) for metric in _listed(notes.get(METRICS))]
    if (cpu := spec.get("targetCPUUtilizationPercentage")) is not None:
        target = {"type": "Utilization", "averageUtilization": cpu}
        metrics.insert(0, {"type": "Resource", "resource": {"name": "cpu", "target": target}})
    if metrics:
        found["spec"]["metrics"] = metrics
    behavior = _loaded(notes.get(BEHAVIOR))
    if isinstance(behavior, dict):
        found["spec"]["behavior"] = behavior
    if "status" in found:
        if conditions := _listed(notes.get(CONDITIONS)):
            found["status"]["conditions"] = conditions
        if current := _listed(notes.get(CURRENT)):
            found["status"]["currentMetrics"] = [_new_metric(metric, "current", _CURRENTS) for metric in current]
    return _annotated(found, {key: value for key, value in notes.items() if key not in _ALL})


def _common(obj: Object, spec: Object, status: Object) -> Object:
    found: Object = {field: obj[field] for field in ("metadata",) if field in obj}
    found["spec"] = {field: spec[field] for field in _SPEC_FIELDS if field in spec}
    if "status" in obj:
        found["status"] = {field: status[field] for field in _STATUS_FIELDS if field in status}
    return found


def _annotations(obj: Object) -> dict[str, str]:
    return dict((obj.get("metadata") or {}).get("annotations") or {})


def _annotated(obj: Object, annotations: dict[str, str]) -> Object:
    metadata = {key: value for key, value in (obj.get("metadata") or {}).items() if key != "annotations"}
    return {**obj, "metadata": {**metadata, **({"annotations": annotations} if annotations else {})}}


def _is_cpu(metric: Object) -> bool:
    resource = metric.get("resource") or {}
    target = resource.get("target") or {}
    return (
        metric.get("type") == "Resource"
        and resource.get("name") == "cpu"
        and target.get("averageUtilization") is not None
    )


def _old_metric(metric: Object, part: str, names: dict[str, dict[str, str]]) -> Object:
    """A metric (its `part` is target or current) as it was written in annotations."""
    field = _SOURCES.get(str(metric.get("type")), "")
    source = metric.get(field) or {}
    old: Object = {name: source[new] for name, new in _OWN.get(field, {}).items() if new in source}
    if identifier := source.get("metric"):
        old["metricName"] = identifier.get("name", "")
        if identifier.get("selector") is not None:
            old[_selector_name(field)] = identifier["selector"]
    values = source.get(part) or {}
    old |= {name: values[new] for name, new in names.get(field, {}).items() if values.get(new) is not None}
    return {"type": metric.get("type"), field: old}


def _new_metric(metric: Object, part: str, names: dict[str, dict[str, str]]) -> Object:
    field = _SOURCES.get(str(metric.get("type")), "")
    old = metric.get(field) if field else None
    if not isinstance(old, dict):
        return {"type": str(metric.get("type", ""))}
    source: Object = {new: old[name] for name, new in _OWN[field].items() if name in old}
    if "metricName" in old:
        source["metric"] = {"name": old["metricName"]}
        if _selector_name(field) in old:
            source["metric"]["selector"] = old[_selector_name(field)]
    values: Object = {new: old[name] for name, new in names[field].items() if name in old}
    if part == "target" and values:
        values = {"type": next(kind for name, kind in _TYPES.items() if name in values), **values}
    return {"type": metric["type"], field: {**source, part: values}}


def _loaded(text: str | None) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def _listed(text: str | None) -> list[Object]:
    found = _loaded(text)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
