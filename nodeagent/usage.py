"""What node and containers use at one moment, as the session tells the control plane every few seconds.

Counters are sent as they stand and never rates, so that a message that is lost costs resolution only; what they mean is
worked out where two of them meet, in the control plane.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from common import session
from common.api import meta, quantity
from common.api.meta import Object
from common.clock import Clock

from . import stats
from .cgroups import container_usage
from .eviction import Use
from .pods import PodRunner
from .state.container import Phase


@dataclass(frozen=True, slots=True)
class Running:
    """A container that runs: its pod, its name in there, and its id and start in the engine."""

    pod: Object
    name: str
    id: str
    started: str


class Meter(Protocol):
    """Reads counters. Both methods may block for a few milliseconds."""

    def machine(self, running: Iterable[Running]) -> tuple[int, int]:
        """CPU time in nanoseconds since some moment, and bytes of memory in use."""
        ...

    def container(self, running: Running) -> tuple[int, int] | None:
        """The same of one container, since its start; None when it is gone."""
        ...


class CgroupMeter:
    """The meter of a real node."""

    def machine(self, running: Iterable[Running]) -> tuple[int, int]:
        return stats.machine_usage()

    def container(self, running: Running) -> tuple[int, int] | None:
        found = container_usage(running.id)
        return None if found is None else (found.cpu_nanoseconds, found.working_set)


class HollowMeter:
    """The meter of a simulated node: each container uses half of what it requests, or a little without a request."""

    CPU, MEMORY = 0.01, 32 * 1024 * 1024  # cores and bytes without a request

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def machine(self, running: Iterable[Running]) -> tuple[int, int]:
        found = [self.container(item) for item in running]
        return sum(cpu for cpu, _ in found), sum(memory for _, memory in found)

    def container(self, running: Running) -> tuple[int, int]:
        containers: list[Object] = running.pod["spec"].get("containers") or []
        spec: Object = next((item for item in containers if item["name"] == running.name), {})
        requests = (spec.get("resources") or {}).get("requests") or {}
        cores = float(quantity.parse(requests["cpu"])) / 2 if "cpu" in requests else self.CPU
        memory = quantity.whole(requests["memory"]) // 2 if "memory" in requests else self.MEMORY
        return int(cores * self._clock.monotonic() * 1e9), memory


class Sampler:
    """Takes the messages."""

    def __init__(self, meter: Meter, clock: Clock) -> None:
        self._meter = meter
        self._clock = clock

    async def take(self, runners: Iterable[PodRunner]) -> session.Usage:
        """The counters of now; reads files in a thread."""
        return await asyncio.to_thread(self._read, [item for runner in runners for item in _running(runner)])

    def _read(self, running: list[Running]) -> session.Usage:
        pods: dict[str, Object] = {}
        for item in running:
            found = self._meter.container(item)
            if found is None:
                continue
            pod = pods.setdefault(
                meta.uid(item.pod),
                {
                    "namespace": meta.namespace(item.pod),
                    "name": meta.name(item.pod),
                    "uid": meta.uid(item.pod),
                    "containers": [],
                },
            )
            pod["containers"].append({"name": item.name, "started": item.started, "cpu": found[0], "memory": found[1]})
        cpu, memory = self._meter.machine(running)
        node = {"cpu": cpu, "memory": memory}
        return session.Usage(float(self._clock.monotonic()), node, list(pods.values()))


def memory_uses(meter: Meter, runners: Iterable[PodRunner]) -> list[Use]:
    """The working sets of the pods that run, by container."""
    found = []
    for runner in runners:
        measured = {item.name: meter.container(item) for item in _running(runner)}
        used = {name: figures[1] for name, figures in measured.items() if figures is not None}
        found.append(Use(runner.machine.pod, used))
    return found


def _running(runner: PodRunner) -> list[Running]:
    state = runner.machine.state
    return [
        Running(state.pod, track.name, track.id, track.started_at)
        for track in state.containers.values()
        if track.phase is Phase.RUNNING
    ]
