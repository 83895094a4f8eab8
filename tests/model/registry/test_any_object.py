"""Every object that fits its schema is either admitted or refused with reasons, whatever it leaves out."""

from __future__ import annotations

import json
from datetime import UTC, datetime

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
from console.registry.tables import table

from .shapes import instances

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CONFIG = ClusterConfig(service_cidrs=("10.43.0.0/16", "fd00:43::/112"), uid="u")
ROWS = [row for row in default_registry().rows() if not row.computed]  # those are never written


class Nothing:
    """A lookup that finds nothing."""

    def get(self, *_: object) -> None:
        return None

    def items(self, *_: object) -> list[Object]:
        return []


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
