"""Requests a second of Services, Ingresses and pods, and the autoscalers that are scaled by them."""

from __future__ import annotations

from common.api.meta import Object
from console.controllers.horizontalpodautoscaler.metrics import Readings
from console.controllers.horizontalpodautoscaler.model import History
from console.controllers.horizontalpodautoscaler.plan import Target, decide
from console.controllers.horizontalpodautoscaler.rates import RATE, asks, values

from .test_autoscaler_calculator import NOW, pod
from .test_autoscaler_plan import CPU, autoscaler, metrics


def http(rate: float) -> Object:
    return {"requestsPerSecond": rate, "errors": 0}


def endpoint(index: int, rate: float | None) -> Object:
    return {"pod": f"p{index}", "http": None if rate is None else http(rate)}


BALANCER: Object = {
    "services": [
        {"namespace": "default", "name": "web", "http": http(90), "endpoints": [endpoint(0, 60), endpoint(1, 30)]},
        {"namespace": "default", "name": "quiet", "http": None, "endpoints": [endpoint(2, None)]},
        {"namespace": "other", "name": "web", "http": http(7), "endpoints": []},
    ],
    "ingresses": [{"namespace": "default", "name": "shop", "http": http(120.5)}],
}


def test_values_are_those_of_the_namespace_that_proxies_serve() -> None:
    assert values(BALANCER, "default") == {
        ("Service", "web", RATE): 90_000,
        ("Ingress", "shop", RATE): 120_500,
        ("Pod", "p0", RATE): 60_000,
        ("Pod", "p1", RATE): 30_000,
    }
    assert values({}, "default") == {}


def wanted(metric: Object) -> tuple[int | None, str]:
    readings = Readings([metrics(index, "10m") for index in range(2)], values(BALANCER, "default"))
    outcome = decide(autoscaler(metric), Target(2, 2, [pod(0), pod(1)], readings), History(), NOW)
    return outcome.rescale, outcome.why


def test_each_kind_of_metric_can_be_of_requests() -> None:
    rate = {"name": RATE}
    of_pods = {"type": "Pods", "pods": {"metric": rate, "target": {"type": "AverageValue", "averageValue": "15"}}}
    assert wanted(of_pods) == (6, "pods metric requests-per-second above target")
    about = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "shop"}
    value = {"type": "Value", "value": "60"}
    of_object = {"type": "Object", "object": {"metric": rate, "describedObject": about, "target": value}}
    assert wanted(of_object) == (5, "Ingress metric requests-per-second above target")
    selector = {"matchLabels": {"kind": "Service", "name": "web"}}
    average = {"type": "AverageValue", "averageValue": "30"}
    of_external = {"type": "External", "external": {"metric": {**rate, "selector": selector}, "target": average}}
    assert wanted(of_external) == (3, "external metric requests-per-second above target")


def test_only_such_metrics_ask_for_them() -> None:
    assert not asks(autoscaler(CPU))
    assert asks(autoscaler({"type": "External", "external": {}}))
