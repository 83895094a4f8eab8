"""What a pod asks of its node."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from common.api import pods


def container(cpu: str = "", **rest: Any) -> dict[str, Any]:
    return {"name": "c", "resources": {"requests": {"cpu": cpu} if cpu else {}}, **rest}


def test_requests_are_the_sum_of_the_containers() -> None:
    assert pods.requests({"spec": {"containers": [container("100m"), container("1")]}}) == {"cpu": Fraction(11, 10)}


def test_a_limit_counts_as_request_when_there_is_none() -> None:
    pod = {"spec": {"containers": [{"name": "c", "resources": {"limits": {"memory": "1Gi"}}}]}}
    assert pods.requests(pod) == {"memory": 2**30}


def test_a_large_init_container_counts_alone_with_the_sidecars_before_it() -> None:
    spec = {
        "initContainers": [
            container("1", restartPolicy="Always"),
            container("5"),
            container("2", restartPolicy="Always"),
        ],
        "containers": [container("1")],
        "overhead": {"cpu": "500m"},
    }
    assert pods.requests({"spec": spec}) == {"cpu": Fraction(13, 2)}


def resizing(asks: str, allocated: str, has: str, reason: str = "") -> dict[str, Any]:
    status = {"name": "web", "allocatedResources": {"cpu": allocated}, "resources": {"requests": {"cpu": has}}}
    pending = {"type": "PodResizePending", "status": "True", "reason": reason}
    spec = {"containers": [{"name": "web", "resources": {"requests": {"cpu": asks}}}]}
    return {"spec": spec, "status": {"containerStatuses": [status], "conditions": [pending] if reason else []}}


def test_while_a_pod_is_resized_the_most_of_what_it_asks_and_holds_counts() -> None:
    assert pods.requests(resizing("2", "1", "1")) == {"cpu": Fraction(2)}
    assert pods.requests(resizing("1", "1", "2")) == {"cpu": Fraction(2)}
    assert pods.requests(resizing("8", "1", "1", "Deferred")) == {"cpu": Fraction(8)}
    assert pods.requests(resizing("8", "1", "1", "Infeasible")) == {"cpu": Fraction(1)}
    assert pods.held_apart(resizing("1", "1", "1")) == {}


def test_what_a_pod_asks_as_a_whole_decides_its_quality_of_service() -> None:
    amounts = {"cpu": "1", "memory": "1Gi"}
    bare = {"containers": [{"name": "web"}]}
    assert pods.qos_class({"spec": {**bare, "resources": {"requests": amounts, "limits": amounts}}}) == "Guaranteed"
    assert pods.qos_class({"spec": {**bare, "resources": {"requests": amounts}}}) == "Burstable"
    assert pods.qos_class({"spec": {**bare, "resources": {}}}) == "BestEffort"


def test_available_means_ready_for_long_enough() -> None:
    pod = {
        "status": {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}
    }
    assert pods.is_available(pod, 30, datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC))
    assert not pods.is_available(pod, 30, datetime(2026, 1, 1, 0, 0, 29, tzinfo=UTC))
    assert not pods.is_available({"status": {}}, 0, datetime(2026, 1, 1, tzinfo=UTC))


def test_a_condition_tells_of_which_generation_it_is() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    pod: dict[str, Any] = {
        "metadata": {"generation": 2},
        "status": {"conditions": [{"type": "x/gate", "status": "True"}]},
    }
    found = pods.with_condition(pod, "PodScheduled", "False", "Unschedulable", "no node", now)
    moment = {"lastProbeTime": None, "lastTransitionTime": "2026-01-01T00:00:00Z"}
    why = {"reason": "Unschedulable", "message": "no node"}
    assert found == [
        {"type": "x/gate", "status": "True"},
        {"type": "PodScheduled", "status": "False", "observedGeneration": 2, **why, **moment},
    ]
    pod = {"metadata": {"generation": 3}, "status": {"conditions": found}}
    bound = pods.with_condition(pod, "PodScheduled", "True", "", "", now + timedelta(seconds=1))[1]
    moment["lastTransitionTime"] = "2026-01-01T00:00:01Z"
    assert bound == {"type": "PodScheduled", "status": "True", "observedGeneration": 3, **moment}
