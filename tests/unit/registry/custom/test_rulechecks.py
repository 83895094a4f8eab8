"""Rules of definitions before anything is judged by them: words, fields, types, old values, and what they may cost."""

from __future__ import annotations

from typing import Any

import pytest

from common.errors import Cause
from console.registry.custom import rulechecks, rules
from console.registry.custom.values import ABSENT

RULES = "x-kubernetes-validations"
TEXT: dict[str, Any] = {"type": "string", "maxLength": 100}


def ruled(schema: dict[str, Any], rule: str, **more: Any) -> dict[str, Any]:
    return {**schema, RULES: [{"rule": rule, **more}]}


def inside(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {"f": schema}}


def problems(schema: dict[str, Any]) -> list[str]:
    return [f"{cause.field}: {cause.message}" for cause in rulechecks.check(inside(schema), "s")]


def judged(schema: dict[str, Any], value: Any, old: Any = ABSENT) -> list[Cause]:
    node = rules.compile_rules(inside(schema))
    return rules.evaluate(node, {"f": value}, ABSENT if old is ABSENT else {"f": old}, [])


PAIR = {"type": "object", "properties": {"a": TEXT, "n": {"type": "integer"}, "x-y": TEXT}}
PAIRS = {"type": "array", "maxItems": 20, "items": PAIR}
WHERE = f"s.properties[f].{RULES}[0]"


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (ruled(PAIR, "self.z == 'x'"), f"{WHERE}.rule: Invalid value: \"self.z == 'x'\": compilation failed: ERROR"),
        (ruled(PAIR, "self.z == 'x'"), "<input>:1:5: undefined field 'z'\n | self.z == 'x'\n | ....^"),
        (ruled(PAIR, "has(self.z)"), "undefined field 'z'"),
        (ruled(PAIR, "self.?z.orValue('') == ''"), "undefined field 'z'"),
        (ruled(PAIRS, "self.all(one, one.z == 1)"), "ERROR: <input>:1:18: undefined field 'z'"),
        (ruled(PAIRS, "self.filter(one, one.n > 1).map(two, two.a).exists(a, a.b == 1) || self[0].c"),
         "undefined field 'c'"),
        (ruled(PAIR, "self.a == 5"), "found no matching overload for '_==_' applied to '(string, int)'"),
        (ruled(PAIR, "self = 42"), "compilation failed: ERROR: <input>:1:6: Syntax error"),
        (ruled(PAIR, "self.n"), "cel expression must evaluate to a bool"),
        (ruled(PAIR, "true", message=" "), f"{WHERE}.message: Invalid value: \" \": message must be non-empty"),
        (ruled(PAIR, "true", message="a\nb"), "message must not contain line breaks"),
        (ruled(PAIR, "true", message="m" * 2049), "message must have a maximum length of 2048 characters"),
        (ruled(PAIR, "true\n&& true"), f"{WHERE}.message: Required value: message must be specified if rule contains"),
        (ruled(PAIR, "true", messageExpression=" "), "messageExpression must be non-empty if specified"),
        (ruled(PAIR, "true", messageExpression="1"), "cel expression must evaluate to a string"),
        (ruled(PAIR, "true", reason="Because"), f'{WHERE}.reason: Unsupported value: "Because": supported'),
        (ruled(PAIR, "true", fieldPath=".z"), "fieldPath must be a valid path: does not refer to a valid field: z"),
        (ruled(PAIR, "true", fieldPath="a["), "fieldPath must be a valid path"),
        (ruled(PAIR, "true", optionalOldSelf=True), "may not be set if oldSelf is not used in rule"),
        ({"type": "array", "items": ruled(PAIR, "self.a == oldSelf.a"), "maxItems": 5},
         "oldSelf cannot be used on the uncorrelatable portion of the schema within s.properties[f]"),
    ],
)  # fmt: skip
def test_what_is_refused(schema: dict[str, Any], text: str) -> None:
    assert text in "\n".join(problems(schema))


@pytest.mark.parametrize(
    "schema",
    [
        ruled(PAIR, "self.x__dash__y == '' && self.a.size() > self.n", fieldPath=".a", reason="FieldValueRequired"),
        ruled(PAIRS, "self.all(p, self.exists_one(q, p.a == q.a)) && self == oldSelf"),
        ruled(PAIRS, "self.map(p, p.a).all(t, t.matches('^x'))", messageExpression="'first: ' + self[0].a"),
        ruled({"type": "object", "additionalProperties": TEXT}, "self.all(k, k in ['a', 'b']) && !('c' in self)"),
        ruled({"x-kubernetes-int-or-string": True}, "type(self) == string ? self == '50%' : self > 0"),
        ruled(PAIR, "oldSelf.hasValue() && oldSelf.value().a == self.a", optionalOldSelf=True),
        {"type": "array", "maxItems": 5, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a"],
         "items": ruled(PAIR, "self.n == oldSelf.n")},
        ruled({"type": "object", "x-kubernetes-embedded-resource": True, "properties": {}},
              "self.kind == 'Pod' && self.metadata.name != ''"),
    ],
)  # fmt: skip
def test_what_is_taken(schema: dict[str, Any]) -> None:
    assert problems(schema) == []


def test_a_rule_that_may_cost_too_much_is_refused() -> None:
    lists = {"type": "array", "items": {"type": "array", "items": {"type": "string"}}}
    rule = "self.all(x, self.all(y, self.all(z, x.size() == y.size())))"
    assert problems(ruled(lists, rule))[0] == (
        f"{WHERE}.rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x (try simplifying the "
        "rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)"
    )
    assert problems(ruled({**lists, "maxItems": 10}, rule)) == []


def test_loops_in_loops_are_worked_out_in_one_pass() -> None:
    rule = "self"
    for depth in range(25):
        rule = f"[1].map(x{depth}, {rule})"
    assert problems(ruled(TEXT, f"{rule} == []")) == []


def test_many_rules_may_cost_too_much_together() -> None:
    each = ruled({"type": "array", "items": {"type": "string"}}, "self.all(x, x == 'some text')")
    few = {"type": "object", "properties": {f"p{index}": each for index in range(5)}}
    many = {"type": "object", "properties": {f"p{index}": each for index in range(100)}}
    assert problems(few) == []
    found = problems(many)
    assert len([text for text in found if "contributed to estimated rule & messageExpression cost total" in text]) == 4
    assert found[-1].startswith("s: Forbidden: x-kubernetes-validations estimated rule & messageExpression cost total")


def test_a_rule_that_costs_too_much_for_an_object_ends_the_questions() -> None:
    schema = {"type": "object", "properties": {
        "l": ruled({"type": "array", "items": {"type": "string"}}, "self.all(x, x == 'some text')"),
        "m": ruled({"type": "string"}, "self == 'never'"),
    }}  # fmt: skip
    assert [cause.field for cause in judged(schema, {"l": ["some text"] * 100, "m": ""})] == ["f.m"]
    (cause,) = judged(schema, {"l": ["some text"] * 400_000, "m": ""})
    assert cause.field == "f.l"
    assert cause.message == (
        'Invalid value: "array": no further validation rules will be run due to call cost exceeds limit for rule: '
        "failed rule: self.all(x, x == 'some text')"
    )


def test_many_cheap_rules_end_when_an_object_has_had_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "OBJECT_COST", 4000)
    schema = {"type": "array", "items": ruled({"type": "string", "maxLength": 5}, "self.size() < 9")}
    assert judged(schema, ["x"] * 20) == []
    (cause,) = judged(schema, ["x"] * 1000)
    assert cause.field == "f[20]"
    why = "validation failed due to running out of cost budget, no further validation rules will be run"
    assert cause.message == f'Invalid value: "string": {why}'


def test_what_rules_might_cost_does_not_count_where_their_values_are_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "OBJECT_COST", 100_000)
    each = ruled({"type": "array", "maxItems": 1000, "items": TEXT}, "self.all(x, x == 'some text')")
    value = [["some text"] * 10] * 50
    assert judged({"type": "array", "maxItems": 100, "items": each}, value) == []
    (cause,) = judged({"type": "array", "maxItems": 100, "items": each}, [["some text"] * 900] * 100)
    assert "running out of cost budget" in cause.message


@pytest.mark.parametrize(
    ("form", "rule", "value"),
    [
        ("date-time", "self > timestamp('2020-01-01T00:00:00Z') && self.getFullYear() == 2021", "2021-01-01T00:00:00Z"),
        ("date", "self.getMonth() == 1", "2021-02-03"),
        ("duration", "self > duration('1m') && self.getSeconds() == 90", "1m30s"),
        ("byte", "self == b'abc' && size(self) == 3", "YWJj"),
    ],
)
def test_times_are_times_wherever_they_are(form: str, rule: str, value: str) -> None:
    field = {"type": "string", "format": form, "maxLength": 64}
    below = rule.replace("self", "one.t")
    nested = {"type": "array", "maxItems": 9, "items": {"type": "object", "properties": {"t": field}}}
    for schema, found in (
        (ruled(field, rule), value),
        (ruled({"type": "object", "properties": {"t": field}}, rule.replace("self", "self.t")), {"t": value}),
        (ruled(nested, f"self.all(one, {below}) && self.map(one, one.t).all(t, t == self[0].t)"), [{"t": value}]),
        (ruled({"type": "object", "maxProperties": 9, "additionalProperties": field},
               f"self.all(k, {rule.replace('self', 'self[k]')})"),
         {"k": value}),
    ):  # fmt: skip
        assert problems(schema) == []
        assert judged(schema, found) == []
        assert len(judged(ruled(schema, f"!({schema[RULES][0]['rule']})"), found)) == 1
