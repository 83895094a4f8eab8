"""What a controller wrote to its own objects and its mirror does not show yet.

A counter that is raised from a past value counts something twice or not at all; so a key is left alone until the mirror
has caught up with the last write. The mirror's own event brings the key back.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

from common.api.meta import Object, resource_version, uid

K = TypeVar("K", bound=Hashable)


class OwnWrites(Generic[K]):
    """The newest version of each object that this controller knows to exist."""

    def __init__(self) -> None:
        self._newest: dict[K, tuple[str, int]] = {}

    def note(self, key: K, written: Object) -> None:
        """The API's answer to a write."""
        self._newest[key] = uid(written), int(resource_version(written))

    def is_behind(self, key: K, mirrored: Object) -> bool:
        newest = self._newest.get(key)
        return newest is not None and newest[0] == uid(mirrored) and int(resource_version(mirrored)) < newest[1]

    def forget(self, key: K) -> None:
        self._newest.pop(key, None)
