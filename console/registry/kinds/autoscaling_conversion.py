"""HorizontalPodAutoscalers between autoscaling/v1 and v2.

Version 1 knows one metric, CPU utilization. All else travels in the annotations that Kubernetes uses for it, written
letter for letter as it writes them (`autoscaling_notes.py`), in the form that metrics had then
(`targetAverageUtilization` where v2 has `target.averageUtilization`), so that there and back is the same object. An
annotation that is no such document is left out, as a wrong one must not keep an object from being read.
"""

from __future__ import annotations

from common.api import quantity
from common.api.kinds import HORIZONTALPODAUTOSCALERS, Resource
from common.api.meta import Object

from . import autoscaling_notes as notes

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
_ALWAYS = {
    "target": {"pods": "targetAverageValue", "object": "targetValue"},
    "current": {
        "resource": "currentAverageValue",
        "containerResource": "currentAverageValue",
        "pods": "currentAverageValue",
        "object": "currentValue",
        "external": "currentValue",
    },
}
"""What was no option then: an amount that is not known is 0."""
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
    documents = {
        METRICS: others,
        BEHAVIOR: notes.old_behavior(spec.get("behavior")),
        CONDITIONS: status.get("conditions"),
        CURRENT: [_old_metric(metric, "current", _CURRENTS) for metric in current],
    }
    kept = {key: notes.written(value) for key, value in documents.items() if value}
    others_own = {key: value for key, value in _annotations(obj).items() if key not in _ALL}
    return _annotated(found, {**others_own, **kept})


def to_v2(obj: Object) -> Object:
    """An autoscaling/v1 autoscaler in the form that is kept."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    annotations = _annotations(obj)
    found = _common(obj, spec, status)
    metrics = [_new_metric(metric, "target", _TARGETS) for metric in notes.metrics(annotations.get(METRICS))]
    if (cpu := spec.get("targetCPUUtilizationPercentage")) is not None:
        target = {"type": "Utilization", "averageUtilization": cpu}
        metrics.append({"type": "Resource", "resource": {"name": "cpu", "target": target}})
    if metrics:
        found["spec"]["metrics"] = metrics
    if behavior := notes.new_behavior(annotations.get(BEHAVIOR)):
        found["spec"]["behavior"] = behavior
    if "status" in found:
        if conditions := notes.conditions(annotations.get(CONDITIONS)):
            found["status"]["conditions"] = conditions
        if current := _current(status, annotations.get(CURRENT)):
            found["status"]["currentMetrics"] = current
    return _annotated(found, {key: value for key, value in annotations.items() if key not in _ALL})


def _current(status: Object, note: str | None) -> list[Object]:
    """The figures of an annotation say more than the one in the status."""
    if metrics := notes.metrics(note):
        return [_new_metric(metric, "current", _CURRENTS) for metric in metrics]
    if (used := status.get("currentCPUUtilizationPercentage")) is None:
        return []
    return [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": used}}}]


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
    if always := _ALWAYS[part].get(field):
        old[always] = "0"
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
    values: Object = {
        new: quantity.canonical(old[name]) if name.endswith("Value") else old[name]
        for name, new in names[field].items()
        if name in old
    }
    if part == "target" and values:
        kind = next(name for name in _TYPES if name in values)
        if kind != "value" and values.get("value") == "0":
            del values["value"]  # which nobody gave
        values = {"type": _TYPES[kind], **values}
    return {"type": metric["type"], field: {**source, part: values}}
