"""The failure detector at work: looks several times a second, sends probes, and writes what it finds.

Decisions are `failure.Detector`'s; this module asks the other agents and the host itself, and sets Ready=Unknown.
"""

from __future__ import annotations

import asyncio
import logging

import aiohttp

from common.aio import Tasks
from common.api.kinds import NODES
from common.api.meta import Key
from common.client import Informer
from common.clock import Clock
from common.errors import ApiError
from common.events import Recorder
from common.hosts import LATE_SECONDS, reach

from .failure import Detector, Lost, Probe, State
from .status import StatusWriter
from .streams import AgentStreams

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.25
PROBE_SECONDS = 1.2  # the helper's own 0.5 s for each of two tries, and the way there and back
REACH_SECONDS = 0.8
MAX_PROBES = 32  # at a time: when many nodes fall silent together, asking all about all would only add to it


class Health:
    def __init__(
        self, clock: Clock, nodes: Informer, streams: AgentStreams, status: StatusWriter, events: Recorder
    ) -> None:
        self._clock = clock
        self._nodes = nodes
        self._streams = streams
        self._status = status
        self._events = events
        self._detector = Detector()
        self._probing: set[str] = set()
        self._limit = asyncio.Semaphore(MAX_PROBES)
        self._tasks = Tasks("health")

    def start(self) -> None:
        self._tasks.start("look", self._look_forever())

    async def close(self) -> None:
        await self._tasks.close()

    def heard(self, node: str) -> None:
        self._detector.heard(node, self._clock.monotonic())

    def cut(self, node: str) -> None:
        self._detector.cut(node)

    def watch(self, nodes: list[str]) -> None:
        self._detector.watch(nodes, self._clock.monotonic())

    def state(self, node: str) -> State:
        return self._detector.state(node)

    def is_lost(self, node: str) -> bool:
        return self._detector.is_lost(node)

    async def _look_forever(self) -> None:
        while True:
            for verdict in self._detector.look(self._clock.monotonic()):
                if isinstance(verdict, Probe):
                    if verdict.node not in self._probing:
                        self._tasks.start(f"probe-{verdict.node}", self._probe(verdict))
                else:
                    self._tasks.start(f"lost-{verdict.node}", self._lost(verdict))
            await self._clock.sleep(LOOK_SECONDS)

    async def _probe(self, probe: Probe) -> None:
        self._probing.add(probe.node)
        try:
            async with self._limit:
                began = self._clock.monotonic()
                asked = [self._ask(helper, probe.node) for helper in probe.helpers]
                answers = await asyncio.gather(self._reach(probe.node), *asked)
                ended = self._clock.monotonic()
        finally:
            self._probing.discard(probe.node)
        # A probe that took longer than its own limits says that we were busy, not that nobody answered.
        if any(answers) or ended - began < PROBE_SECONDS + LATE_SECONDS:
            self._detector.probed(probe.node, any(answers), ended)

    async def _reach(self, node: str) -> bool:
        address = self._streams.address_of(node)
        return bool(address) and await reach(str(address), REACH_SECONDS)

    async def _ask(self, helper: str, node: str) -> bool:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                response = await self._streams.request(helper, "GET", f"/peer/probe/{node}", {}, None)
                async with response:
                    answer = await response.json() if response.status == 200 else {}
        except (ApiError, TimeoutError, OSError, aiohttp.ClientError, ValueError) as error:
            log.debug("node %s cannot tell whether it reaches %s: %s", helper, node, error)
            return False
        return isinstance(answer, dict) and bool(answer.get("agent") or answer.get("host"))

    async def _lost(self, lost: Lost) -> None:
        log.warning("node %s is lost: %s", lost.node, lost.message)
        while self._detector.state(lost.node) is State.LOST:
            try:
                await self._status.set_node_condition(lost.node, "Ready", "Unknown", lost.reason, lost.message)
            except (ApiError, OSError) as error:
                log.warning("cannot write that node %s is lost, will try again: %s", lost.node, error)
                await self._clock.sleep(1.0)
            else:
                node = self._nodes.get(Key("", lost.node))
                if node is not None:
                    self._events.warning(NODES, node, "NodeNotReady", f"Node {lost.node}: {lost.message}")
                return
