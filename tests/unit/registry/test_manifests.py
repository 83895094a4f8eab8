"""Manifests as people write them: all of it understood strictly, and accepted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from common.api import kinds
from common.api.meta import Key, Object
from console.registry.decoding import decode
from console.registry.row import Row

from .builders import REGISTRY, Objects, context, created, updated

FILES = sorted((Path(__file__).parent / "manifests").glob("*.yaml"))


def documents() -> list[Any]:
    """Each document's own text with what names it."""
    found = []
    for path in FILES:
        for text in path.read_text().split("\n---\n")[1:]:
            head = yaml.safe_load(text)
            name = head["metadata"].get("name") or head["metadata"]["generateName"]
            found.append(pytest.param(text, id=f"{head['kind']}-{name}"))
    return found


def row_of(text: str) -> Row:
    head = yaml.safe_load(text)
    group, _, version = head["apiVersion"].rpartition("/")
    row = REGISTRY.by_kind(group, version, head["kind"])
    assert row is not None
    return row


def admitted(row: Row, text: str) -> Object:
    obj, warnings = decode(row, text.encode(), "application/yaml", "Strict")
    assert warnings == []
    kept = row.keep(obj)
    if row.resource.namespaced:
        kept["metadata"]["namespace"] = "default"
    world = Objects()
    for name, value in (("system-cluster-critical", 2000000000), ("system-node-critical", 2000001000)):
        world.put(kinds.PRIORITYCLASSES, {"metadata": {"name": name}, "value": value})
    assert world.get(kinds.PRIORITYCLASSES, Key("", "system-node-critical"))
    return created(row.stored.resource, kept, context(world))


@pytest.mark.parametrize("text", documents())
def test_a_manifest_is_accepted_as_it_is(text: str) -> None:
    row = row_of(text)
    made = admitted(row, text)
    # What was admitted is what its own defaults and rules have it be: admitting it again changes nothing.
    again, _ = decode(row.stored, yaml.safe_dump(made).encode(), "application/yaml", "Strict")
    row.stored.default(again)
    assert {**again, "metadata": {}} == {**made, "metadata": {}}


@pytest.mark.parametrize(
    "text", [item for item in documents() if "status" in row_of(item.values[0]).stored.subresources]
)
def test_a_write_of_the_status_shares_the_rest_with_the_old_object_and_leaves_that_alone(text: str) -> None:
    row = row_of(text).stored
    old = admitted(row_of(text), text)
    before = orjson.dumps(old)
    new = updated(row.resource, {**old, "status": {**old.get("status", {})}}, old, "status")
    assert orjson.dumps(old) == before
    for field, value in new.items():
        if field not in {"metadata", "status"}:
            assert value is old[field]
