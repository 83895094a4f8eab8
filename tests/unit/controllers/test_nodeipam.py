"""Address ranges of nodes."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.api.kinds import EVENTS, NODES
from common.api.meta import Key
from common.settings import ClusterConfig
from console.controllers.nodeipam import NodeIpamController, Pool, RangeExhausted, plan
from tests.fakes.objects import node


def test_each_family_gives_a_range() -> None:
    pools = [Pool(ip_network("10.42.0.0/16"), 24), Pool(ip_network("fd00:42::/56"), 64)]
    first = plan(node("a"), [], pools, [])
    assert first == ["10.42.0.0/24", "fd00:42::/64"]
    assert plan(node("b"), [node("a", podCIDRs=first)], pools, []) == ["10.42.1.0/24", "fd00:42:0:1::/64"]


def test_a_node_that_has_ranges_keeps_them() -> None:
    assert plan(node("a", podCIDRs=["10.42.9.0/24"]), [], [Pool(ip_network("10.42.0.0/16"), 24)], []) is None


def test_a_range_that_was_given_back_is_the_last_to_be_used_again() -> None:
    pool = Pool(ip_network("10.0.0.0/22"), 24)
    assert [pool.take(set()) for _ in range(5)] == [
        "10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24", "10.0.0.0/24"
    ]  # fmt: skip


def test_a_full_network_says_so() -> None:
    pool = Pool(ip_network("10.0.0.0/23"), 24)
    with pytest.raises(RangeExhausted, match=r"no free /24 is left in the pod network 10\.0\.0\.0/23"):
        pool.take({"10.0.0.0/24", "10.0.1.0/24"})


def test_a_slice_must_fit_into_the_network() -> None:
    with pytest.raises(ValueError, match=r"a node's /16 does not fit into the pod network 10\.0\.0\.0/24"):
        Pool(ip_network("10.0.0.0/24"), 16)


@given(st.lists(st.integers(0, 7), max_size=40))
def test_no_range_is_taken_twice(releases: list[int]) -> None:
    pool = Pool(ip_network("10.0.0.0/21"), 24)
    used: list[str] = []
    for index in releases:
        if len(used) < 8:
            taken = pool.take(set(used))
            assert taken not in used
            used.append(taken)
        elif used:
            used.pop(index % len(used))


async def test_ranges_stay_apart_when_the_mirror_lags_and_answers_are_lost(world: Any) -> None:
    world.api.seed(NODES, *(node(f"n{index}") for index in range(6)))
    world.api.hold(NODES)
    world.api.fail(TimeoutError, verb="patch", times=2, after=True)
    await world.start(NodeIpamController(world.kit, ClusterConfig()))
    await world.settle(5)
    world.api.release()
    await world.settle(5)
    given_out = [tuple(obj["spec"]["podCIDRs"]) for obj in world.api.items(NODES)]
    assert len(set(given_out)) == 6


async def test_an_exhausted_network_is_told_and_the_node_served_when_one_goes(world: Any) -> None:
    world.api.seed(NODES, node("a"), node("b"), node("c"))
    await world.start(NodeIpamController(world.kit, ClusterConfig(pod_cidrs=("10.0.0.0/23",))))
    await world.settle()
    (event,) = [event for event in world.api.items(EVENTS) if event["reason"] == "CIDRNotAvailable"]
    assert "10.0.0.0/23" in event["message"]
    poor = next(obj for obj in world.api.items(NODES) if "podCIDRs" not in obj["spec"])
    rich = next(obj for obj in world.api.items(NODES) if "podCIDRs" in obj["spec"])
    world.api.vanish(NODES, Key("", rich["metadata"]["name"]))
    await world.settle(60)
    after = world.api.find(NODES, Key("", poor["metadata"]["name"]))
    assert after["spec"]["podCIDRs"] == rich["spec"]["podCIDRs"]
