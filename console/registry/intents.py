"""What server-side apply is sent, checked against the schema of its kind before anything is made of it.

Nobody could own a field that the kind does not have, and nobody could tell elements apart that have the same keys: such
an intent is refused whatever `fieldValidation` says, in the words of Kubernetes' structured merge.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from common.api import meta
from common.api.meta import Object
from common.errors import ApiError, BadRequest

from . import fieldsets, typedfields
from .row import Row
from .schema import Schema

_UNTYPED = frozenset({"quantity", "int-or-string", "date-time", "micro-time"})
_MAX_DEPTH = 200


class Untyped(ApiError):
    """Kubernetes answers so and gives no reason."""

    code = 500
    reason = ""


def check(row: Row, intent: Object) -> None:
    """Raises BadRequest for another version than the request's, Untyped naming every field that does not fit."""
    resource = row.resource
    version = intent.get("apiVersion") or ""
    if version != resource.api_version:
        raise BadRequest(
            f"Incorrect version specified in apply patch. Specified patch version: {version}, expected: "
            f"{resource.api_version}"
        )
    metadata = meta.metadata(intent)
    if isinstance(metadata, dict) and metadata.get("managedFields") is not None:
        raise BadRequest("metadata.managedFields must be nil")
    problems = list(_problems(row.type, intent, ""))
    if problems:
        listed = problems[0] if len(problems) == 1 else "\n  ".join(["errors:", *problems])
        named = metadata if isinstance(metadata, dict) else {}
        what = f"{named.get('namespace', '')}/{named.get('name', '')}; {resource.api_version}, Kind={resource.kind}"
        raise Untyped(f"failed to create typed patch object ({what}): {listed}")


def _problems(kind: Schema, value: Any, path: str, depth: int = 0) -> Iterator[str]:
    if value is None:
        return
    if depth > _MAX_DEPTH:
        yield f"{path}: exceeded max depth of {_MAX_DEPTH} levels"
        return
    match kind.shape:
        case "object" | "map":
            if not isinstance(value, dict):
                yield f"{path}: expected map, got &{{{go_value(value)}}}"
                return
            yield from _in_map(kind, value, path, depth)
        case "array":
            if not isinstance(value, list):
                yield f"{path}: expected list, got &{{{go_value(value)}}}"
                return
            yield from _in_list(kind, value, path, depth)
        case _:
            problem = _scalar(kind, value)
            if problem:
                yield f"{path}: {problem}"


def _in_map(kind: Schema, value: Object, path: str, depth: int) -> Iterator[str]:
    for name, item in value.items():
        child = (kind.properties.get(name) or kind.others) if kind.shape == "object" else kind.items
        if child is None:
            yield f"{path}.{name}: field not declared in schema"
        else:
            yield from _problems(child, item, f"{path}.{name}", depth + 1)


def _in_list(kind: Schema, value: list[Any], path: str, depth: int) -> Iterator[str]:
    seen: set[str] = set()
    for index, item in enumerate(value):
        where = f"{path}[{index}]"
        if kind.parts:
            unfit = _unfit_element(kind, item)
            if unfit:
                yield f"{path}: element {index}: {unfit}"
                return
            step = typedfields.step_of(kind, item)
            where = path + fieldsets.shown((step,))
            if step in seen:
                yield f"{path}: duplicate entries for key {fieldsets.shown((step,))}"
            seen.add(step)
        yield from _problems(kind.items, item, where, depth + 1)


def _unfit_element(kind: Schema, item: Any) -> str:
    """Why an element cannot be told from others; empty when it can."""
    if kind.parts == "values":
        if isinstance(item, dict | list):
            what = "a map type" if isinstance(item, dict) else "a list"
            return f"associative list without keys has an element that's {what}"
        return "associative list without keys has an element that's an explicit null" if item is None else ""
    if item is None:
        return "associative list with keys may not have a null element"
    if not isinstance(item, dict):
        return "associative list with keys may not have non-map elements"
    if all(item.get(key, default) is None for key, default in kind.key_defaults):
        keys = " ".join(f'"{key}"' for key in kind.list_keys)
        return (
            f"associative list with keys has an element that omits all key fields [{keys}] (and doesn't have default "
            "values for any key fields)"
        )
    return ""


def _scalar(kind: Schema, value: Any) -> str:
    if kind.format in _UNTYPED:
        return f"expected any scalar, got &{{{go_value(value)}}}" if isinstance(value, dict | list) else ""
    match kind.shape:
        case "integer" | "number" if isinstance(value, bool) or not isinstance(value, int | float):
            return f"expected numeric (int or float), got {_go_type(value)}"
        case "string" if not isinstance(value, str):
            return f"expected string, got &value.valueUnstructured{{Value:{go_value(value)}}}"
        case "boolean" if not isinstance(value, bool):
            return f"expected boolean, got &{{{go_value(value)}}}"
    return ""


def _go_type(value: Any) -> str:
    return {bool: "bool", str: "string", dict: "map[string]interface {}"}.get(type(value), "[]interface {}")


def go_value(value: Any) -> str:
    """A value as Go prints it."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{name}:{go_value(value[name])}" for name in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(go_value(item) for item in value) + "]"
    if value is None:
        return "<nil>"
    return str(value).lower() if isinstance(value, bool) else str(value)
