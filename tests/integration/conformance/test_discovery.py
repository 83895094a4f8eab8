"""Discovery, versions and health: what clients ask before they ask for anything."""

from __future__ import annotations

import pytest

from .plane import Plane

KNOWN = (
    ("admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations"),
    ("apiextensions.k8s.io", "v1", "customresourcedefinitions"),
    ("apiregistration.k8s.io", "v1", "apiservices"),
    ("apps", "v1", "deployments"),
    ("authentication.k8s.io", "v1", "tokenreviews"),
    ("authorization.k8s.io", "v1", "selfsubjectaccessreviews"),
    ("autoscaling", "v1", "horizontalpodautoscalers"),
    ("autoscaling", "v2", "horizontalpodautoscalers"),
    ("batch", "v1", "jobs"),
    ("certificates.k8s.io", "v1", "certificatesigningrequests"),
    ("coordination.k8s.io", "v1", "leases"),
    ("discovery.k8s.io", "v1", "endpointslices"),
    ("events.k8s.io", "v1", "events"),
    ("flowcontrol.apiserver.k8s.io", "v1", "flowschemas"),
    ("networking.k8s.io", "v1", "ingresses"),
    ("node.k8s.io", "v1", "runtimeclasses"),
    ("policy", "v1", "poddisruptionbudgets"),
    ("rbac.authorization.k8s.io", "v1", "clusterroles"),
    ("scheduling.k8s.io", "v1", "priorityclasses"),
    ("storage.k8s.io", "v1", "csinodes"),
)


def test_each_group_has_its_versions_and_kinds(plane: Plane) -> None:
    groups = {group["name"]: group for group in plane.get("/apis")["groups"]}
    for group, version, plural in KNOWN:
        assert version in [found["version"] for found in groups[group]["versions"]]
        document = plane.get(f"/apis/{group}")
        assert (document["kind"], document["name"]) == ("APIGroup", group)
        listed = plane.get(f"/apis/{group}/{version}")
        assert (listed["kind"], listed["groupVersion"]) == ("APIResourceList", f"{group}/{version}")
        assert plural in [resource["name"] for resource in listed["resources"]]


def test_each_group_prefers_a_version_that_it_has(plane: Plane) -> None:
    for group in plane.get("/apis")["groups"]:
        alone = plane.get(f"/apis/{group['name']}")
        preferred = alone["preferredVersion"]
        assert preferred == group["preferredVersion"]
        assert preferred in alone["versions"]
        assert preferred["groupVersion"] == f"{group['name']}/{preferred['version']}"


DEPLOYMENT = """{"apiVersion": "apps/v1", "kind": "Deployment",
 "metadata": {"name": "my-dep", %s"labels": {"app": "nginx"}},
 "spec": {%s"selector": {"matchLabels": {"app": "nginx"}},
  "template": {"metadata": {"labels": {"app": "nginx"}},
   "spec": {"containers": [{"name":  "nginx", "image": "nginx:latest"}]}}}}"""


@pytest.mark.parametrize(
    ("metadata", "spec", "words"),
    [
        ("", '"unknownField": "foo", "replicas": 2, "replicas": 3, ',
         'strict decoding error: unknown field "spec.unknownField", duplicate field "spec.replicas"'),
        ('"unknownMeta": "foo", ', "", 'strict decoding error: unknown field "metadata.unknownMeta"'),
    ],
)  # fmt: skip
def test_unknown_and_repeated_fields_are_told(plane: Plane, space: str, metadata: str, spec: str, words: str) -> None:
    path = f"{space.replace('/api/v1', '/apis/apps/v1')}/deployments"
    body = DEPLOYMENT % (metadata, spec)
    status = plane.create(path, body, 400, fieldManager="field_validation_mgr", fieldValidation="Strict")
    assert words in status["message"]
    assert status["reason"] == "BadRequest"
