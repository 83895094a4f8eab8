"""Rules of metadata, the same for all kinds."""

from __future__ import annotations

from typing import Any

import pytest

from common.api.kinds import CONFIGMAPS, NAMESPACES, PODS, VOLUMEATTACHMENTS, Resource
from common.api.meta import Object
from common.errors import BadRequest, Conflict, Invalid

from .builders import DEPLOYMENTS, causes, changed, created, deployment, named, pod, update_causes, updated

ATTACHMENT = {
    "metadata": {"name": "a"},
    "spec": {"attacher": "x.example", "nodeName": "n", "source": {"persistentVolumeName": "v"}},
}
OWNER = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "1"}


def config(**metadata: Any) -> Object:
    return {"metadata": {"name": "c", "namespace": "default", **metadata}}


def test_the_system_fills_its_own_fields() -> None:
    given = config(uid="mine", creationTimestamp="2000-01-01T00:00:00Z", generation=7, deletionTimestamp="x")
    found = created(CONFIGMAPS, given)["metadata"]
    assert found["uid"] not in {"", "mine"}
    assert found["creationTimestamp"] == "2026-01-01T12:00:00Z"
    assert "generation" not in found
    assert "deletionTimestamp" not in found
    assert given["metadata"]["uid"] == "mine"


def test_the_object_that_came_in_stays_as_it_was() -> None:
    given = deployment()
    created(DEPLOYMENTS, given)
    assert given == deployment()


def test_a_name_is_generated() -> None:
    found = created(CONFIGMAPS, {"metadata": {"generateName": "c-", "namespace": "default"}})["metadata"]
    assert found["name"].startswith("c-")
    assert len(found["name"]) == 7


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"name": ""}, "metadata.name: Required value: name or generateName is required"),
        ({"name": "Upper"}, 'metadata.name: Invalid value: "Upper": a lowercase RFC 1123 subdomain must consist of'),
        ({"name": "a" * 254}, "must be no more than 253 characters"),
        ({"namespace": ""}, "metadata.namespace: Required value"),
        ({"labels": {"-a": "b"}}, 'metadata.labels: Invalid value: "-a": name part must consist of alphanumeric'),
        ({"labels": {"a/b/c": "b"}}, 'metadata.labels: Invalid value: "a/b/c": a qualified name must consist of'),
        ({"labels": {"/b": "b"}}, "prefix part must be non-empty"),
        ({"labels": {"a": "b c"}}, 'metadata.labels: Invalid value: "b c": a valid label must be an empty string or'),
        ({"labels": {"a": "b" * 64}}, "must be no more than 63 characters"),
        ({"annotations": {"a b": ""}}, 'metadata.annotations: Invalid value: "a b"'),
        ({"annotations": {"a": "x" * 262144}}, "metadata.annotations: Too long: may not be more than 262144 bytes"),
        ({"finalizers": ["mine"]}, "name is neither a standard finalizer name nor is it fully qualified"),
        ({"finalizers": ["orphan", "foregroundDeletion"]}, "cannot be both set"),
        (
            {"ownerReferences": [{**OWNER, "uid": ""}]},
            'metadata.ownerReferences.uid: Invalid value: "": must not be',
        ),
        (
            {"ownerReferences": [{**OWNER, "controller": True}, {**OWNER, "uid": "2", "controller": True}]},
            "Only one reference can have Controller set to true",
        ),
    ],
)
def test_wrong_metadata_is_named(metadata: Object, words: str) -> None:
    assert words in "\n".join(causes(CONFIGMAPS, config(**metadata)))


def test_the_message_names_kind_and_object() -> None:
    with pytest.raises(Invalid) as caught:
        created(DEPLOYMENTS, deployment(replicas=-1))
    assert caught.value.message == (
        'Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0'
    )
    assert caught.value.to_status()["details"]["causes"] == [
        {
            "reason": "FieldValueInvalid",
            "message": "Invalid value: -1: must be greater than or equal to 0",
            "field": "spec.replicas",
        }
    ]


def test_a_namespace_is_a_dns_label() -> None:
    assert "a lowercase RFC 1123 label" in causes(NAMESPACES, {"metadata": {"name": "a.b"}})[0]


def test_a_create_may_not_name_a_revision() -> None:
    with pytest.raises(BadRequest, match="resourceVersion should not be set on objects to be created"):
        created(CONFIGMAPS, config(resourceVersion="1"))


def test_an_update_keeps_what_the_system_wrote() -> None:
    old = created(CONFIGMAPS, config())
    new = updated(CONFIGMAPS, {**named("c"), "data": {"a": "b"}}, old)
    assert new["metadata"] == old["metadata"]
    assert new["data"] == {"a": "b"}


def test_names_do_not_change() -> None:
    old = created(CONFIGMAPS, config())
    found = update_causes(CONFIGMAPS, config(name="d", namespace="other"), old)
    assert found == [
        'metadata.name: Invalid value: "d": field is immutable',
        'metadata.namespace: Invalid value: "other": field is immutable',
    ]


def test_another_uid_is_another_object() -> None:
    old = created(CONFIGMAPS, config())
    with pytest.raises(Conflict, match="Precondition failed: UID in precondition: other"):
        updated(CONFIGMAPS, config(uid="other"), old)


def test_finalizers_can_only_go_while_an_object_is_deleted() -> None:
    old = changed(created(CONFIGMAPS, config(finalizers=["a/b"])), "metadata.deletionTimestamp", "2026-01-01T12:00:00Z")
    assert update_causes(CONFIGMAPS, changed(old, "metadata.finalizers", []), old) == []
    found = update_causes(CONFIGMAPS, changed(old, "metadata.finalizers", ["a/b", "c/d"]), old)
    assert len(found) == 1
    assert found[0].startswith("metadata.finalizers: Forbidden: no new finalizers can be added if the object is being")
    assert found[0].endswith('found new finalizers []string{"c/d"}')


def test_the_generation_counts_changes_of_the_spec() -> None:
    old = created(DEPLOYMENTS, deployment(replicas=1))
    assert old["metadata"]["generation"] == 1
    labelled = updated(DEPLOYMENTS, changed(old, "metadata.labels", {"a": "b"}), old)
    assert labelled["metadata"]["generation"] == 1
    scaled = updated(DEPLOYMENTS, changed(old, "spec.replicas", 2), old)
    assert scaled["metadata"]["generation"] == 2
    reported = updated(DEPLOYMENTS, changed(scaled, "status.replicas", 1), scaled, "status")
    assert reported["metadata"]["generation"] == 2


def test_status_and_spec_have_each_their_own_way_in() -> None:
    old = created(DEPLOYMENTS, {**deployment(replicas=1), "status": {"replicas": 9}})
    assert old["status"] == {}
    both = changed(changed(old, "spec.replicas", 5), "status", {"replicas": 3})
    through_object = updated(DEPLOYMENTS, both, old)
    assert (through_object["spec"]["replicas"], through_object["status"]) == (5, {})
    through_status = updated(DEPLOYMENTS, both, old, "status")
    assert (through_status["spec"]["replicas"], through_status["status"]) == (1, {"replicas": 3})


@pytest.mark.parametrize(
    ("kind", "base", "kept"),
    [
        (DEPLOYMENTS, deployment(), {"labels"}),
        (PODS, pod(), {"ownerReferences"}),
        (VOLUMEATTACHMENTS, ATTACHMENT, {"labels", "annotations", "finalizers", "ownerReferences"}),
    ],
)
def test_a_status_brings_metadata_as_far_as_the_kind_lets_it(kind: Resource, base: Object, kept: set[str]) -> None:
    old = created(kind, base)
    owner = {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}
    given = {
        "labels": {"a": "b"}, "annotations": {"c": "d"}, "finalizers": ["e.example/f"], "ownerReferences": [owner],
    }  # fmt: skip
    new = updated(kind, {**old, "metadata": {**old["metadata"], **given}}, old, "status")
    for field, value in given.items():
        assert new["metadata"].get(field) == (old["metadata"].get(field) if field in kept else value)


@pytest.mark.parametrize("subresource", ["", "status"])
@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("deletionTimestamp", "2030-01-01T02:00:00+02:00", "2030-01-01 00:00:00 +0000 UTC"),
        ("deletionGracePeriodSeconds", 0, "0"),
    ],
)
def test_only_a_delete_deletes(field: str, value: object, shown: str, subresource: str) -> None:
    old = created(DEPLOYMENTS, deployment())
    found = update_causes(DEPLOYMENTS, changed(old, f"metadata.{field}", value), old, subresource)
    assert found == [f"metadata.{field}: Invalid value: {shown}: field is immutable"]


def test_the_status_of_a_pod_leaves_the_time_of_its_deletion_alone() -> None:
    old = created(PODS, pod())
    new = changed(old, "metadata.deletionTimestamp", "2030-01-01T00:00:00Z")
    assert update_causes(PODS, new, old, "status") == []
    assert "deletionTimestamp" not in updated(PODS, new, old, "status")["metadata"]


def test_what_is_being_deleted_stays_so() -> None:
    old = created(DEPLOYMENTS, deployment())
    mark = {"deletionTimestamp": "2026-01-01T12:00:00Z", "deletionGracePeriodSeconds": 30}
    dying = {**old, "metadata": {**old["metadata"], **mark, "finalizers": ["example.com/a"]}}
    for given in ({}, {**mark, "deletionTimestamp": "2030-01-01T00:00:00Z"}):
        new = {**old, "metadata": {**old["metadata"], **given, "labels": {"a": "b"}}}
        assert updated(DEPLOYMENTS, new, dying)["metadata"].items() >= mark.items()
    longer = changed(dying, "metadata.deletionGracePeriodSeconds", 60)
    assert update_causes(DEPLOYMENTS, longer, dying) == [
        "metadata.deletionGracePeriodSeconds: Invalid value: 60: field is immutable"
    ]
