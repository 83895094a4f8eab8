"""The network of simulated nodes keeps the promises that need no kernel."""

from __future__ import annotations

import pytest

from nodeagent.network.base import Network, Policies
from nodeagent.network.hollow import HollowNetwork
from nodeagent.runtime.base import RuntimeFailure

NODE = {"metadata": {"name": "n"}, "spec": {"podCIDRs": ["10.42.3.0/24", "fd00:42:0:3::/64"]}}


async def test_addresses_are_handed_out_as_on_a_real_node() -> None:
    network: Network = HollowNetwork()
    with pytest.raises(RuntimeFailure):
        network.allocate("a")
    await network.configure(NODE, [], {})
    assert network.gateways == ()
    assert network.allocate("a").addresses == ("10.42.3.2", "fd00:42:0:3::2")
    network.adopt("b", ["10.42.3.9"])
    network.release("a")
    assert network.allocate("c").addresses[0] == "10.42.3.10"
    assert network.resolv_conf({}) == ""
    await network.sync_services([], [], frozenset(), Policies())
    assert await network.established(["10.42.3.2"]) == 0
    await network.close(remove=True)
