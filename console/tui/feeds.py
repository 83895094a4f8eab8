"""Watched resources, shared by all screens: one informer a resource, however many look at it.

A subscription collects what changed until its screen takes it, so that a thousand updates a second become one
repaint. The last one to leave ends the watch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from common.aio import Tasks
from common.api.kinds import EVENTS, PODS, Resource
from common.api.meta import Key, Object, key, metadata, namespace, uid
from common.client import Client, Informer
from common.clock import Clock
from common.sharing import Parts


class Subscription:
    """`take` gives what changed since the last call, the latest state of each object only. `arrived` is called when
    there is something to take again."""

    def __init__(self, watched: Sequence[_Watched], arrived: Callable[[], object] | None = None) -> None:
        self._watched = watched
        self._informers = [item.informer for item in watched]
        self._arrived = arrived
        self._pending: dict[Key, Object | None] = {}
        for obj in self.items():
            self.notify(key(obj), obj)
        for item in watched:
            item.join(self)

    def notify(self, obj_key: Key, obj: Object | None) -> None:
        if not self._pending and self._arrived is not None:
            self._arrived()
        self._pending.pop(obj_key, None)  # so that a change goes to the end, not where an older one stood
        self._pending[obj_key] = obj

    def take(self, most: int) -> list[tuple[Key, Object | None]]:
        if len(self._pending) <= most:
            taken = list(self._pending.items())
            self._pending.clear()
            return taken
        keys = [key for key, _ in zip(self._pending, range(most), strict=False)]
        return [(key, self._pending.pop(key)) for key in keys]

    @property
    def waiting(self) -> int:
        return len(self._pending)

    @property
    def synced(self) -> bool:
        return all(informer.synced.is_set() for informer in self._informers)

    @property
    def connected(self) -> bool:
        return any(informer.connected for informer in self._informers)

    @property
    def refusal(self) -> str:
        """Why the API refuses to show these objects; empty when it does not."""
        return next((informer.refusal for informer in self._informers if informer.refusal), "")

    @property
    def absent(self) -> bool:
        """Whether it refuses because it does not serve the kind."""
        return any(informer.absent for informer in self._informers)

    @property
    def settled(self) -> bool:
        """Whether it is known what there is, or that nobody will say."""
        return self.synced or bool(self.refusal)

    async def wait_synced(self) -> None:
        for informer in self._informers:
            await informer.synced.wait()

    def get(self, obj_key: Key) -> Object | None:
        found = (informer.get(obj_key) for informer in self._informers)
        return next((obj for obj in found if obj is not None), None)

    def items(self) -> Iterator[Object]:
        return chain.from_iterable(informer.items() for informer in self._informers)

    def close(self) -> None:
        for item in self._watched:
            item.leave(self)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """All objects of a resource, or those in a namespace that a selector chooses."""

    resource: Resource
    namespace: str | None = None
    field_selector: str = ""


class _Watched:
    def __init__(self, feeds: Feeds, wanted: _Wanted, informer: Informer) -> None:
        self.wanted = wanted
        self.informer = informer
        self._feeds = feeds
        self._subscriptions: set[Subscription] = set()
        informer.listen(self._changed)

    def join(self, subscription: Subscription) -> None:
        self._subscriptions.add(subscription)

    def leave(self, subscription: Subscription) -> None:
        self._subscriptions.discard(subscription)
        if not self._subscriptions:
            self._feeds.drop(self)

    def _changed(self, old: Object | None, new: Object | None) -> None:
        changed = new if new is not None else old
        if changed is not None:
            obj_key = key(changed)
            for subscription in self._subscriptions:
                subscription.notify(obj_key, new)


class Feeds:
    """Hands out subscriptions; `close` ends all watches."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._watched: dict[_Wanted, _Watched] = {}
        self.confined: tuple[str, ...] = ()
        """The namespaces that are followed alone, where its user may not look at all of them."""
        self._parts = Parts()
        self._tasks = Tasks("console")

    def open(self, resource: Resource, arrived: Callable[[], object] | None = None) -> Subscription:
        """Follow all objects of a resource, in all namespaces: changing the namespace then needs no request. While
        they are `confined`, in those alone."""
        if self.confined and resource.namespaced:
            return self._join([_Wanted(resource, space) for space in self.confined], arrived)
        return self._join([_Wanted(resource)], arrived)

    def events_about(self, obj: Object, arrived: Callable[[], object] | None = None) -> Subscription:
        """Follow the events about one object: those of a large cluster are more than all else in it."""
        wanted = _Wanted(EVENTS, namespace(obj) or None, f"involvedObject.uid={uid(obj)}")
        return self._join([wanted], arrived)

    def _join(self, wanted: Sequence[_Wanted], arrived: Callable[[], object] | None) -> Subscription:
        return Subscription([self._watch(item) for item in wanted], arrived)

    def _watch(self, wanted: _Wanted) -> _Watched:
        watched = self._watched.get(wanted)
        if watched is None:
            informer = Informer(
                self._client,
                wanted.resource,
                self._clock,
                namespace=wanted.namespace,
                field_selector=wanted.field_selector,
                transform=self._shared if wanted.resource == PODS else _lean,
            )
            watched = self._watched[wanted] = _Watched(self, wanted, informer)
            informer.start()
        return watched

    def _shared(self, pod: Object) -> Object:
        """Pods are many, and most of what they are other pods are too, or they were themselves: what did not change of
        a pod is the same object as before, which also tells others that it did not change."""
        watched = self._watched.get(_Wanted(PODS)) or self._watched.get(_Wanted(PODS, namespace(pod)))
        before = watched.informer.get(key(pod)) if watched is not None else None
        return self._parts.share(_lean(pod), before)

    def drop(self, watched: _Watched) -> None:
        if self._watched.get(watched.wanted) is watched:
            del self._watched[watched.wanted]
        self._tasks.start(f"close {watched.wanted.resource.plural}", watched.informer.close())

    async def close(self) -> None:
        for watched in list(self._watched.values()):
            await watched.informer.close()
        self._watched.clear()
        await self._tasks.close()


def _lean(obj: Object) -> Object:
    """Without the record of managers, which no screen shows."""
    kept = {name: value for name, value in metadata(obj).items() if name != "managedFields"}
    return {**obj, "metadata": kept}
