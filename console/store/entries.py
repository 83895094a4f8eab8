"""What the store keeps: one entry for each version of an object, one event for each change.

An entry has the object twice: as bytes, from which lists and watches are answered without encoding anything, and
decoded. The decoded form of versions that only history still needs is dropped and made again when somebody asks.
"""

from __future__ import annotations

from typing import TypeAlias

import orjson

from common.api.meta import Object

from .sharing import Parts

ObjectKey: TypeAlias = tuple[str, str]
"""Namespace (empty for cluster-scoped objects) and name. A plain tuple: hashing it is on every path of the store."""


_parts = Parts()


class Entry:
    """One version of one object. The decoded object is shared with all readers: never change it."""

    __slots__ = ("_obj", "key", "raw", "revision")

    def __init__(self, key: ObjectKey, revision: int, raw: bytes, obj: Object | None = None) -> None:
        self.key = key
        self.revision = revision
        self.raw = raw
        self._obj = obj

    @property
    def obj(self) -> Object:
        if self._obj is None:
            self._obj = _parts.share(orjson.loads(self.raw))
        return self._obj

    def copy(self) -> Object:
        """The object as the caller's own."""
        decoded: Object = orjson.loads(self.raw)
        return decoded

    def shrink(self) -> None:
        """Keep the bytes only."""
        self._obj = None


class Event:
    """One change. `entry` is the object after it (for DELETED its last state, with the revision of the deletion), `old`
    the version before it, None for ADDED."""

    __slots__ = ("_frame", "entry", "old", "type")

    def __init__(self, kind: str, entry: Entry, old: Entry | None) -> None:
        self.type = kind
        self.entry = entry
        self.old = old
        self._frame: bytes | None = None

    @property
    def revision(self) -> int:
        return self.entry.revision

    @property
    def frame(self) -> bytes:
        """The line that a watch sends, made once for all watchers."""
        if self._frame is None:
            self._frame = frame(self.type, self.entry.raw)
        return self._frame


def frame(kind: str, raw: bytes) -> bytes:
    """A line of a watch for an encoded object."""
    return b'{"type":"%s","object":%s}\n' % (kind.encode(), raw)


def with_revision(obj: Object, revision: int) -> Object:
    """The object with that resourceVersion; shares everything but the metadata."""
    return {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(revision)}}


def make_entry(key: ObjectKey, revision: int, obj: Object) -> Entry:
    stamped = with_revision(obj, revision)
    return Entry(key, revision, orjson.dumps(stamped), _parts.share(stamped))


def make_tombstone(last: Entry, revision: int) -> Entry:
    """What a DELETED event shows."""
    return make_entry(last.key, revision, last.obj)
