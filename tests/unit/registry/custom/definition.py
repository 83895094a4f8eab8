"""A definition for tests, and what is made of it."""

from __future__ import annotations

from typing import Any

from common.api.meta import Object
from console.registry.custom.rows import rows
from console.registry.row import Row

SCHEMA: Object = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "size": {"type": "integer", "minimum": 0, "default": 1},
                "color": {"type": "string", "enum": ["red", "green"]},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "ports": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {
                        "type": "object",
                        "required": ["name"],
                        "properties": {"name": {"type": "string"}, "port": {"x-kubernetes-int-or-string": True}},
                    },
                },
            },
        },
        "status": {"type": "object", "properties": {"size": {"type": "integer"}, "selector": {"type": "string"}}},
    },
}
NAMES = {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList", "shortNames": ["wd"]}


def version(name: str = "v1", **fields: Any) -> Object:
    return {"name": name, "served": True, "storage": True, "schema": {"openAPIV3Schema": SCHEMA}, **fields}


def definition(*versions: Object, **spec: Any) -> Object:
    found = {"group": "example.com", "scope": "Namespaced", "names": NAMES, "versions": list(versions) or [version()]}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {**found, **spec},
    }


def established(*versions: Object, **spec: Any) -> Object:
    conditions = [{"type": "Established", "status": "True"}]
    return {**definition(*versions, **spec), "status": {"conditions": conditions, "acceptedNames": NAMES}}


def row(*versions: Object, **spec: Any) -> Row:
    """The row of the first version."""
    return rows(established(*versions, **spec))[0]


def widget(**spec: Any) -> Object:
    return {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "w", "namespace": "default"},
        "spec": spec,
    }
