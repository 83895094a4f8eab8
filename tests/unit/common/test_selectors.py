"""Label and field selectors select what Kubernetes documents, in both forms."""

import re

import pytest

from common.api import selectors

POD = {"app": "web", "tier": "front", "size": "7"}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True), ("app=web", True), ("app==web", True), ("app = web", True), ("app!=web", False),
        ("other!=web", True),
        ("app in (web, api)", True), ("app notin (web)", False), ("missing notin (web)", True), ("app", True),
        ("!app", False),
        ("!missing", True), ("size>5", True), ("size<5", False), ("app=web,tier in (front,back),!old", True),
        ("app=web,tier=back", False), ("example.com/app=", False), ("app=", False),
    ],
)  # fmt: skip
def test_query_strings(text: str, matches: bool) -> None:
    assert selectors.parse(text).matches(POD) is matches


NAME_PART = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
WHOLE = "for 'Gt', 'Lt' operators, the value must be an integer"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("=web", "found '=', expected: !, identifier, or 'end of string'"),
        (",", "found ',', expected: !, identifier, or 'end of string'"),
        ("app=web,", "found '', expected: identifier after ','"),
        ("app,,tier", "found ',', expected: identifier after ','"),
        ("app=we b", "found 'b', expected: ',' or 'end of string'"),
        ("!app=web", "found '=', expected: ',' or 'end of string'"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("app in web", "unable to parse requirement: found 'web' expected: '('"),
        ("app in (a", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("app in (=)", "unable to parse requirement: found '=', expected: ',', ')' or identifier"),
        ("app in (a,,)", "unable to parse requirement: found ')', expected: ',', or identifier"),
        ("app=(", "unable to parse requirement: found '(', expected: identifier"),
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("app>x", f'unable to parse requirement: values[0]: Invalid value: "x": {WHOLE}'),
        ("-a", f'unable to parse requirement: <nil>: Invalid value: "-a": {NAME_PART}'),
        ("a=@", f'unable to parse requirement: values[0][a]: Invalid value: "@": {VALUE}'),
        ("a in (b,@)", f'unable to parse requirement: values[0][a]: Invalid value: "@": {VALUE}'),
        (
            "a>@",
            (
                f'unable to parse requirement: [values[0]: Invalid value: "@": {WHOLE}, '
                f'values[0][a]: Invalid value: "@": {VALUE}]'
            ),
        ),
    ],
)
def test_a_bad_query_is_told_what_was_expected(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(why)}$"):
        selectors.parse(text)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        (",", []),
        ("=", []),
        ("a=b,c!=d,e==", [("a", "b", True), ("c", "d", False), ("e", "", True)]),
        (r"a=b\,c\=d\\", [("a", "b,c=d\\", True)]),
        (" a = b", [(" a ", " b", True)]),
    ],
)
def test_terms_of_field_selectors(text: str, terms: list[tuple[str, str, bool]]) -> None:
    assert selectors.parse_fields(text) == terms


@pytest.mark.parametrize("value", ["web", "", "a,b=c", "\\", "\\,=x"])
def test_a_term_means_its_value(value: str) -> None:
    assert selectors.parse_fields(selectors.field_term("metadata.name", value)) == [("metadata.name", value, True)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a=b,c", "invalid selector: 'a=b,c'; can't understand 'c'"),
        ("a=b=c", "invalid field selector: unescaped character in value: 61"),
        ("a=b\\", "invalid field selector: invalid escape sequence: \\"),
        (r"a=\z", r"invalid field selector: invalid escape sequence: \z"),
    ],
)
def test_a_bad_field_selector_is_told_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(why)}$"):
        selectors.parse_fields(text)


def test_objects() -> None:
    selector = {
        "matchLabels": {"app": "web"},
        "matchExpressions": [
            {"key": "tier", "operator": "NotIn", "values": ["back"]},
            {"key": "app", "operator": "Exists"},
        ],
    }
    assert selectors.from_label_selector(selector).matches(POD)
    assert selectors.from_label_selector({}).matches({})
    assert not selectors.from_label_selector(None).matches(POD)
    assert not selectors.from_labels(None).matches(POD)


def test_field_selectors() -> None:
    pod = {"metadata": {"name": "a"}, "spec": {"nodeName": "n1", "hostNetwork": True}}
    assert selectors.matches_fields(pod, selectors.parse_fields("spec.nodeName=n1,metadata.name!=b"))
    assert selectors.matches_fields(pod, selectors.parse_fields("spec.hostNetwork=true,spec.missing="))
    assert not selectors.matches_fields(pod, selectors.parse_fields("spec.nodeName!=n1"))
    with pytest.raises(ValueError, match=r"invalid selector: 'name'; can't understand 'name'"):
        selectors.parse_fields("name")
