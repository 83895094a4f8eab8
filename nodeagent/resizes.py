"""Decides which wishes for other resources this node takes on, and asks again when room may have come.

Pods of higher priority come first, then Guaranteed ones, then by name, so that two wishes for the same room have one
answer. A wish that no node of this size could meet is Infeasible until the pod or the node changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from common.api import meta, pods
from common.api.meta import Object

from .state.admission import fits_resize
from .state.events import Event, ResizeDecided
from .state.machine import PodMachine


class Runner(Protocol):
    """A pod of this node."""

    machine: PodMachine

    def tell(self, event: Event) -> None: ...


class Resizes:
    """`runners` are all pods that hold resources here, `node` is the Node as assigned."""

    def __init__(self, runners: Callable[[], Sequence[Runner]], node: Callable[[], Object]) -> None:
        self._runners = runners
        self._node = node
        self._due = asyncio.Event()

    def look_again(self) -> None:
        """Wishes or room may have changed."""
        self._due.set()

    async def run(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            self.decide()

    def decide(self) -> None:
        """Answer every wish, the most important first; what one gets the next does not."""
        wishing = [runner for runner in self._runners() if runner.machine.wishes_resize]
        for runner in sorted(wishing, key=_urgency):
            others = [other.machine.allocated for other in self._runners() if other is not runner]
            runner.tell(ResizeDecided(*fits_resize(runner.machine.pod, others, self._node())))


def _urgency(runner: Runner) -> tuple[int, bool, meta.Key]:
    pod = runner.machine.pod
    priority = int((pod.get("spec") or {}).get("priority") or 0)
    return -priority, pods.qos_class(pod) != "Guaranteed", meta.key(pod)
