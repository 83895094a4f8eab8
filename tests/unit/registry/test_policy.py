"""PodDisruptionBudgets: what may be asked."""

from __future__ import annotations

from typing import Any

import pytest

from common.api.kinds import PODDISRUPTIONBUDGETS

from .builders import causes, named


def problems(**spec: Any) -> list[str]:
    return causes(PODDISRUPTIONBUDGETS, named("web", spec=spec))


@pytest.mark.parametrize("spec", [{"minAvailable": 1}, {"maxUnavailable": "25%"}, {"selector": {}}, {}])
def test_what_kubernetes_takes_is_taken(spec: dict[str, Any]) -> None:
    assert problems(**spec) == []


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"minAvailable": 1, "maxUnavailable": 1}, "minAvailable and maxUnavailable cannot be both set"),
        ({"minAvailable": -1}, "spec.minAvailable: Invalid value: -1: must be greater than or equal to 0"),
        ({"maxUnavailable": "110%"}, 'spec.maxUnavailable: Invalid value: "110%": must not be greater than 100%'),
        ({"unhealthyPodEvictionPolicy": "Never"}, 'supported values: "AlwaysAllow", "IfHealthyBudget"'),
        ({"selector": {"matchExpressions": [{"key": "a", "operator": "Is"}]}}, "spec.selector"),
    ],
)
def test_what_is_wrong_is_named(spec: dict[str, Any], problem: str) -> None:
    assert any(problem in found for found in problems(**spec)), problems(**spec)
