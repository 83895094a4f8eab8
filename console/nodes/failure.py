"""Which nodes are alive: a pure failure detector over heartbeats and indirect probes.

Silence makes a node suspect; then other agents and this host try to reach it. Nobody reaches the host: it is
unreachable within UNREACHABLE_SECONDS. Somebody reaches the host, or its agent: only the agent is slow, frozen or
restarting, or the path from here is broken, and the deadline is AGENT_SECONDS. A detector that was not looked at for
a while was itself late, so that time counts as nobody's silence.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

SUSPECT_SECONDS = 1.5  # three missed heartbeats
UNREACHABLE_SECONDS = 3.0
AGENT_SECONDS = 20.0
STARTUP_SECONDS = 20.0  # for nodes not heard since this control plane started: they may be dialling us back to life
PROBE_INTERVAL = 1.0
MAX_HELPERS = 3
MISSES_AFTER_ANSWER = 2  # a host that answered a moment ago and is busy may miss one probe
STALL_SECONDS = 0.75  # between two looks; they come four times a second


class State(StrEnum):
    ALIVE = "alive"
    SUSPECT = "suspect"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Probe:
    """Ask `helpers` (and try yourself) whether agent and host of `node` answer."""

    node: str
    helpers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lost:
    """The node's Ready condition becomes Unknown."""

    node: str
    reason: str
    message: str


Verdict = Probe | Lost


@dataclass(slots=True)
class _Node:
    heard: float
    ever_heard: bool = False
    cut: bool = False  # its connection ended: suspect at once
    suspect_since: float | None = None
    lost: bool = False
    probed: float = float("-inf")
    answered: float = float("-inf")  # when somebody last reached host or agent
    misses: int = 0  # newest probes in a row that reached nobody


class Detector:
    def __init__(self) -> None:
        self._nodes: dict[str, _Node] = {}
        self._looked: float | None = None

    def watch(self, nodes: Iterable[str], now: float) -> None:
        """These are the nodes of the cluster now."""
        wanted = set(nodes)
        for gone in self._nodes.keys() - wanted:
            del self._nodes[gone]
        for node in wanted - self._nodes.keys():
            self._nodes[node] = _Node(heard=now)

    def heard(self, node: str, now: float) -> None:
        """A message of the node came in."""
        if (known := self._nodes.get(node)) is not None:
            known.heard, known.ever_heard, known.cut = now, True, False
            known.suspect_since, known.lost, known.misses = None, False, 0

    def cut(self, node: str) -> None:
        """The node's connection ended by its own side or by an error."""
        if (known := self._nodes.get(node)) is not None:
            known.cut = True

    def probed(self, node: str, reached: bool, now: float) -> None:
        """All answers to a Probe are in; `reached` when anybody reached the host or its agent."""
        known = self._nodes.get(node)
        if known is None:
            return
        known.misses = 0 if reached else known.misses + 1
        if reached:
            known.answered = now

    def state(self, node: str) -> State:
        known = self._nodes.get(node)
        if known is None or known.lost:
            return State.LOST
        return State.ALIVE if known.suspect_since is None else State.SUSPECT

    def is_lost(self, node: str) -> bool:
        """Whether a node that still belongs to the cluster was given up."""
        known = self._nodes.get(node)
        return known is not None and known.lost

    def look(self, now: float) -> list[Verdict]:
        """What to do now; call several times a second."""
        self._forgive_own_stall(now)
        verdicts: list[Verdict] = []
        alive = [node for node, known in self._nodes.items() if known.ever_heard and not self._is_silent(known, now)]
        for node, known in self._nodes.items():
            if known.lost or not self._is_silent(known, now):
                continue
            if known.suspect_since is None:
                known.suspect_since = now
            if (lost := self._judge(node, known, now)) is not None:
                known.lost = True
                verdicts.append(lost)
            elif now - known.probed >= PROBE_INTERVAL:
                known.probed = now
                verdicts.append(Probe(node, _helpers(node, alive)))
        return verdicts

    def _is_silent(self, known: _Node, now: float) -> bool:
        return known.cut or now - known.heard >= SUSPECT_SECONDS

    def _judge(self, node: str, known: _Node, now: float) -> Lost | None:
        silence = now - known.heard
        if not known.ever_heard:
            if silence < STARTUP_SECONDS:
                return None
            return Lost(node, "NodeStatusNeverUpdated", "the agent was not heard since this control plane started")
        answered = known.answered > known.heard
        if answered and known.misses < MISSES_AFTER_ANSWER:
            if silence < AGENT_SECONDS:
                return None
            return Lost(
                node,
                "AgentNotResponding",
                f"the host answers, but its agent was not heard for {silence:.1f} seconds",
            )
        # Without the answer to a probe (we, or all helpers, are too busy for one) silence alone proves little.
        if known.misses == 0 and silence < AGENT_SECONDS:
            return None
        return Lost(
            node,
            "NodeStatusUnknown",
            f"nobody reaches the host; its agent was last heard {silence:.1f} seconds ago",
        )

    def _forgive_own_stall(self, now: float) -> None:
        if self._looked is not None and (late := now - self._looked) > STALL_SECONDS:
            for known in self._nodes.values():
                known.heard += late
                known.probed += late
                known.answered += late
        self._looked = now


def _helpers(node: str, alive: Collection[str]) -> tuple[str, ...]:
    """Up to three others, those that follow in name order: so that probes of many nodes spread over many helpers."""
    others = sorted(other for other in alive if other != node)
    after = [other for other in others if other > node]
    return tuple((after + [other for other in others if other < node])[:MAX_HELPERS])
