"""Carries out `state/fence.py`: looks around while the console is silent, holds and stops what must not run twice.

Only nodes that have such pods look. A pod that is stopped fails; it is started again by nobody but its controller.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from common.aio import Tasks
from common.api.kinds import STATEFULSETS
from common.api.meta import Object, controller_of, uid
from common.clock import Clock

from .state.fence import LOOK_AFTER_SECONDS, LOOK_EVERY_SECONDS, Fence

log = logging.getLogger(__name__)
MESSAGE = "this node is cut off from the cluster, where the pod may be replaced"


class Fleet(Protocol):
    """The pods of this node, as far as fencing needs them."""

    def assigned(self) -> list[Object]: ...

    def fence(self, pod_uid: str, message: str) -> None: ...

    def reconsider(self) -> None: ...


def must_not_run_twice(pod: Object) -> bool:
    """Its name is an identity that one pod at a time may have."""
    return (controller_of(pod) or {}).get("kind") == STATEFULSETS.kind


class Fencing:
    """`silence` gives the seconds since the console was heard (infinite when never since the start), `peers` asks all
    other nodes for theirs."""

    def __init__(
        self,
        clock: Clock,
        fleet: Fleet,
        silence: Callable[[], float],
        peers: Callable[[], Awaitable[Mapping[str, float | None]]],
    ) -> None:
        self._clock = clock
        self._fleet = fleet
        self._silence = silence
        self._peers = peers
        self._fence = Fence()
        self._told: set[str] = set()
        self._tasks = Tasks("fencing")

    def holds(self, pod: Object) -> bool:
        """Whether the pod must not be started yet: it may run elsewhere, and nobody was asked so far."""
        return not self._fence.sure and must_not_run_twice(pod)

    def start(self) -> None:
        self._tasks.start("look", self._look_forever())

    async def close(self) -> None:
        await self._tasks.close()

    async def _look_forever(self) -> None:
        while True:
            await self.look()
            await self._clock.sleep(LOOK_EVERY_SECONDS if self._fence.sure else LOOK_EVERY_SECONDS / 4)

    async def look(self) -> None:
        """Look around once, if there is reason to."""
        was_sure = self._fence.sure
        if self._silence() < LOOK_AFTER_SECONDS:
            self._fence.heard()
            self._told.clear()
        else:
            await self._ask()
        if self._fence.sure and not was_sure:
            self._fleet.reconsider()

    async def _ask(self) -> None:
        concerned = [pod for pod in self._fleet.assigned() if must_not_run_twice(pod)]
        if not concerned:
            return
        began = self._clock.monotonic()
        peers = await self._peers()
        if not self._fence.looked(began, self._clock.monotonic(), self._silence(), peers):
            return
        for pod in concerned:
            if uid(pod) not in self._told:
                self._told.add(uid(pod))
                log.warning("pod %s/%s is stopped: %s", pod["metadata"]["namespace"], pod["metadata"]["name"], MESSAGE)
                self._fleet.fence(uid(pod), MESSAGE)
