"""Any structural schema and any object: pruning and defaulting come to rest, and what was accepted stays acceptable."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from common.api.meta import Object
from console.registry.custom import structural
from console.registry.custom.pruning import default, prune
from console.registry.custom.values import validate

NAMES = st.sampled_from(["a", "b", "c", "d"])
SCALARS: dict[str, Any] = {
    "string": st.sampled_from(["", "x", "yy"]),
    "integer": st.integers(-3, 3),
    "boolean": st.booleans(),
    "number": st.sampled_from([0.5, 1, -2.5]),
}


@st.composite
def leaves(draw: st.DrawFn) -> Object:
    kind = draw(st.sampled_from(sorted(SCALARS)))
    schema: Object = {"type": kind}
    if draw(st.booleans()):
        schema["default"] = draw(SCALARS[kind])
    if draw(st.booleans()):
        schema["nullable"] = True
    if kind == "integer" and draw(st.booleans()):
        schema["minimum"] = -1
    return schema


def nested(children: st.SearchStrategy[Object]) -> st.SearchStrategy[Object]:
    properties = st.dictionaries(NAMES, children, max_size=3)
    return st.one_of(
        st.builds(lambda items: {"type": "array", "items": items}, children),
        st.builds(lambda more: {"type": "object", "additionalProperties": more}, children),
        st.builds(lambda found: {"type": "object", "properties": found}, properties),
        st.builds(
            lambda found: {"type": "object", "properties": found, "x-kubernetes-preserve-unknown-fields": True},
            properties,
        ),
    )


NODES = st.recursive(leaves(), nested, max_leaves=6)
SCHEMAS = st.builds(lambda found: {"type": "object", "properties": found}, st.dictionaries(NAMES, NODES, max_size=4))
VALUES = st.recursive(
    st.one_of(st.none(), *SCALARS.values()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=4)


@given(SCHEMAS, OBJECTS)
def test_pruning_and_defaulting_are_done_once(schema: Object, obj: Object) -> None:
    dropped: list[str] = []
    pruned = prune(schema, obj, "", dropped, root=True)
    assert prune(schema, pruned, root=True) == pruned
    assert (pruned == obj) is (not dropped)
    filled = default(schema, pruned)
    assert default(schema, filled) == filled
    assert prune(schema, filled, root=True) == filled


@given(SCHEMAS, OBJECTS)
def test_what_is_valid_stays_valid(schema: Object, obj: Object) -> None:
    filled = default(schema, prune(schema, obj, root=True))
    causes = validate(schema, filled)
    assert validate(schema, default(schema, filled)) == causes
    # An update that changes nothing is never refused, and one that begins anew no less than a create.
    assert validate(schema, filled, filled) == []
    assert {cause.field for cause in validate(schema, filled, {})} <= {cause.field for cause in causes}


@given(SCHEMAS)
def test_schemas_like_these_are_structural_but_for_their_defaults(schema: Object) -> None:
    assert all(".default" in cause.field for cause in structural.check(schema, "s"))


@given(SCHEMAS, OBJECTS, OBJECTS)
def test_only_what_changed_is_held_against_an_update(schema: Object, before: Object, after: Object) -> None:
    old, new = (default(schema, prune(schema, obj, root=True)) for obj in (before, after))
    fresh = {cause.field for cause in validate(schema, new)}
    held = {cause.field for cause in validate(schema, new, old)}
    assert held <= fresh
    touched = {name for name in new if name not in old or old[name] != new[name]}
    assert all(field.partition(".")[0].partition("[")[0] in touched for field in held)
