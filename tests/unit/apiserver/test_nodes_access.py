"""What a node may ask for: what leads to it, in Kubernetes' words when it does not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import pytest

from common.api.kinds import (
    PERSISTENTVOLUMECLAIMS,
    PERSISTENTVOLUMES,
    PODS,
    RESOURCESLICES,
    VOLUMEATTACHMENTS,
    Resource,
)
from common.api.meta import Key, Object, key
from console.apiserver.access.attributes import Attributes
from console.apiserver.access.nodes import decide, is_node, node_of

POD: Object = {
    "metadata": {"name": "web", "namespace": "a"},
    "spec": {
        "nodeName": "n1",
        "serviceAccountName": "robot",
        "containers": [{"name": "c", "envFrom": [{"configMapRef": {"name": "settings"}}]}],
        "volumes": [
            {"name": "v", "secret": {"secretName": "keys"}},
            {"name": "d", "persistentVolumeClaim": {"claimName": "data"}},
            {"name": "tmp", "ephemeral": {"volumeClaimTemplate": {}}},
        ],
        "resourceClaims": [{"name": "gpu", "resourceClaimName": "gpu"}],
    },
}
OTHER: Object = {"metadata": {"name": "other", "namespace": "a"}, "spec": {"nodeName": "n2", "serviceAccountName": "x"}}
CLAIM: Object = {"metadata": {"name": "data", "namespace": "a"}, "spec": {"volumeName": "pv1"}}
VOLUME: Object = {
    "metadata": {"name": "pv1"},
    "spec": {"csi": {"nodePublishSecretRef": {"name": "mount", "namespace": "storage"}}},
}
ATTACHMENT: Object = {"metadata": {"name": "at1"}, "spec": {"nodeName": "n1"}}
SLICE: Object = {"metadata": {"name": "s1"}, "spec": {"nodeName": "n2"}}


class World:
    _objects: ClassVar[dict[Resource, list[Object]]] = {
        PODS: [POD, OTHER], PERSISTENTVOLUMECLAIMS: [CLAIM], PERSISTENTVOLUMES: [VOLUME],
        VOLUMEATTACHMENTS: [ATTACHMENT], RESOURCESLICES: [SLICE],
    }  # fmt: skip

    def get(self, resource: Resource, key_: Key) -> Object | None:
        return next((obj for obj in self.items(resource) if key(obj) == key_), None)

    def items(self, resource: Resource) -> Iterable[Object]:
        return self._objects.get(resource, [])


NOTHING = "no relationship found between node 'n1' and this object"
NOT_CLUSTER_SCOPED = {"persistentvolumes", "nodes", "volumeattachments", "resourceslices", "csinodes"}


@pytest.mark.parametrize(
    ("verb", "resource", "name", "allowed", "reason"),
    [
        ("get", "secrets", "keys", True, ""),
        ("watch", "secrets", "keys", True, ""),
        ("get", "secrets", "other", False, NOTHING),
        ("list", "secrets", "", False, "No Object name found"),
        ("delete", "secrets", "keys", False, "can only read resources of this type"),
        ("get", "configmaps", "settings", True, ""),
        ("get", "configmaps", "other", False, NOTHING),
        ("get", "persistentvolumeclaims", "data", True, ""),
        ("get", "persistentvolumeclaims", "web-tmp", True, ""),
        ("list", "persistentvolumeclaims", "", False, "can only get individual resources of this type"),
        ("patch", "persistentvolumeclaims/status", "data", True, ""),
        ("get", "persistentvolumeclaims/status", "data", False, "can only get/update/patch this type"),
        ("get", "persistentvolumes", "pv1", True, ""),
        ("get", "persistentvolumes", "pv2", False, NOTHING),
        ("create", "serviceaccounts/token", "robot", True, ""),
        ("create", "serviceaccounts/token", "x", False, NOTHING),
        ("get", "serviceaccounts", "robot", False, "can only create tokens for individual service accounts"),
        ("create", "serviceaccounts", "robot", False, "can only create token subresource of serviceaccount"),
        ("get", "nodes", "n1", True, ""),
        ("get", "nodes", "n2", False, "node 'n1' cannot read 'n2', only its own Node object"),
        ("list", "nodes", "", False, "node 'n1' cannot read all nodes, only its own Node object"),
        ("delete", "nodes", "n1", False, ""),
        ("patch", "nodes/status", "n1", True, ""),
        ("get", "pods", "web", True, ""),
        ("get", "pods", "other", False, NOTHING),
        ("list", "pods", "", False, "can only list/watch pods with spec.nodeName field selector"),
        ("create", "pods", "", False, ""),
        ("update", "pods", "web", False, ""),
        ("patch", "pods/status", "web", True, ""),
        ("patch", "pods/status", "other", False, NOTHING),
        ("create", "pods/eviction", "web", True, ""),
        ("create", "pods/eviction", "other", False, NOTHING),
        ("create", "pods/exec", "web", False, ""),
        ("get", "services", "any", True, ""),
        ("create", "services", "", False, ""),
        ("create", "events", "", True, ""),
        ("list", "namespaces", "", False, ""),
    ],
)
def test_a_node_of_the_core_group(verb: str, resource: str, name: str, reason: str, *, allowed: bool) -> None:
    plural, _, subresource = resource.partition("/")
    space = "" if plural in NOT_CLUSTER_SCOPED else "a"
    found = decide("n1", Attributes(verb, "", "v1", plural, subresource, space, name), World())
    assert (found.allowed, found.reason) == (allowed, reason)


@pytest.mark.parametrize(
    ("verb", "group", "resource", "space", "name", "allowed", "reason"),
    [
        ("get", "resource.k8s.io", "resourceclaims", "a", "gpu", True, ""),
        ("get", "resource.k8s.io", "resourceclaims", "a", "other", False, NOTHING),
        ("create", "resource.k8s.io", "resourceslices", "", "", True, ""),
        ("delete", "resource.k8s.io", "resourceslices", "", "s1", False, NOTHING),
        ("get", "storage.k8s.io", "volumeattachments", "", "at1", True, ""),
        ("get", "storage.k8s.io", "csinodes", "", "n1", True, ""),
        (
            "get", "storage.k8s.io", "csinodes", "", "n2", False,
            "can only access CSINode with the same name as the requesting node",
        ),
        ("update", "coordination.k8s.io", "leases", "kube-node-lease", "n1", True, ""),
        (
            "update", "coordination.k8s.io", "leases", "kube-node-lease", "n2", False,
            "can only access node lease with the same name as the requesting node",
        ),
        (
            "get", "coordination.k8s.io", "leases", "a", "n1", False,
            'can only access leases in the "kube-node-lease" system namespace',
        ),
        (
            "list", "coordination.k8s.io", "leases", "kube-node-lease", "", False,
            "can only get, create, update, patch, or delete a node lease",
        ),
        ("create", "certificates.k8s.io", "certificatesigningrequests", "", "", True, ""),
        ("list", "rbac.authorization.k8s.io", "roles", "a", "", False, ""),
    ],
)  # fmt: skip
def test_a_node_elsewhere(
    verb: str, group: str, resource: str, space: str, name: str, reason: str, *, allowed: bool
) -> None:
    found = decide("n1", Attributes(verb, group, "v1", resource, "", space, name), World())
    assert (found.allowed, found.reason) == (allowed, reason)


def test_secrets_of_volumes_lead_to_the_node_through_claims() -> None:
    for node, allowed in (("n1", True), ("n2", False)):
        asked = Attributes("get", "", "v1", "secrets", "", "storage", "mount")
        assert decide(node, asked, World()).allowed is allowed


@pytest.mark.parametrize(
    ("selector", "allowed"),
    [("spec.nodeName=n1", True), ("a=b,spec.nodeName==n1", True), ("spec.nodeName!=n1", False), ("?", False)],
)
def test_pods_are_listed_by_their_node(selector: str, *, allowed: bool) -> None:
    asked = Attributes("list", "", "v1", "pods", field_selector=selector)
    assert decide("n1", asked, World()).allowed is allowed


def test_who_is_a_node() -> None:
    nodes = frozenset({"system:nodes"})
    assert node_of("system:node:n1", nodes) == "n1"
    assert node_of("system:node:n1", frozenset()) == ""
    assert node_of("jane", nodes) == ""
    assert (is_node("system:node:", nodes), node_of("system:node:", nodes)) == (True, "")
