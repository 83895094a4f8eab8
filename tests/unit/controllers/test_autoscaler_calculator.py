"""Replicas by metrics: the cases that Kubernetes documents for its algorithm, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.api.meta import Object, format_time
from console.controllers.horizontalpodautoscaler import calculator
from console.controllers.horizontalpodautoscaler.calculator import CannotCount
from console.controllers.horizontalpodautoscaler.model import Sample, Tolerances

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(hours=1)


def pod(index: int, *, request: str | None = "100m", phase: str = "Running", ready: bool = True, **more: Any) -> Object:
    """A pod of long standing; `started`, `since` (of Ready) and `deleting` change that."""
    metadata: Object = {"name": f"p{index}", "namespace": "default"}
    if more.get("deleting"):
        metadata["deletionTimestamp"] = format_time(NOW)
    resources = {"requests": {"cpu": request}} if request else {}
    since = more.get("since", LONG_AGO + timedelta(minutes=5))
    return {
        "metadata": metadata,
        "spec": {"containers": [{"name": "app", "resources": resources}]},
        "status": {
            "phase": phase,
            "startTime": format_time(more.get("started", LONG_AGO)),
            "conditions": [
                {"type": "Ready", "status": str(ready), "lastTransitionTime": format_time(since)},
            ],
        },
    }


def samples(*values: int | None) -> dict[str, Sample]:
    return {f"p{index}": Sample(value, NOW) for index, value in enumerate(values) if value is not None}


def utilization(
    pods: Sequence[Object], values: dict[str, Sample], target: int, current: int | None = None, tolerance: float = 0.1
) -> int:
    return calculator.by_utilization(
        len(pods) if current is None else current,
        target,
        "cpu",
        "",
        pods,
        values,
        Tolerances(tolerance, tolerance),
        NOW,
    ).replicas


UNREADY = {"ready": False, "since": LONG_AGO}


@pytest.mark.parametrize(
    ("pods", "values", "target", "expected"),
    [
        pytest.param([pod(i) for i in range(3)], (30, 50, 70), 30, 5, id="up: 50 % of 30 % wanted"),
        pytest.param([pod(i) for i in range(5)], (10, 10, 10, 10, 10), 30, 2, id="down"),
        pytest.param([pod(i) for i in range(3)], (31, 33, 32), 30, 3, id="within the tolerance nothing is done"),
        pytest.param([pod(0), pod(1)], (200, 200), 100, 4, id="200m of 100m wanted doubles"),
        pytest.param([pod(0), pod(1)], (50, 50), 100, 1, id="50m of 100m wanted halves"),
        pytest.param(
            [pod(0), pod(1), pod(2, **UNREADY)], (60, 60, 90), 30, 4, id="up: what never was ready uses nothing"
        ),
        pytest.param([pod(0), pod(1), pod(2, phase="Pending")], (60, 60, None), 30, 4, id="up: pending uses nothing"),
        pytest.param([pod(0), pod(1), pod(2, **UNREADY)], (10, 10, 90), 30, 1, id="down: unready is left out"),
        pytest.param([pod(i) for i in range(3)], (60, 60, None), 30, 4, id="up: missing figures are nothing"),
        pytest.param(
            [pod(i) for i in range(4)], (10, 10, 10, None), 60, 3, id="down: missing figures are all requested"
        ),
        pytest.param(
            [pod(i) for i in range(2)], (20, None), 30, 2, id="a correction that turns around changes nothing"
        ),
        pytest.param([pod(0), pod(1), pod(2, deleting=True)], (60, 60, 900), 30, 4, id="what ends is ignored"),
        pytest.param([pod(0), pod(1), pod(2, phase="Failed")], (60, 60, None), 30, 4, id="what failed is ignored"),
        pytest.param([pod(0)], (0,), 50, 0, id="no use wants none; the limits keep the minimum"),
    ],
)
def test_utilization(pods: list[Object], values: tuple[int | None, ...], target: int, expected: int) -> None:
    assert utilization(pods, samples(*values), target) == expected


def test_figures_of_a_start_do_not_count() -> None:
    started = NOW - timedelta(seconds=40)
    fresh = pod(1, started=started, since=NOW - timedelta(seconds=10))
    early = {
        "p0": Sample(60, NOW, timedelta(seconds=5)),
        "p1": Sample(900, NOW - timedelta(seconds=6), timedelta(seconds=5)),
    }
    assert utilization([pod(0), fresh], early, 60) == 2
    late = {**early, "p1": Sample(900, NOW, timedelta(seconds=5))}
    assert utilization([pod(0), fresh], late, 60) == 16


def test_a_pod_that_was_ready_once_counts_while_it_is_not() -> None:
    wavering = pod(1, ready=False, since=LONG_AGO + timedelta(minutes=30))
    assert utilization([pod(0), wavering], samples(60, 60), 30) == 4


@pytest.mark.parametrize(
    ("pods", "values", "why"),
    [
        ([], (), "no pods returned by selector while calculating replica count"),
        ([pod(0, phase="Pending")], (5,), "did not receive metrics for targeted pods (pods might be unready)"),
        ([pod(0, request=None)], (5,), "missing request for cpu in container app of Pod p0"),
    ],
)
def test_what_cannot_be_counted_is_named(pods: list[Object], values: tuple[int, ...], why: str) -> None:
    with pytest.raises(CannotCount) as error:
        utilization(pods, samples(*values), 50)
    assert str(error.value) == why


def test_averages_and_single_values() -> None:
    pods = [pod(index) for index in range(3)]
    near = Tolerances()
    count = calculator.by_average(3, 20_000, "", pods, samples(20_000, 10_000, 30_000), near, NOW)
    assert (count.replicas, count.average, count.utilization) == (3, 20_000, None)
    assert calculator.by_average(3, 10_000, "", pods, samples(20_000, 20_000, 20_000), near, NOW).replicas == 6
    assert calculator.by_value(3, 4000, 2000, pods, near) == 6
    assert calculator.by_value(3, 2100, 2000, pods, near) == 3
    assert calculator.by_value(0, 4000, 2000, [], near) == 2
    assert calculator.by_share(3, 8600, 2000, near) == 5
    assert calculator.by_share(4, 8600, 2000, near) == 4


@given(
    st.lists(st.integers(0, 1000), min_size=1, max_size=20),
    st.integers(1, 200),
    st.lists(st.booleans(), min_size=20, max_size=20),
    st.lists(st.booleans(), min_size=20, max_size=20),
)
def test_missing_figures_never_turn_or_enlarge_a_change(
    values: list[int], target: int, known: list[bool], ready: list[bool]
) -> None:
    pods = [pod(i) if ready[i] else pod(i, **UNREADY) for i in range(len(values))]
    kept = {f"p{i}": Sample(value, NOW) for i, value in enumerate(values) if known[i]}
    if not any(known[i] and ready[i] for i in range(len(values))):
        return
    current = len(pods)
    found = utilization(pods, kept, target)
    good = [values[i] for i in range(len(values)) if known[i] and ready[i]]
    ratio = (sum(good) * 100 // (100 * len(good))) / target
    if 0.9 <= ratio <= 1.1:
        assert found == current or len(good) < len(pods)
    if ratio < 1:
        assert found <= current
    if ratio > 1 and len(good) == len(pods):
        assert found >= current
