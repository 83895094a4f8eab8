"""HorizontalPodAutoscalers: defaults, rules, both versions, and the columns of kubectl."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.api.autoscaling import targets
from common.api.kinds import HORIZONTALPODAUTOSCALERS
from common.api.meta import Object
from common.errors import Invalid
from console.registry.kinds.autoscaling_conversion import BEHAVIOR, CONDITIONS, CURRENT, METRICS, from_v2, to_v2

from .builders import causes, created


def autoscaler(**spec: Any) -> Object:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    return {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"scaleTargetRef": reference, "maxReplicas": 5, **spec},
    }


def resource(name: str = "cpu", **target: Any) -> Object:
    return {"type": "Resource", "resource": {"name": name, "target": target}}


def test_defaults() -> None:
    made = created(HORIZONTALPODAUTOSCALERS, autoscaler(behavior={"scaleDown": {"stabilizationWindowSeconds": 5}}))
    spec = made["spec"]
    assert spec["minReplicas"] == 1
    assert spec["metrics"] == [resource(type="Utilization", averageUtilization=80)]
    assert spec["behavior"]["scaleUp"] == {
        "stabilizationWindowSeconds": 0,
        "selectPolicy": "Max",
        "policies": [
            {"type": "Pods", "value": 4, "periodSeconds": 15},
            {"type": "Percent", "value": 100, "periodSeconds": 15},
        ],
    }
    assert spec["behavior"]["scaleDown"]["policies"] == [{"type": "Percent", "value": 100, "periodSeconds": 15}]
    assert made["status"] == {"currentReplicas": 0, "desiredReplicas": 0}


def rules(**change: Any) -> Object:
    return {"behavior": {"scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 5}], **change}}}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"minReplicas": 0}, "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1"),
        ({"maxReplicas": 0}, "spec.maxReplicas: Invalid value: 0: must be greater than 0"),
        (
            {"minReplicas": 7},
            "spec.maxReplicas: Invalid value: 5: must be greater than or equal to `minReplicas`",
        ),
        ({"scaleTargetRef": {"name": "web"}}, "spec.scaleTargetRef.kind: Required value"),
        ({"scaleTargetRef": {"kind": "Deployment"}}, "spec.scaleTargetRef.name: Required value"),
        (
            {"scaleTargetRef": {"kind": "a/b", "name": "web"}},
            "spec.scaleTargetRef.kind: Invalid value: \"a/b\": may not contain '/'",
        ),
        ({"metrics": [{}]}, "spec.metrics[0].type: Required value: must specify a metric source type"),
        (
            {"metrics": [{"type": "Resource"}]},
            "spec.metrics[0].resource: Required value: must populate information for the given metric source",
        ),
        (
            {"metrics": [resource(type="Utilization")]},
            "spec.metrics[0].resource.target.averageUtilization: Required value: must set either a target raw value",
        ),
        (
            {"metrics": [resource(type="Utilization", averageUtilization=0)]},
            "spec.metrics[0].resource.target.averageUtilization: Invalid value: 0: must be greater than 0",
        ),
        (
            {"metrics": [resource(type="Some", averageUtilization=5)]},
            (
                'spec.metrics[0].resource.target.type: Invalid value: "Some": must be either Utilization, Value, or '
                "AverageValue"
            ),
        ),
        (
            {"metrics": [{"type": "Pods", "pods": {"metric": {"name": "rps"}, "target": {"type": "AverageValue"}}}]},
            "spec.metrics[0].pods.target.averageValue: Required value: must specify a positive target averageValue",
        ),
        (
            rules(stabilizationWindowSeconds=3601),
            "spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600",
        ),
        (
            rules(selectPolicy="Most"),
            'spec.behavior.scaleUp.selectPolicy: Unsupported value: "Most": supported values: "Disabled", "Max", "Min"',
        ),
        (rules(policies=[]), "spec.behavior.scaleUp.policies: Required value: must specify at least one Policy"),
        (
            rules(policies=[{"type": "Pods", "value": 0, "periodSeconds": 1801}]),
            "spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800",
        ),
    ],
)
def test_rules(spec: Object, message: str) -> None:
    with pytest.raises(Invalid) as error:
        created(HORIZONTALPODAUTOSCALERS, autoscaler(**spec))
    assert message in str(error.value)


def test_version_one_has_cpu_in_a_field_and_the_rest_in_annotations() -> None:
    memory = resource("memory", type="AverageValue", averageValue="100Mi")
    new = autoscaler(metrics=[resource(type="Utilization", averageUtilization=50), memory], behavior={"scaleUp": {}})
    old = from_v2(new)
    assert old["spec"]["targetCPUUtilizationPercentage"] == 50
    assert "metrics" not in old["spec"]
    notes = old["metadata"]["annotations"]
    assert notes[METRICS] == '[{"type":"Resource","resource":{"name":"memory","targetAverageValue":"100Mi"}}]'
    rules = '{"StabilizationWindowSeconds":null,"SelectPolicy":null,"Policies":null,"Tolerance":null}'
    assert notes[BEHAVIOR] == f'{{"ScaleUp":{rules},"ScaleDown":null}}'


def test_annotations_are_written_as_kubernetes_writes_them() -> None:
    """Letter for letter, as programs in Go compare them."""
    metric = {"name": "<q&>ä", "selector": {"matchLabels": {"z": "1", "name": "2"}}}
    described = {"apiVersion": "v1", "name": "x", "kind": "Service"}
    target = {"type": "AverageValue", "averageValue": "5"}
    spec = [
        {"type": "Pods", "pods": {"target": target, "metric": metric}},
        {"type": "Object", "object": {"describedObject": described, "target": target, "metric": {"name": "q"}}},
    ]
    policy = {"periodSeconds": 15, "value": 4, "type": "Pods"}
    new = autoscaler(metrics=spec, behavior={"scaleDown": {"policies": [policy], "tolerance": "50m"}})
    current = {"averageUtilization": 34}
    condition = {"message": "a > b", "type": "AbleToScale", "status": "True", "reason": "r"}
    new["status"] = {
        "conditions": [condition],
        "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu", "current": current}}],
    }
    old = from_v2(new)
    assert old["metadata"]["annotations"] == {
        METRICS: (
            '[{"type":"Pods","pods":{"metricName":"\\u003cq\\u0026\\u003eä","targetAverageValue":"5",'
            '"selector":{"matchLabels":{"name":"2","z":"1"}}}},'
            '{"type":"Object","object":{"target":{"kind":"Service","name":"x","apiVersion":"v1"},"metricName":"q",'
            '"targetValue":"0","averageValue":"5"}}]'
        ),
        BEHAVIOR: (
            '{"ScaleUp":null,"ScaleDown":{"StabilizationWindowSeconds":null,"SelectPolicy":null,'
            '"Policies":[{"Type":"Pods","Value":4,"PeriodSeconds":15}],"Tolerance":"50m"}}'
        ),
        CONDITIONS: '[{"type":"AbleToScale","status":"True","reason":"r","message":"a \\u003e b"}]',
        CURRENT: (
            '[{"type":"Resource","resource":{"name":"cpu","currentAverageUtilization":34,"currentAverageValue":"0"}}]'
        ),
    }
    back = to_v2(old)
    assert back["spec"] == new["spec"]
    assert old["status"]["currentCPUUtilizationPercentage"] == 34


def test_the_figure_of_version_one_is_a_metric_of_version_two() -> None:
    old = from_v2(autoscaler(metrics=[resource(type="Utilization", averageUtilization=70)]))
    old["status"] = {"currentReplicas": 2, "desiredReplicas": 2, "currentCPUUtilizationPercentage": 34}
    new = to_v2(old)
    current = {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 34}}}
    assert new["status"]["currentMetrics"] == [current]
    assert targets(new) == "cpu: 34%/70%"


def test_cpu_comes_behind_the_metrics_of_the_annotation() -> None:
    memory = resource("memory", type="AverageValue", averageValue="100Mi")
    old = from_v2(autoscaler(metrics=[resource(type="Utilization", averageUtilization=50), memory]))
    names = [metric["resource"]["name"] for metric in to_v2(old)["spec"]["metrics"]]
    assert names == ["memory", "cpu"]


def test_what_is_wrong_in_an_annotation_of_others_is_left_out() -> None:
    """An annotation that was made elsewhere, with letters of any size and values of any type."""
    behavior = '{"SCALEUP":{"SelectPolicy":"Max","policies":[{"type":"Pods","Value":1,"periodSeconds":15}],"x":1}}'
    old = from_v2(autoscaler())
    old["metadata"]["annotations"] = {BEHAVIOR: behavior}
    policies = [{"type": "Pods", "value": 1, "periodSeconds": 15}]
    assert to_v2(old)["spec"]["behavior"] == {"scaleUp": {"selectPolicy": "Max", "policies": policies}}


_NAME = st.sampled_from(["cpu", "memory", "rps"])
_AMOUNT = st.sampled_from(["100m", "5", "1Gi"])
_RESOURCE_TARGET = st.builds(
    lambda n: {"type": "Utilization", "averageUtilization": n}, st.integers(1, 100)
) | st.builds(lambda amount: {"type": "AverageValue", "averageValue": amount}, _AMOUNT)
_VALUE_TARGET = st.builds(lambda amount: {"type": "Value", "value": amount}, _AMOUNT)
_IDENTIFIER = st.builds(lambda name: {"name": name}, _NAME) | st.just(
    {"name": "rps", "selector": {"matchLabels": {"a": "b"}}}
)
_METRIC = (
    st.builds(lambda n, t: {"type": "Resource", "resource": {"name": n, "target": t}}, _NAME, _RESOURCE_TARGET)
    | st.builds(
        lambda n, t: {"type": "ContainerResource", "containerResource": {"name": n, "container": "app", "target": t}},
        _NAME,
        _RESOURCE_TARGET,
    )
    | st.builds(lambda m, t: {"type": "External", "external": {"metric": m, "target": t}}, _IDENTIFIER, _VALUE_TARGET)
    | st.builds(
        lambda m, t: {
            "type": "Object",
            "object": {"metric": m, "target": t, "describedObject": {"kind": "Service", "name": "web"}},
        },
        _IDENTIFIER,
        _VALUE_TARGET,
    )
)


@given(st.lists(_METRIC, max_size=4), st.booleans())
def test_there_and_back_is_the_same_object(metrics: list[Object], with_behavior: bool) -> None:
    new = autoscaler(**({"metrics": metrics} if metrics else {}))
    new["metadata"]["annotations"] = {"note": "kept"}
    if with_behavior:
        new["spec"]["behavior"] = {"scaleDown": {"stabilizationWindowSeconds": 5, "selectPolicy": "Min"}}
    new["status"] = {"currentReplicas": 1, "desiredReplicas": 2, "conditions": [{"type": "AbleToScale"}]}
    before = copy.deepcopy(new)
    back = to_v2(from_v2(new))
    assert new == before

    def ordered(obj: Object) -> list[str]:
        return sorted(json.dumps(metric, sort_keys=True) for metric in obj["spec"].pop("metrics", []))

    assert ordered(back) == ordered(before)
    assert back == before


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[1]", '{"a":1}', '[{"type":"Resource"}]', '[{"type":"x","x":{}}]', "5",
        '[{"type":"Resource","resource":{"name":5}}]', '[{"type":"Pods","pods":{"targetAverageValue":{}}}]',
        '[{"type":"Pods","pods":{"targetAverageValue":"lots"}}]', '[{"type":"Resource","resource":5}]',
        '[{"type":"External","external":{"metricName":"a","metricSelector":5}}]', '{"ScaleUp":5}', '{"ScaleUp":[]}',
        '{"ScaleUp":{"Policies":5}}', '{"ScaleUp":{"Policies":[5]}}', '{"ScaleUp":{"Policies":[{"Value":true}]}}',
        '{"ScaleUp":{"SelectPolicy":5}}', '{"ScaleUp":{"Tolerance":"lots"}}',
    ],
)  # fmt: skip
def test_an_annotation_that_is_no_document_does_no_harm(text: str) -> None:
    old = from_v2(autoscaler())
    old["metadata"]["annotations"] = {METRICS: text, BEHAVIOR: text, CONDITIONS: text, CURRENT: text}
    old["status"] = {"currentReplicas": 1}
    new = to_v2(old)
    assert new["spec"]["maxReplicas"] == 5
    assert "behavior" not in new["spec"]
    assert all(cause.startswith("spec.metrics") for cause in causes(HORIZONTALPODAUTOSCALERS, new))


@pytest.mark.parametrize(
    ("metrics", "current", "shown"),
    [
        ([resource(averageUtilization=80)], [], "cpu: <unknown>/80%"),
        (
            [resource(averageUtilization=80)],
            [{"resource": {"current": {"averageUtilization": 12, "averageValue": "12m"}}}],
            "cpu: 12%/80%",
        ),
        (
            [resource("memory", averageValue="100Mi")],
            [{"resource": {"current": {"averageValue": "50Mi"}}}],
            "memory: 50Mi/100Mi",
        ),
        (
            [{"type": "External", "external": {"metric": {"name": "rps"}, "target": {"averageValue": "5"}}}],
            [{"external": {"current": {"averageValue": "2"}}}],
            "2/5 (avg)",
        ),
        ([resource(averageUtilization=80)] * 4, [], "cpu: <unknown>/80%, cpu: <unknown>/80% + 2 more..."),
    ],
)
def test_targets(metrics: list[Object], current: list[Object], shown: str) -> None:
    assert targets({"spec": {"metrics": metrics}, "status": {"currentMetrics": current}}) == shown
