"""A mirror that knows its own writes at once, and whether somebody else wrote a status since.

Comparing with the past would leave out a status that returns to what it was, or undo what was written a moment ago. And
a status that others wrote would stay: whoever answers for it says it again only when it changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from common.api.meta import Key, Object, key, resource_version, uid
from common.client import Informer


class Freshest:
    """`overwritten` gets each object whose status was written by others, as it is then."""

    def __init__(self, mirror: Informer, overwritten: Callable[[Object], None] = lambda _obj: None) -> None:
        self._mirror = mirror
        self._overwritten = overwritten
        self._own: dict[Key, Object] = {}
        self._under_way: Counter[Key] = Counter()
        mirror.listen(self._changed)

    def get(self, obj_key: Key) -> Object | None:
        return self._own.get(obj_key) or self._mirror.get(obj_key)

    @contextmanager
    def writing(self, obj_key: Key) -> Iterator[None]:
        """While a write is on its way: the mirror may see it before its answer tells which one it is."""
        self._under_way[obj_key] += 1
        try:
            yield
        finally:
            self._under_way -= Counter([obj_key])

    def put(self, obj: Object) -> None:
        """The API's answer to a write."""
        mirrored = self._mirror.get(key(obj))
        if mirrored is None or uid(mirrored) != uid(obj):
            return
        if _revision(obj) > _revision(mirrored):
            self._own[key(obj)] = obj
        elif _revision(mirrored) > _revision(obj):
            self._compare(obj, mirrored)

    def _changed(self, old: Object | None, new: Object | None) -> None:
        obj = new if new is not None else old
        if obj is None:
            return
        own = self._own.get(key(obj))
        if own is None:
            if old is not None and new is not None and key(obj) not in self._under_way:
                self._compare(old, new)
        elif new is None or uid(new) != uid(own) or _revision(new) >= _revision(own):
            del self._own[key(obj)]
            if new is not None and _revision(new) > _revision(own):
                self._compare(own, new)

    def _compare(self, before: Object, now: Object) -> None:
        if uid(before) == uid(now) and before.get("status") != now.get("status"):
            self._overwritten(now)


def _revision(obj: Object) -> int:
    return int(resource_version(obj) or 0)
