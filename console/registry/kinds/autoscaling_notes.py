"""The documents that autoscalers of autoscaling/v1 carry in annotations, as Kubernetes writes and reads them.

Programs compare annotations letter for letter: the order of the fields is that of Kubernetes' own types. Metrics and
conditions are of the published API; the behavior is of a type that only Kubernetes has, whose fields begin with capital
letters and are there even when they are empty. What is no such document is nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from common.api import gotext, quantity
from common.api.meta import Object

_ORDER = (
    "type", "status", "lastTransitionTime", "reason", "message", "kind", "name", "apiVersion", "target", "metricName",
    "metricSelector", "targetAverageUtilization", "currentAverageUtilization", "targetValue", "currentValue",
    "targetAverageValue", "currentAverageValue", "selector", "averageValue", "container", "matchLabels",
    "matchExpressions", "key", "operator", "values", "resource", "containerResource", "pods", "object", "external",
)  # fmt: skip
_STRUCTURES = frozenset({"target", "selector", "metricSelector"})
_PLACE = {field: place for place, field in enumerate(_ORDER)}
_RULES = {
    "StabilizationWindowSeconds": "stabilizationWindowSeconds",
    "SelectPolicy": "selectPolicy",
    "Policies": "policies",
    "Tolerance": "tolerance",
}
_POLICY = {"Type": "type", "Value": "value", "PeriodSeconds": "periodSeconds"}
_BEHAVIOR = {"ScaleUp": "scaleUp", "ScaleDown": "scaleDown"}
_WHOLE = frozenset({"value", "periodSeconds", "stabilizationWindowSeconds"})


def written(document: Any) -> str:
    """A document as Kubernetes writes it."""
    return gotext.escaped(json.dumps(_ordered(document), separators=(",", ":"), ensure_ascii=False))


def _ordered(value: Any, *, is_map: bool = False) -> Any:
    if isinstance(value, list):
        return [_ordered(item) for item in value]
    if not isinstance(value, dict):
        return value
    names = sorted(value) if is_map else sorted(value, key=lambda name: _PLACE.get(name, len(_PLACE)))
    return {name: _ordered(value[name], is_map=name == "matchLabels") for name in names}


def old_behavior(behavior: Object | None) -> Object | None:
    if behavior is None:
        return None
    return {old: _old_rules(behavior.get(new)) for old, new in _BEHAVIOR.items()}


def _old_rules(rules: Object | None) -> Object | None:
    if rules is None:
        return None
    found = {old: rules.get(new) for old, new in _RULES.items()}
    if found["Policies"] is not None:
        found["Policies"] = [{old: policy.get(new) for old, new in _POLICY.items()} for policy in found["Policies"]]
    return found


def new_behavior(text: str | None) -> Object | None:
    """Capital letters do not matter, as Go reads them."""
    try:
        return _renamed(_loaded(text), _BEHAVIOR, lambda _name, rules: _renamed(rules, _RULES, _rule))
    except TypeError:
        return None


def _rule(name: str, value: Any) -> Any:
    if name == "policies":
        return [_renamed(policy, _POLICY, _plain) for policy in _of(list, value)]
    return _plain(name, value)


def _plain(name: str, value: Any) -> Any:
    if name == "tolerance" and not _fits("toleranceValue", value):
        raise TypeError
    return str(value) if name == "tolerance" else _of(int if name in _WHOLE else str, value)


def _of(kind: type, value: Any) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError
    return value


def _renamed(found: Any, names: Mapping[str, str], take: Callable[[str, Any], Any]) -> Object:
    """The known fields that say something. Raises TypeError for values of a wrong type."""
    known = {new.lower(): new for new in names.values()}
    fields = ((known.get(name.lower()), value) for name, value in _of(dict, found).items())
    return {name: take(name, value) for name, value in fields if name is not None and value is not None}


def metrics(text: str | None) -> list[Object]:
    """Those of a spec or a status; none when any value is of a wrong type."""
    found = _loaded(text)
    is_list = isinstance(found, list) and all(isinstance(metric, dict) for metric in found)
    return found if is_list and all(_is_metric(metric) for metric in found) else []


def _is_metric(metric: Object) -> bool:
    sources = [value for name, value in metric.items() if name != "type"]
    return isinstance(metric.get("type"), str) and all(
        isinstance(source, dict) and all(_fits(name, value) for name, value in source.items()) for source in sources
    )


def _fits(name: str, value: Any) -> bool:
    if name in _STRUCTURES:
        return isinstance(value, dict)
    if name.endswith("Utilization"):
        return type(value) is int
    if name.endswith("Value"):
        return type(value) in {int, str} and _is_amount(value)
    return isinstance(value, str)


def _is_amount(value: str | int) -> bool:
    try:
        return quantity.parse(value) is not None
    except ValueError:
        return False


def conditions(text: str | None) -> list[Object]:
    found = _loaded(text)
    is_list = isinstance(found, list) and all(isinstance(condition, dict) for condition in found)
    return found if is_list and all(type(value) is str for item in found for value in item.values()) else []


def _loaded(text: str | None) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None
