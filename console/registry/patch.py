"""The kinds of patch, each turned into the object that a replace would have sent."""

from __future__ import annotations

from typing import Any

import orjson

from common import errors
from common.api import meta
from common.api.meta import Object
from common.client.base import PatchType
from common.errors import BadRequest, UnsupportedMediaType

from . import jsonpatch, strategic, validation
from .decoding import conform
from .intents import go_value
from .row import Row


def apply_patch(row: Row, current: Object, patch: bytes, kind: PatchType) -> Object:
    """A new object: `current` with the patch applied. Fields may have any type yet: `fitting` comes next.

    Raises BadRequest for a body that is no patch, Invalid for one that does not fit the object.
    """
    body = _parse(patch)
    match kind:
        case PatchType.JSON:
            patched = jsonpatch.apply(current, body)
            _require_flat(patched)
            return patched
        case PatchType.MERGE:
            return _merge_patch(current, _object(body))
        case PatchType.STRATEGIC if row.custom is None:
            return strategic.apply(row.type, current, _object(body))
        case PatchType.STRATEGIC:
            raise UnsupportedMediaType(
                "the body of the request was in an unknown format - accepted media types include: "
                f"{PatchType.JSON.value}, {PatchType.MERGE.value}, {PatchType.APPLY.value}"
            )
        case _:
            raise UnsupportedMediaType(f"{kind.value} is no patch of an object: it goes through server_side_apply")


def fitting(
    row: Row, current: Object, patch: bytes, kind: PatchType, field_validation: str
) -> tuple[Object, list[str]]:
    """The patched object with fields of the right types, and warnings. Raises what `apply_patch` does, Invalid when the
    result is no object of the kind, BadRequest when it is another object than the one that was to be patched."""
    patched = apply_patch(row, current, patch, kind)
    try:
        result, warnings = conform(row, _unrecorded(current, patched), field_validation, current)
    except BadRequest as error:
        why = error.message.rpartition(f" cannot be handled as a {row.resource.kind}: ")[2]
        shown = go_value(_parse(patch)) if kind is PatchType.STRATEGIC else orjson.dumps(patched).decode()
        raise errors.invalid("", "", "", [validation.wrong("patch", shown, why)]) from None
    _require_same(row, current, result)
    return result, warnings


def _unrecorded(current: Object, patched: Object) -> Object:
    """The patched object without a record of managers that the patch left alone: it is large, and known to be good."""
    found = meta.metadata(patched)
    entries = found.get("managedFields") if isinstance(found, dict) else None
    if entries is None or entries is not meta.metadata(current).get("managedFields"):
        return patched
    return {**patched, "metadata": {name: item for name, item in found.items() if name != "managedFields"}}


def _require_same(row: Row, current: Object, patched: Object) -> None:
    before, after = meta.metadata(current), meta.metadata(patched)
    if row.resource.namespaced and after.get("namespace") not in {None, "", before.get("namespace")}:
        raise BadRequest("the namespace of the provided object does not match the namespace sent on the request")
    name, given = meta.name(current), after.get("name")
    if not given:
        raise BadRequest(f"the name of the object ({name} based on URL) was undeterminable: name must be provided")
    if given != name:
        raise BadRequest(f"the name of the object ({given}) does not match the name on the URL ({name})")
    if after.get("uid") not in {None, "", before.get("uid")}:
        cause = validation.wrong("metadata.uid", after["uid"], "field is immutable")
        raise errors.invalid(row.resource.kind, row.resource.group, name, [cause])


def _parse(patch: bytes) -> Any:
    try:
        body = orjson.loads(patch)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"error decoding patch: {error}") from None
    _require_flat(body)
    return body


def _require_flat(value: Any) -> None:
    """What the JSON library cannot write is deeper than anything that could fit a kind: nothing may recurse into it."""
    try:
        orjson.dumps(value)
    except TypeError:
        raise BadRequest("error decoding patch: exceeded max depth") from None


def _object(body: Any) -> Object:
    if not isinstance(body, dict):
        raise BadRequest("error decoding patch: the patch must be a JSON object")
    return body


def _merge_patch(current: Object, body: Object) -> Object:
    result: Object = merge(current, body)
    return result


def merge(target: Any, patch: Any) -> Any:
    """RFC 7396: objects merge, null removes, everything else replaces. A new object on the way to each change; what is
    not changed is shared with `target`."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge(result.get(name), value)
    return result
