"""A status is written without a look at the rest of its object: what comes of it is what a look at all of it gives."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime

import orjson
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.api.meta import Object
from common.client.base import PatchType
from common.errors import ApiError
from common.settings import ClusterConfig
from console.registry.admission import admit_create, admit_update, decode
from console.registry.catalog import default_registry
from console.registry.patch import fitting
from console.registry.row import Context, OfSpec, Row
from tests.unit.registry.test_manifests import FILES

from .shapes import instances
from .test_any_object import Nothing

NOW, LATER = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
CONFIG = ClusterConfig(service_cidrs=("10.43.0.0/16", "fd00:43::/112"), uid="u")
REAL = [manifest for file in FILES for manifest in yaml.safe_load_all(file.read_text()) if manifest]
"""Objects as users write them: few of those that only fit their schema are admitted."""
ROWS = [row for row in default_registry().rows() if "status" in row.subresources and not row.computed]


def whole(row: Row) -> Row:
    """The same kind, of whose defaults nothing is known: they are looked for in all of the object."""
    fill = row.default
    return dataclasses.replace(row, default=lambda obj: fill(obj))


def outcome(row: Row, old: Object, body: bytes, manager: str) -> str:
    """What a merge patch of the status makes of an object, every byte of it, or why it is refused."""
    context = Context(LATER, Nothing(), CONFIG, "somebody", manager)
    try:
        wanted, warnings = fitting(row, old, body, PatchType.MERGE, "Warn")
        made = admit_update(row, wanted, old, context, "status")
    except ApiError as error:
        return orjson.dumps(error.to_status()).decode()
    return orjson.dumps([made, warnings]).decode()


def test_there_are_kinds_of_both_sorts() -> None:
    assert {isinstance(row.default, OfSpec) for row in ROWS} == {True, False}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.resource.plural)
@given(st.data())
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_is_as_if_all_had_been_looked_at(row: Row, data: st.DataObject) -> None:
    real = [manifest for manifest in REAL if manifest["kind"] == row.resource.kind]
    chosen = data.draw(st.one_of(instances(row), st.sampled_from(real)) if real else instances(row))
    if row.resource.namespaced:
        chosen = {**chosen, "metadata": {**chosen["metadata"], "namespace": "default"}}
    body = json.dumps(chosen, default=str).encode()
    try:
        old = admit_create(row, decode(row, body, "application/json", "Ignore")[0], Context(NOW, Nothing(), CONFIG))
    except ApiError:
        return
    for manager in ("unknown", "other"):
        change = data.draw(instances(row))
        patch = {"metadata": {name: change["metadata"].get(name) for name in ("labels", "finalizers")}}
        sent = json.dumps(patch | {"status": change.get("status", {})}).encode()
        before = orjson.dumps(old)
        found = outcome(row, old, sent, manager)
        assert found == outcome(whole(row), old, sent, manager)
        assert orjson.dumps(old) == before
        written = orjson.loads(found)
        if isinstance(written, dict):
            return
        old = written[0]
