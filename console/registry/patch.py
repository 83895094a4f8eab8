"""The kinds of patch, each turned into the object that a replace would have sent."""

from __future__ import annotations

from typing import Any

import jsonpatch
import orjson

from common.api.meta import Object
from common.client.base import PatchType
from common.errors import ApiError, BadRequest, Invalid, UnsupportedMediaType

from . import strategic
from .row import Row


def apply_patch(row: Row, current: Object, patch: bytes, kind: PatchType) -> Object:
    """A new object: `current` with the patch applied. Fields may have any type yet: `admission.conform` comes next.

    Raises BadRequest for a body that is no patch, Invalid for one that does not fit the object.
    """
    body = _parse(patch)
    match kind:
        case PatchType.JSON:
            return json_patch(current, body)
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


def _parse(patch: bytes) -> Any:
    try:
        return orjson.loads(patch)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"error decoding patch: {error}") from None


def _object(body: Any) -> Object:
    if not isinstance(body, dict):
        raise BadRequest("error decoding patch: the patch must be a JSON object")
    return body


def _copy(obj: Object) -> Object:
    copied: Object = orjson.loads(orjson.dumps(obj))
    return copied


def json_patch(current: Object, body: Any) -> Object:
    """RFC 6902. Raises BadRequest and Invalid."""
    if not isinstance(body, list):
        raise BadRequest("error decoding patch: a JSON patch must be an array of operations")
    try:
        result = jsonpatch.JsonPatch(body).apply(_copy(current))
    except jsonpatch.InvalidJsonPatch as error:
        raise BadRequest(f"error decoding patch: {error}") from None
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        raise _unfit(str(error)) from None
    if not isinstance(result, dict):
        raise _unfit("the patch leaves no object")
    return result


def _merge_patch(current: Object, body: Object) -> Object:
    result: Object = merge(current, body)
    return result


def _unfit(why: str) -> ApiError:
    return Invalid(f"the server rejected our request due to an error in our request: {why}")


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
