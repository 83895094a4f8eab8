"""What `apply` sends: the difference between manifest and object, removals by what was applied last."""

from __future__ import annotations

from typing import Any

import pytest

from common.api.meta import LAST_APPLIED
from console.manifests import threeway
from console.manifests.threeway import Unknown


class Keyed:
    """A schema in which `containers` merge by name, `ports` by containerPort and `finalizers` as a set."""

    def __init__(self, field: str = "") -> None:
        self._field = field

    def child(self, field: str) -> Keyed:
        return Keyed(field)

    def element(self) -> Keyed:
        return Keyed()

    @property
    def merge_key(self) -> str:
        return {"containers": "name", "ports": "containerPort"}.get(self._field, "")

    @property
    def merges_values(self) -> bool:
        return self._field == "finalizers"


def patch(original: Any, wanted: Any, live: Any) -> Any:
    return threeway.patch(original, wanted, live, Keyed())


def test_nothing_to_do_when_the_object_is_as_wanted_whatever_else_it_has() -> None:
    wanted = {"spec": {"replicas": 3}}
    assert patch(wanted, wanted, {"spec": {"replicas": 3, "progressDeadlineSeconds": 600}, "status": {}}) == {}


def test_sets_what_the_manifest_says_and_leaves_what_others_set() -> None:
    live = {"spec": {"replicas": 5, "paused": True}}
    assert patch({"spec": {"replicas": 3}}, {"spec": {"replicas": 4}}, live) == {"spec": {"replicas": 4}}


def test_removes_what_was_applied_and_is_no_longer_said() -> None:
    before = {"metadata": {"labels": {"a": "1", "b": "2"}}}
    live = {"metadata": {"labels": {"a": "1", "b": "2", "by-hand": "x"}}}
    assert patch(before, {"metadata": {"labels": {"a": "1"}}}, live) == {"metadata": {"labels": {"b": None}}}


def test_removes_a_whole_branch_that_is_no_longer_said() -> None:
    assert patch({"spec": {"strategy": {"type": "Recreate"}}}, {"spec": {}}, {"spec": {"strategy": {"type": "x"}}}) == {
        "spec": {"strategy": None}
    }


def test_does_not_remove_what_is_gone_already() -> None:
    assert patch({"data": {"a": "1"}}, {"data": {}}, {"data": {}}) == {}


def test_null_in_a_manifest_removes() -> None:
    assert patch({}, {"spec": {"a": None, "b": None}}, {"spec": {"a": 1}}) == {"spec": {"a": None}}


def test_elements_of_keyed_lists_are_changed_added_and_removed_one_by_one() -> None:
    before = {"containers": [{"name": "old"}, {"name": "web", "image": "a"}]}
    live = {"containers": [{"name": "old"}, {"name": "web", "image": "a", "pull": "Always"}, {"name": "injected"}]}
    wanted = {"containers": [{"name": "web", "image": "b"}, {"name": "new", "image": "c"}]}
    assert patch(before, wanted, live) == {
        "containers": [
            {"$patch": "delete", "name": "old"},
            {"image": "b", "name": "web"},
            {"name": "new", "image": "c"},
        ]
    }


def test_an_element_with_allocated_fields_is_unchanged() -> None:
    live = {"ports": [{"containerPort": 80, "nodePort": 30001, "protocol": "TCP"}]}
    assert patch({}, {"ports": [{"containerPort": 80}]}, live) == {}


def test_lists_without_keys_are_replaced_and_sets_are_added_to() -> None:
    assert patch({}, {"command": ["b"]}, {"command": ["a", "b"]}) == {"command": ["b"]}
    assert patch({}, {"finalizers": ["mine"]}, {"finalizers": ["theirs"]}) == {"finalizers": ["mine"]}


def test_a_list_whose_elements_lack_the_key_is_replaced() -> None:
    assert patch({}, {"containers": [{"image": "x"}]}, {"containers": [{"name": "a"}]}) == {
        "containers": [{"image": "x"}]
    }


def test_true_is_not_one() -> None:
    assert patch({}, {"a": True}, {"a": 1}) == {"a": True}


def test_without_schema_lists_are_replaced() -> None:
    assert threeway.patch({}, {"containers": [{"name": "a"}]}, {"containers": [{"name": "b"}]}, Unknown()) == {
        "containers": [{"name": "a"}]
    }


def test_the_annotation_holds_the_manifest_without_itself_and_is_stable() -> None:
    manifest = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "c", "annotations": {"mine": "1"}}}
    once = threeway.with_annotation(manifest)
    assert once["metadata"]["annotations"]["mine"] == "1"
    assert threeway.last_applied(once) == manifest
    assert threeway.with_annotation(once) == once
    # kubectl writes compact JSON with sorted keys and a newline; the same text keeps the other tool from patching.
    text = once["metadata"]["annotations"][LAST_APPLIED]
    assert text == '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"annotations":{"mine":"1"},"name":"c"}}\n'
    marked = threeway.with_annotation({"kind": "ConfigMap", "data": {"a": "<ä&>"}})
    assert '{"a":"\\u003cä\\u0026\\u003e"}' in marked["metadata"]["annotations"][LAST_APPLIED]
    assert threeway.last_applied(marked)["data"] == {"a": "<ä&>"}


@pytest.mark.parametrize("broken", ["", "{", "[]", '"text"'])
def test_a_broken_annotation_counts_as_none(broken: str) -> None:
    assert threeway.last_applied({"metadata": {"annotations": {LAST_APPLIED: broken}}}) == {}
