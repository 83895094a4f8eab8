"""Sizes of ReplicaSets: Kubernetes' documented examples, and bounds that hold for every state."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.api.meta import Object
from console.controllers.deployment import rollout
from console.controllers.deployment.model import DESIRED_REPLICAS, MAX_REPLICAS, Family, Spec


def replicaset(name: str, size: int, *, available: int | None = None, image: str = "old", **noted: Any) -> Object:
    annotations = {}
    if "desired" in noted:
        annotations = {DESIRED_REPLICAS: str(noted["desired"]), MAX_REPLICAS: str(noted["max_replicas"])}
    figure = size if available is None else available
    return {
        "metadata": {
            "name": name, "uid": name, "annotations": annotations,
            "creationTimestamp": f"2026-01-01T00:00:{noted.get('age', 0):02}Z",
        },
        "spec": {"replicas": size, "template": template(image)},
        "status": {"replicas": size, "availableReplicas": figure},
    }  # fmt: skip


def template(image: str) -> Object:
    return {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"image": image}]}}


def spec(replicas: int, surge: Any = "25%", unavailable: Any = "25%", image: str = "new") -> Spec:
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    return Spec.of(
        {"spec": {"replicas": replicas, "strategy": {"rollingUpdate": rolling}, "template": template(image)}}
    )


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [
        (10, "25%", "25%", (3, 2)), (1, "25%", "25%", (1, 0)), (4, 0, 0, (0, 1)), (4, "1%", "1%", (1, 0)),
        (2, 0, "10%", (0, 1)), (3, 0, 5, (0, 3)), (0, "25%", "25%", (0, 0)),
    ],
)  # fmt: skip
def test_percentages_round_surge_up_and_unavailable_down(
    replicas: int, surge: Any, unavailable: Any, expected: tuple[int, int]
) -> None:
    resolved = spec(replicas, surge, unavailable)
    assert (resolved.max_surge, resolved.max_unavailable) == expected


def test_a_rollout_starts_with_the_surge() -> None:
    wanted = spec(10, 3, 2)
    family = Family.of(wanted, [replicaset("old", 10)])
    assert rollout.initial_size(wanted, family) == 3


def steps(wanted: Spec, *replicasets: Object) -> rollout.Sizes:
    family = Family.of(wanted, list(replicasets))
    assert family.new is not None
    return rollout.roll(wanted, family, family.new)


def test_old_pods_go_as_far_as_availability_allows() -> None:
    new = replicaset("new", 3, available=0, image="new")
    assert steps(spec(10, 3, 2), replicaset("old", 10), new) == {"old": 8}


def test_the_new_one_grows_into_the_room_that_the_old_left() -> None:
    new = replicaset("new", 3, available=0, image="new")
    assert steps(spec(10, 3, 2), replicaset("old", 8), new) == {"new": 5}


def test_new_pods_that_are_not_available_hold_back_the_old() -> None:
    new = replicaset("new", 5, available=0, image="new")
    assert steps(spec(10, 3, 2), replicaset("old", 8), new) == {}


def test_unhealthy_old_pods_go_first() -> None:
    new = replicaset("new", 3, available=0, image="new")
    older = replicaset("older", 5, available=1, age=1)
    old = replicaset("old", 5, available=5, age=2)
    assert steps(spec(10, 3, 2), older, old, new) == {"older": 3}


def test_a_new_one_that_is_too_large_shrinks() -> None:
    assert steps(spec(2), replicaset("new", 5, image="new")) == {"new": 2}


def test_recreate_first_empties_then_waits_then_fills() -> None:
    wanted = Spec.of({"spec": {"replicas": 3, "strategy": {"type": "Recreate"}, "template": template("new")}})
    new = replicaset("new", 0, image="new")
    full = Family.of(wanted, [replicaset("old", 3), new])
    empty = Family.of(wanted, [replicaset("old", 0), new])
    assert rollout.recreate(wanted, full, old_pods_running=True) == {"old": 0}
    assert rollout.recreate(wanted, empty, old_pods_running=True) == {}
    assert rollout.recreate(wanted, empty, old_pods_running=False) == {"new": 3}


def test_a_change_of_scale_in_a_rollout_is_spread_in_proportion() -> None:
    """The documented example: 8 old and 5 new of 10 with surge 3; for 15, old ones get 3 more and new ones 2."""
    noted = {"desired": 10, "max_replicas": 13}
    old = replicaset("old", 8, age=1, **noted)
    new = replicaset("new", 5, image="new", available=0, age=2, **noted)
    wanted = spec(15, 3, 2)
    family = Family.of(wanted, [old, new])
    assert rollout.is_scaling(wanted, family)
    assert rollout.rescale(wanted, family) == {"old": 11, "new": 7}


def test_scaling_to_zero_empties_all() -> None:
    noted = {"desired": 10, "max_replicas": 13}
    wanted = spec(0, 3, 2)
    family = Family.of(wanted, [replicaset("old", 8, **noted), replicaset("new", 5, image="new", **noted)])
    assert rollout.rescale(wanted, family) == {"old": 0, "new": 0}


def test_once_the_new_one_is_saturated_the_old_ones_are_emptied() -> None:
    noted = {"desired": 5, "max_replicas": 6}
    wanted = spec(5)
    family = Family.of(wanted, [replicaset("old", 1, **noted), replicaset("new", 5, image="new", **noted)])
    assert rollout.rescale(wanted, family) == {"old": 0}


sizes = st.integers(0, 12)


@st.composite
def states(draw: st.DrawFn) -> tuple[Spec, Family]:
    before, now = draw(st.integers(1, 12)), draw(st.integers(0, 12))
    surge, unavailable = draw(st.sampled_from([(1, 0), (0, 1), (2, 2), ("25%", "25%"), ("100%", 0)]))
    noted = {"desired": before, "max_replicas": spec(before, surge, unavailable).max_total}
    wanted = spec(draw(st.sampled_from([before, now])), surge, unavailable)
    made = []
    for index in range(draw(st.integers(1, 3))):
        size = draw(sizes)
        available = draw(st.integers(0, size))
        made.append(replicaset(f"r{index}", size, available=available, age=index, image=f"i{index}", **noted))
    made.append(replicaset("new", draw(sizes), available=0, image="new", age=9, **noted))
    return wanted, Family.of(wanted, made)


@given(states())
def test_a_step_never_exceeds_the_surge_nor_takes_too_many(state: tuple[Spec, Family]) -> None:
    wanted, family = state
    assert family.new is not None
    changed = rollout.roll(wanted, family, family.new)
    total = sum(member.size for member in family.all)
    after = {member.name: changed.get(member.name, member.size) for member in family.all}
    assert all(size >= 0 for size in after.values())
    assert sum(after.values()) <= max(total, wanted.max_total)
    # At worst all pods that go were available ones, but for those that a ReplicaSet has too many of.
    available = sum(min(member.available, after[member.name]) for member in family.all)
    before = sum(member.available for member in family.all)
    if family.new.size <= wanted.replicas:
        assert available >= min(before, wanted.replicas - wanted.max_unavailable)


@given(states())
def test_a_rescale_fills_the_bound_and_no_more(state: tuple[Spec, Family]) -> None:
    wanted, family = state
    changed = rollout.rescale(wanted, family)
    after = {member.name: changed.get(member.name, member.size) for member in family.all}
    assert all(size >= 0 for size in after.values())
    total = sum(member.size for member in family.all)
    bound = wanted.max_total if wanted.replicas else 0
    assert sum(after.values()) <= max(total, bound)
    assert rollout.rescale(wanted, family) == changed
