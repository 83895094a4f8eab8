"""LimitRanges and ResourceQuotas: what may be said, what is filled in, what is refused, and how use is counted."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest

from common.api import quotas
from common.api.kinds import LIMITRANGES, PERSISTENTVOLUMECLAIMS, PODS, RESOURCEQUOTAS
from common.api.meta import Object
from common.errors import Forbidden
from console.registry.row import Context

from .builders import (
    Objects,
    causes,
    changed,
    container,
    context,
    created,
    named,
    pod,
    pod_of,
    update_causes,
    updated,
)


def limited(*items: Object) -> Context:
    found = Objects()
    found.put(LIMITRANGES, created(LIMITRANGES, named("limits", spec={"limits": list(items)})))
    return context(found)


def resources(obj: Object) -> Object:
    found: Object = obj["spec"]["containers"][0]["resources"]
    return found


def refusal(obj: Object, where: Context) -> str:
    with pytest.raises(Forbidden) as caught:
        created(PODS, obj, where)
    return caught.value.message


def test_bounds_of_containers_are_their_defaults() -> None:
    found = created(LIMITRANGES, named("l", spec={"limits": [{"type": "Container", "max": {"cpu": "1"}}]}))
    (item,) = found["spec"]["limits"]
    assert item["default"] == item["defaultRequest"] == {"cpu": "1"}


def test_what_a_container_leaves_out_is_filled_in() -> None:
    item = {"type": "Container", "default": {"cpu": "500m"}, "defaultRequest": {"cpu": "100m", "memory": "64Mi"}}
    made = created(PODS, pod(), limited(item))
    assert resources(made) == {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "500m"}}
    assert made["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == (
        "LimitRanger plugin set: cpu, memory request for container main; cpu limit for container main"
    )
    assert made["status"]["qosClass"] == "Burstable"
    own = created(PODS, pod_of(resources={"requests": {"cpu": "1m"}, "limits": {"cpu": "2m"}}), limited(item))
    assert resources(own) == {"requests": {"cpu": "1m", "memory": "64Mi"}, "limits": {"cpu": "2m"}}


@pytest.mark.parametrize(
    ("item", "asked", "why"),
    [
        (
            {"type": "Container", "max": {"cpu": "1"}},
            {"limits": {"cpu": "2"}},
            "maximum cpu usage per Container is 1, but limit is 2",
        ),
        (
            {"type": "Container", "min": {"memory": "64Mi"}},
            {"requests": {"memory": "1Mi"}},
            "minimum memory usage per Container is 64Mi, but request is 1Mi",
        ),
        (
            {"type": "Pod", "max": {"cpu": "1"}},
            {},
            "maximum cpu usage per Pod is 1.  No limit is specified",
        ),
        (
            {"type": "Container", "maxLimitRequestRatio": {"cpu": "2"}},
            {"requests": {"cpu": "100m"}, "limits": {"cpu": "500m"}},
            "cpu max limit to request ratio per Container is 2, but provided ratio is 5.000000",
        ),
    ],
)
def test_what_is_out_of_bounds_is_refused(item: Object, asked: Object, why: str) -> None:
    message = refusal(pod_of(resources=asked), limited(item))
    assert message.startswith('pods "p" is forbidden: ')
    assert why in message


def test_a_resize_keeps_within_the_bounds() -> None:
    where = limited({"type": "Container", "max": {"cpu": "1"}})
    asked = {"requests": {"cpu": "500m"}, "limits": {"cpu": "1"}}
    old = created(PODS, pod_of(resources=asked), where)
    more = changed(old, "spec.containers.0.resources", {"requests": {"cpu": "500m"}, "limits": {"cpu": "2"}})
    with pytest.raises(Forbidden, match="maximum cpu usage per Container is 1, but limit is 2"):
        updated(PODS, more, old, "resize", where)


def test_claims_have_bounds() -> None:
    where = limited({"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}, "max": {"storage": "5Gi"}})
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}
    with pytest.raises(Forbidden, match="maximum storage usage per PersistentVolumeClaim is 5Gi, but request is 10Gi"):
        created(PERSISTENTVOLUMECLAIMS, named("c", spec=spec), where)


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        (
            {"type": "Container", "min": {"cpu": "2"}, "max": {"cpu": "1"}},
            'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
        ),
        (
            {"type": "Pod", "default": {"cpu": "2"}},
            "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
        ),
        (
            {"type": "PersistentVolumeClaim"},
            (
                "spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but "
                "neither was provided"
            ),
        ),
        (
            {"type": "Node", "max": {"cpu": "1"}},
            'spec.limits[0].type: Invalid value: "Node": must be a standard limit type or fully qualified',
        ),
        (
            {"type": "Pod", "maxLimitRequestRatio": {"cpu": "500m"}},
            'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1',
        ),
    ],
)
def test_wrong_limits_are_named(item: Object, problem: str) -> None:
    assert problem in causes(LIMITRANGES, named("l", spec={"limits": [item]}))


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"hard": {"cpus": "1"}}, 'spec.hard[cpus]: Invalid value: "cpus": must be a standard resource for quotas'),
        ({"hard": {"pods": "1500m"}}, 'spec.hard[pods]: Invalid value: "1500m": must be an integer'),
        ({"hard": {"cpu": "-1"}}, 'spec.hard[cpu]: Invalid value: "-1": must be greater than or equal to 0'),
        ({"scopes": ["Terminating", "NotTerminating"]}, "conflicting scopes"),
        ({"hard": {"cpu": "1"}, "scopes": ["BestEffort"]}, "unsupported scope applied to resource"),
        (
            {"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In"}]}},
            "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
        ),
    ],
)
def test_wrong_quotas_are_named(spec: dict[str, Any], problem: str) -> None:
    found = causes(RESOURCEQUOTAS, named("q", spec=spec))
    assert any(problem in cause for cause in found), found


def test_scopes_never_change() -> None:
    old = created(RESOURCEQUOTAS, named("q", spec={"hard": {"pods": "1"}, "scopes": ["BestEffort"]}))
    new = {**old, "spec": {"hard": {"pods": "1"}}}
    assert [item.partition(":")[0] for item in update_causes(RESOURCEQUOTAS, new, old)] == ["spec.scopes"]


def quota(scopes: tuple[str, ...] = (), **hard: str) -> Object:
    return named("q", spec={"hard": hard, "scopes": list(scopes)})


def test_pods_count_until_they_end() -> None:
    limits = {"requests": {"cpu": "100m", "example.com/gpu": "1"}, "limits": {"memory": "1Gi", "example.com/gpu": "1"}}
    running = created(PODS, pod_of(resources=limits))
    used = quotas.usage("pods", running)
    assert used["requests.cpu"] == used["cpu"] == Fraction(1, 10)
    assert used["limits.memory"] == 2**30
    assert used["requests.example.com/gpu"] == 1
    assert quotas.usage("pods", {**running, "status": {"phase": "Failed"}}) == {"count/pods": 1}


def test_a_pod_that_should_long_have_ended_takes_nothing() -> None:
    gone = {"deletionTimestamp": "2026-01-01T00:00:30Z", "deletionGracePeriodSeconds": 30}
    lost = created(PODS, pod_of())
    lost["metadata"] |= gone
    moments = [datetime(2026, 1, 1, 0, 1, second, tzinfo=UTC) for second in (0, 1)]
    assert [quotas.usage("pods", lost, now).get("pods") for now in moments] == [1, None]
    assert quotas.total(quota(pods="9"), {"pods": [lost]}, moments[1]) == {"pods": 0}


def test_claims_count_with_what_they_took_and_the_classes_that_they_go_through() -> None:
    spec = {"resources": {"requests": {"storage": "1500m"}}, "volumeAttributesClassName": "gold"}
    claim = named("c", spec=spec, status={"currentVolumeAttributesClassName": "silver"})
    assert quotas.usage("persistentvolumeclaims", claim)["requests.storage"] == 2
    claim["status"]["allocatedResources"] = {"storage": "5"}
    assert quotas.usage("persistentvolumeclaims", claim)["requests.storage"] == 5
    for operator, values, inside in (
        ("In", ["gold"], True), ("In", ["silver"], True), ("In", ["lead"], False), ("NotIn", ["gold"], True),
        ("Exists", [], True), ("DoesNotExist", [], False),
    ):  # fmt: skip
        term = {"scopeName": "VolumeAttributesClass", "operator": operator, "values": values}
        scoped = named("q", spec={"scopeSelector": {"matchExpressions": [term]}})
        assert quotas.counts_in(scoped, "persistentvolumeclaims", claim) is inside


def test_services_count_by_their_ports() -> None:
    ports = [{"port": 80}, {"port": 81}]
    balanced = named("s", spec={"type": "LoadBalancer", "ports": ports})
    assert quotas.usage("services", balanced) == {
        "count/services": 1, "services": 1, "services.nodeports": 2, "services.loadbalancers": 1,
    }  # fmt: skip
    assert quotas.usage("services", named("s", spec={"ports": ports})) == {"count/services": 1, "services": 1}


@pytest.mark.parametrize(
    ("spec", "inside"),
    [
        ({"activeDeadlineSeconds": 5}, {"Terminating", "BestEffort"}),
        ({}, {"NotTerminating", "BestEffort"}),
        (
            {"priorityClassName": "high", "containers": [container(resources={"requests": {"cpu": "1"}})]},
            {"NotTerminating", "NotBestEffort", "PriorityClass"},
        ),
    ],
)
def test_pods_are_in_the_scopes_that_describe_them(spec: dict[str, Any], inside: set[str]) -> None:
    found = {scope for scope in quotas.POD_SCOPES if quotas.counts_in(quota((scope,)), "pods", pod(**spec))}
    assert found == inside
    assert not quotas.counts_in(quota(("Terminating",)), "configmaps", named("c"))


def test_what_a_quota_limits_must_be_said() -> None:
    assert quotas.unspecified(["limits.cpu", "requests.memory", "pods"], pod()) == (
        "limits.cpu for: main; requests.memory for: main"
    )
    assert quotas.unspecified(["cpu"], pod_of(resources={"requests": {"cpu": "1"}})) == ""
