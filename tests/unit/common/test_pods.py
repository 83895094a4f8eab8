"""What a pod asks of its node."""

from datetime import UTC, datetime
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


def test_available_means_ready_for_long_enough() -> None:
    pod = {
        "status": {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}
    }
    assert pods.is_available(pod, 30, datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC))
    assert not pods.is_available(pod, 30, datetime(2026, 1, 1, 0, 0, 29, tzinfo=UTC))
    assert not pods.is_available({"status": {}}, 0, datetime(2026, 1, 1, tzinfo=UTC))
