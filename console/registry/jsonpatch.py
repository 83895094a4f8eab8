"""JSON patch (RFC 6902) as Kubernetes' library understands it, with what that says of operations that do not fit.

It differs from the RFC where clients may have come to rely on it: `replace` makes a field that is not there, `test`
takes an absent field for null, and -1 is the last element of a list. Copies are bounded together, so that a small patch
cannot make a huge object, and so is what moves aside in lists, so that none holds others up.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from common.api.gotext import quoted
from common.api.meta import Object
from common.errors import BadRequest, Invalid, RequestEntityTooLarge

from .bodies import go_kind

MAX_OPERATIONS = 10_000
MAX_COPIED = 3 * 1024 * 1024  # bytes of JSON that all copies of a patch may add
MAX_MOVED = 20_000_000  # elements of lists that move aside for others: some 60 ms of nothing else
REJECTED = "the server rejected our request due to an error in our request"
_INDEX = re.compile("[+-]?[0-9]+")
_DIGITS = 18  # of an index that is a number of 64 bits for sure
_MISSING = {
    "add": 'add operation does not apply: doc is missing path: "{}": missing value',
    "remove": 'remove operation does not apply: doc is missing path: "{}": missing value',
    "replace": "replace operation does not apply: doc is missing path: {}: missing value",
    "test": "test operation does not apply: is missing path: {}: missing value",
    "move": "move operation does not apply: doc is missing destination path: {}: missing value",
    "copy": "copy operation does not apply: doc is missing destination path: {}: missing value",
}
_NOTHING: Any = object()
Holder = dict[str, Any] | list[Any]


class Unfit(Invalid):
    """An operation that does not fit the document. The API says no more than that one does not; `why` is for those who
    asked in other ways, and goes with the answer as a warning."""

    def __init__(self, why: str, *, is_test: bool = False) -> None:
        super().__init__(REJECTED, details={})
        self.why, self.is_test = why, is_test
        self.warnings = (why,)


def apply(current: Object, operations: Any) -> Object:
    """A new object; `current` is left alone. Raises BadRequest for what is no patch, RequestEntityTooLarge for too many
    operations, Unfit for one that does not fit the object."""
    wanted = _checked(operations)
    patching = _Patching(orjson.loads(orjson.dumps(current)))
    for operation in wanted:
        patching.carry_out(operation)
    if not isinstance(patching.document, dict):
        raise Unfit("the patch leaves no object")
    return patching.document


class _Patching:
    """A document on its way through the operations of one patch."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self._copied = 0
        self._moved = 0

    def carry_out(self, operation: Object) -> None:
        kind = operation.get("op")
        if not isinstance(kind, str) or kind not in _MISSING:
            raise Unfit(f"Unexpected kind: {kind if kind and isinstance(kind, str) else 'unknown'}")
        if kind == "move":
            value = self._moved_from(_pointer(operation, kind, "from"))
        elif kind == "copy":
            value = self._copied_from(_pointer(operation, kind, "from"))
        else:
            value = operation.get("value")
        path = _pointer(operation, kind, "path")
        if not path and kind == "replace":
            self.document = value
        elif not path and kind == "test":
            _compare(self.document, value, path)
        else:
            self._carry_out(kind, path, value)

    def _carry_out(self, kind: str, path: str, value: Any) -> None:
        holder, key = _holder(self.document, path)
        if holder is None:
            raise Unfit(_MISSING[kind].format(path))
        if kind == "test":
            _compare(_get(holder, key, f"error in test for path: '{path}': "), value, path)
        elif kind == "remove":
            self._remove(holder, key, f"error in remove for path: '{path}': ")
        elif kind == "replace":
            _replace(holder, key, value, path)
        else:
            copies = kind == "copy"
            self._add(holder, key, value, _ADDING if copies else f"error in {kind} for path: '{path}': ")

    def _add(self, holder: Holder, key: str, value: Any, where: str) -> None:
        if isinstance(holder, dict):
            holder[key] = value
            return
        if key != "-" and not _INDEX.fullmatch(key):
            raise Unfit(f"{where}value was not a proper array index: '{key}': {_no_number(key)}")
        index = len(holder) if key == "-" else _index(key, len(holder) + 1, where)
        self._move_aside(len(holder) - index)
        holder.insert(index, value)

    def _remove(self, holder: Holder, key: str, where: str) -> None:
        if isinstance(holder, list):
            index = _index(key, len(holder), where)
            self._move_aside(len(holder) - index)
            del holder[index]
        elif key in holder:
            del holder[key]
        else:
            raise Unfit(f"{where}Unable to remove nonexistent key: {key}: missing value")

    def _move_aside(self, elements: int) -> None:
        self._moved += elements
        if self._moved > MAX_MOVED:
            raise RequestEntityTooLarge(
                f"the operations of a JSON patch may move {MAX_MOVED} elements of lists together: add to the end of "
                "a long list, or replace it"
            )

    def _moved_from(self, source: str) -> Any:
        holder, key = _source(self.document, source, "move")
        where = f"error in move for path: '{key}': "
        value = _get(holder, key, where)
        self._remove(holder, key, where)
        return value

    def _copied_from(self, source: str) -> Any:
        """A field that is not there is copied as null."""
        holder, key = _source(self.document, source, "copy")
        value = _get(holder, key, f"error in copy for from: '{source}': ")
        if value is _NOTHING:
            return None
        try:
            encoded = orjson.dumps(value)
        except orjson.JSONEncodeError:
            raise BadRequest("error decoding patch: exceeded max depth") from None
        self._copied += len(encoded)
        if self._copied > MAX_COPIED:
            raise Unfit(
                f"Unable to complete the copy, the accumulated size increase of copy is {self._copied}, exceeding the "
                f"limit {MAX_COPIED}"
            )
        return orjson.loads(encoded)


_ADDING = "error while adding value during copy: "


def _checked(operations: Any) -> list[Object]:
    if operations is None:
        return []
    if not isinstance(operations, list):
        raise BadRequest(f"json: cannot unmarshal {go_kind(operations)} into Go value of type jsonpatch.Patch")
    for operation in operations:
        if not isinstance(operation, dict | None):
            kind = go_kind(operation)
            raise BadRequest(f"json: cannot unmarshal {kind} into Go value of type jsonpatch.Operation")
    if len(operations) > MAX_OPERATIONS:
        raise RequestEntityTooLarge(
            f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(operations)}"
        )
    return [operation or {} for operation in operations]


def _pointer(operation: Object, kind: str, field: str) -> str:
    found = operation.get(field)
    if isinstance(found, str):
        return found
    why = "missing value"
    if kind not in {"add", "remove"}:
        why = f"operation{',' if field == 'from' else ''} missing {field} field: missing value"
        if found is not None:
            why = f"json: cannot unmarshal {go_kind(found)} into Go value of type string"
    raise Unfit(f"{kind} operation failed to decode {field}: {why}")


def _source(document: Any, source: str, kind: str) -> tuple[Holder, str]:
    holder, key = _holder(document, source)
    if holder is None:
        raise Unfit(f"{kind} operation does not apply: doc is missing from path: {source}: missing value")
    return holder, key


def _holder(document: Any, path: str) -> tuple[Holder | None, str]:
    """The object or list that has what a pointer names, and its key there; None when there is none."""
    head, *parts = path.split("/")
    holder = document
    for part in parts[:-1]:
        holder = _child(holder, _decoded(part))
    if head or not parts or not isinstance(holder, dict | list):
        return None, ""
    return holder, _decoded(parts[-1])


def _child(holder: Any, key: str) -> Any:
    if isinstance(holder, dict):
        return holder.get(key)
    try:
        return holder[_index(key, len(holder), "")] if isinstance(holder, list) else None
    except Unfit:
        return None


def _decoded(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")


def _index(key: str, size: int, where: str) -> int:
    """A place in a list of a size; negative ones count from the end."""
    if not _INDEX.fullmatch(key) or len(key) > _DIGITS:
        raise Unfit(where + _no_number(key))
    index = int(key)
    if not -size <= index < size:
        raise Unfit(f"{where}Unable to access invalid index: {index}: invalid index referenced")
    return index + size if index < 0 else index


def _no_number(key: str) -> str:
    why = "value out of range" if _INDEX.fullmatch(key) else "invalid syntax"
    return f"strconv.Atoi: parsing {quoted(key)}: {why}"


def _get(holder: Holder, key: str, where: str) -> Any:
    return holder.get(key, _NOTHING) if isinstance(holder, dict) else holder[_index(key, len(holder), where)]


def _replace(holder: Holder, key: str, value: Any, path: str) -> None:
    if isinstance(holder, dict):
        holder[key] = value
        return
    try:
        holder[_index(key, len(holder), "")] = value
    except Unfit:
        raise Unfit(f"replace operation does not apply: doc is missing key: {path}: missing value") from None


def _compare(found: Any, value: Any, path: str) -> None:
    if not _same(None if found is _NOTHING else found, value):
        raise Unfit(f"testing value {path} failed: test failed", is_test=True)


def _same(one: Any, other: Any) -> bool:
    """Equality in JSON, where true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and bool(one == other)
