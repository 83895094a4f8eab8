"""The failure detector: quick about a dead host, patient with a slow agent, and fair when it was itself late."""

from __future__ import annotations

import pytest

from console.nodes.failure import AGENT_SECONDS, UNREACHABLE_SECONDS, Detector, Lost, Probe, State


class Watched:
    """Nodes a, b, c, d, looked at every quarter second; `silent` ones send nothing."""

    def __init__(self, nodes: str = "abcd") -> None:
        self.detector = Detector()
        self.now = 100.0
        self.nodes = nodes
        self.silent: set[str] = set()
        self.answers: dict[str, bool] = {}
        self.probes: list[Probe] = []
        self.lost: dict[str, tuple[float, Lost]] = {}
        self.detector.watch(nodes, self.now)
        self.run(2)

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += 0.25
            for node in self.nodes:
                if node not in self.silent:
                    self.detector.heard(node, self.now)
            for verdict in self.detector.look(self.now):
                if isinstance(verdict, Lost):
                    self.lost[verdict.node] = (self.now, verdict)
                else:
                    self.probes.append(verdict)
                    if verdict.node in self.answers:
                        self.detector.probed(verdict.node, self.answers[verdict.node], self.now)


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_nodes_that_beat_are_alive_and_nobody_is_asked(watched: Watched) -> None:
    watched.run(3600)
    assert not watched.lost
    assert not watched.probes
    assert watched.detector.state("a") is State.ALIVE


def test_a_dead_host_is_lost_within_three_seconds(watched: Watched) -> None:
    died = watched.now
    watched.silent = {"a"}
    watched.answers = {"a": False}
    watched.run(5)
    when, lost = watched.lost["a"]
    assert when - died <= UNREACHABLE_SECONDS
    assert lost.reason == "NodeStatusUnknown"
    assert watched.detector.state("a") is State.LOST
    assert watched.probes[0].helpers == ("b", "c", "d")


def test_without_any_answer_to_a_probe_the_longer_deadline_decides(watched: Watched) -> None:
    died = watched.now
    watched.silent = {"a"}
    watched.run(AGENT_SECONDS + 5)
    assert AGENT_SECONDS <= watched.lost["a"][0] - died <= AGENT_SECONDS + 0.5


def test_a_frozen_agent_on_a_living_host_has_longer(watched: Watched) -> None:
    froze = watched.now
    watched.silent = {"a"}
    watched.answers = {"a": True}
    watched.run(AGENT_SECONDS - 1)
    assert not watched.lost
    watched.run(3)
    when, lost = watched.lost["a"]
    assert AGENT_SECONDS <= when - froze <= AGENT_SECONDS + 1
    assert lost.reason == "AgentNotResponding"


def test_a_host_that_dies_after_its_agent_froze_is_lost_soon(watched: Watched) -> None:
    watched.silent = {"a"}
    watched.answers = {"a": True}
    watched.run(5)
    watched.answers = {"a": False}
    died = watched.now
    watched.run(5)
    assert watched.lost["a"][0] - died <= UNREACHABLE_SECONDS


def test_a_busy_host_may_miss_one_probe(watched: Watched) -> None:
    watched.silent = {"a"}
    watched.answers = {"a": True}
    watched.run(5)
    watched.detector.probed("a", False, watched.now)
    watched.detector.look(watched.now)
    assert not watched.lost


def test_a_short_pause_is_no_loss(watched: Watched) -> None:
    watched.silent = {"a"}
    watched.run(1.75)
    assert watched.detector.state("a") is State.SUSPECT
    watched.silent = set()
    watched.run(0.5)
    assert watched.detector.state("a") is State.ALIVE
    assert not watched.lost


def test_a_lost_node_that_speaks_is_alive_again(watched: Watched) -> None:
    watched.silent = {"a"}
    watched.run(5)
    watched.silent = set()
    watched.run(0.5)
    assert watched.detector.state("a") is State.ALIVE


def test_a_cut_connection_is_looked_into_at_once_but_not_judged(watched: Watched) -> None:
    watched.silent = {"a"}
    watched.answers = {"a": False}
    watched.detector.cut("a")
    watched.run(0.25)
    assert [probe.node for probe in watched.probes] == ["a"]
    assert not watched.lost


def test_time_that_the_detector_slept_is_nobodys_silence(watched: Watched) -> None:
    watched.now += 60
    assert watched.detector.look(watched.now) == []
    watched.run(10)
    assert not watched.lost


def test_a_restarted_control_plane_waits_before_it_judges() -> None:
    detector = Detector()
    detector.watch(["a", "b"], 0.0)
    verdicts = []
    now = 0.0
    while now < 19.5:
        now += 0.25
        verdicts += [verdict for verdict in detector.look(now) if isinstance(verdict, Lost)]
    assert not verdicts
    while now < 21:
        now += 0.25
        verdicts += [verdict for verdict in detector.look(now) if isinstance(verdict, Lost)]
    assert sorted(verdict.node for verdict in verdicts) == ["a", "b"]
    assert verdicts[0].reason == "NodeStatusNeverUpdated"


def test_silent_and_lost_nodes_are_not_asked_for_help(watched: Watched) -> None:
    watched.silent = {"a", "b"}
    watched.run(2)
    assert {probe.helpers for probe in watched.probes} == {("c", "d")}


def test_a_removed_node_is_forgotten(watched: Watched) -> None:
    watched.silent = {"a"}
    watched.detector.watch("bcd", watched.now)
    watched.run(30)
    assert not watched.lost
    assert watched.detector.state("a") is State.LOST
