"""Label and field selectors select what Kubernetes documents, in both forms."""

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


@pytest.mark.parametrize("text", ["=web", "app in web", "app in (a", "a b", "app=we b", "app>x", ",", "app=web,"])
def test_a_bad_query_names_the_term(text: str) -> None:
    with pytest.raises(ValueError, match="unable to parse requirement"):
        selectors.parse(text)


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
