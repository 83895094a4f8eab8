"""One object in memory for parts that many objects have alike: the containers of a workload's pods, their tolerations,
conditions, records of managers.

Decoded objects are several times larger than their bytes, and most of a cluster's pods are copies of few templates. Of
the parts that differ most texts do not: policies, phases, moments. Readers get shared parts and change none, as they
must not change any stored object.
"""

from __future__ import annotations

import sys
from itertools import chain, repeat
from typing import Any

import orjson

from common.api.meta import Object
from common.encoding import fitted

MAX_PARTS = 4096  # in a generation: what came neither in this one nor in the one before is forgotten
MAX_ONCE = 4 * MAX_PARTS
LARGEST_PART = 16 * 1024  # bytes of a part that is kept, so that all of them together are bounded
_LONGEST = 35  # letters of a text that is interned: those of uids, which are longer, are unique
_PATHS = range(40, 200)  # letters of a text that comes again as a part does: paths, digests of images
_NO_FIELDS: Object = {}
_NO_ITEMS: list[Any] = []


class Parts:
    """What comes for the second time is kept: most of what comes is of one object alone."""

    def __init__(self) -> None:
        self._known: dict[bytes, Any] = {}
        self._older: dict[bytes, Any] = {}
        self._once: set[int] = set()  # hashes of what came for the first time

    def __len__(self) -> int:
        return len(self._known) + len(self._older)

    def share(self, obj: Object, before: Object | None = None) -> Object:
        """An equal object with the parts that are known. What it got is left alone. `before` is one that was shared,
        whose parts it may have."""
        if before is None:
            before = _NO_FIELDS
        result: Object = {}
        for name, value in obj.items():
            earlier = before.get(name)
            if value is earlier:
                result[name] = value
            elif value and isinstance(value, dict) and (name == "metadata" or (name == "status" and earlier)):
                # No other object has these as a whole: only parts of them are looked for.
                result[name] = self._fields(value, earlier if isinstance(earlier, dict) else _NO_FIELDS)
            else:
                result[name] = self._value(value, earlier)
        return result

    def _fields(self, obj: Object, before: Object) -> Object:
        result: Object = {}
        for name, value in obj.items():
            earlier = before.get(name)
            result[name] = value if value is earlier else self._value(value, earlier)
        return result

    def _value(self, value: Any, before: Any) -> Any:
        if isinstance(value, dict | list):
            return self._part(value, before)
        return before if type(value) is str and value == before else self._text(value)

    def _part(self, value: Any, before: Any) -> Any:
        if not value:
            return _NO_FIELDS if isinstance(value, dict) else _NO_ITEMS
        if before and isinstance(value, list) and isinstance(before, list):
            # What changes of a list is an item or two: those are looked for.
            same = value == before and orjson.dumps(value) == orjson.dumps(before)
            return before if same else self._items(value, before)
        encoded = orjson.dumps(value)
        known = self._known.get(encoded)
        if known is not None:
            return known
        known = self._older.get(encoded)
        if known is not None:
            return self._know(encoded, known)
        if value == before and orjson.dumps(before) == encoded:
            return before
        if isinstance(value, dict):
            made: Any = self._fields(value, before if isinstance(before, dict) else _NO_FIELDS)
        else:
            made = self._items(value, _NO_ITEMS)
        return self._know(encoded, made) if len(encoded) <= LARGEST_PART and self._came_before(encoded) else made

    def _items(self, values: list[Any], before: list[Any]) -> list[Any]:
        held = {id(item) for item in before}
        others = chain(before, repeat(None))
        return [
            self._part(item, other) if isinstance(item, dict | list) and id(item) not in held else item
            for item, other in zip(values, others, strict=False)
        ]

    def _know(self, encoded: bytes, part: Any) -> Any:
        if len(self._known) >= MAX_PARTS:
            self._older, self._known = self._known, {}
        self._known[fitted(encoded)] = part
        return part

    def _came_before(self, encoded: bytes) -> bool:
        """Whether it came already, or something of the same hash: then it is kept for nothing."""
        digest = hash(encoded)
        if digest in self._once:
            return True
        if len(self._once) >= MAX_ONCE:
            self._once.clear()
        self._once.add(digest)
        return False

    def _text(self, value: Any) -> Any:
        if type(value) is not str:
            return value
        if len(value) <= _LONGEST:
            return sys.intern(value)
        if len(value) not in _PATHS:
            return value
        encoded = orjson.dumps(value)  # with its quotes: no part has such
        known = self._known.get(encoded) or self._older.get(encoded)
        if known is not None:
            return known
        return self._know(encoded, value) if self._came_before(encoded) else value
