"""What the store keeps: one entry for each version of an object, one event for each change.

An entry has the object twice: as bytes, from which lists and watches are answered without encoding anything, and
decoded. When watchers that keep up have seen it, its bytes are packed (`packing`), to be unpacked for each who asks. Of
versions that only history still needs, and of kinds that are many and seldom looked at, the decoded form is let go too.
"""

from __future__ import annotations

from typing import TypeAlias

import orjson

from common.api.meta import Object
from common.encoding import encode_to_keep
from common.sharing import Parts

from .packing import Packer, unpack

ObjectKey: TypeAlias = tuple[str, str]
"""Namespace (empty for cluster-scoped objects) and name. A plain tuple: hashing it is on every path of the store."""


_parts = Parts()
_BYTES_ALONE: Object = {}
"""In place of the decoded object: it is not kept."""
LARGEST_SHARED = 128 * 1024
"""Bytes of an object whose parts are shared: looking for those of one that is deep encodes it at each level anew."""


class Entry:
    """One version of one object. The decoded object is shared with all readers: never change it."""

    __slots__ = ("_bytes", "_obj", "_pattern", "key", "revision")

    def __init__(self, key: ObjectKey, revision: int, raw: bytes, obj: Object | None = None) -> None:
        self.key = key
        self.revision = revision
        self._bytes = raw
        self._pattern: bytes | None = None  # what the bytes are packed with
        self._obj = obj

    @property
    def raw(self) -> bytes:
        """The object as JSON."""
        return self._bytes if self._pattern is None else unpack(self._bytes, self._pattern)

    @property
    def obj(self) -> Object:
        obj = self._obj
        if obj is None:
            raw = self.raw
            decoded: Object = orjson.loads(raw)
            obj = self._obj = _parts.share(decoded) if len(raw) <= LARGEST_SHARED else decoded
        elif obj is _BYTES_ALONE:
            obj = self.copy()
        return obj

    @property
    def is_decoded(self) -> bool:
        """Whether `obj` costs nothing."""
        return self._obj is not None and self._obj is not _BYTES_ALONE

    def copy(self) -> Object:
        """The object as the caller's own."""
        decoded: Object = orjson.loads(self.raw)
        return decoded

    def shrink(self) -> None:
        """Keep the bytes alone, from now on."""
        self._obj = _BYTES_ALONE

    def pack(self, packer: Packer) -> None:
        """Keep the bytes packed, from now on."""
        if self._pattern is None and (packed := packer.pack(self._bytes)) is not None:
            self._bytes, self._pattern = packed

    @property
    def weight(self) -> int:
        """Bytes that are kept."""
        return len(self._bytes)


class Event:
    """One change. `entry` is the object after it (for DELETED its last state, with the revision of the deletion), `old`
    the version before it, None for ADDED."""

    __slots__ = ("_frame", "_settled", "entry", "old", "type", "weight")

    def __init__(self, kind: str, entry: Entry, old: Entry | None) -> None:
        self.type = kind
        self.entry = entry
        self.old = old
        self._frame: bytes | None = None
        self._settled = False
        self.weight = 0
        """Bytes that only history needs, once it is settled."""

    @property
    def revision(self) -> int:
        return self.entry.revision

    @property
    def frame(self) -> bytes:
        """The line that a watch sends, made once for all watchers while the event is new."""
        if self._frame is not None:
            return self._frame
        made = frame(self.type, self.entry.raw)
        if not self._settled:
            self._frame = made
        return made

    def settle(self, packer: Packer, *, at_hand: bool) -> None:
        """All watchers that keep up have seen it: keep what history needs. Without `at_hand` that is true of the object
        as it is now, too."""
        self._settled, self._frame = True, None
        self.entry.pack(packer)
        if self.type == "DELETED" or not at_hand:
            self.entry.shrink()
        if self.type == "DELETED":
            self.weight += self.entry.weight
        if self.old is not None:
            self.old.pack(packer)
            self.old.shrink()
            self.weight += self.old.weight


def frame(kind: str, raw: bytes) -> bytes:
    """A line of a watch for an encoded object."""
    return b'{"type":"%s","object":%s}\n' % (kind.encode(), raw)


def with_revision(obj: Object, revision: int) -> Object:
    """The object with that resourceVersion; shares everything but the metadata."""
    return {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(revision)}}


def make_entry(
    key: ObjectKey, revision: int, obj: Object, *, before: Entry | None = None, shared: bool = True
) -> Entry:
    """The entry of a new version, `before` being the one that it was made of. Without `shared` its decoded form stays
    for a moment only."""
    stamped = with_revision(obj, revision)
    if not shared:
        return Entry(key, revision, encode_to_keep(stamped), stamped)
    raw = encode_to_keep(stamped)
    if len(raw) > LARGEST_SHARED:
        return Entry(key, revision, raw)
    earlier = before.obj if before is not None and before.is_decoded else None
    return Entry(key, revision, raw, _parts.share(stamped, earlier))


def make_unstored(key: ObjectKey, obj: Object) -> Entry:
    """What a dry run shows of an object that it would have created: it has no version."""
    return Entry(key, 0, encode_to_keep(obj))


def make_tombstone(last: Entry, revision: int) -> Entry:
    """What a DELETED event shows."""
    return make_entry(last.key, revision, last.obj)
