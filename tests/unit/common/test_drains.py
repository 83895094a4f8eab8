"""What a drain means for each pod, and how far it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.api import drains
from common.api.drains import Drain, Fate, Item, Options, Stage
from common.api.meta import Object, name
from tests.fakes.objects import pod

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
OWNER = {"kind": "ReplicaSet", "name": "web", "uid": "rs", "controller": True}


def made(named: str, **more: Any) -> Object:
    found = pod(named, node=more.pop("node", "n1"), ready=more.pop("ready", True), owner=more.pop("owner", OWNER),
                labels={"app": "web"}, **more)  # fmt: skip
    found["metadata"]["uid"] = named
    return found


def budget(allowed: int, *, healthy: int = 3, desired: int = 2, expected: int = 3, named: str = "web") -> Object:
    return {
        "metadata": {"name": named, "namespace": "default", "generation": 1},
        "spec": {"selector": {"matchLabels": {"app": "web"}}},
        "status": {"disruptionsAllowed": allowed, "currentHealthy": healthy, "desiredHealthy": desired,
                   "expectedPods": expected, "observedGeneration": 1},
    }  # fmt: skip


def only(found: Object, *, options: Options = Options(), budgets: tuple[Object, ...] = ()) -> Item:  # noqa: B008
    (item,) = drains.plan("n1", [found], budgets, options)
    return item


def test_pods_of_other_nodes_are_no_concern() -> None:
    assert drains.plan("n1", [made("a", node="n2")], [], Options()) == []


def test_what_its_node_would_make_again_stays() -> None:
    daemon = {"kind": "DaemonSet", "name": "logs", "uid": "d", "controller": True}
    assert only(made("a", owner=daemon)).fate is Fate.SKIP
    mirror = made("b", owner=None)
    mirror["metadata"]["annotations"] = {drains.MIRROR: "x"}
    assert only(mirror).fate is Fate.SKIP


def test_what_nobody_makes_again_needs_force() -> None:
    assert only(made("a", owner=None)).fate is Fate.REFUSE
    allowed = only(made("a", owner=None), options=Options(force=True))
    assert (allowed.fate, allowed.returns) == (Fate.EVICT, False)


def test_local_data_needs_consent_and_an_ended_pod_does_not() -> None:
    volumes: list[Object] = [{"name": "cache", "emptyDir": {}}]
    assert only(made("a", volumes=volumes)).fate is Fate.REFUSE
    assert only(made("a", volumes=volumes), options=Options(delete_local=True)).fate is Fate.EVICT
    assert only(made("a", volumes=volumes, owner=None, ready=False, phase="Succeeded")).fate is Fate.EVICT


def test_of_two_pods_under_a_budget_for_one_the_second_waits() -> None:
    items = drains.plan("n1", [made("b"), made("a")], [budget(1)], Options())
    assert [(name(item.pod), item.fate) for item in items] == [("a", Fate.EVICT), ("b", Fate.WAIT)]
    assert items[1].reason == "The disruption budget web needs 2 healthy pods and has 2 currently"


def test_a_budget_that_never_allows_anything_is_told_apart() -> None:
    item = only(made("a"), budgets=(budget(0, healthy=3, desired=3),))
    assert item.fate is Fate.NEVER


def test_two_budgets_for_one_pod_refuse_as_the_api_does() -> None:
    item = only(made("a"), budgets=(budget(1), budget(1, named="other")))
    assert (item.fate, item.reason) == (Fate.NEVER, "more than one disruption budget covers it: web, other")


def test_a_pod_that_is_not_ready_goes_when_enough_others_are() -> None:
    assert only(made("a", ready=False, phase="Running"), budgets=(budget(0, healthy=2),)).fate is Fate.EVICT


@given(
    pods=st.lists(st.sampled_from(["ready", "pending", "bare"]), max_size=8),
    allowed=st.integers(0, 4),
    force=st.booleans(),
)
def test_no_plan_spends_more_than_the_budget_allows(pods: list[str], allowed: int, force: bool) -> None:
    there = [
        made(f"p{index}", ready=kind != "pending", owner=None if kind == "bare" else OWNER)
        for index, kind in enumerate(pods)
    ]
    rule = budget(allowed, healthy=allowed + 2)
    before = dict(rule["status"])
    items = drains.plan("n1", there, [rule], Options(force=force))
    charged = [item for item in items if item.fate is Fate.EVICT and item.pod["status"]["phase"] == "Running"]
    assert len(charged) <= allowed
    assert rule["status"] == before
    assert len(items) == len(there)


# Under way


def started(*names: str) -> Drain:
    return Drain(drains.plan("n1", [made(item) for item in names], [], Options()))


def test_it_is_complete_only_when_the_pods_are_gone() -> None:
    drain = started("a", "b")
    for item in drain.due(NOW):
        drain.accepted(item)
    assert not drain.complete
    assert not drain.settled
    drain.saw({"a": made("a")})
    assert drain.stages == {"a": Stage.LEAVING, "b": Stage.GONE}
    drain.saw({})
    assert drain.complete
    assert drain.settled


def test_what_a_budget_holds_is_asked_for_again_later() -> None:
    drain = started("a")
    (item,) = drain.due(NOW)
    drain.held(item, "spent", NOW + timedelta(seconds=5))
    assert drain.due(NOW + timedelta(seconds=4)) == []
    assert drain.due(NOW + timedelta(seconds=5)) == [item]


def test_a_namesake_made_meanwhile_is_another_pod() -> None:
    drain = started("a")
    namesake = made("a")
    namesake["metadata"]["uid"] = "another"
    drain.saw({"another": namesake})
    assert drain.complete
    assert drains.eviction(made("a"), 3)["deleteOptions"] == {"preconditions": {"uid": "a"}, "gracePeriodSeconds": 3}


def test_cancelling_leaves_alone_what_has_begun() -> None:
    drain = started("a", "b", "c")
    first, second, _ = drain.due(NOW)
    drain.accepted(first)
    drain.held(second, "spent", NOW)
    assert drain.cancel() == 2
    assert drain.due(NOW + timedelta(hours=1)) == []
    assert not drain.settled
    drain.saw({"b": made("b"), "c": made("c")})
    assert drain.settled
    assert not drain.complete


def test_an_answer_that_comes_after_the_pod_went_changes_nothing() -> None:
    drain = started("a")
    (item,) = drain.due(NOW)
    drain.saw({})
    drain.failed(item, "the API said no")
    assert drain.complete


@pytest.mark.parametrize("option", [Options(), Options(force=True)])
def test_the_scheduler_is_asked_about_those_that_come_back(option: Options) -> None:
    there = [made("a"), made("b", owner=None), made("c", ready=False, phase="Failed")]
    spec = drains.question("n1", drains.plan("n1", there, [], option))["spec"]
    assert spec == {"drain": {"node": "n1", "pods": [{"namespace": "default", "name": "a"}]}}
