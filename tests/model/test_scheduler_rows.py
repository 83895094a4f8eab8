"""Rows of scores choose what a loop over all nodes chooses, whatever happens to nodes and pods meanwhile."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from console.scheduler.core.model import Classes, NodeFacts, PodInfo
from console.scheduler.core.rows import Rows, choose_naively
from console.scheduler.core.scores import profile
from console.scheduler.core.state import ClusterState
from tests.fakes.objects import node, pod

NAMES = [f"n{index}" for index in range(6)]
TAINTS: list[Any] = [
    [], [{"key": "a", "effect": "NoSchedule"}], [{"key": "a", "effect": "PreferNoSchedule"}],
    [{"key": "b", "effect": "NoExecute"}],
]  # fmt: skip
WISH = {"preference": {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["x"]}]}, "weight": 3}
SPECS: list[dict[str, Any]] = [
    {}, {"nodeSelector": {"zone": "x"}}, {"tolerations": [{"key": "a", "operator": "Exists"}]},
    {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [WISH]}}},
]  # fmt: skip


class RowsAgainstLoop(RuleBasedStateMachine):
    @initialize(name=st.sampled_from(["pack", "spread"]), limit=st.sampled_from([4, 65536]))
    def begin(self, name: str, limit: int) -> None:
        # A log that forgets early makes rows start over in the middle of things.
        self.state = ClusterState(limit)
        self.profile = profile(name)
        self.rows = Rows(self.state, self.profile)
        self.classes = Classes()
        self.pods: dict[str, PodInfo] = {}
        self.serial = 0

    @rule(
        name=st.sampled_from(NAMES), cpu=st.sampled_from(["1", "2", "4"]), zone=st.sampled_from(["x", "y"]),
        taints=st.sampled_from(TAINTS), cordoned=st.booleans(), ready=st.sampled_from([True, True, True, False]),
        pods=st.sampled_from([3, 110]),
    )  # fmt: skip
    def set_node(self, name: str, cpu: str, zone: str, taints: Any, cordoned: bool, ready: bool, pods: int) -> None:
        made = node(name, cpu=cpu, labels={"zone": zone}, taints=taints, unschedulable=cordoned, ready=ready, pods=pods)
        self.state.set_node(NodeFacts.of(made))

    @rule(name=st.sampled_from(NAMES))
    def remove_node(self, name: str) -> None:
        self.state.remove_node(name)

    @rule(
        workload=st.integers(0, 3), cpu=st.sampled_from(["", "100m", "700m", "2"]), spec=st.sampled_from(SPECS),
        count=st.integers(1, 4),
    )  # fmt: skip
    def schedule(self, workload: int, cpu: str, spec: dict[str, Any], count: int) -> None:
        for _ in range(count):
            self.serial += 1
            made = pod(f"p{self.serial}", cpu=cpu, owner={"uid": f"w{workload}", "controller": True}, **spec)
            made["metadata"]["uid"] = f"p{self.serial}"
            info = self.classes.info(made)
            expected = choose_naively(self.state, self.profile, info.kind)
            chosen = self.rows.choose(info.kind)
            assert chosen == expected
            if chosen is not None:
                self.state.place(info, chosen)
                self.pods[info.uid] = info

    @rule(data=st.data())
    def end_pod(self, data: st.DataObject) -> None:
        if self.pods:
            uid = data.draw(st.sampled_from(sorted(self.pods)))
            del self.pods[uid]
            self.state.remove(uid)

    @rule(data=st.data(), name=st.sampled_from(NAMES))
    def move_pod(self, data: st.DataObject, name: str) -> None:
        """The API may say that a pod is elsewhere than it was believed to be."""
        if self.pods:
            self.state.place(self.pods[data.draw(st.sampled_from(sorted(self.pods)))], name)

    @invariant()
    def accounts_are_the_sum_of_the_pods(self) -> None:
        for info in self.state.nodes() if hasattr(self, "state") else ():
            cpu = sum(dict(entry.kind.requests).get("cpu", 0) for entry in info.pods.values())
            assert info.requested.get("cpu", 0) == cpu
            assert info.free["cpu"] == info.allocatable["cpu"] - cpu
            assert sum(info.workloads.values()) == len(info.pods)


TestRowsAgainstLoop = RowsAgainstLoop.TestCase
TestRowsAgainstLoop.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
