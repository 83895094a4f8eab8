"""Every object that fits its schema is either admitted or refused with reasons, whatever it leaves out."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.api.meta import Object
from common.client.base import PatchType
from common.errors import ApiError
from common.settings import ClusterConfig
from console.registry.admission import ApplyRequest, admit_create, admit_update, conform, decode, server_side_apply
from console.registry.catalog import default_registry
from console.registry.patch import apply_patch
from console.registry.row import Context, Row
from console.registry.schema import Schema, schema
from console.registry.tables import table

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CONFIG = ClusterConfig(service_cidrs=("10.43.0.0/16", "fd00:43::/112"), uid="u")
ROWS = [row for row in default_registry().rows() if not row.computed]  # those are never written
MAX_DEPTH = 6
WORDS = st.sampled_from(["", "a", "A b", "None", "ClusterIP", "NodePort", "Always", "Exists", "In", "10.43.0.9", "::1"])
NUMBERS = st.sampled_from([-1, 0, 1, 80, 30000, 70000])


class Nothing:
    """A lookup that finds nothing."""

    def get(self, *_: object) -> None:
        return None

    def items(self, *_: object) -> list[Object]:
        return []


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


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.resource.plural)
@given(st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_is_admitted_or_refused_with_reasons(row: Row, data: st.DataObject) -> None:
    context = Context(NOW, Nothing(), CONFIG)
    body = json.dumps(data.draw(instances(row))).encode()
    try:
        given_object, _ = decode(row, body, "application/json", "Strict")
        old = admit_create(row.stored, row.keep(given_object), context)
    except ApiError as error:
        assert error.message  # noqa: PT017 - both outcomes are right, a crash is not
        return
    shown = data.draw(instances(row))
    change = row.keep(conform(row, shown, "Strict")[0])
    row = row.stored
    assert conform(row, old, "Strict") == (old, [])
    assert admit_update(row, old, old, context) == old
    assert table(row, [old], NOW, {}, "Object")["rows"]
    for write in (
        lambda: admit_update(row, change, old, context),
        lambda: admit_update(row, change, old, context, "status"),
        lambda: apply_patch(row, old, json.dumps(change).encode(), PatchType.STRATEGIC),
        lambda: admit_update(
            row, server_side_apply(row, old, change, ApplyRequest("m", force=True), NOW), old, context
        ),
    ):
        try:
            assert write()["metadata"]["name"] == "x"
        except ApiError as error:
            assert error.message  # noqa: PT017
