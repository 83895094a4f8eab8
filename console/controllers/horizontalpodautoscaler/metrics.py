"""One metric of an autoscaler against what is known of it: its proposal, or why it has none. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from common.api import quantity
from common.api.meta import Object, name, parse_time

from . import calculator
from .calculator import CannotCount, Count
from .model import MetricError, Proposal, Sample, Samples, Tolerances

Reference: TypeAlias = tuple[str, str, str]
"""Kind and name of an object, and the name of a metric."""


@dataclass(frozen=True, slots=True)
class Readings:
    """What was read for one autoscaler: PodMetrics of its pods, and values of objects in thousandths. `failure` says
    why there are no PodMetrics."""

    pods: Sequence[Object] = ()
    objects: Mapping[Reference, int] = field(default_factory=dict)
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Situation:
    """What a metric is judged by: the present size as wanted (`spec`) and as counted (`status`), and all the pods."""

    spec: int
    status: int
    pods: Sequence[Object]
    readings: Readings
    tolerances: Tolerances
    now: datetime


def propose(metric: Object, situation: Situation) -> Proposal:
    """Raises MetricError."""
    kind = str(metric.get("type", ""))
    decide = _KINDS.get(kind)
    if decide is None:
        raise MetricError("InvalidMetricSourceType", "metric", f'unknown metric source type "{kind}"')
    source = next((value for value in metric.values() if isinstance(value, dict)), {})
    title = str(source.get("name") or (source.get("metric") or {}).get("name", ""))
    try:
        return decide(metric, situation)
    except CannotCount as error:
        raise MetricError(f"FailedGet{kind}Metric", _WHAT[kind].format(title), str(error)) from None


_WHAT = {
    "Resource": "{} resource metric value",
    "ContainerResource": "{} container metric value",
    "Pods": "pods metric value",
    "Object": "object metric value",
    "External": "{} external metric value",
}


def _resource(metric: Object, situation: Situation) -> Proposal:
    key = "containerResource" if metric["type"] == "ContainerResource" else "resource"
    resource = str(metric[key]["name"])
    word = "usage" if metric[key]["target"].get("averageValue") is not None else "utilization"
    try:
        return _resource_proposal(metric, key, situation)
    except CannotCount as error:
        raise CannotCount(f"failed to get {resource} {word}: {error}") from None


def _resource_proposal(metric: Object, key: str, situation: Situation) -> Proposal:
    source = metric[key]
    resource, container = str(source["name"]), str(source.get("container", ""))
    samples = resource_samples(situation.readings, resource, container)
    target = source["target"]
    if target.get("averageValue") is not None:
        wanted = quantity.milli(target["averageValue"])
        count = calculator.by_average(
            situation.spec, wanted, resource, situation.pods, samples, situation.tolerances, situation.now
        )
        return Proposal(count.replicas, f"{resource} resource", _status(metric["type"], key, source, _current(count)))
    count = calculator.by_utilization(
        situation.spec, target["averageUtilization"], resource, container, situation.pods, samples,
        situation.tolerances, situation.now,
    )  # fmt: skip
    title = f"{resource} resource utilization (percentage of request)"
    return Proposal(count.replicas, title, _status(metric["type"], key, source, _current(count)))


def _current(count: Count) -> Object:
    found: Object = {"averageValue": quantity.format_milli(count.average)}
    return found if count.utilization is None else {"averageUtilization": count.utilization, **found}


def _status(kind: str, key: str, source: Object, current: Object) -> Object:
    about = {field: source[field] for field in ("name", "container", "metric", "describedObject") if field in source}
    return {"type": kind, key: {**about, "current": current}}


def resource_samples(readings: Readings, resource: str, container: str) -> Samples:
    """Use of a resource by pod, of one container or of all. Raises CannotCount when nobody knows anything."""
    if readings.failure:
        raise CannotCount(f"unable to get metrics for resource {resource}: {readings.failure}")
    found = {}
    for item in readings.pods:
        values = [
            (entry.get("usage") or {}).get(resource)
            for entry in item.get("containers") or ()
            if container in {"", entry.get("name")}
        ]
        if values and None not in values:
            total = sum(quantity.milli(value) for value in values if value is not None)
            window = timedelta(seconds=seconds_of(str(item.get("window", "0s"))))
            found[name(item)] = Sample(total, parse_time(item["timestamp"]), window)
    if not found:
        raise CannotCount(
            f"unable to get metrics for resource {resource}: no metrics returned from resource metrics API"
        )
    return found


def seconds_of(text: str) -> float:
    """A duration as Go prints it (`1m0.5s`)."""
    minutes, found, rest = text.rpartition("m")
    if not found or rest.endswith("s") is False:
        minutes, rest = "0", text
    return 60 * float(minutes or 0) + float(rest.removesuffix("s") or 0)


def _pods(metric: Object, situation: Situation) -> Proposal:
    source = metric["pods"]
    title = str(source["metric"]["name"])
    now = situation.now
    found = {
        name(pod): Sample(value, now)
        for pod in situation.pods
        if (value := situation.readings.objects.get(("Pod", name(pod), title))) is not None
    }
    if not found:
        raise CannotCount(f"unable to get metric {title}: no metrics returned from custom metrics API")
    wanted = quantity.milli(source["target"]["averageValue"])
    count = calculator.by_average(situation.spec, wanted, "", situation.pods, found, situation.tolerances, now)
    current = {"averageValue": quantity.format_milli(count.average)}
    return Proposal(count.replicas, f"pods metric {title}", _status("Pods", "pods", source, current))


def _object(metric: Object, situation: Situation) -> Proposal:
    source = metric["object"]
    about, title = source["describedObject"], str(source["metric"]["name"])
    value = situation.readings.objects.get((about["kind"], about["name"], title))
    if value is None:
        raise CannotCount(f"unable to get metric {title}: {about['kind']} on {about['name']}: no metrics returned from "
                          "custom metrics API")  # fmt: skip
    replicas, current = _by_target(source["target"], value, situation)
    return Proposal(replicas, f"{about['kind']} metric {title}", _status("Object", "object", source, current))


def _external(metric: Object, situation: Situation) -> Proposal:
    source = metric["external"]
    title = str(source["metric"]["name"])
    labels = (source["metric"].get("selector") or {}).get("matchLabels") or {}
    values = [
        value
        for (kind, about, known), value in situation.readings.objects.items()
        if known == title and labels.get("kind", "Service") == kind and labels.get("name", about) == about
    ]
    if not values:
        raise CannotCount(f"unable to get external metric {title}: no metrics returned from external metrics API")
    replicas, current = _by_target(source["target"], sum(values), situation)
    return Proposal(replicas, f"external metric {title}", _status("External", "external", source, current))


def _by_target(target: Object, value: int, situation: Situation) -> tuple[int, Object]:
    if target.get("averageValue") is not None:
        wanted = quantity.milli(target["averageValue"])
        each = -(-value // max(situation.status, 1))
        replicas = calculator.by_share(situation.status, value, wanted, situation.tolerances)
        return replicas, {"averageValue": quantity.format_milli(each)}
    wanted = quantity.milli(target["value"])
    replicas = calculator.by_value(situation.spec, value, wanted, situation.pods, situation.tolerances)
    return replicas, {"value": quantity.format_milli(value)}


_KINDS: dict[str, Callable[[Object, Situation], Proposal]] = {
    "Resource": _resource,
    "ContainerResource": _resource,
    "Pods": _pods,
    "Object": _object,
    "External": _external,
}
