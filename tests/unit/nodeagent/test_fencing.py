"""An agent that is cut off stops what must not run twice, and starts none of it before it knows."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from common.api.meta import Object, uid
from common.clock import FakeClock
from nodeagent.fencing import Fencing
from nodeagent.state.fence import is_cut
from tests.fakes.objects import pod


def owned(name: str, kind: str = "StatefulSet") -> Object:
    made = pod(name, owner={"kind": kind, "name": "db", "uid": "o", "controller": True})
    made["metadata"]["uid"] = name
    return made


class Fleet:
    def __init__(self, *pods: Object) -> None:
        self.pods = list(pods)
        self.stopped: list[str] = []
        self.reconsidered = 0

    def assigned(self) -> list[Object]:
        return self.pods

    def fence(self, pod_uid: str, message: str) -> None:
        assert "cut off" in message
        self.stopped.append(pod_uid)

    def reconsider(self) -> None:
        self.reconsidered += 1


class Agent:
    """A fence whose surroundings a test sets."""

    def __init__(self, *pods: Object) -> None:
        self.clock = FakeClock()
        self.fleet = Fleet(*pods)
        self.heard_at: float | None = None
        self.peers: dict[str, float | None] = {"b": 0.0, "c": 0.0}
        self.asked = 0
        self.fencing = Fencing(self.clock, self.fleet, self.silence, self.ask)

    def silence(self) -> float:
        return float("inf") if self.heard_at is None else self.clock.monotonic() - self.heard_at

    async def ask(self) -> Mapping[str, float | None]:
        self.asked += 1
        return self.peers

    async def run(self, seconds: int, *, hears: bool = False) -> None:
        for _ in range(seconds):
            if hears:
                self.heard_at = self.clock.monotonic()
            await self.fencing.look()
            await self.clock.advance(1)


@pytest.mark.parametrize(
    ("silence", "peers", "expected"),
    [
        (10.0, {"b": 10.0, "c": 10.5}, False),  # the console is gone for all
        (10.0, {"b": 0.4, "c": None}, True),  # a peer hears it
        (10.0, {"b": None, "c": None}, True),  # nobody answers
        (10.0, {"b": 10.0, "c": None}, False),  # two of three are most
        (10.0, {"b": 10.0, "c": None, "d": None}, True),  # two of four are not
        (10.0, {"b": None}, False),  # of two nodes none can tell
        (10.0, {}, False),
        (float("inf"), {"b": 10.0, "c": 10.0}, True),  # never heard since the start, others did
        (float("inf"), {"b": 1e9, "c": 1e9}, True),
    ],
)
def test_who_is_cut_off(silence: float, peers: dict[str, float | None], expected: bool) -> None:
    assert is_cut(silence, peers) is expected


async def test_a_node_that_is_cut_off_stops_statefulset_pods_and_no_others() -> None:
    agent = Agent(owned("db-0"), owned("web-1", "ReplicaSet"), pod("plain"))
    await agent.run(3, hears=True)
    assert agent.asked == 0
    agent.peers = {"b": None, "c": None}
    await agent.run(8)
    assert agent.fleet.stopped == []
    await agent.run(8)
    assert agent.fleet.stopped == ["db-0"]
    await agent.run(10)
    assert agent.fleet.stopped == ["db-0"], "once is enough"


async def test_a_console_that_is_gone_stops_nothing() -> None:
    agent = Agent(owned("db-0"))
    await agent.run(2, hears=True)
    for _ in range(60):
        agent.peers = {"b": agent.silence(), "c": agent.silence()}
        await agent.run(1)
    assert agent.fleet.stopped == []


async def test_a_short_cut_stops_nothing() -> None:
    agent = Agent(owned("db-0"))
    await agent.run(2, hears=True)
    agent.peers = {"b": None, "c": None}
    await agent.run(9)
    await agent.run(2, hears=True)
    await agent.run(9)
    assert agent.fleet.stopped == []


async def test_after_a_start_nothing_is_begun_before_the_node_knows_that_it_may() -> None:
    agent = Agent(owned("db-0"))
    agent.peers = {"b": None, "c": None}
    await agent.run(2)
    assert agent.fencing.holds(agent.fleet.pods[0])
    assert not agent.fencing.holds(owned("web-1", "ReplicaSet"))
    await agent.run(3)
    assert agent.fleet.stopped == [uid(agent.fleet.pods[0])], "what an earlier agent left running is stopped soon"
    await agent.run(1, hears=True)
    assert not agent.fencing.holds(agent.fleet.pods[0])
    assert agent.fleet.reconsidered == 1


async def test_who_has_nothing_of_the_kind_asks_nobody() -> None:
    agent = Agent(owned("web-1", "ReplicaSet"))
    await agent.run(30)
    assert agent.asked == 0
