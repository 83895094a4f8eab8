"""Typed objects in expressions of mutating policies: what they are rewritten to, and what is made of that."""

from __future__ import annotations

import pytest

from console.registry.custom.celobjects import plain, type_of, without_types
from console.registry.custom.expressions import evaluate
from console.registry.custom.fieldnames import escape


def made(text: str, **data: object) -> object:
    return evaluate(without_types(text), {"object": data})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Object{}", {}),
        ("Object{ metadata: Object.metadata{ labels: {'a': 'b{,}'} } }", {"metadata": {"labels": {"a": "b{,}"}}}),
        ("Object {spec: Object . spec {replicas: object.n + 1, on: true}}", {"spec": {"replicas": 2, "on": True}}),
        ("Object{?spec: optional.none(), ?kind: optional.of('x')}", {"kind": "x"}),
        ("object.n == 1 ? Object{a: 1} : Object{b: 'x'}", {"a": 1}),
        ("Object{ // why\n items: [Object.items{a: 1}, Object.items{a: 'x'}]}", {"items": [{"a": 1}, {"a": "x"}]}),
        ("Object{__namespace__: 'x', a__dash__b: 'y', `c/d`: 'z'}", {"namespace": "x", "a-b": "y", "c/d": "z"}),
        ("Object{map: {'Object': 'JSONPatch{op: 1}', 'k': [1].map(x, x + 1)}}", {
            "map": {"Object": "JSONPatch{op: 1}", "k": [2]},
        }),
    ],
)  # fmt: skip
def test_objects_come_out_plain(text: str, value: object) -> None:
    found = made(text, n=1)
    assert type_of(found) == "Object"
    assert plain(found, "Object") == value


def test_what_only_looks_like_a_type_is_left_alone() -> None:
    for text in ("object.Object == 'Object{a: 1}'", "MyObject{a: 1}", "has(object.x) ? {'a': 1} : {}"):
        assert without_types(text) == text


@pytest.mark.parametrize(
    ("text", "named", "expected"),
    [
        ("Object{spec: Object.other{}}", "Object.other", "Object.spec"),
        ("Object{spec: Object.spec{list: [Object.list{}]}}", "Object.list", "Object.spec.list"),
    ],
)
def test_a_type_must_stand_where_its_name_says(text: str, named: str, expected: str) -> None:
    with pytest.raises(ValueError, match=f'unexpected type name "{named}", expected "{expected}"'):
        plain(made(text), "Object")


def test_names_are_those_that_rules_escape() -> None:
    for name in ("namespace", "a-b", "c.d", "e/f"):
        assert plain(made(f"Object{{{escape(name)}: 1}}"), "Object") == {name: 1}
