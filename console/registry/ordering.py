"""The order of a list that two sides wrote: what one side orders stays in that order among what only the other has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson


def in_order(
    merged: list[Any], order: Sequence[Any], before: Sequence[Any], identity: Callable[[Any], Any]
) -> list[Any]:
    """Elements that `order` names come in that order; the others keep the places they had among them `before`."""
    rank = {hashable(identity(item)): index for index, item in reversed(list(enumerate(order)))}
    place = {hashable(identity(item)): index for index, item in reversed(list(enumerate(before)))}

    def key(item: Any) -> Any:
        return hashable(identity(item))

    named = sorted((item for item in merged if key(item) in rank), key=lambda item: rank[key(item)])
    others = sorted((item for item in merged if key(item) not in rank), key=lambda item: place.get(key(item), -1))
    result: list[Any] = []
    while named and others:
        left, right = place.get(key(others[0]), -1), place.get(key(named[0]), -1)
        result.append(others.pop(0) if 0 <= left < right else named.pop(0))
    return [*result, *named, *others]


def hashable(value: Any) -> Any:
    """A JSON value as a dictionary key."""
    return orjson.dumps(value) if isinstance(value, dict | list) else value
