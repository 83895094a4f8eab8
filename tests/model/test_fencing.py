"""What must not run twice does not: agents' fences and the console's leases, on a network that breaks as it likes.

Time goes in steps of half a second. Links between nodes, and between the console and nodes, break and heal; agents and
the console restart. The pod of a node runs until its agent has stopped it; the console may replace it when its lease
ends. Never may it do so while the pod still runs.
"""

from __future__ import annotations

from itertools import combinations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from console.controllers.fencing import Lease, has_ended, revise
from nodeagent.state.fence import FENCE_GRACE_SECONDS, LOOK_AFTER_SECONDS, LOOK_EVERY_SECONDS, LOOK_SECONDS, Fence

STEP = 0.5
LOST_AFTER = 1.5  # seconds of silence after which the console may call a node lost, at the earliest


class Node:
    """An agent and the one pod that it runs."""

    def __init__(self, now: float) -> None:
        self.last_heard: float | None = now
        self.fence = Fence()
        self.fence.heard()
        self.runs = True
        self.ends_at: float | None = None
        self.look_at = now
        self.down_until = 0.0

    def silence(self, now: float) -> float:
        return float("inf") if self.last_heard is None else now - self.last_heard


class Fences(RuleBasedStateMachine):
    @initialize(count=st.integers(3, 5))
    def begin(self, count: int) -> None:
        self.now = 0.0
        self.nodes = [Node(0.0) for _ in range(count)]
        self.links = {frozenset(pair) for pair in combinations(range(count), 2)}
        self.console_links = set(range(count))
        self.console_heard = dict.fromkeys(range(count), 0.0)
        self.leases: dict[int, Lease] = {}
        self.replaced: set[int] = set()

    @rule(data=st.data(), heal=st.booleans())
    def a_link_changes(self, data: st.DataObject, heal: bool) -> None:
        pair = frozenset(data.draw(st.sampled_from(list(combinations(range(len(self.nodes)), 2)))))
        (self.links.add if heal else self.links.discard)(pair)

    @rule(data=st.data())
    def the_network_parts(self, data: st.DataObject) -> None:
        """Into two sides, the console on one of them."""
        everybody = range(len(self.nodes))
        side = data.draw(st.sets(st.sampled_from(everybody), min_size=1))
        self.links = {frozenset(p) for p in combinations(everybody, 2) if (p[0] in side) == (p[1] in side)}
        self.console_links = set(side)

    @rule(data=st.data(), heal=st.booleans())
    def a_link_of_the_console_changes(self, data: st.DataObject, heal: bool) -> None:
        node = data.draw(st.sampled_from(range(len(self.nodes))))
        (self.console_links.add if heal else self.console_links.discard)(node)

    @rule(data=st.data(), seconds=st.sampled_from([1.0, 4.0]))
    def an_agent_restarts(self, data: st.DataObject, seconds: float) -> None:
        """Once in a while: its containers go on meanwhile."""
        node = data.draw(st.sampled_from(self.nodes))
        if node.fence.sure and node.silence(self.now) < LOOK_AFTER_SECONDS + 12:
            node.fence, node.last_heard, node.down_until = Fence(), None, self.now + seconds

    @rule()
    def the_console_restarts(self) -> None:
        self.leases.clear()
        self.console_heard = dict.fromkeys(self.console_heard, self.now)

    @rule(seconds=st.sampled_from([2.0, 10.0, 30.0, 60.0]))
    def time_passes(self, seconds: float) -> None:
        for _ in range(int(seconds / STEP)):
            self.now += STEP
            self.hear()
            for index, node in enumerate(self.nodes):
                self.step(index, node)
            self.console()

    def hear(self) -> None:
        for index in self.console_links:
            node = self.nodes[index]
            if node.down_until <= self.now:
                node.last_heard = self.console_heard[index] = self.now

    def step(self, index: int, node: Node) -> None:
        if node.ends_at is not None and node.ends_at <= self.now:
            node.runs, node.ends_at = False, None
        if node.down_until > self.now or node.look_at > self.now:
            return
        node.look_at = self.now + LOOK_EVERY_SECONDS
        if node.silence(self.now) < LOOK_AFTER_SECONDS:
            node.fence.heard()
            return
        peers = {
            f"n{other}": peer.silence(self.now) if self.reaches(index, other) else None
            for other, peer in enumerate(self.nodes)
            if other != index
        }
        # The answer may take as long as a look may, and what it finds is as old.
        if node.fence.looked(self.now, self.now + LOOK_SECONDS, node.silence(self.now), peers) and node.ends_at is None:
            node.ends_at = self.now + LOOK_SECONDS + FENCE_GRACE_SECONDS

    def reaches(self, one: int, other: int) -> bool:
        return frozenset((one, other)) in self.links and self.nodes[other].down_until <= self.now

    def console(self) -> None:
        names = [f"n{index}" for index in range(len(self.nodes))]
        lost = {index for index, heard in self.console_heard.items() if self.now - heard > LOST_AFTER}
        ready = {names[index] for index in self.console_heard if index not in lost}
        for index in self.console_heard:
            if index not in lost:
                self.leases.pop(index, None)
                if index in self.replaced or not self.nodes[index].runs:
                    self.start_anew(index)
                continue
            lease = self.leases[index] = revise(self.leases.get(index), names, ready, self.now)
            if has_ended(lease, self.now):
                self.replaced.add(index)

    def start_anew(self, index: int) -> None:
        """The node is back: its old pod is removed, and it gets a new one."""
        self.replaced.discard(index)
        self.nodes[index].runs, self.nodes[index].ends_at = True, None

    @precondition(lambda self: hasattr(self, "nodes"))
    @invariant()
    def nothing_runs_twice(self) -> None:
        for index in self.replaced:
            assert not self.nodes[index].runs, f"n{index} still runs what was replaced"


TestFences = Fences.TestCase
# The same examples each time, so that a red run means a change; raise max_examples to look for more.
TestFences.settings = settings(
    max_examples=150,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
