"""Discovery and OpenAPI: what clients learn before they send anything."""

from __future__ import annotations

import json
from typing import Any

import pytest

from console.registry import discovery
from console.registry.catalog import Registry
from console.registry.enumerations import ENUMERATIONS
from console.registry.openapi import OpenApi
from console.registry.row import Row
from console.registry.schema import definition

from .builders import PODS, REGISTRY, row


def test_the_core_group_is_apart() -> None:
    core = discovery.aggregated(REGISTRY, core=True)
    others = discovery.aggregated(REGISTRY, core=False)
    assert [group["metadata"]["name"] for group in core["items"]] == [""]
    assert [group["metadata"]["name"] for group in others["items"]][:3] == ["apps", "events.k8s.io", "batch"]
    assert (core["kind"], core["apiVersion"]) == ("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2")


def test_aggregated_resources_say_all_that_kubectl_needs() -> None:
    resources = discovery.aggregated(REGISTRY, core=True)["items"][0]["versions"][0]["resources"]
    pods = next(item for item in resources if item["resource"] == "pods")
    assert pods["scope"] == "Namespaced"
    assert pods["shortNames"] == ["po"]
    assert pods["categories"] == ["all"]
    assert pods["responseKind"] == {"group": "", "version": "v1", "kind": "Pod"}
    eviction = next(item for item in pods["subresources"] if item["subresource"] == "eviction")
    assert eviction["responseKind"] == {"group": "policy", "version": "v1", "kind": "Eviction"}
    assert eviction["verbs"] == ["create"]


def test_the_version_that_is_stored_has_the_hash_that_it_has_everywhere() -> None:
    listed = discovery.api_resource_list(REGISTRY, "", "v1")["resources"]
    hashes = {item["name"]: item.get("storageVersionHash") for item in listed}
    assert hashes["pods"] == "xPOwRZ+Yhw8="
    assert hashes["pods/status"] is None
    (shown,) = [
        item
        for item in discovery.api_resource_list(REGISTRY, "autoscaling", "v1")["resources"]
        if item["name"] == "horizontalpodautoscalers"
    ]
    (kept,) = [
        item
        for item in discovery.api_resource_list(REGISTRY, "autoscaling", "v2")["resources"]
        if item["name"] == "horizontalpodautoscalers"
    ]
    assert shown["storageVersionHash"] == kept["storageVersionHash"]


def test_plain_discovery_says_the_same() -> None:
    listed = discovery.api_resource_list(REGISTRY, "apps", "v1")
    assert listed["groupVersion"] == "apps/v1"
    names = [item["name"] for item in listed["resources"]]
    assert names == [
        "deployments", "deployments/scale", "deployments/status", "replicasets", "replicasets/scale",
        "replicasets/status", "statefulsets", "statefulsets/scale", "statefulsets/status", "daemonsets",
        "daemonsets/status", "controllerrevisions",
    ]  # fmt: skip
    scale = listed["resources"][1]
    assert (scale["group"], scale["version"], scale["kind"]) == ("autoscaling", "v1", "Scale")
    groups = discovery.api_group_list(REGISTRY.groups())["groups"]
    assert groups[0]["preferredVersion"] == {"groupVersion": "apps/v1", "version": "v1"}
    assert discovery.api_versions()["versions"] == ["v1"]


def document(group: str, version: str) -> Any:
    return json.loads(OpenApi(REGISTRY).document(group, version))


@pytest.mark.parametrize(("group", "version"), [(g, v) for g, versions in REGISTRY.groups().items() for v in versions])
def test_documents_refer_only_to_what_they_have(group: str, version: str) -> None:
    found = document(group, version)
    schemas = found["components"]["schemas"]
    text = json.dumps(found)
    assert "#/$defs/" not in text
    references = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert references <= set(schemas)
    kinds = [item["kind"] for schema in schemas.values() for item in schema.get("x-kubernetes-group-version-kind", [])]
    served = [item.resource.kind for item in REGISTRY.rows() if item.resource.group == group]
    assert set(served) <= set(kinds)


def test_paths_say_verb_kind_and_field_validation() -> None:
    paths = document("apps", "v1")["paths"]
    patch = paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert patch["x-kubernetes-action"] == "patch"
    assert patch["x-kubernetes-group-version-kind"] == {"group": "apps", "kind": "Deployment", "version": "v1"}
    assert "fieldValidation" in [parameter["name"] for parameter in patch["parameters"]]


def test_fields_say_which_values_they_may_have() -> None:
    schemas = json.loads(OpenApi(REGISTRY).document("apps", "v1"))["components"]["schemas"]
    strategy = schemas["io.k8s.api.apps.v1.DeploymentStrategy"]["properties"]
    assert strategy["type"]["enum"] == ["Recreate", "RollingUpdate"]
    assert schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["restartPolicy"]["enum"] == [
        "Always",
        "Never",
        "OnFailure",
    ]
    assert "enum" not in schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["nodeName"]


@pytest.mark.parametrize("name", ENUMERATIONS)
def test_enumerations_are_of_fields_that_exist(name: str) -> None:
    assert set(ENUMERATIONS[name]) <= set(definition(name)["properties"])
    assert [list(values) for values in ENUMERATIONS[name].values()] == [sorted(v) for v in ENUMERATIONS[name].values()]


def test_the_index_changes_with_the_document() -> None:
    registry = Registry([row(PODS)])
    documents = OpenApi(registry)
    before = documents.index()["paths"]["api/v1"]["serverRelativeURL"]
    assert before.startswith("/openapi/v3/api/v1?hash=")
    assert documents.index()["paths"]["api/v1"]["serverRelativeURL"] == before
    registry.add(next(item for item in REGISTRY.rows() if item.resource.plural == "secrets"))
    assert documents.index()["paths"]["api/v1"]["serverRelativeURL"] != before
    with pytest.raises(KeyError):
        documents.document("none", "v1")


def test_rows_come_and_go() -> None:
    registry = Registry()
    assert registry.row("", "v1", "pods") is None
    registry.add(row(PODS))
    assert registry.by_kind("", "v1", "Pod") is registry.row("", "v1", "pods")
    registry.remove(row(PODS))
    assert registry.rows() == []


@pytest.mark.parametrize("found", REGISTRY.rows(), ids=lambda found: found.resource.plural)
def test_every_row_is_complete(found: Row) -> None:
    assert definition(found.schema)["properties"]["metadata"]
    assert found.singular == found.resource.kind.lower()
    # Reviews are answered and kept nowhere; what is computed cannot be watched.
    read = {"get", "list"} if found.computed else {"get", "list", "watch"}
    assert read <= set(found.verbs) or found.verbs == ("create",)


def test_a_field_that_is_called_like_a_reference_is_a_field() -> None:
    schemas = json.loads(OpenApi(REGISTRY).document("apiextensions.k8s.io", "v1"))["components"]["schemas"]
    fields = schemas["io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"]["properties"]
    assert fields["$ref"] == {"type": "string"}
    assert (fields["allOf"]["type"], fields["anyOf"]["type"]) == ("array", "array")
