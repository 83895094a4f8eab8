"""Remembers what was made of each Service, so that a sync costs what changed and not what there is."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

from common.api import meta
from common.api.meta import Key, Object

V = TypeVar("V")
Version = tuple[Hashable, ...]


def version_of(service: Object, slices: Iterable[Object], *context: Hashable) -> Version | None:
    """What a result made of these depends on; None when an object does not say its version, so that it is made anew."""
    objects = [service, *slices]
    versions = [(meta.uid(obj), meta.name(obj), meta.resource_version(obj)) for obj in objects]
    return (*versions, *context) if all(version[2] for version in versions) else None


class Memo(Generic[V]):
    """Results of one round are there for the next; what the next does not ask for is forgotten."""

    def __init__(self) -> None:
        self._last: dict[Key, tuple[Version | None, V]] = {}
        self._next: dict[Key, tuple[Version | None, V]] = {}

    def get(self, key: Key, version: Version | None, make: Callable[[], V]) -> V:
        known = self._last.get(key)
        if known is None or version is None or known[0] != version:
            known = (version, make())
        self._next[key] = known
        return known[1]

    def end_round(self) -> None:
        self._last, self._next = self._next, {}
