"""Which pod goes when the node runs out of memory or disk."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from common.api.meta import Object, name
from nodeagent import stats
from nodeagent.eviction import CRITICAL_PRIORITY, Pressure, Use, choose, pressures, relieve

MIB = 1024 * 1024
SHORT = Pressure("memory", 100 * MIB, 40 * MIB)
MACHINE = stats.Machine(4, 4096 * MIB, 2048 * MIB, 2048 * MIB, 1000 * MIB, 500 * MIB, 1000, 10, 0.0, "boot", 0)


def use(named: str, used: int, *, asked: str = "", priority: int = 0) -> Use:
    requests = {"memory": asked} if asked else {}
    container: Object = {"name": "web", "resources": {"requests": requests}}
    pod: Object = {"metadata": {"name": named, "namespace": "default", "uid": named},
                   "spec": {"priority": priority, "containers": [container]}}  # fmt: skip
    return Use(pod, {"web": used * MIB})


def victim(*uses: Use) -> str:
    verdict = choose(SHORT, uses)
    return name(verdict.pod) if verdict is not None else ""


def test_who_uses_more_than_was_asked_for_goes_before_priority_counts() -> None:
    assert victim(use("within", 900, asked="1Gi", priority=-10), use("beyond", 20, asked="10Mi", priority=1000)) == (
        "beyond"
    )


def test_then_the_lower_priority_then_the_larger_excess() -> None:
    assert victim(use("low", 20, priority=1), use("high", 500, priority=2)) == "low"
    assert victim(use("small", 20), use("large", 500), use("modest", 600, asked="512Mi")) == "large"


def test_critical_pods_and_those_that_use_nothing_are_never_chosen() -> None:
    assert victim(use("critical", 500, priority=CRITICAL_PRIORITY), use("idle", 0)) == ""


def test_it_says_why_in_kubelets_words() -> None:
    verdict = choose(SHORT, [use("web", 300, asked="64Mi")])
    assert verdict is not None
    assert verdict.message == (
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 40Mi. "
        "Container web was using 300Mi, request is 64Mi, has larger consumption of memory. "
    )


def test_nothing_is_measured_or_evicted_without_pressure() -> None:
    def never() -> list[Use]:
        raise AssertionError("there is no pressure")

    def refuse(uid: str, message: str) -> None:
        raise AssertionError(f"{uid}: {message}")

    relieve(MACHINE, {"memory": never, "ephemeral-storage": never}, refuse)


def test_one_pod_goes_at_a_time() -> None:
    gone: list[str] = []
    short = replace(MACHINE, memory_available=50 * MIB, disk_available=10 * MIB)
    assert [pressure.resource for pressure in pressures(short)] == ["memory", "ephemeral-storage"]
    uses: dict[str, Any] = dict.fromkeys(("memory", "ephemeral-storage"), lambda: [use("a", 5), use("b", 6)])
    relieve(short, uses, lambda uid, _message: gone.append(uid))
    assert gone == ["b"]


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(-5, 5)), max_size=6))
def test_the_choice_does_not_depend_on_the_order(found: list[tuple[int, int]]) -> None:
    uses = [use(f"p{index}", used, priority=priority) for index, (used, priority) in enumerate(found)]
    assert victim(*uses) == victim(*reversed(uses))
