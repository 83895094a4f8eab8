"""What holds for the elements of lists and for objects inside objects: unique keys, and complete embedded resources."""

from __future__ import annotations

from typing import Any

from common.api.meta import Object
from common.errors import Cause
from console.registry import metadata, validation
from console.registry.validation import shown

from .pruning import EMBEDDED
from .values import child_of


def duplicates(schema: Object, value: Any, path: str = "") -> list[Cause]:
    """Elements of sets that come twice and elements of maps with the same keys."""
    if isinstance(value, dict):
        causes: list[Cause] = []
        for name, item in value.items():
            child = child_of(schema, name)
            if child is not None:
                causes += duplicates(child, item, f"{path}.{name}" if path else name)
        return causes
    if not isinstance(value, list):
        return []
    causes = _duplicates_here(schema, value, path)
    items = schema.get("items")
    if isinstance(items, dict):
        for index, item in enumerate(value):
            causes += duplicates(items, item, f"{path}[{index}]")
    return causes


def _duplicates_here(schema: Object, value: list[Any], path: str) -> list[Cause]:
    kind = schema.get("x-kubernetes-list-type")
    if kind not in {"set", "map"}:
        return []
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    seen: set[str] = set()
    causes: list[Cause] = []
    for index, item in enumerate(value):
        identity = item
        if kind == "map" and isinstance(item, dict):
            identity = {name: item[name] for name in keys if name in item}
        text = shown(identity)
        if text in seen:
            causes.append(validation.duplicate(f"{path}[{index}]", identity))
        seen.add(text)
    return causes


def embedded(schema: Object, value: Any, path: str = "") -> list[Cause]:
    """Objects that the schema calls embedded resources say what they are."""
    causes: list[Cause] = []
    if isinstance(value, list):
        items = schema.get("items")
        if isinstance(items, dict):
            for index, item in enumerate(value):
                causes += embedded(items, item, f"{path}[{index}]")
        return causes
    if not isinstance(value, dict):
        return causes
    if schema.get(EMBEDDED):
        causes += _type_of(value, path)
        found = value.get("metadata", {})
        if not isinstance(found, dict):
            causes.append(validation.wrong(f"{path}.metadata", found, "must be an object"))
        else:
            causes += metadata.validate_embedded(f"{path}.metadata", found)
    for name, item in value.items():
        child = child_of(schema, name)
        if child is not None:
            causes += embedded(child, item, f"{path}.{name}" if path else name)
    return causes


def _type_of(value: Object, path: str) -> list[Cause]:
    causes: list[Cause] = []
    for name in ("apiVersion", "kind"):
        where, text = f"{path}.{name}", value.get(name)
        if name not in value:
            causes.append(validation.required(where, "must not be empty"))
        elif not isinstance(text, str):
            causes.append(validation.wrong(where, text, "must be a string"))
        elif not text:
            causes.append(validation.wrong(where, text, "must not be empty"))
        elif name == "apiVersion" and text.count("/") > 1:
            causes.append(validation.wrong(where, text, f"unexpected GroupVersion string: {text}"))
        elif name == "kind" and (problems := validation.dns_1035_label(text.lower())):
            why = f"may have mixed case, but should otherwise match: {','.join(problems)}"
            causes.append(validation.wrong(where, text, why))
    return causes
