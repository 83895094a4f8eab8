"""What is remembered of a write, and what is shown of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from common.api import changes
from common.api.kinds import CONFIGMAPS, DEPLOYMENTS, EVENTS, PODS, SECRETS, Resource
from common.api.meta import Object
from console.apiserver.caller import Caller
from console.apiserver.history.deltas import Diverged, deltas, revert, text
from console.apiserver.history.record import Write, is_worth_recording, recorded, undo_record

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ANNA = Caller("anna", source="tls kubectl/1.36")
CONTROLLER = Caller("system:kube-controller-manager")
OWNED = {"ownerReferences": [{"kind": "ReplicaSet", "name": "web-1", "uid": "u", "controller": True}]}


def deployment(replicas: int = 3, image: str = "web:1", **metadata: object) -> Object:
    return {
        "metadata": {"name": "web", "namespace": "shop", "uid": "u1", "resourceVersion": "7", **metadata},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"name": "web", "image": image}]}}},
        "status": {"replicas": replicas},
    }


def write(old: Object | None, new: Object | None, *, caller: Caller = ANNA, resource: Resource = DEPLOYMENTS) -> Write:
    return Write(caller, "update", resource, old, new)


def shown(old: Object | None, new: Object | None, resource: Resource = DEPLOYMENTS) -> Object:
    found = recorded(write(old, new, resource=resource), "c1", NOW)
    assert found is not None
    return found.change


def test_a_change_says_who_did_what_to_what_from_where() -> None:
    told = shown(deployment(3), deployment(5, "web:2"))
    assert (told["user"], told["source"], told["verb"]) == ("anna", "tls kubectl/1.36", "update")
    assert changes.about(told) == "deployment/web"
    assert told["object"]["namespace"] == "shop"
    assert told["differences"] == [
        {"path": "spec.replicas", "old": "3", "new": "5"},
        {"path": "spec.template.spec.containers[name=web].image", "old": "web:1", "new": "web:2"},
    ]
    assert changes.summary(told) == ("replicas: 3 -> 5; containers[name=web].image: web:1 -> web:2")


def test_creations_and_deletions_have_no_differences() -> None:
    assert changes.summary(shown(None, deployment())) == "created"
    assert changes.summary(shown(deployment(), None)) == "deleted"
    marked = deployment(deletionTimestamp="2026-01-02T03:04:05Z")
    assert shown(deployment(), marked)["verb"] == "delete"


def test_bookkeeping_is_no_change() -> None:
    newer = deployment(resourceVersion="8", managedFields=[{}], annotations={"deployment.kubernetes.io/revision": "2"})
    assert recorded(write(deployment(), {**newer, "status": {}}), "c1", NOW) is None


def test_of_a_secret_only_lengths_are_shown() -> None:
    old = {"metadata": {"name": "s", "labels": {"a": "1"}}, "data": {"token": "aHVudGVyMg==", "gone": "eA=="}}
    new = {"metadata": {"name": "s", "labels": {"a": "2"}}, "data": {"token": "Y29ycmVjdA=="}, "stringData": {"n": "v"}}
    told = shown(old, new, SECRETS)
    values = [item.get(side) for item in told["differences"] for side in ("old", "new")]
    assert not any(value in str(told) for value in ("aHVudGVyMg==", "Y29ycmVjdA==", "eA==", "'v'"))
    assert "12 characters" in values
    assert {"path": "metadata.labels.a", "old": "1", "new": "2"} in told["differences"]


@pytest.mark.parametrize(
    ("caller", "resource", "old", "new", "worth"),
    [
        (ANNA, PODS, {"metadata": OWNED}, None, True),
        (ANNA, EVENTS, None, {"metadata": {}}, False),
        (CONTROLLER, PODS, None, {"metadata": OWNED}, False),
        (CONTROLLER, PODS, {"metadata": OWNED}, None, False),
        (CONTROLLER, DEPLOYMENTS, deployment(3), deployment(4), True),
        (CONTROLLER, DEPLOYMENTS, deployment(3), deployment(3, annotations={"a": "b"}), False),
        (CONTROLLER, CONFIGMAPS, {"metadata": {"name": "a"}}, None, True),
        (ANNA, CONFIGMAPS, {"metadata": {"deletionTimestamp": "x"}}, None, False),
    ],
)
def test_what_follows_from_other_writes_is_not_recorded(
    caller: Caller, resource: Resource, old: Object | None, new: Object | None, *, worth: bool
) -> None:
    assert is_worth_recording(write(old, new, caller=caller, resource=resource)) is worth


def test_the_undo_record_has_what_was_meant_before_and_after() -> None:
    record = undo_record(write(deployment(3), deployment(5)), "c1")
    assert (record["old"]["spec"]["replicas"], record["new"]["spec"]["replicas"]) == (3, 5)
    assert "status" not in record["old"]
    assert undo_record(write(deployment(3), None), "c1")["new"] is None


# Differences and the way back


def test_named_items_are_compared_by_name_and_other_lists_whole() -> None:
    old = {"containers": [{"name": "a", "args": ["1", "2"]}, {"name": "b"}]}
    new = {"containers": [{"name": "c"}, {"name": "a", "args": ["1"]}]}
    found = {text(delta.path): (delta.old, delta.new) for delta in deltas(old, new)}
    assert found["containers[name=a].args"] == (["1", "2"], ["1"])
    assert set(found) == {"containers[name=a].args", "containers[name=b]", "containers[name=c]"}


def test_keys_with_dots_are_quoted() -> None:
    (delta,) = deltas({"labels": {"a.b/c": "1"}}, {"labels": {"a.b/c": "2"}})
    assert text(delta.path) == 'labels["a.b/c"]'


def test_taking_back_leaves_what_others_changed() -> None:
    changed = list(deltas({"spec": {"replicas": 3, "paused": True}}, {"spec": {"replicas": 5}}))
    assert revert({"spec": {"replicas": 5, "image": "new"}}, changed) == {
        "spec": {"replicas": 3, "image": "new", "paused": True}
    }


def test_taking_back_what_was_changed_again_is_refused() -> None:
    changed = list(deltas({"spec": {"replicas": 3}}, {"spec": {"replicas": 5}}))
    with pytest.raises(Diverged, match=r"spec\.replicas"):
        revert({"spec": {"replicas": 6}}, changed)
