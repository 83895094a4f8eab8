"""Jobs that are over go after their `ttlSecondsAfterFinished`, with their pods."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from common.api import jobs
from common.api.kinds import JOBS
from common.api.meta import Key, Object, is_deleting, key, uid
from common.errors import Conflict, NotFound
from console.controllers.base import Controller, Kit


def left(job: Object, now: datetime) -> float | None:
    """Seconds until the Job goes; None when it stays."""
    ttl = (job.get("spec") or {}).get("ttlSecondsAfterFinished")
    finished = jobs.finish_time(job)
    if ttl is None or finished is None or is_deleting(job):
        return None
    return finished.timestamp() + float(ttl) - now.timestamp()


class JobLifetimeController(Controller[Key]):
    """Keys are Jobs."""

    name: ClassVar[str] = "ttl-after-finished-controller"
    workers: ClassVar[int] = 2

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._jobs = self.follow(JOBS, lambda obj: [key(obj)] if jobs.is_finished(obj) else [])

    async def sync(self, key: Key) -> None:
        job = self._jobs.get(key)
        seconds = left(job, self.clock.now()) if job is not None else None
        if seconds is None or self._is_early(key, seconds):
            return
        try:
            # The mirror may be behind: somebody may have given the Job more time.
            fresh = await self.client.get(JOBS, key.name, key.namespace)
            seconds = left(fresh, self.clock.now())
            if seconds is None or self._is_early(key, seconds):
                return
            await self.client.delete(JOBS, key.name, key.namespace, uid=uid(fresh), propagation_policy="Foreground")
        except (NotFound, Conflict):
            return  # another one of that name is a new Job, with a key of its own

    def _is_early(self, key: Key, seconds: float) -> bool:
        if seconds > 0:
            self.queue.add_after(key, seconds + 0.001)
        return seconds > 0
