"""What a budget says to an eviction, as Kubernetes' eviction API decides it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common.api.disruptions import Verdict, budgets_of, charged, judge, still_disrupted
from common.api.meta import Object, format_time
from tests.fakes.objects import pod

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def budget(allowed: int = 0, *, healthy: int = 3, desired: int = 2, generation: int = 1, **spec: Any) -> Object:
    return {
        "metadata": {"name": "web", "namespace": "default", "generation": generation},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, **spec},
        "status": {
            "observedGeneration": 1, "disruptionsAllowed": allowed, "currentHealthy": healthy,
            "desiredHealthy": desired,
        },
    }  # fmt: skip


def running(*, ready: bool = True, **more: Any) -> Object:
    return pod("web-1", node="n1", ready=ready, phase="Running", labels={"app": "web"}, **more)


@pytest.mark.parametrize(
    ("victim", "found", "verdict"),
    [
        (running(), budget(1), Verdict.CHARGED),
        (running(), budget(0), Verdict.EXHAUSTED),
        (running(), budget(-1), Verdict.NEGATIVE),
        (running(), budget(5, generation=2), Verdict.NOT_OBSERVED),
        (running(ready=False), budget(0), Verdict.FREE),  # what is left is healthy without it
        (running(ready=False), budget(0, healthy=1), Verdict.EXHAUSTED),
        (running(ready=False), budget(0, healthy=0, desired=0), Verdict.EXHAUSTED),
        (running(ready=False), budget(0, healthy=1, unhealthyPodEvictionPolicy="AlwaysAllow"), Verdict.FREE),
        (pod("web-1", phase="Pending"), budget(0), Verdict.FREE),
        (pod("web-1", phase="Succeeded"), budget(0), Verdict.FREE),
    ],
)
def test_the_verdict_of_a_budget(victim: Object, found: Object, verdict: Verdict) -> None:
    assert judge(victim, found).verdict is verdict


def test_a_refusal_names_the_budget_and_its_figures() -> None:
    told = judge(running(), budget(0, healthy=2, desired=2)).message
    assert told == "The disruption budget web needs 2 healthy pods and has 2 currently"


def test_a_budget_covers_its_namespace_by_selector() -> None:
    everything, nothing = budget(selector={}), budget(selector=None)
    elsewhere = budget()
    elsewhere["metadata"]["namespace"] = "other"
    assert budgets_of(running(), [budget(), everything, nothing, elsewhere]) == [budget(), everything]


def test_a_charge_counts_down_and_is_forgotten_when_its_pod_goes_on_living() -> None:
    status = charged(budget(2), running(), NOW)
    assert (status["disruptionsAllowed"], list(status["disruptedPods"])) == (1, ["web-1"])
    kept, soonest = still_disrupted(status, [running()], NOW + timedelta(seconds=100))
    assert (list(kept), soonest) == (["web-1"], 20.0)
    assert still_disrupted(status, [running()], NOW + timedelta(seconds=120)) == ({}, None)
    assert still_disrupted(status, [], NOW) == ({}, None)
    leaving = running()
    leaving["metadata"]["deletionTimestamp"] = format_time(NOW)
    assert still_disrupted(status, [leaving], NOW) == ({}, None)
