"""One look at one autoscaler: limits before metrics, metrics before behavior, and what is told of each."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from common.api.conditions import get_condition
from common.api.meta import Object, format_time
from console.controllers.horizontalpodautoscaler.metrics import Readings
from console.controllers.horizontalpodautoscaler.model import History, Scaled
from console.controllers.horizontalpodautoscaler.plan import Outcome, Target, decide, status_of

from .test_autoscaler_calculator import NOW, pod

CPU: Object = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}},
}
CPU_NAME = "cpu resource utilization (percentage of request)"
MEMORY: Object = {
    "type": "Resource",
    "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "100Mi"}},
}


def autoscaler(*metrics: Object, **spec: Any) -> Object:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    return {
        "metadata": {"name": "web", "namespace": "default", "generation": 3},
        "spec": {"scaleTargetRef": reference, "minReplicas": 1, "maxReplicas": 10, "metrics": metrics or [CPU], **spec},
    }


def metrics(index: int, cpu: str, memory: str = "10Mi") -> Object:
    usage = {"cpu": cpu, "memory": memory}
    return {
        "metadata": {"name": f"p{index}"},
        "timestamp": format_time(NOW),
        "window": "5.001s",
        "containers": [{"name": "app", "usage": usage}],
    }


def look(hpa: Object, replicas: int, *cpu: str, history: History | None = None, **readings: Any) -> Outcome:
    found = Readings([metrics(index, value) for index, value in enumerate(cpu)], **readings)
    pods = [pod(index) for index in range(replicas)]
    return decide(hpa, Target(replicas, replicas, pods, found), history or History(), NOW)


def condition(outcome: Outcome, kind: str) -> tuple[str, str, str]:
    found = get_condition({"status": {"conditions": outcome.conditions}}, kind)
    assert found is not None
    return found["status"], found["reason"], found["message"]


def test_above_the_target_it_grows() -> None:
    outcome = look(autoscaler(), 2, "100m", "100m")
    assert (outcome.rescale, outcome.why) == (4, f"{CPU_NAME} above target")
    assert outcome.metrics == [
        {
            "type": "Resource",
            "resource": {"name": "cpu", "current": {"averageUtilization": 100, "averageValue": "100m"}},
        }
    ]
    assert condition(outcome, "ScalingActive") == (
        "True", "ValidMetricFound",
        f"the HPA was able to successfully calculate a replica count from {CPU_NAME}",
    )  # fmt: skip
    assert condition(outcome, "ScalingLimited")[:2] == ("False", "DesiredWithinRange")


def test_below_the_target_it_shrinks_once_nothing_recent_speaks_against_it() -> None:
    held = look(autoscaler(), 4, *["10m"] * 4)
    assert (held.rescale, condition(held, "AbleToScale")[1]) == (None, "ScaleDownStabilized")
    old = History((Scaled(NOW - timedelta(seconds=400), 4),))
    outcome = look(autoscaler(), 4, *["10m"] * 4, history=old)
    assert (outcome.rescale, outcome.why) == (1, "All metrics below target")


def test_the_metric_that_asks_for_most_counts() -> None:
    outcome = look(autoscaler(CPU, MEMORY), 2, "200m", "200m")
    assert outcome.rescale == 6  # eight are asked for; at once two may become six (100 % or four pods)
    assert condition(outcome, "ScalingLimited")[1] == "ScaleUpLimit"
    assert [item["resource"]["name"] for item in outcome.metrics or ()] == ["cpu", "memory"]


def test_limits_come_first() -> None:
    assert (look(autoscaler(), 12).rescale, look(autoscaler(minReplicas=3), 1).rescale) == (10, 3)
    assert look(autoscaler(), 12).why == "Current number of replicas above Spec.MaxReplicas"
    assert look(autoscaler(minReplicas=3), 1).why == "Current number of replicas below Spec.MinReplicas"


def test_a_target_of_nothing_rests() -> None:
    outcome = look(autoscaler(), 0)
    assert (outcome.rescale, outcome.desired) == (None, 0)
    assert condition(outcome, "ScalingActive")[:2] == ("False", "ScalingDisabled")


def test_without_figures_nothing_is_done_and_everybody_is_told() -> None:
    outcome = look(autoscaler(), 3)
    reason = "unable to get metrics for resource cpu: no metrics returned from resource metrics API"
    assert outcome.rescale is None
    assert condition(outcome, "ScalingActive") == (
        "False", "FailedGetResourceMetric",
        f"the HPA was unable to compute the replica count: failed to get cpu utilization: {reason}",
    )  # fmt: skip
    first = f"failed to get cpu utilization: {reason}"
    wrapped = f"failed to get cpu resource metric value: {first}"
    assert [(event.reason, event.message) for event in outcome.events] == [
        ("FailedGetResourceMetric", first),
        ("FailedComputeMetricsReplicas", f"invalid metrics (1 invalid out of 1), first error is: {wrapped}"),
    ]


def test_while_one_metric_is_unknown_others_may_only_enlarge() -> None:
    unknown = {"type": "External", "external": {"metric": {"name": "queue"}, "target": {"type": "Value", "value": "5"}}}
    old = History((Scaled(NOW - timedelta(seconds=400), 4),))
    down = look(autoscaler(CPU, unknown), 4, *["10m"] * 4, history=old)
    assert (down.rescale, condition(down, "ScalingActive")[1]) == (None, "FailedGetExternalMetric")
    up = look(autoscaler(CPU, unknown), 2, "100m", "100m")
    assert up.rescale == 4


def test_values_of_objects() -> None:
    rate = {
        "type": "Object",
        "object": {
            "metric": {"name": "requests-per-second"},
            "describedObject": {"apiVersion": "v1", "kind": "Service", "name": "web"},
            "target": {"type": "AverageValue", "averageValue": "10"},
        },
    }
    readings = {("Service", "web", "requests-per-second"): 45_000}
    outcome = look(autoscaler(rate), 2, objects=readings)
    assert outcome.rescale == 5
    assert (outcome.metrics or [{}])[0]["object"]["current"] == {"averageValue": "22500m"}


def test_a_status_that_says_the_same_is_the_same() -> None:
    hpa = autoscaler()
    outcome = look(hpa, 2, "50m", "50m")
    first = status_of(hpa, outcome, 2, scaled=False, now=NOW)
    again = look({**hpa, "status": first}, 2, "50m", "50m", history=outcome.history)
    assert status_of({**hpa, "status": first}, again, 2, scaled=False, now=NOW) == first
    assert status_of(hpa, outcome, 2, scaled=True, now=NOW)["lastScaleTime"] == format_time(NOW)
