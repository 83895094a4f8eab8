"""The rules of structural schemas: what a CustomResourceDefinition may say about the objects of its kind.

Source: Kubernetes' documentation ("specifying a structural schema"). Two readings of one schema are told apart: its
skeleton, which gives every field one type and drives pruning and defaulting, and the logical parts (allOf, anyOf,
oneOf, not), which may only judge values of fields that the skeleton has.
"""

from __future__ import annotations

from typing import Any

from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.validation import forbidden, required, unsupported, wrong

from . import formats
from .pruning import EMBEDDED, PRESERVE, default, prune
from .values import validate

TYPES = ("array", "boolean", "integer", "number", "object", "string")
_LOGICAL = ("allOf", "anyOf", "oneOf")
_INT_OR_STRING = "x-kubernetes-int-or-string"
_LIST_TYPE = "x-kubernetes-list-type"
_LIST_KEYS = "x-kubernetes-list-map-keys"
_MAP_TYPE = "x-kubernetes-map-type"
_UNSUPPORTED = ("$ref", "definitions", "dependencies", "patternProperties", "additionalItems", "id")
_SKELETON_ONLY = {
    "type": "must be empty to be structural",
    "title": "must be empty to be structural",
    "description": "must be empty to be structural",
    "default": "must be undefined to be structural",
    "nullable": "must be false to be structural",
    "additionalProperties": "must be undefined to be structural",
    PRESERVE: "must be false to be structural",
    EMBEDDED: "must be false to be structural",
    _INT_OR_STRING: "must be false to be structural",
    _LIST_TYPE: "must be undefined to be structural",
    _LIST_KEYS: "must be empty to be structural",
    _MAP_TYPE: "must be undefined to be structural",
    "x-kubernetes-validations": "must be empty to be structural",
}


def check(schema: Object, path: str) -> list[Cause]:
    """Everything that keeps a schema from being structural, or that Kubernetes does not allow in it."""
    causes = _check_root(schema, path) + _check_node(schema, path, root=True)
    if not causes:
        causes += _check_defaults(schema, path)
    return causes


def _check_root(schema: Object, path: str) -> list[Cause]:
    causes = []
    if not schema.get("type"):
        causes.append(required(f"{path}.type", "must not be empty at the root"))
    elif schema["type"] != "object":
        causes.append(wrong(f"{path}.type", schema["type"], "must be object at the root"))
    if schema.get("nullable"):
        causes.append(forbidden(f"{path}.nullable", "nullable cannot be true at the root"))
    return causes


def _check_node(schema: Object, path: str, *, root: bool = False) -> list[Cause]:
    causes = _check_type(schema, path, root=root) + _check_forbidden(schema, path)
    causes += _check_extensions(schema, path) + _check_lists(schema, path)
    for name, child in (schema.get("properties") or {}).items():
        where = f"{path}.properties[{name}]"
        if root and name in {"apiVersion", "kind", "metadata"}:
            causes += _check_object_field(name, child, where)
        else:
            causes += _check_node(child, where)
    items, more = schema.get("items"), schema.get("additionalProperties")
    if isinstance(items, dict):
        causes += _check_node(items, f"{path}.items")
    elif isinstance(items, list):
        causes.append(forbidden(f"{path}.items", "items must be a schema object and not an array"))
    elif schema.get("type") == "array":
        causes.append(required(f"{path}.items", "must be specified"))
    if isinstance(more, dict):
        causes += _check_node(more, f"{path}.additionalProperties")
    return causes + _check_logic(schema, path)


def _check_type(schema: Object, path: str, *, root: bool) -> list[Cause]:
    kind = schema.get("type")
    if not kind:
        if root or schema.get(_INT_OR_STRING) or schema.get(PRESERVE):
            return []
        return [required(f"{path}.type", _why_type(path))]
    if kind not in TYPES:
        return [unsupported(f"{path}.type", kind, TYPES)]
    if schema.get(_INT_OR_STRING):
        return [wrong(f"{path}.type", kind, f"must be empty if {_INT_OR_STRING} is true")]
    return []


def _why_type(path: str) -> str:
    if path.endswith(".items"):
        return "must not be empty for specified array items"
    if path.endswith(".additionalProperties"):
        return "must not be empty for specified object fields"
    return "must not be empty for specified object fields"


def _check_forbidden(schema: Object, path: str) -> list[Cause]:
    causes = [forbidden(f"{path}.{name}", f"{name} is not supported") for name in _UNSUPPORTED if schema.get(name)]
    if schema.get("uniqueItems"):
        why = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        causes.append(forbidden(f"{path}.uniqueItems", why))
    if schema.get("properties") and schema.get("additionalProperties") is not None:
        why = "additionalProperties and properties are mutual exclusive"
        causes.append(forbidden(f"{path}.additionalProperties", why))
    pattern = schema.get("pattern")
    if pattern:
        try:
            formats.pattern(pattern)
        except Exception as error:  # noqa: BLE001 - re raises several kinds for what it cannot compile
            causes.append(wrong(f"{path}.pattern", pattern, f"must be a valid regular expression, but isn't: {error}"))
    return causes


def _check_extensions(schema: Object, path: str) -> list[Cause]:
    causes = []
    kind = schema.get("type")
    if schema.get(PRESERVE) is False:
        why = "must be true or undefined"
        causes.append(wrong(f"{path}.{PRESERVE}", False, why))
    if schema.get(PRESERVE) and kind not in {"object", None, ""}:
        causes.append(wrong(f"{path}.type", kind, f"must be object if {PRESERVE} is true"))
    if schema.get(EMBEDDED):
        if kind != "object":
            causes.append(wrong(f"{path}.type", kind or "", f"must be object if {EMBEDDED} is true"))
        if not schema.get(PRESERVE) and not schema.get("properties"):
            why = f"must not be empty if {EMBEDDED} is true without {PRESERVE}"
            causes.append(required(f"{path}.properties", why))
    map_type = schema.get(_MAP_TYPE)
    if map_type is not None:
        if map_type not in {"granular", "atomic"}:
            causes.append(unsupported(f"{path}.{_MAP_TYPE}", map_type, ("atomic", "granular")))
        if kind != "object":
            causes.append(wrong(f"{path}.type", kind or "", f"must be object if {_MAP_TYPE} is specified"))
    return causes


def _check_lists(schema: Object, path: str) -> list[Cause]:
    kind, keys = schema.get(_LIST_TYPE), schema.get(_LIST_KEYS) or []
    items = schema.get("items") if isinstance(schema.get("items"), dict) else {}
    causes = []
    if kind is None:
        if keys:
            causes.append(forbidden(f"{path}.{_LIST_KEYS}", f"must not be set without {_LIST_TYPE} being map"))
        return causes
    if kind not in {"atomic", "set", "map"}:
        return [unsupported(f"{path}.{_LIST_TYPE}", kind, ("atomic", "map", "set"))]
    if schema.get("type") != "array":
        causes.append(wrong(f"{path}.type", schema.get("type") or "", f"must be array if {_LIST_TYPE} is specified"))
    if kind != "map":
        if keys:
            causes.append(forbidden(f"{path}.{_LIST_KEYS}", f"must not be set if {_LIST_TYPE} is non-map"))
        if kind == "set" and items:
            causes += _check_set(items, path)
        return causes
    if not keys:
        causes.append(required(f"{path}.{_LIST_KEYS}", f"must not be empty if {_LIST_TYPE} is map"))
    if items and items.get("type") != "object":
        causes.append(wrong(f"{path}.items.type", items.get("type") or "", f"must be object if {_LIST_TYPE} is map"))
    return causes + _check_keys(items or {}, keys, path)


def _check_set(items: Object, path: str) -> list[Cause]:
    atomic = items.get(_MAP_TYPE) == "atomic" or items.get(_LIST_TYPE, "atomic") == "atomic"
    if items.get("nullable"):
        return [forbidden(f"{path}.items.nullable", f"cannot be nullable when {_LIST_TYPE} is set")]
    if items.get("type") == "object" and items.get(_MAP_TYPE) != "atomic":
        why = f"must be atomic as item of a list with {_LIST_TYPE}=set"
        return [wrong(f"{path}.items.{_MAP_TYPE}", items.get(_MAP_TYPE) or "", why)]
    if items.get("type") == "array" and not atomic:
        why = f"must be atomic as item of a list with {_LIST_TYPE}=set"
        return [wrong(f"{path}.items.{_LIST_TYPE}", items.get(_LIST_TYPE), why)]
    return []


def _check_keys(items: Object, keys: list[str], path: str) -> list[Cause]:
    causes = []
    properties = items.get("properties") or {}
    for index, key in enumerate(keys):
        field = properties.get(key)
        if field is None:
            why = "entries must all be names of item properties"
            causes.append(wrong(f"{path}.{_LIST_KEYS}[{index}]", key, why))
        elif field.get("type") in {"object", "array"}:
            why = "entries must all have scalar types"
            causes.append(wrong(f"{path}.items.properties[{key}].type", field["type"], why))
        elif key not in (items.get("required") or ()) and field.get("default") is None:
            why = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"
            causes.append(required(f"{path}.items.properties[{key}].default", why))
        if key in keys[:index]:
            causes.append(validation.duplicate(f"{path}.{_LIST_KEYS}[{index}]", key))
    return causes


def _check_object_field(name: str, schema: Object, path: str) -> list[Cause]:
    wanted = "object" if name == "metadata" else "string"
    if schema.get("type") not in {wanted, None, ""}:
        return [wrong(f"{path}.type", schema["type"], f"must be {wanted}")]
    if name != "metadata":
        return []
    beyond = set(schema) - {"type", "properties", "description"}
    if beyond or set(schema.get("properties") or {}) - {"name", "generateName"}:
        why = "must not specify anything other than name and generateName, but metadata is implicitly specified"
        return [forbidden(path, why)]
    return []


def _check_logic(schema: Object, path: str) -> list[Cause]:
    causes: list[Cause] = []
    for word in _LOGICAL:
        for index, part in enumerate(schema.get(word) or ()):
            if not (schema.get(_INT_OR_STRING) and _is_int_or_string_part(part)):
                causes += _check_part(part, f"{path}.{word}[{index}]", schema, path)
    if isinstance(schema.get("not"), dict):
        causes += _check_part(schema["not"], f"{path}.not", schema, path)
    return causes


def _is_int_or_string_part(part: Object) -> bool:
    """The spellings of int-or-string that Kubernetes knows: anyOf of both types, alone or in an allOf."""
    if set(part) == {"type"}:
        return part["type"] in {"integer", "string"}
    return set(part) == {"anyOf"} and all(_is_int_or_string_part(item) for item in part["anyOf"])


def _check_part(part: Object, path: str, skeleton: Object, home: str) -> list[Cause]:
    causes = [forbidden(f"{path}.{name}", why) for name, why in _SKELETON_ONLY.items() if part.get(name)]
    known = skeleton.get("properties") or {}
    for name, child in (part.get("properties") or {}).items():
        if name not in known:
            if not isinstance(skeleton.get("additionalProperties"), dict):
                causes.append(
                    required(f"{home}.properties[{name}]", f"because it is defined in {path}.properties[{name}]")
                )
            continue
        causes += _check_part(child, f"{path}.properties[{name}]", known[name], f"{home}.properties[{name}]")
    if isinstance(part.get("items"), dict):
        if isinstance(skeleton.get("items"), dict):
            causes += _check_part(part["items"], f"{path}.items", skeleton["items"], f"{home}.items")
        else:
            causes.append(required(f"{home}.items", f"because it is defined in {path}.items"))
    for word in _LOGICAL:
        for index, inner in enumerate(part.get(word) or ()):
            causes += _check_part(inner, f"{path}.{word}[{index}]", skeleton, home)
    if isinstance(part.get("not"), dict):
        causes += _check_part(part["not"], f"{path}.not", skeleton, home)
    return causes


def _check_defaults(schema: Any, path: str) -> list[Cause]:
    """Defaults fit the schema that they are in, and have no field that it would prune."""
    if not isinstance(schema, dict):
        return []
    causes: list[Cause] = []
    value = schema.get("default")
    if value is not None:
        unknown: list[str] = []
        prune(schema, value, "", unknown)
        causes += [wrong(f"{path}.default", value, f"must not have unknown field {name}") for name in unknown]
        causes += [
            Cause(f"{path}.default{'.' if cause.field and cause.field != '<nil>' else ''}"
                  f"{cause.field if cause.field != '<nil>' else ''}", cause.message, cause.kind)
            for cause in validate(schema, default(schema, value))
        ]  # fmt: skip
    for name, child in (schema.get("properties") or {}).items():
        causes += _check_defaults(child, f"{path}.properties[{name}]")
    for name in ("items", "additionalProperties"):
        causes += _check_defaults(schema.get(name), f"{path}.{name}")
    return causes


def unknown_formats(schema: Any, path: str = "") -> list[str]:
    """Warnings about formats that nothing is checked by."""
    if not isinstance(schema, dict):
        return []
    found = []
    name = schema.get("format")
    if name and not formats.is_known(name):
        found.append(f'unrecognized format "{name}"')
    for child in (schema.get("properties") or {}).values():
        found += unknown_formats(child)
    for key in ("items", "additionalProperties"):
        found += unknown_formats(schema.get(key))
    return found
