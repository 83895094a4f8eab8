"""HorizontalPodAutoscalers: kept as autoscaling/v2, served as autoscaling/v1 too."""

from __future__ import annotations

from common.api import kinds, quantity
from common.api.autoscaling import targets
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.columns import AGE, NAME, at
from console.registry.row import Column, Context, Row, Version

from .autoscaling_conversion import V1, from_v2, to_v2

CPU_UTILIZATION = 80  # percent of the request, for an autoscaler that names no metric
MAX_WINDOW, MAX_PERIOD = 3600, 1800  # seconds
# In the order in which Kubernetes looks at them: of several it reads the first.
_SOURCES = {
    "Object": "object",
    "External": "external",
    "Pods": "pods",
    "Resource": "resource",
    "ContainerResource": "containerResource",
}
_UP_POLICIES = (
    {"type": "Pods", "value": 4, "periodSeconds": 15},
    {"type": "Percent", "value": 100, "periodSeconds": 15},
)
_DOWN_POLICIES = ({"type": "Percent", "value": 100, "periodSeconds": 15},)


def _default(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    if spec.get("minReplicas") is None:
        spec["minReplicas"] = 1
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": CPU_UTILIZATION}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behavior = spec.get("behavior")
    if behavior is None:
        return
    up, down = behavior.setdefault("scaleUp", {}), behavior.setdefault("scaleDown", {})
    up.setdefault("stabilizationWindowSeconds", 0)
    for rules, policies in ((up, _UP_POLICIES), (down, _DOWN_POLICIES)):
        rules.setdefault("selectPolicy", "Max")
        if rules.get("policies") is None:
            rules["policies"] = [dict(policy) for policy in policies]


def _prepare(new: Object, old: Object | None, _context: Context) -> None:
    if old is None:
        new["status"] = {"currentReplicas": 0, "desiredReplicas": 0}


def _validate(new: Object, _old: Object | None, context: Context) -> list[Cause]:
    if context.subresource == "status":
        return _validate_status(new.get("status") or {})
    spec = new["spec"]
    least, most = spec["minReplicas"], spec.get("maxReplicas") or 0
    causes: list[Cause] = []
    if least < 1:
        causes.append(validation.wrong("spec.minReplicas", least, "must be greater than or equal to 1"))
    if most < 1:
        causes.append(validation.wrong("spec.maxReplicas", most, "must be greater than 0"))
    if most < least:
        causes.append(validation.wrong("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`"))
    causes += _reference("spec.scaleTargetRef", spec.get("scaleTargetRef") or {})
    for index, metric in enumerate(spec["metrics"]):
        causes += _metric(f"spec.metrics[{index}]", metric)
    behavior = spec.get("behavior") or {}
    for direction in ("scaleUp", "scaleDown"):
        if direction in behavior:
            causes += _rules(f"spec.behavior.{direction}", behavior[direction])
    return causes


def _validate_status(status: Object) -> list[Cause]:
    causes = validation.non_negative("status.currentReplicas", status.get("currentReplicas"))
    return causes + validation.non_negative("status.desiredReplicas", status.get("desiredReplicas"))


def _path_segment(text: str) -> list[str]:
    """What is wrong with a name that becomes a part of a path."""
    if text in {".", ".."}:
        return [f"may not be '{text}'"]
    return [f"may not contain '{letter}'" for letter in "/%" if letter in text]


def _reference(path: str, reference: Object) -> list[Cause]:
    causes = []
    for field in ("kind", "name"):
        causes += validation.name_field(f"{path}.{field}", reference.get(field), _path_segment)
    return causes


def _metric(path: str, metric: Object) -> list[Cause]:
    kind = metric.get("type", "")
    causes: list[Cause] = []
    if not kind:
        causes.append(validation.required(f"{path}.type", "must specify a metric source type"))
    if kind not in _SOURCES:
        causes.append(validation.unsupported(f"{path}.type", kind, sorted(_SOURCES)))
    present = [field for field in _SOURCES.values() if metric.get(field) is not None]
    if present:
        causes += _source(f"{path}.{present[0]}", present[0], metric[present[0]])
    expected = _SOURCES.get(kind, "")
    if expected and expected not in present:
        detail = "must populate information for the given metric source"
        causes.append(validation.required(f"{path}.{expected}", detail))
    if len(present) != 1:
        extra = [field for field in present if field != expected]
        causes += [
            validation.forbidden(f"{path}.{field}", "must populate the given metric source only") for field in extra
        ]
    return causes


def _source(path: str, field: str, source: Object) -> list[Cause]:
    target = source.get("target") or {}
    causes: list[Cause] = []
    if field == "object":
        causes += _reference(f"{path}.describedObject", source.get("describedObject") or {})
    if field in {"resource", "containerResource"}:
        if not source.get("name"):
            causes.append(validation.required(f"{path}.name", "must specify a resource name"))
        if field == "containerResource" and not source.get("container"):
            causes.append(validation.required(f"{path}.container", "must specify a container"))
        return causes + _target(f"{path}.target", target) + _resource_target(f"{path}.target", target)
    metric = source.get("metric") or {}
    if not metric.get("name"):
        causes.append(validation.required(f"{path}.metric.name", "must specify a metric name"))
    else:
        causes += validation.each(f"{path}.metric.name", metric["name"], _path_segment(metric["name"]))
    causes += validation.label_selector(f"{path}.metric.selector", metric.get("selector"))
    return causes + _target(f"{path}.target", target) + _value_target(f"{path}.target", field, target)


def _resource_target(path: str, target: Object) -> list[Cause]:
    utilization, value = target.get("averageUtilization"), target.get("averageValue")
    if utilization is None and value is None:
        detail = "must set either a target raw value or a target utilization"
        return [validation.required(f"{path}.averageUtilization", detail)]
    if utilization is not None and value is not None:
        detail = "may not set both a target raw value and a target utilization"
        return [validation.forbidden(f"{path}.averageValue", detail)]
    return []


def _value_target(path: str, field: str, target: Object) -> list[Cause]:
    value, average = target.get("value"), target.get("averageValue")
    if field == "pods":
        if average is None or quantity.parse(average) <= 0:
            return [validation.required(f"{path}.averageValue", "must specify a positive target averageValue")]
        return []
    if value is None and average is None:
        detail = "must set either a target value for metric or a per-pod target"
        if field == "object":
            detail = "must set either a target value or averageValue"
        return [validation.required(f"{path}.averageValue", detail)]
    if field == "external" and value is not None and average is not None:
        detail = "may not set both a target value for metric and a per-pod target"
        return [validation.forbidden(f"{path}.value", detail)]
    return []


def _target(path: str, target: Object) -> list[Cause]:
    causes: list[Cause] = []
    if not target.get("type"):
        causes.append(validation.required(f"{path}.type", "must specify a metric target type"))
    if target.get("type") not in {"Utilization", "Value", "AverageValue"}:
        detail = "must be either Utilization, Value, or AverageValue"
        causes.append(validation.wrong(f"{path}.type", target.get("type", ""), detail))
    causes += [
        validation.wrong(f"{path}.{field}", target[field], "must be positive")
        for field in ("value", "averageValue")
        if target.get(field) is not None and quantity.parse(target[field]) <= 0
    ]
    utilization = target.get("averageUtilization")
    return causes + validation.positive(f"{path}.averageUtilization", utilization)


def _rules(path: str, rules: Object) -> list[Cause]:
    causes: list[Cause] = []
    window = rules.get("stabilizationWindowSeconds")
    if window is not None and window < 0:
        detail = "must be greater than or equal to zero"
        causes.append(validation.wrong(f"{path}.stabilizationWindowSeconds", window, detail))
    if window is not None and window > MAX_WINDOW:
        detail = f"must be less than or equal to {MAX_WINDOW}"
        causes.append(validation.wrong(f"{path}.stabilizationWindowSeconds", window, detail))
    if rules["selectPolicy"] not in {"Max", "Min", "Disabled"}:
        allowed = ("Disabled", "Max", "Min")
        causes.append(validation.unsupported(f"{path}.selectPolicy", rules["selectPolicy"], allowed))
    tolerance = rules.get("tolerance")
    if tolerance is not None and quantity.parse(tolerance) < 0:
        causes.append(validation.wrong(f"{path}.tolerance", tolerance, "must be greater or equal to 0"))
    if not rules["policies"]:
        causes.append(validation.required(f"{path}.policies", "must specify at least one Policy"))
    for index, policy in enumerate(rules["policies"]):
        causes += _policy(f"{path}.policies[{index}]", policy)
    return causes


def _policy(path: str, policy: Object) -> list[Cause]:
    causes: list[Cause] = []
    if policy.get("type") not in {"Pods", "Percent"}:
        causes.append(validation.unsupported(f"{path}.type", policy.get("type", ""), ("Percent", "Pods")))
    causes += [
        validation.wrong(f"{path}.{field}", policy.get(field) or 0, "must be greater than zero")
        for field in ("value", "periodSeconds")
        if (policy.get(field) or 0) <= 0
    ]
    if (policy.get("periodSeconds") or 0) > MAX_PERIOD:
        detail = f"must be less than or equal to {MAX_PERIOD}"
        causes.append(validation.wrong(f"{path}.periodSeconds", policy["periodSeconds"], detail))
    return causes


def _figure(name: str, path: str, description: str) -> Column:
    return Column(name, lambda obj, _now: at(obj, path, 0), description=description)


HORIZONTALPODAUTOSCALERS = Row(
    kinds.HORIZONTALPODAUTOSCALERS,
    "horizontalpodautoscaler",
    short_names=("hpa",),
    categories=("all",),
    columns=(
        NAME,
        Column(
            "Reference",
            lambda obj, _now: f"{at(obj, 'spec.scaleTargetRef.kind', '')}/{at(obj, 'spec.scaleTargetRef.name', '')}",
            description="What is scaled.",
        ),
        Column("Targets", lambda obj, _now: targets(obj), description="Current and wanted value of each metric."),
        Column(
            "MinPods",
            lambda obj, _now: str(at(obj, "spec.minReplicas", "<unset>")),
            description="The lower limit of replicas.",
        ),
        _figure("MaxPods", "spec.maxReplicas", "The upper limit of replicas."),
        _figure("Replicas", "status.currentReplicas", "Replicas of the target as the autoscaler saw them last."),
        AGE,
    ),
    subresources=frozenset({"status"}),
    schema="io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler",
    default=_default,
    prepare=_prepare,
    validate=_validate,
    versions=(Version(V1, "io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler", to_v2, from_v2),),
)
ROWS = (HORIZONTALPODAUTOSCALERS,)
