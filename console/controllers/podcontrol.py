"""Making and deleting the pods of an owner: noted until the mirror shows it, told in events.

What ReplicaSets, DaemonSets and Jobs share; which pods to make or delete is their plans' matter. Without the notes a
mirror that lags would have a pod made twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from common.aio import WorkQueue
from common.api.kinds import PODS, Resource
from common.api.meta import Key, Object, is_deleting, name, namespace, uid
from common.client import Informer
from common.errors import ApiError, NotFound
from common.events import Voice

from .base import Kit, namespace_ends
from .expectations import Expectations


class PodControl:
    """`kind` is the owners', `events` their controller's voice; keys name owners."""

    def __init__(self, kit: Kit, kind: Resource, events: Voice) -> None:
        self._client = kit.client
        self._events = events
        self._kind = kind
        self.expectations: Expectations[Key] = Expectations(kit.clock)

    def follow(self, pods: Informer, owners: Callable[[Object], Iterable[Key]], queue: WorkQueue[Key]) -> None:
        """Take off the notes what the mirror shows, and queue the owners of every pod that changes."""

        def changed(old: Object | None, new: Object | None) -> None:
            for pod in filter(None, (old, new)):
                for owner in owners(pod):
                    self._seen(owner, pod, new)
                    queue.add(owner)

        pods.listen(changed)

    def _seen(self, owner: Key, pod: Object, now: Object | None) -> None:
        if now is not None:
            self.expectations.seen(owner, name(pod))
        if now is None or is_deleting(now) or uid(now) != uid(pod):
            self.expectations.seen(owner, uid(pod))

    async def create(self, key: Key, owner: Object, pod: Object) -> None:
        """Raises what the API refused with, but for a namespace that ends: that is nothing to report or to retry."""
        self.expectations.expect(key, name(pod))
        try:
            await self._client.create(PODS, pod, key.namespace)
        except (ApiError, TimeoutError, OSError) as error:
            self.expectations.failed(key, name(pod), error)
            if not namespace_ends(error):
                self._events.warning(self._kind, owner, "FailedCreate", f"Error creating: {error}")
                raise
            return
        self._events.normal(self._kind, owner, "SuccessfulCreate", f"Created pod: {name(pod)}")

    async def delete(self, key: Key, owner: Object, pod: Object) -> None:
        """A pod that is gone already is deleted."""
        self.expectations.expect(key, uid(pod))
        try:
            await self._client.delete(PODS, name(pod), namespace(pod), uid=uid(pod))
        except NotFound:
            self.expectations.seen(key, uid(pod))
            return
        except (ApiError, TimeoutError, OSError) as error:
            self.expectations.failed(key, uid(pod), error)
            self._events.warning(self._kind, owner, "FailedDelete", f"Error deleting: {error}")
            raise
        self._events.normal(self._kind, owner, "SuccessfulDelete", f"Deleted pod: {name(pod)}")
