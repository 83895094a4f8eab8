"""Addresses of pods."""

from __future__ import annotations

import pytest

from nodeagent.network.addresses import Allocator, gateway
from nodeagent.runtime.base import RuntimeFailure


def allocator(*cidrs: str) -> Allocator:
    made = Allocator()
    made.configure(cidrs)
    return made


def test_a_pod_gets_the_same_number_in_both_families_until_it_is_released() -> None:
    pool = allocator("10.42.3.0/24", "fd00:42:0:3::/64")
    assert pool.allocate("a") == ("10.42.3.2", "fd00:42:0:3::2")
    assert pool.allocate("b") == ("10.42.3.3", "fd00:42:0:3::3")
    assert pool.allocate("a") == ("10.42.3.2", "fd00:42:0:3::2")
    assert pool.release("a") == ("10.42.3.2", "fd00:42:0:3::2")
    assert pool.release("a") == ()


def test_an_address_rests_before_it_is_used_again() -> None:
    pool = allocator("10.42.3.0/24")
    pool.allocate("a")
    pool.release("a")
    assert pool.allocate("b") == ("10.42.3.3",)


def test_network_gateway_and_broadcast_are_never_given() -> None:
    pool = allocator("10.42.3.0/29")
    given = {pool.allocate(f"pod-{index}")[0] for index in range(5)}
    assert given == {f"10.42.3.{number}" for number in range(2, 7)}
    with pytest.raises(RuntimeFailure, match=r"no pod address is free in 10\.42\.3\.0/29 \(5 in use\)") as failure:
        pool.allocate("one-more")
    assert failure.value.reason == "FailedCreatePodSandBox"
    pool.release("pod-2")
    assert pool.allocate("one-more")[0] in given


def test_adopted_addresses_are_not_given_again() -> None:
    pool = allocator("10.42.3.0/24", "fd00:42:0:3::/64")
    pool.adopt("old", ["10.42.3.2", "fd00:42:0:3::2"])
    pool.adopt("older", ["fd00:42:0:3::4"])
    assert pool.allocate("new") == ("10.42.3.5", "fd00:42:0:3::5")
    assert pool.allocate("old") == ("10.42.3.2", "fd00:42:0:3::2")


def test_without_a_slice_the_error_says_what_is_missing() -> None:
    with pytest.raises(RuntimeFailure, match="no podCIDRs yet"):
        Allocator().allocate("a")


def test_the_gateway_is_the_first_address() -> None:
    assert gateway("10.42.3.0/24") == "10.42.3.1"
    assert gateway("fd00:42:0:3::/64") == "fd00:42:0:3::1"
