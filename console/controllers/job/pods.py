"""What the Job controller does to pods: make them, delete them, let them go once they are counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from common.api import jobs
from common.api.kinds import PODS
from common.api.meta import Key, Object, metadata, name, namespace, uid
from common.client import Client, PatchType
from common.errors import ApiError, NotFound
from console.controllers.base import finish_all, slow_start
from console.controllers.podcontrol import PodControl

from .facts import Facts
from .model import is_tracked
from .plan import Slot
from .template import new_pod


class PodActions:
    """`released` has, per Job, uids of pods whose finalizer is gone although the mirror may still show it, or show it
    again when a watch is resumed: they are remembered as long as the Job is."""

    def __init__(self, client: Client, control: PodControl) -> None:
        self._client = client
        self._control = control
        self.released: dict[Key, set[str]] = {}

    def forget(self, key: Key) -> None:
        self.released.pop(key, None)

    async def create(self, key: Key, facts: Facts, slots: Sequence[Slot]) -> None:
        waiting = iter(slots)

        async def one() -> None:
            slot = next(waiting)
            replaced = facts.delayed.get(slot) if slot is not None else None
            await self._control.create(key, facts.job, new_pod(facts.job, slot, replaced))

        await slow_start(len(slots), one)

    async def delete(self, key: Key, job: Object, pods: Iterable[Object], *, counted: bool) -> None:
        """Delete pods. Those that are not to be counted lose their finalizer first."""
        await finish_all([self._delete(key, job, pod, counted=counted) for pod in pods])

    async def _delete(self, key: Key, job: Object, pod: Object, *, counted: bool) -> None:
        if not counted:
            await self.release_one(key, pod)
        await self._control.delete(key, job, pod)

    async def release(self, key: Key, pods: Iterable[Object]) -> tuple[set[str], Exception | None]:
        """Remove the finalizers; the uids of those that have none any more, and the first error."""
        done: set[str] = set()
        errors: list[Exception] = []

        async def one(pod: Object) -> None:
            try:
                await self.release_one(key, pod)
            except (ApiError, TimeoutError, OSError) as error:
                errors.append(error)
            else:
                done.add(uid(pod))

        await finish_all([one(pod) for pod in pods])
        return done, errors[0] if errors else None

    async def release_one(self, key: Key, pod: Object) -> None:
        if not is_tracked(pod):
            return
        before = metadata(pod)["finalizers"]
        left = [entry for entry in before if entry != jobs.TRACKING_FINALIZER]
        change = {"op": "replace", "path": "/metadata/finalizers", "value": left} if left else {
            "op": "remove", "path": "/metadata/finalizers"
        }  # fmt: skip
        # Without resourceVersion: what the agent writes to the status meanwhile is no conflict.
        patch: list[Any] = [
            {"op": "test", "path": "/metadata/uid", "value": uid(pod)},
            {"op": "test", "path": "/metadata/finalizers", "value": before},
            change,
        ]
        self.released.setdefault(key, set()).add(uid(pod))
        try:
            await self._client.patch(PODS, name(pod), patch, namespace(pod), kind=PatchType.JSON)
        except NotFound:
            return
        except (ApiError, TimeoutError, OSError):
            self.released[key].discard(uid(pod))
            raise
