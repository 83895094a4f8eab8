"""JSON patch (RFC 6902) as Kubernetes' library understands it.

It differs from the RFC where clients may have come to rely on it: `replace` makes a field that is not there, `test`
takes an absent field for null, and -1 is the last element of a list. Copies are bounded together, so that a small patch
cannot make a huge object, and so is what moves aside in lists, so that none holds others up.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from common.api.meta import Object
from common.errors import ApiError, BadRequest, Invalid, RequestEntityTooLarge

MAX_OPERATIONS = 10_000
MAX_COPIED = 3 * 1024 * 1024  # bytes of JSON that all copies of a patch may add
MAX_MOVED = 20_000_000  # elements of lists that move aside for others: some 60 ms of nothing else
REJECTED = "the server rejected our request due to an error in our request"
_INDEX = re.compile("[+-]?[0-9]{1,9}")
_NOTHING: Any = object()


def apply(current: Object, operations: Any) -> Object:
    """A new object; `current` is left alone. Raises BadRequest for what is no patch, RequestEntityTooLarge for too many
    operations, Invalid for one that does not fit the object."""
    _check(operations)
    patching = _Patching(orjson.loads(orjson.dumps(current)))
    for operation in operations:
        patching.carry_out(operation)
    if not isinstance(patching.document, dict):
        raise unfit("the patch leaves no object")
    return patching.document


class _Patching:
    """A document on its way through the operations of one patch."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self._copied = 0
        self._moved = 0

    def carry_out(self, operation: Object) -> None:
        kind, path, source = operation.get("op"), operation.get("path"), operation.get("from")
        if kind not in {"add", "remove", "replace", "move", "test", "copy"}:
            raise unfit(f"Unexpected kind: {kind or 'unknown'}")
        if path is None or (source is None and kind in {"move", "copy"}):
            raise unfit(f"{kind} operation failed to decode {'path' if path is None else 'from'}: missing value")
        value = operation.get("value")
        if kind in {"move", "copy"}:
            value = self._taken(source or "", kind)
        if kind == "test":
            _test(self.document, path, value)
        elif kind == "remove":
            self._remove(path, kind)
        elif kind == "replace" and not path:
            self.document = value
        else:
            self._set(path, value, kind)

    def _remove(self, path: str, kind: str) -> None:
        holder, key = _holder(self.document, path, kind)
        if isinstance(holder, list):
            index = _index(holder, key, path, kind)
            self._move_aside(len(holder) - index)
            del holder[index]
        elif key in holder:
            del holder[key]
        else:
            raise unfit(f"error in {kind} for path: '{path}': Unable to remove nonexistent key: {key}: missing value")

    def _set(self, path: str, value: Any, kind: str) -> None:
        holder, key = _holder(self.document, path, kind)
        if isinstance(holder, dict):
            holder[key] = value
        elif kind == "replace":
            holder[_index(holder, key, path, kind)] = value
        else:
            index = len(holder) if key == "-" else _index(holder, key, path, kind, 1)
            self._move_aside(len(holder) - index)
            holder.insert(index, value)

    def _move_aside(self, elements: int) -> None:
        self._moved += elements
        if self._moved > MAX_MOVED:
            raise RequestEntityTooLarge(
                f"the operations of a JSON patch may move {MAX_MOVED} elements of lists together: add to the end of "
                "a long list, or replace it"
            )

    def _taken(self, source: str, kind: str) -> Any:
        """What is moved or copied from somewhere; a field that is not there is copied as null."""
        value = _get(self.document, source, kind)
        if kind == "move":
            self._remove(source, kind)
            return value
        if value is _NOTHING:
            return None
        try:
            encoded = orjson.dumps(value)
        except orjson.JSONEncodeError:
            raise BadRequest("error decoding patch: exceeded max depth") from None
        self._copied += len(encoded)
        if self._copied > MAX_COPIED:
            raise unfit(
                f"Unable to complete the copy, the accumulated size increase of copy is {self._copied}, exceeding the "
                f"limit {MAX_COPIED}"
            )
        return orjson.loads(encoded)


def unfit(why: str) -> ApiError:
    return Invalid(f"{REJECTED}: {why}")


def _check(operations: Any) -> None:
    if not isinstance(operations, list):
        raise BadRequest("error decoding patch: a JSON patch must be an array of operations")
    for index, operation in enumerate(operations):
        if not isinstance(operation, dict):
            raise BadRequest(f"error decoding patch: operation {index} is {operation!r}, not an object")
        for name in ("op", "path", "from"):
            if not isinstance(operation.get(name), str | None):
                raise BadRequest(f"error decoding patch: {name} of operation {index} is no string")
    if len(operations) > MAX_OPERATIONS:
        raise RequestEntityTooLarge(
            f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(operations)}"
        )


def _holder(document: Any, path: str, kind: str) -> tuple[Any, str]:
    """The object or list that has what a pointer names, and its key there."""
    head, *parts = path.split("/")
    holder = document
    for part in parts[:-1]:
        holder = _child(holder, _decoded(part), path, kind)
    if head or not parts or not isinstance(holder, dict | list):
        raise _missing(path, kind)
    return holder, _decoded(parts[-1])


def _child(holder: Any, key: str, path: str, kind: str) -> Any:
    if isinstance(holder, dict):
        return holder.get(key)
    if isinstance(holder, list):
        return holder[_index(holder, key, path, kind)]
    raise _missing(path, kind)


def _decoded(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")


def _missing(path: str, kind: str) -> ApiError:
    return unfit(f'{kind} operation does not apply: doc is missing path: "{path}": missing value')


def _index(items: list[Any], key: str, path: str, kind: str, more: int = 0) -> int:
    """A place in a list that is there, or with `more` right behind it; negative ones count from the end."""
    if not _INDEX.fullmatch(key):
        raise unfit(f"error in {kind} for path: '{path}': value was not a proper array index: '{key}'")
    index, size = int(key), len(items) + more
    if not -size <= index < size:
        raise unfit(f"error in {kind} for path: '{path}': Unable to access invalid index: {index}: invalid index")
    return index + size if index < 0 else index


def _get(document: Any, path: str, kind: str) -> Any:
    holder, key = _holder(document, path, kind)
    return holder.get(key, _NOTHING) if isinstance(holder, dict) else holder[_index(holder, key, path, kind)]


def _test(document: Any, path: str, value: Any) -> None:
    found = document if not path else _get(document, path, "test")
    if not _same(None if found is _NOTHING else found, value):
        raise unfit(f"testing value {path} failed: test failed")


def _same(one: Any, other: Any) -> bool:
    """Equality in JSON, where true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and bool(one == other)
