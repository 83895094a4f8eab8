"""From an agent's message to figures: what was sent is checked, and two readings of a counter make a rate. Pure."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from common.session import Usage

MIN_INTERVAL, MAX_INTERVAL = 0.5, 120.0  # seconds between two readings that make a rate
MAX_PODS = 10_000  # of one node; more is no node


@dataclass(frozen=True, slots=True)
class Reading:
    """A counter as it stood: nanoseconds of CPU time, bytes of memory. `run` tells one life of the counter from the
    next."""

    run: str
    cpu: int
    memory: int


@dataclass(frozen=True, slots=True)
class PodReading:
    namespace: str
    name: str
    uid: str
    containers: dict[str, Reading]


@dataclass(frozen=True, slots=True)
class NodeReading:
    """All that one message says. `at` is in seconds on the agent's clock."""

    at: float
    node: Reading
    pods: list[PodReading]


@dataclass(frozen=True, slots=True)
class Figures:
    """Use: nanocores and bytes."""

    cpu: float
    memory: int

    def __add__(self, other: Figures) -> Figures:
        return Figures(self.cpu + other.cpu, self.memory + other.memory)


ZERO = Figures(0.0, 0)


def parse(message: Usage) -> NodeReading | None:
    """The readings of a message, without the parts that are no readings; None when it has not even the node's."""
    node = _reading(message.node, "node")
    if node is None:
        return None
    pods = [pod for item in message.pods[:MAX_PODS] if (pod := _pod(item)) is not None]
    return NodeReading(float(message.at), node, pods)


def _pod(item: Any) -> PodReading | None:
    if not isinstance(item, dict) or not isinstance(item.get("containers"), list):
        return None
    words = [item.get(field) for field in ("namespace", "name", "uid")]
    if not all(isinstance(word, str) and word for word in words):
        return None
    containers = {
        sys.intern(entry["name"]): reading
        for entry in item["containers"]
        if isinstance(entry, dict)
        and isinstance(entry.get("name"), str)
        and (reading := _reading(entry, str(entry.get("started", "")))) is not None
    }
    return PodReading(str(words[0]), str(words[1]), str(words[2]), containers)


def _reading(entry: Any, run: str) -> Reading | None:
    if not isinstance(entry, dict):
        return None
    cpu, memory = entry.get("cpu"), entry.get("memory")
    good = all(isinstance(value, int) and not isinstance(value, bool) and value >= 0 for value in (cpu, memory))
    return Reading(run, int(cpu), int(memory)) if good and cpu is not None and memory is not None else None


def figures(before: Reading | None, after: Reading, interval: float) -> Figures | None:
    """Use between two readings; None when they are not of one life or too near or far for a rate."""
    if before is None or before.run != after.run or after.cpu < before.cpu:
        return None
    if not MIN_INTERVAL <= interval <= MAX_INTERVAL:
        return None
    return Figures((after.cpu - before.cpu) / interval, after.memory)
