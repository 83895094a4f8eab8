"""Objects that fit the schema of their kind and nothing else: any field may be there, with values that rules refuse."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from common.api.meta import Object
from console.registry.row import Row
from console.registry.schema import Schema, schema

MAX_DEPTH = 6
WORDS = st.sampled_from(["", "a", "A b", "None", "ClusterIP", "NodePort", "Always", "Exists", "In", "10.43.0.9", "::1"])
NUMBERS = st.sampled_from([-1, 0, 1, 80, 30000, 70000])


def values(kind: Schema, depth: int) -> st.SearchStrategy[Any]:
    match kind.shape:
        case "object":
            return objects(kind, depth)
        case "map":
            return st.dictionaries(st.sampled_from(["a", "b/c", "-"]), values(kind.items, depth + 1), max_size=2)
        case "array":
            return st.lists(values(kind.items, depth + 1), max_size=2)
        case "integer":
            return NUMBERS
        case "boolean":
            return st.booleans()
        case "string" if kind.format in {"date-time", "micro-time"}:
            return st.just("2026-01-01T00:00:00Z")
        case "string" if kind.format == "byte":
            return st.sampled_from(["", "aGk="])
        case "string":
            return WORDS
    if kind.format == "quantity":
        return st.sampled_from(["0", "1", "500m", "1Gi", "-1"])
    return st.sampled_from([80, "http", "25%"]) if kind.format == "int-or-string" else st.just({})


def objects(kind: Schema, depth: int = 0) -> st.SearchStrategy[Object]:
    """Few fields of each object, so that all of them have their turn at every depth."""
    if depth > MAX_DEPTH or not kind.properties:
        return st.just({})
    return st.deferred(
        lambda: st.lists(st.sampled_from(sorted(kind.properties)), max_size=4, unique=True).flatmap(
            lambda names: st.fixed_dictionaries({name: values(kind.properties[name], depth + 1) for name in names})
        )
    )


def instances(row: Row) -> st.SearchStrategy[Object]:
    found = schema(row.schema)
    fields = {name: kind for name, kind in found.properties.items() if name not in {"apiVersion", "kind", "metadata"}}
    metadata = {"name": "x", "namespace": "default"} if row.resource.namespaced else {"name": "x"}
    parts = st.fixed_dictionaries({}, optional={name: values(kind, 1) for name, kind in fields.items()})
    extra = objects(found.properties["metadata"])
    return st.builds(lambda more, rest: {**rest, "metadata": {**more, **metadata, "resourceVersion": ""}}, extra, parts)
