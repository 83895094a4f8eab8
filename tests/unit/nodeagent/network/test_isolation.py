"""A pod begins under the policies that were told before it, whether their sync was made yet or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from common.api.meta import Object
from nodeagent.network import topology
from nodeagent.network.base import Policies
from nodeagent.network.node import NodeNetwork
from nodeagent.network.policies import PolicyObjects
from nodeagent.network.topology import Topology

NODE: Object = {"metadata": {"name": "n1", "uid": "n"}, "spec": {"podCIDRs": ["10.42.0.0/24"]}}
POD: Object = {"metadata": {"name": "a", "namespace": "default", "uid": "p1", "labels": {"app": "a"}}, "spec": {}}


class Kernel(NodeNetwork):
    """Keeps what the tables would be made of."""

    def __init__(self, directory: Path) -> None:
        unused: Any = None
        super().__init__(unused, directory)
        self.applied: list[PolicyObjects] = []
        self._topology = topology.read(NODE, [NODE], {})
        self._allocator.configure(self._topology.own.pod_cidrs)

    async def _apply(self, current: Topology) -> None:
        self.applied.append(self._inputs.policies)


def policy(app: str) -> Policies:
    selector = {"podSelector": {"matchLabels": {"app": app}}, "policyTypes": ["Ingress"]}
    return Policies([{"metadata": {"name": "p", "namespace": "default"}, "spec": selector}], pods=[POD])


async def test_a_policy_that_waits_for_its_sync_holds_for_a_pod_that_starts_meanwhile(tmp_path: Path) -> None:
    network = Kernel(tmp_path)
    await network.sync_services((), (), frozenset(), Policies())
    network.allocate("p1")
    await network.isolate(POD, policy("other"))
    assert len(network.applied) == 1
    told = policy("a")
    await network.isolate(POD, told)
    assert network.applied[1].policies == tuple(told.policies)
