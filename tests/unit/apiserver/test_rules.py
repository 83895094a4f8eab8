"""Policy rules: what they allow, and what covers what."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.apiserver.access.attributes import Attributes
from console.apiserver.access.rules import Rule, atoms, describe, not_covered


def rule(verbs: str, groups: str = "core", resources: str = "pods", names: str = "") -> Rule:
    split = {"apiGroups": ["" if item == "core" else item for item in groups.split()]}
    return Rule.of({"verbs": verbs.split(), **split, "resources": resources.split(), "resourceNames": names.split()})


def path_rule(verbs: str, urls: str) -> Rule:
    return Rule.of({"verbs": verbs.split(), "nonResourceURLs": urls.split()})


def asked(verb: str, resource: str = "pods", group: str = "", name: str = "") -> Attributes:
    plural, _, subresource = resource.partition("/")
    return Attributes(verb, group, "v1", plural, subresource, "default", name)


@pytest.mark.parametrize(
    ("found", "request_", "allowed"),
    [
        (rule("get"), asked("get"), True),
        (rule("get"), asked("list"), False),
        (rule("*"), asked("anything"), True),
        (rule("get"), asked("get", "pods/log"), False),
        (rule("get", resources="pods/log"), asked("get", "pods/log"), True),
        (rule("get", resources="pods/log"), asked("get"), False),
        (rule("get", resources="*/scale"), asked("get", "deployments/scale", ""), True),
        (rule("get", resources="*/scale"), asked("get", "deployments", ""), False),
        (rule("get", resources="*"), asked("get", "pods/log"), True),
        (rule("get", groups="apps"), asked("get"), False),
        (rule("get", groups="*"), asked("get", "deployments", "apps"), False),
        (rule("get", groups="*", resources="*"), asked("get", "deployments", "apps"), True),
        (rule("get", names="web"), asked("get", name="web"), True),
        (rule("get", names="web"), asked("get", name="other"), False),
        (rule("list", names="web"), asked("list"), False),
        (rule("*", "*", "*"), Attributes("get", path="/metrics"), False),
        (path_rule("get", "/api /api/*"), Attributes("get", path="/api/v1"), True),
        (path_rule("get", "/api"), Attributes("get", path="/api/v1"), False),
        (path_rule("get", "*"), Attributes("get", path="/anything"), True),
        (path_rule("get", "*"), Attributes("post", path="/anything"), False),
        (path_rule("*", "*"), asked("get"), False),
    ],
)
def test_a_rule_allows_what_it_says(found: Rule, request_: Attributes, allowed: bool) -> None:
    assert found.allows(request_) is allowed


@pytest.mark.parametrize(
    ("owned", "wanted", "covered"),
    [
        (rule("get list"), rule("get"), True),
        (rule("get"), rule("get list"), False),
        (rule("get"), rule("*"), False),
        (rule("*", "*", "*"), rule("*", "*", "*"), True),
        (rule("get", names="web"), rule("get"), False),
        (rule("get"), rule("get", names="web"), True),
        (rule("get", names="web db"), rule("get", names="db"), True),
        (rule("get", resources="*"), rule("get", resources="pods/log"), True),
        (rule("get", resources="*/log"), rule("get", resources="pods/log"), True),
        (rule("get", resources="pods/log"), rule("get", resources="*/log"), False),
        (path_rule("get", "/api/*"), path_rule("get", "/api/v1/*"), True),
        (path_rule("get", "/api/v1/*"), path_rule("get", "/api/*"), False),
        (path_rule("get", "*"), path_rule("get", "/x"), True),
    ],
)
def test_rules_cover_rules(owned: Rule, wanted: Rule, covered: bool) -> None:
    assert (not not_covered([owned], [wanted])) is covered


def test_several_rules_cover_one_together() -> None:
    assert not not_covered([rule("get"), rule("list")], [rule("get list")])


def test_missing_rules_are_told_as_kubernetes_does() -> None:
    missing = not_covered([rule("get")], [rule("get list delete"), path_rule("get", "/metrics")])
    assert describe(missing) == [
        '{APIGroups:[""], Resources:["pods"], Verbs:["delete" "list"]}',
        '{NonResourceURLs:["/metrics"], Verbs:["get"]}',
    ]


_WORDS = {
    "verbs": ["get", "list", "*"],
    "apiGroups": ["", "apps", "*"],
    "resources": ["pods", "pods/log", "*", "*/log"],
}
_RULES = st.builds(
    lambda verbs, groups, resources, names: Rule.of(
        {"verbs": verbs, "apiGroups": groups, "resources": resources, "resourceNames": names}
    ),
    *(st.lists(st.sampled_from(words), min_size=1, max_size=2, unique=True) for words in _WORDS.values()),
    st.lists(st.sampled_from(["web", "db"]), max_size=2, unique=True),
)
_REQUESTS = st.builds(
    asked,
    st.sampled_from(["get", "list"]),
    st.sampled_from(["pods", "pods/log", "nodes", "nodes/log"]),
    st.sampled_from(["", "apps"]),
    st.sampled_from(["", "web", "db"]),
)


@given(st.lists(_RULES, max_size=3), _RULES, _REQUESTS)
def test_what_is_covered_allows_nothing_new(owned: list[Rule], wanted: Rule, request_: Attributes) -> None:
    if not not_covered(owned, [wanted]) and wanted.allows(request_):
        assert any(own.allows(request_) for own in owned)


@given(_RULES, _REQUESTS)
def test_the_parts_of_a_rule_are_the_rule(found: Rule, request_: Attributes) -> None:
    parts: list[Any] = list(atoms(found))
    assert any(part.allows(request_) for part in parts) is found.allows(request_)
    assert not not_covered([found], parts)
