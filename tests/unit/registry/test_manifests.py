"""Manifests as people write them: all of it understood strictly, and accepted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from common.api import kinds
from common.api.meta import Key
from console.registry.decoding import decode

from .builders import REGISTRY, Objects, context, created

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


@pytest.mark.parametrize("text", documents())
def test_a_manifest_is_accepted_as_it_is(text: str) -> None:
    head = yaml.safe_load(text)
    group, _, version = head["apiVersion"].rpartition("/")
    row = REGISTRY.by_kind(group, version, head["kind"])
    assert row is not None
    obj, warnings = decode(row, text.encode(), "application/yaml", "Strict")
    assert warnings == []
    kept = row.keep(obj)
    if row.resource.namespaced:
        kept["metadata"]["namespace"] = "default"
    world = Objects()
    for name, value in (("system-cluster-critical", 2000000000), ("system-node-critical", 2000001000)):
        world.put(kinds.PRIORITYCLASSES, {"metadata": {"name": name}, "value": value})
    assert world.get(kinds.PRIORITYCLASSES, Key("", "system-node-critical"))
    made = created(row.stored.resource, kept, context(world))
    # What was admitted is what its own defaults and rules have it be: admitting it again changes nothing.
    again, _ = decode(row.stored, yaml.safe_dump(made).encode(), "application/yaml", "Strict")
    row.stored.default(again)
    assert {**again, "metadata": {}} == {**made, "metadata": {}}
