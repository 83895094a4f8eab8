"""One object in memory for parts that many objects have alike: the containers of a workload's pods, their tolerations,
conditions, records of managers.

Decoded objects are several times larger than their bytes, and most of a cluster's pods are copies of few templates. Of
the parts that differ most texts do not: policies, phases, moments. Readers get shared parts and change none, as they
must not change any stored object.
"""

from __future__ import annotations

import sys
from typing import Any

import orjson

from common.api.meta import Object
from common.encoding import fitted

MAX_PARTS = 8192  # known at once; beyond that all are forgotten, which costs one more copy of those that come again
_LONGEST = 35  # letters of a text that others may have too: those of uids and digests, which are longer, are unique
_LEAST = 24  # bytes of a part for which looking it up pays


class Parts:
    def __init__(self) -> None:
        self._known: dict[bytes, Any] = {}

    def __len__(self) -> int:
        return len(self._known)

    def share(self, obj: Object) -> Object:
        """An equal object with the parts that are known. What it got is left alone."""
        return {
            name: self._part(value) if isinstance(value, dict | list) else _text(value) for name, value in obj.items()
        }

    def _part(self, value: Any) -> Any:
        encoded = orjson.dumps(value)
        if len(encoded) < _LEAST:
            return value
        known = self._known.get(encoded)
        if known is not None:
            return known
        if len(self._known) >= MAX_PARTS:
            self._known.clear()
        if isinstance(value, dict):
            made: Any = self.share(value)
        else:
            made = [self._part(item) if isinstance(item, dict | list) else item for item in value]
        self._known[fitted(encoded)] = made
        return made


def _text(value: Any) -> Any:
    return sys.intern(value) if type(value) is str and len(value) <= _LONGEST else value
