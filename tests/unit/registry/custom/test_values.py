"""Objects against structural schemas: pruning, defaults, validation, ratcheting."""

from __future__ import annotations

from typing import Any

import pytest

from common.api.meta import Object
from common.errors import Cause
from console.registry.custom import lists, rulechecks, rules
from console.registry.custom.pruning import default, prune
from console.registry.custom.values import ABSENT, validate


def texts(causes: list[Cause]) -> list[str]:
    return [f"{cause.field}: {cause.message}" for cause in causes]


def field(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {"f": schema}}


def problems(schema: dict[str, Any], value: Any) -> list[str]:
    return texts(validate(field(schema), {"f": value}))


@pytest.mark.parametrize(
    ("schema", "value", "text"),
    [
        ({"type": "integer"}, "3", 'f: Invalid value: "string": f in body must be of type integer: "string"'),
        ({"type": "string"}, None, 'f: Invalid value: "null": f in body must be of type string: "null"'),
        ({"type": "integer", "maximum": 10}, 20, "f: Invalid value: 20: f in body should be less than or equal to 10"),
        ({"type": "integer", "minimum": 1, "exclusiveMinimum": True}, 1,
         "f: Invalid value: 1: f in body should be greater than 1"),
        ({"type": "number", "multipleOf": 0.5}, 0.7, "f: Invalid value: 0.7: f in body should be a multiple of 0.5"),
        ({"type": "string", "pattern": "^a+$"}, "b", "f: Invalid value: \"b\": f in body should match '^a+$'"),
        ({"type": "string", "minLength": 2}, "b", 'f: Invalid value: "b": f in body should be at least 2 chars long'),
        ({"type": "string", "maxLength": 2}, "bcd", "f: Too long: may not be more than 2 bytes"),
        ({"type": "string", "enum": ["red", "green"]}, "blue",
         'f: Unsupported value: "blue": supported values: "red", "green"'),
        ({"type": "string", "format": "ipv4"}, "::1", 'f: Invalid value: "::1": f in body must be of type ipv4: "::1"'),
        ({"type": "array", "items": {"type": "string"}, "maxItems": 1}, ["a", "b"],
         "f: Too many: 2: must have at most 1 items"),
        ({"type": "array", "items": {"type": "string"}, "minItems": 1}, [],
         "f: Invalid value: 0: f in body should have at least 1 items"),
        ({"type": "object", "required": ["x"]}, {}, "f.x: Required value"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, {"k": "v"},
         'f.k: Invalid value: "string": f.k in body must be of type integer: "string"'),
        ({"x-kubernetes-int-or-string": True}, True,
         'f: Invalid value: "boolean": f in body must be of type integer,string: "boolean"'),
        ({"type": "integer", "format": "int32"}, 2**31,
         "f: Invalid value: 2147483648: f in body should be of type integer and format int32"),
    ],
)  # fmt: skip
def test_each_rule_in_the_words_of_kubernetes(schema: dict[str, Any], value: Any, text: str) -> None:
    assert problems(schema, value) == [text]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "nullable": True}, None),
        ({"type": "integer"}, 3.0),
        ({"type": "number"}, 3),
        ({"x-kubernetes-int-or-string": True}, "80"),
        ({"type": "string", "format": "of-our-own"}, "x"),
        ({"type": "string", "format": "date-time"}, "2026-01-01T00:00:00Z"),
        ({"type": "string", "pattern": r"^[[:alnum:]]+$"}, "a1"),
        ({"type": "object", "x-kubernetes-preserve-unknown-fields": True}, {"a": [1]}),
    ],
)
def test_what_fits(schema: dict[str, Any], value: Any) -> None:
    assert problems(schema, value) == []


def test_logic() -> None:
    one = {"oneOf": [{"required": ["a"]}, {"required": ["b"]}], "type": "object"}
    assert problems(one, {"a": 1}) == []
    assert problems(one, {}) == [
        '<nil>: Invalid value: "": "f" must validate one and only one schema (oneOf). Found none valid',
        "f.a: Required value",
    ]
    assert "Found 2 valid alternatives" in problems(one, {"a": 1, "b": 1})[0]
    assert problems({"type": "integer", "not": {"minimum": 3}}, 4) == [
        '<nil>: Invalid value: "": "f" must not validate the schema (not)'
    ]
    assert "(anyOf)" in problems({"type": "integer", "anyOf": [{"minimum": 3}, {"maximum": 1}]}, 2)[0]


def test_what_an_update_leaves_alone_is_not_held_against_it() -> None:
    schema = {
        "type": "object",
        "properties": {
            "old": {"type": "integer", "maximum": 1},
            "new": {"type": "integer", "maximum": 1},
            "list": {
                "type": "array",
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
                "items": {"type": "object", "properties": {"name": {"type": "string"}, "n": {"type": "integer"}},
                          "required": ["x"]},
            },
        },
    }  # fmt: skip
    before = {"old": 5, "new": 0, "list": [{"name": "a"}, {"name": "b", "n": 1}]}
    after = {"old": 5, "new": 7, "list": [{"name": "b", "n": 2}, {"name": "a"}]}
    assert [cause.field for cause in validate(schema, after, before)] == ["new", "list[0].x"]
    assert [cause.field for cause in validate(schema, after)] == ["old", "new", "list[0].x", "list[1].x"]


def test_pruning_tells_what_it_dropped() -> None:
    schema = {
        "type": "object",
        "properties": {
            "known": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True,
                     "properties": {"strict": {"type": "object", "properties": {"a": {"type": "string"}}}}},
            "whole": {"type": "object", "x-kubernetes-embedded-resource": True,
                      "properties": {"spec": {"type": "object"}}},
        },
    }  # fmt: skip
    dropped: list[str] = []
    value = {
        "apiVersion": "v1", "metadata": {"name": "x"}, "gone": 1, "known": [{"a": "1", "b": 2}],
        "free": {"any": {"thing": 1}, "strict": {"b": 1}},
        "whole": {"kind": "K", "metadata": {"name": "n", "odd": 1}, "other": 1},
    }  # fmt: skip
    assert prune(schema, value, "", dropped, root=True) == {
        "apiVersion": "v1", "metadata": {"name": "x"}, "known": [{"a": "1"}],
        "free": {"any": {"thing": 1}, "strict": {}}, "whole": {"kind": "K", "metadata": {"name": "n"}},
    }  # fmt: skip
    assert dropped == ["gone", "known[0].b", "free.strict.b", "whole.metadata.odd", "whole.other"]


def test_defaults_come_where_something_is_absent_or_null_where_none_may_be() -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": "object", "default": {}, "properties": {"b": {"type": "integer", "default": 3}}},
            "n": {"type": "string", "nullable": True, "default": "x"},
            "plain": {"type": "string"},
            "m": {"type": "object", "additionalProperties": {"type": "object", "properties": {"c": {"default": 1}}}},
        },
    }
    assert default(schema, {"n": None, "plain": None, "m": {"k": {}}}) == {
        "a": {"b": 3}, "n": None, "m": {"k": {"c": 1}},
    }  # fmt: skip
    assert default(schema, {"a": {"b": None}})["a"] == {"b": 3}


def test_sets_and_maps_have_no_namesakes() -> None:
    schema = {
        "type": "object",
        "properties": {
            "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            "map": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["n"],
                    "items": {"type": "object", "properties": {"n": {"type": "integer"}}}},
        },
    }  # fmt: skip
    found = lists.duplicates(schema, {"set": ["a", "b", "a"], "map": [{"n": 1, "x": 1}, {"n": 1}]})
    assert texts(found) == ['set[2]: Duplicate value: "a"', 'map[1]: Duplicate value: {"n":1}']


def test_embedded_resources_say_what_they_are() -> None:
    schema = field({"type": "object", "x-kubernetes-embedded-resource": True})
    assert texts(lists.embedded(schema, {"f": {"kind": "Pod"}})) == ["f.apiVersion: Required value: must not be empty"]


LABEL = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic"


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        ({"apiVersion": ""}, 'f.apiVersion: Invalid value: "": must not be empty'),
        ({"apiVersion": 5}, "f.apiVersion: Invalid value: 5: must be a string"),
        ({"apiVersion": "a/b/c"}, 'f.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c'),
        ({"kind": "-"}, f'f.kind: Invalid value: "-": may have mixed case, but should otherwise match: {LABEL}'),
        ({"metadata": {"name": "a/b"}}, "f.metadata.name: Invalid value: \"a/b\": may not contain '/'"),
        ({"metadata": {"labels": {"-": "a"}}}, 'f.metadata.labels: Invalid value: "-": name part must consist of'),
        (
            {"metadata": {"labels": {"a": 5}}},
            (
                'f.metadata: Invalid value: {"labels":{"a":5}}: json: cannot unmarshal number into Go struct field '
                "ObjectMeta.labels of type string"
            ),
        ),
        ({"metadata": {"finalizers": ["-"]}}, 'f.metadata.finalizers: Invalid value: "-": name part must consist of'),
        ({"metadata": {"ownerReferences": [{}]}}, 'f.metadata.ownerReferences.apiVersion: Invalid value: "": version'),
        ({"metadata": {"ownerReferences": 5}}, 'f.metadata: Invalid value: {"ownerReferences":5}: json: cannot'),
    ],
)
def test_embedded_resources_have_metadata_that_can_be(found: Object, problem: str) -> None:
    schema = field({"type": "object", "x-kubernetes-embedded-resource": True})
    whole = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "A_B", "finalizers": ["example.com/a"]}}
    assert lists.embedded(schema, {"f": whole}) == []
    assert texts(lists.embedded(schema, {"f": {**whole, **found}}))[0].startswith(problem)


RULED = {
    "type": "object",
    "properties": {
        "min": {"type": "integer"},
        "max-size": {"type": "integer"},
        "fixed": {"type": "string", "x-kubernetes-validations": [
            {"rule": "self == oldSelf", "message": "is immutable"}]},
        "since": {"type": "string", "x-kubernetes-validations": [
            {"rule": "oldSelf.hasValue() ? oldSelf.value() <= self : self != ''", "optionalOldSelf": True}]},
    },
    "x-kubernetes-validations": [
        {"rule": "self.min <= self.max__dash__size", "messageExpression": "'min is ' + string(self.min)",
         "fieldPath": ".min", "reason": "FieldValueForbidden"},
    ],
}  # fmt: skip


def judged(value: Any, old: Any = ABSENT) -> list[str]:
    node = rules.compile_rules(field(RULED))
    return texts(rules.evaluate(node, {"f": value}, ABSENT if old is ABSENT else {"f": old}, []))


def test_rules() -> None:
    assert rulechecks.check(RULED, "s") == []
    assert judged({"min": 1, "max-size": 1}) == []
    assert judged({"min": 2, "max-size": 1}) == ["f.min: Forbidden: min is 2"]
    assert judged({"max-size": 1}) == [
        'f: Invalid value: "object": no such key: min evaluating rule: failed rule: self.min <= self.max__dash__size'
    ]


def test_rules_about_what_was_before() -> None:
    whole = {"min": 1, "max-size": 1}
    assert judged({**whole, "fixed": "a"}) == []
    assert judged({**whole, "fixed": "b"}, {**whole, "fixed": "a"}) == [
        'f.fixed: Invalid value: "string": is immutable'
    ]
    assert len(judged({**whole, "since": ""})) == 1
    assert judged({**whole, "since": "b"}, {**whole, "since": "a"}) == []
    assert len(judged({**whole, "since": "a"}, {**whole, "since": "b"})) == 1


def test_rules_are_not_asked_about_what_is_of_a_wrong_type() -> None:
    node = rules.compile_rules(RULED)
    causes = [Cause("min", "", "FieldValueTypeInvalid")]
    told = 'Invalid value: "null": some validation rules were not checked because'
    assert told in rules.evaluate(node, {"min": "x"}, ABSENT, causes)[0].message


def test_a_rule_that_was_stored_unchecked_and_does_not_compile_lets_nothing_pass() -> None:
    node = rules.compile_rules({"type": "object", "x-kubernetes-validations": [{"rule": "self.("}]})
    assert "rule compile error" in rules.evaluate(node, {}, ABSENT, [])[0].message


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("self.", "compilation failed"),
        ("'a'", "cel expression must evaluate to a bool"),
        (" ", "Required value: rule is not specified"),
    ],
)
def test_wrong_rules(rule: str, text: str) -> None:
    found = rulechecks.check({"x-kubernetes-validations": [{"rule": rule}]}, "s")
    assert found[0].field == "s.x-kubernetes-validations[0].rule"
    assert text in found[0].message


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("self.find('[0-9]+') == '12'", "a12b"),
        ("quantity(self).isGreaterThan(quantity('1Mi'))", "1Gi"),
        ("isURL(self) && url(self).getHost() == 'a.example:80'", "http://a.example:80/x"),
        ("self.isSorted() && self.sum() == 6", [1, 2, 3]),
        ("cidr('10.0.0.0/8').containsIP(self)", "10.1.2.3"),
        ("timestamp(self) < timestamp('2030-01-01T00:00:00Z')", "2026-01-01T00:00:00Z"),
    ],
)
def test_functions_of_kubernetes(rule: str, value: Any) -> None:
    schema = {"x-kubernetes-validations": [{"rule": rule}]}
    assert texts(rules.evaluate(rules.compile_rules(schema), value, ABSENT, [])) == []
