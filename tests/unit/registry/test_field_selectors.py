"""Which fields objects can be selected by, what of, and the words when one is not."""

from __future__ import annotations

from typing import Any

import pytest

from common.api import kinds
from common.api.kinds import Resource
from common.api.selectors import field_value
from common.errors import BadRequest
from console.apiserver.selection import Selection

from .builders import REGISTRY, row

EVENTS_V1 = Resource("events.k8s.io", "v1", "events", "Event")


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        (kinds.PODS, "field label not supported: spec.none"),
        (kinds.JOBS, 'field label "spec.none" not supported for batchv1.Job'),
        (kinds.NODES, "field label not supported: spec.none"),
        (kinds.CONFIGMAPS, '"spec.none" is not a known field selector: only "metadata.name", "metadata.namespace"'),
        (kinds.STORAGECLASSES, '"spec.none" is not a known field selector: only "metadata.name", "metadata.namespace"'),
        (kinds.RESOURCESLICES,
         "field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: spec.none"),
        (EVENTS_V1, "field label not supported: spec.none"),
    ],
)  # fmt: skip
def test_other_fields_are_refused_in_the_words_of_the_kind(resource: Resource, words: str) -> None:
    with pytest.raises(BadRequest) as refused:
        Selection.parse(row(resource), "", "", "spec.none=1")
    assert str(refused.value) == words


def test_every_kind_can_be_selected_by_name_and_namespace() -> None:
    """But three that have fields of their own and no namespace."""
    for served in (found for found in REGISTRY.rows() if found.resource.group != "quarterdeck.io"):
        assert Selection.parse(served, "", "", "metadata.name=a").fields
        if served.resource in {kinds.NAMESPACES, kinds.NODES, kinds.CERTIFICATESIGNINGREQUESTS}:
            with pytest.raises(BadRequest, match=r"field label not supported: metadata\.namespace"):
                Selection.parse(served, "", "", "metadata.namespace=a")
        else:
            assert Selection.parse(served, "", "", "metadata.namespace!=b").fields


def test_pods_can_be_selected_by_what_clients_of_old_say() -> None:
    found = Selection.parse(row(kinds.PODS), "", "", "spec.host=n1,status.podIPs=")
    assert found.matches({"spec": {"nodeName": "n1"}, "status": {"podIPs": [{"ip": "10.0.0.1"}]}})
    assert not found.matches({"spec": {"nodeName": "n2"}})


def test_newer_events_have_names_of_their_own_for_what_is_stored_under_another() -> None:
    found = Selection.parse(row(EVENTS_V1), "", "", "regarding.name=web,reportingController=kubelet")
    assert [path for path, _, _ in found.fields] == ["involvedObject.name", "reportingComponent"]
    with pytest.raises(BadRequest, match=r"field label not supported: involvedObject\.name"):
        Selection.parse(row(EVENTS_V1), "", "", "involvedObject.name=web")


@pytest.mark.parametrize(
    ("obj", "path", "value"),
    [
        ({}, "spec.unschedulable", "false"),
        ({"spec": {"hostNetwork": True}}, "spec.hostNetwork", "true"),
        ({}, "status.replicas", "0"),
        ({"status": {"succeeded": 2}}, "status.successful", "2"),
        ({}, "spec.nodeName", ""),
    ],
)
def test_what_was_not_said_has_the_value_that_go_has(obj: Any, path: str, value: str) -> None:
    assert field_value(obj, path) == value
