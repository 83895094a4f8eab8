"""Many simulated agents in one process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

from common.clock import Clock

from .agent import Agent
from .assemble import hollow_agent
from .runtime.hollow import Delays
from .stats import Limits

DEFAULT_CPUS, DEFAULT_MEMORY = 8.0, 32 * 1024**3  # of one simulated node: a machine of ordinary size


class _Announcement:
    """One agent's line on stdout, written when it listens and has a pairing code."""

    def __init__(self, name: str, write: Callable[[str], None]) -> None:
        self._name = name
        self._write = write
        self._code = ""
        self.agent: Agent | None = None

    def code(self, code: str) -> None:
        self._code = code
        if self.agent is not None:
            self.say()

    def say(self) -> None:
        port = self.agent.service.server.port if self.agent is not None else 0
        self._write(json.dumps({"name": self._name, "address": f"127.0.0.1:{port}", "code": self._code}))


async def serve(
    *,
    count: int,
    prefix: str,
    first_port: int,
    delay: float | None,
    limits: Limits,
    clock: Clock,
    announce: Callable[[str], None],
    stopped: Callable[[], Awaitable[object]],
) -> None:
    """Run `count` agents until `stopped` returns. OSError names a port that is taken."""
    delays = Delays() if delay is None else Delays(sandbox=delay / 2, container=delay / 2)
    offered = Limits(limits.cpus or DEFAULT_CPUS, limits.memory or DEFAULT_MEMORY, limits.max_pods)
    agents: list[Agent] = []
    try:
        for index in range(count):
            name = f"{prefix}-{index + 1}"
            line = _Announcement(name, announce)
            port = first_port + index if first_port else 0
            agent = hollow_agent(name, port, clock, line.code, limits=offered, delays=delays)
            await agent.start()
            agents.append(agent)
            line.agent = agent
            line.say()
        await stopped()
    finally:
        await asyncio.gather(*(agent.close() for agent in agents))
