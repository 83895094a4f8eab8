"""The published schemas of Kubernetes' kinds, as a tree that decoding, patching and OpenAPI walk.

The definitions are data of the `kubernetes-validate` package; they are read on first use (about 25 ms) and each type is
compiled when something first reaches it, so that a process pays for what it serves. Kinds of our own are added with
`define`.
"""

from __future__ import annotations

import importlib.resources
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal, cast

import orjson

from common.api.meta import Object

from .zeros import held_by_value

Shape = Literal["object", "map", "array", "string", "integer", "number", "boolean", "any", "deduced"]
Parts = Literal["", "fields", "entries", "values", "elements"]

_SOURCE = "kubernetes-json-schema/v1.36.0-local/_definitions.json"
_PREFIX = "#/$defs/"
_SPECIAL = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "int-or-string",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "date-time",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "micro-time",
}
_PRESERVE = "x-kubernetes-preserve-unknown-fields"
# Keys that Kubernetes' types default though their published definitions do not say so.
_KEY_DEFAULTS: Object = {"protocol": "TCP"}
# Optional lists that Kubernetes' types write though they are empty; all others have `omitempty`.
_WRITTEN_EMPTY = {
    "io.k8s.api.core.v1.ProjectedVolumeSource": {"sources"},
    "io.k8s.api.discovery.v1.EndpointSlice": {"endpoints", "ports"},
    "io.k8s.api.rbac.v1.ClusterRole": {"rules"},
    "io.k8s.api.rbac.v1.Role": {"rules"},
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionStatus": {
        "conditions", "storedVersions",
    },
}  # fmt: skip
_DEFINITIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1"
SCHEMA_OF_SCHEMAS = f"{_DEFINITIONS}.JSONSchemaProps"
# What may stand where a definition of a kind has a schema, which the published definitions leave open.
_ALTERNATIVES: dict[str, Object] = {
    f"{SCHEMA_OF_SCHEMAS}OrArray": {"type": "array", "items": {"$ref": f"{_PREFIX}{SCHEMA_OF_SCHEMAS}"}},
    f"{SCHEMA_OF_SCHEMAS}OrBool": {"type": "boolean"},
    f"{SCHEMA_OF_SCHEMAS}OrStringArray": {"type": "array", "items": {"type": "string"}},
    f"{_DEFINITIONS}.CustomResourceSubresourceStatus": {"type": "object", "properties": {}},
}
_OWN: dict[str, Object] = {}


@dataclass(frozen=True)
class Schema:
    """One type, or one field with the annotations that the field has where it is used.

    `format` is int32, int64, byte, or one of the types with a spelling of their own: quantity, int-or-string,
    date-time, micro-time. `go_type` is what Kubernetes' messages call it. The shape `deduced` is that of fields that no
    schema describes: each value says itself what it is.
    """

    name: str  # of the definition, empty for inline types
    source: Object
    field: Object

    @cached_property
    def format(self) -> str:
        if self.source.get("x-kubernetes-int-or-string"):
            return "int-or-string"
        return _SPECIAL.get(self.name) or str(self.source.get("format", ""))

    @cached_property
    def shape(self) -> Shape:
        if self.format in {"quantity", "int-or-string"}:
            return "any"
        kinds: Any = self.source.get("type", ())
        named: list[Any] = [item for item in ([kinds] if isinstance(kinds, str) else kinds) if item != "null"]
        if named and named != ["object"]:
            return cast("Shape", named[0])
        if "properties" in self.source and named:
            return "object"
        more = self.source.get("additionalProperties")
        if named and isinstance(more, dict):
            return "map"
        return "deduced" if more is True or self.source.get(_PRESERVE) else "any"

    @cached_property
    def alternatives(self) -> tuple[Schema, ...]:
        """The types of which a value is one, where the definition says nothing of them."""
        other = _ALTERNATIVES.get(self.name)
        if other is None:
            return ()
        types = (_compile(other),)
        return (schema(SCHEMA_OF_SCHEMAS), *types) if self.name.startswith(SCHEMA_OF_SCHEMAS) else types

    @cached_property
    def is_plain_text(self) -> bool:
        """Whether every string fits."""
        return self.shape == "string" and self.format not in {"date-time", "micro-time", "byte"}

    @cached_property
    def properties(self) -> dict[str, Schema]:
        """The fields of an object."""
        return {name: _compile(field) for name, field in self.source.get("properties", {}).items()}

    @cached_property
    def omitted_when_empty(self) -> frozenset[str]:
        """The lists and maps that Kubernetes leaves out of an object when nothing is in them (Go's `omitempty`)."""
        written = {*self.source.get("required", ()), *_WRITTEN_EMPTY.get(self.name, ())}
        return frozenset(
            name for name, field in self.properties.items() if field.shape in {"array", "map"} and name not in written
        )

    @cached_property
    def omitted_when_zero(self) -> frozenset[str]:
        """The scalars that Kubernetes leaves out when they are zero."""
        return held_by_value(self.name)

    @cached_property
    def others(self) -> Schema | None:
        """The type of the fields of an object that are not in `properties`; None when there are none."""
        return _DEDUCED if self.source.get(_PRESERVE) else None

    @cached_property
    def items(self) -> Schema:
        """The element type of an array or the value type of a map."""
        return _compile(self.source.get("items") or self.source.get("additionalProperties") or {})

    @cached_property
    def merge_key(self) -> str:
        """The field that identifies an element in a strategic merge patch; empty when lists are replaced."""
        return str(self.field.get("x-kubernetes-patch-merge-key", ""))

    @cached_property
    def strategies(self) -> frozenset[str]:
        """Of strategic merge: merge, replace, retainKeys."""
        return frozenset(filter(None, self.field.get("x-kubernetes-patch-strategy", "").split(",")))

    @cached_property
    def list_type(self) -> str:
        """Of server-side apply: atomic (also when nothing is said), set or map."""
        return str(self.field.get("x-kubernetes-list-type", "atomic"))

    @cached_property
    def list_keys(self) -> tuple[str, ...]:
        return tuple(self.field.get("x-kubernetes-list-map-keys", ()))

    @cached_property
    def is_atomic(self) -> bool:
        """Whether server-side apply owns the map or struct as a whole."""
        kind = self.field.get("x-kubernetes-map-type") or self.source.get("x-kubernetes-map-type")
        return kind == "atomic"

    @cached_property
    def parts(self) -> Parts:
        """What of a value can have owners of its own: the fields of a struct, the entries of a map, the values of a
        set, the elements of a list that keys tell apart. Empty: the value has one owner as a whole."""
        match self.shape:
            case "object":
                return "" if self.is_atomic else "fields"
            case "map" | "deduced":
                return "" if self.is_atomic else "entries"
            case "array" if self.list_type == "set":
                return "values"
            case "array" if self.list_type == "map":
                return "elements"
        return ""

    @cached_property
    def key_defaults(self) -> tuple[tuple[str, Any], ...]:
        """The keys of the elements of a list, sorted, each with what an element has that leaves it out (None: nothing
        is known)."""
        fields = self.items.properties if self.items.shape == "object" else {}
        found = [(key, fields[key].field.get("default") if key in fields else None) for key in self.list_keys]
        return tuple((key, _KEY_DEFAULTS.get(key) if default is None else default) for key, default in sorted(found))

    @cached_property
    def go_type(self) -> str:
        match self.shape:
            case "integer":
                return self.format or "int32"
            case "number":
                return "float64"
            case "boolean":
                return "bool"
            case "array":
                return f"[]{self.items.go_type}"
            case "map":
                return f"map[string]{self.items.go_type}"
            case "string" if self.format == "byte":
                return "[]uint8"
        if self.name:
            *_, version, kind = self.name.split(".")
            return f"{version}.{kind}"
        return self.shape


_DEDUCED = Schema("", {_PRESERVE: True}, {})


@lru_cache(maxsize=1)
def published() -> dict[str, Object]:
    """All definitions of Kubernetes' OpenAPI by name."""
    text = importlib.resources.files("kubernetes_validate").joinpath(_SOURCE).read_bytes()
    found: dict[str, Object] = orjson.loads(text)["$defs"]
    return found


def define(name: str, definition: Object) -> None:
    """Add the definition of a kind of our own, in the form of the published ones (references are `#/$defs/NAME`)."""
    _OWN[name] = definition


def definition(name: str) -> Object:
    """The raw definition; KeyError when there is none of that name."""
    return _OWN.get(name) or published()[name]


@lru_cache(maxsize=4096)
def schema(name: str) -> Schema:
    """The type of that name, e.g. `io.k8s.api.core.v1.Pod`."""
    source = definition(name)
    return Schema(name, source, source)


def _compile(field: Object) -> Schema:
    reference: Any = field.get("$ref", "")
    if not reference:
        return Schema("", field, field)
    target = schema(reference.removeprefix(_PREFIX))
    # Most references carry annotations of their own; only those need an instance apart.
    if any(key.startswith("x-kubernetes-") for key in field):
        return Schema(target.name, target.source, {**target.source, **field})
    return target


def referenced(name: str) -> set[str]:
    """The names of all definitions that one needs, itself included."""
    found: set[str] = set()
    todo = [name]
    while todo:
        current = todo.pop()
        if current in found:
            continue
        found.add(current)
        todo += _references(definition(current))
    return found


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = node.get("$ref")
        found = [own.removeprefix(_PREFIX)] if isinstance(own, str) else []
        return found + [name for value in node.values() for name in _references(value)]
    if isinstance(node, list):
        return [name for value in node for name in _references(value)]
    return []
