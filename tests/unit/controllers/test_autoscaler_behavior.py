"""Limits, speed and stabilization: Kubernetes' documented policies, and what must hold whatever they say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.api.meta import Object
from console.controllers.horizontalpodautoscaler.behavior import (
    DOWN_LIMIT,
    DOWN_STABILIZED,
    TOO_FEW,
    TOO_MANY,
    UP_LIMIT,
    UP_STABILIZED,
    normalize,
    remember,
)
from console.controllers.horizontalpodautoscaler.model import History, Scaled

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def spec(least: int = 1, most: int = 1000, **behavior: Object) -> Object:
    return {"minReplicas": least, "maxReplicas": most, **({"behavior": behavior} if behavior else {})}


def policy(kind: str, value: int, period: int = 60) -> Object:
    return {"type": kind, "value": value, "periodSeconds": period}


def rules(*policies: Object, select: str = "Max", window: int = 0) -> Object:
    return {"policies": list(policies), "selectPolicy": select, "stabilizationWindowSeconds": window}


@pytest.mark.parametrize(
    ("given_spec", "current", "wanted", "expected", "said"),
    [
        (spec(most=5), 3, 9, 5, TOO_MANY),
        (spec(least=2, scaleDown=rules(policy("Percent", 100))), 3, 1, 2, TOO_FEW),
        (spec(), 1, 100, 5, UP_LIMIT),
        (spec(), 10, 100, 20, UP_LIMIT),
        (spec(), 10, 12, 12, None),
        (spec(scaleUp=rules(policy("Pods", 2))), 10, 100, 12, UP_LIMIT),
        (spec(scaleUp=rules(policy("Pods", 2), policy("Percent", 50))), 10, 100, 15, UP_LIMIT),
        (spec(scaleUp=rules(policy("Pods", 2), policy("Percent", 50), select="Min")), 10, 100, 12, UP_LIMIT),
        (spec(scaleUp=rules(policy("Pods", 2), select="Disabled")), 10, 100, 10, UP_LIMIT),
        (spec(scaleDown=rules(policy("Percent", 10))), 100, 1, 90, DOWN_LIMIT),
        (spec(scaleDown=rules(policy("Percent", 10), policy("Pods", 5))), 100, 1, 90, DOWN_LIMIT),
        (spec(scaleDown=rules(policy("Percent", 10), policy("Pods", 5), select="Min")), 100, 1, 95, DOWN_LIMIT),
        (spec(scaleDown=rules(policy("Percent", 10), select="Disabled")), 100, 1, 100, DOWN_LIMIT),
    ],
)
def test_limits(given_spec: Object, current: int, wanted: int, expected: int, said: Any) -> None:
    found = normalize(given_spec, current, wanted, History(), NOW)
    assert (found.replicas, found.limited) == (expected, said)


def test_what_was_added_within_the_period_counts() -> None:
    history = History(ups=(Scaled(ago(30), 4), Scaled(ago(90), 7)), downs=(Scaled(ago(10), 1),))
    found = normalize(spec(scaleUp=rules(policy("Pods", 4))), 13, 100, history, NOW)
    assert found.replicas == 14
    history = History(ups=(Scaled(ago(30), 10),))
    assert normalize(spec(scaleUp=rules(policy("Pods", 4))), 13, 100, history, NOW).replicas == 13


def test_down_to_the_highest_of_the_window() -> None:
    history = History((Scaled(ago(301), 9), Scaled(ago(200), 7), Scaled(ago(5), 3)))
    found = normalize(spec(), 8, 2, history, NOW)
    assert (found.replicas, found.stabilized) == (7, DOWN_STABILIZED)
    quick = spec(scaleDown=rules(policy("Percent", 100), window=10))
    assert normalize(quick, 8, 2, history, NOW).replicas == 3


def test_up_to_the_lowest_of_the_window() -> None:
    history = History((Scaled(ago(20), 4), Scaled(ago(5), 9)))
    found = normalize(spec(scaleUp=rules(policy("Percent", 900), window=60)), 3, 12, history, NOW)
    assert (found.replicas, found.stabilized) == (4, UP_STABILIZED)


_POLICY = st.builds(policy, st.sampled_from(["Pods", "Percent"]), st.integers(1, 200), st.integers(1, 120))
_RULES = st.builds(
    lambda policies, select, window: rules(*policies, select=select, window=window),
    st.lists(_POLICY, min_size=1, max_size=3),
    st.sampled_from(["Max", "Min", "Disabled"]),
    st.integers(0, 120),
)


@given(
    st.integers(1, 20),
    st.integers(0, 50),
    _RULES,
    _RULES,
    st.lists(st.tuples(st.integers(1, 60), st.integers(0, 200)), min_size=1, max_size=30),
)
def test_a_run_stays_in_its_limits_and_never_moves_against_its_metrics(
    least: int, more: int, up: Object, down: Object, looks: list[tuple[int, int]]
) -> None:
    given_spec = spec(least, least + more, scaleUp=up, scaleDown=down)
    now, current, history = NOW, least, History()
    for seconds, wanted in looks:
        now += timedelta(seconds=seconds)
        found = normalize(given_spec, current, wanted, history, now)
        assert least <= found.replicas <= least + more
        recent = [item.replicas for item in found.history.recommendations]
        assert min([current, *recent]) <= found.replicas or found.replicas == least
        assert found.replicas <= max([current, *recent])
        history = remember(given_spec, found.history, current, found.replicas, now)
        assert all(item.at > now - timedelta(seconds=121) for item in (*history.ups, *history.downs))
        current = found.replicas


@given(st.integers(1, 100), st.integers(1, 100))
def test_a_recommendation_that_stays_is_reached_and_then_nothing_changes(start: int, wanted: int) -> None:
    now, current, history, asked = NOW, start, History(), spec()
    for _ in range(80):
        now += timedelta(seconds=15)
        found = normalize(asked, current, wanted, history, now)
        history = remember(asked, found.history, current, found.replicas, now)
        current = found.replicas
    assert current == wanted
    assert len(history.recommendations) <= 300 / 15 + 2
