"""OpenAPI v2 describes everything that is served, in JSON and in gnostic's messages, without a reference to nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from console.registry.catalog import Registry, default_registry
from console.registry.openapi_v2 import OpenApiV2, Others, unpacked
from console.registry.wire import fields

POD = "/api/v1/namespaces/{namespace}/pods/{name}"


@pytest.fixture(scope="module")
def registry() -> Registry:
    return default_registry()


@pytest.fixture(scope="module")
def document(registry: Registry) -> Any:
    return orjson.loads(unpacked(asyncio.run(OpenApiV2(registry).encoded((), protobuf=False))))


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].removeprefix("#/definitions/")
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_every_kind_is_defined_and_every_reference_leads_somewhere(document: Any, registry: Registry) -> None:
    definitions = document["definitions"]
    assert {row.schema for row in registry.rows()} <= set(definitions)
    assert set(references(document)) <= set(definitions)
    assert definitions["io.k8s.api.apps.v1.Deployment"]["x-kubernetes-group-version-kind"] == [
        {"group": "apps", "kind": "Deployment", "version": "v1"}
    ]


def test_types_are_said_as_this_version_says_them(document: Any) -> None:
    definitions = document["definitions"]
    assert definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"]["type"] == "string"
    spec = definitions["io.k8s.api.core.v1.Pod"]["properties"]["spec"]
    assert spec["$ref"] == "#/definitions/io.k8s.api.core.v1.PodSpec"
    assert spec["description"].startswith("Specification of the desired behavior of the pod.")
    containers = definitions["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    assert (containers["type"], containers["x-kubernetes-patch-merge-key"]) == ("array", "name")
    words = {key for found in definitions.values() for field in found.get("properties", {}).values() for key in field}
    assert not words & {"nullable", "default", "anyOf", "oneOf", "allOf"}


def test_operations_are_what_generators_of_clients_look_for(document: Any) -> None:
    patch = document["paths"][POD]["patch"]
    assert (patch["operationId"], patch["tags"]) == ("patchCoreV1NamespacedPod", ["core_v1"])
    assert patch["x-kubernetes-action"] == "patch"
    assert patch["x-kubernetes-group-version-kind"] == {"group": "", "kind": "Pod", "version": "v1"}
    assert "application/strategic-merge-patch+json" in patch["consumes"]
    assert {one["name"] for one in patch["parameters"]} == {
        "body", "dryRun", "fieldManager", "fieldValidation", "force",
    }  # fmt: skip
    assert patch["responses"]["200"]["schema"] == {"$ref": "#/definitions/io.k8s.api.core.v1.Pod"}
    operations = [one for item in document["paths"].values() for key, one in item.items() if key != "parameters"]
    assert [name for name, times in Counter(one["operationId"] for one in operations).items() if times > 1] == []


@pytest.mark.parametrize(
    ("path", "method", "name"),
    [
        ("/api/v1/pods", "get", "listCoreV1PodForAllNamespaces"),
        ("/api/v1/namespaces/{namespace}/pods", "delete", "deleteCoreV1CollectionNamespacedPod"),
        (f"{POD}/exec", "post", "connectCoreV1PostNamespacedPodExec"),
        (f"{POD}/status", "put", "replaceCoreV1NamespacedPodStatus"),
        ("/apis/rbac.authorization.k8s.io/v1/clusterroles", "post", "createRbacAuthorizationV1ClusterRole"),
    ],
)
def test_names_of_operations(document: Any, path: str, method: str, name: str) -> None:
    assert document["paths"][path][method]["operationId"] == name


def inside(message: Any, *numbers: int) -> list[Any]:
    """The fields at a path of numbers."""
    found = [message]
    for number in numbers:
        found = [value for part in found for key, value in fields(part) if key == number]
    return found


def named(message: Any, *numbers: int) -> dict[str, Any]:
    """The messages at a path of numbers that have a name and a value."""
    pairs = [dict(fields(pair)) for pair in inside(message, *numbers)]
    return {pair[1].decode(): pair[2] for pair in pairs}  # type: ignore[union-attr]


async def test_the_messages_say_the_same(registry: Registry, document: Any) -> None:
    message = unpacked(await OpenApiV2(registry).encoded((), protobuf=True))
    assert inside(message, 1) == [b"2.0"]
    assert [name.decode() for name in inside(message, 8, 2, 1)] == list(document["paths"])
    assert [name.decode() for name in inside(message, 9, 1, 1)] == list(document["definitions"])
    pod = named(message, 9, 1)["io.k8s.api.core.v1.Pod"]
    assert inside(named(pod, 25, 1)["spec"], 1) == [b"#/definitions/io.k8s.api.core.v1.PodSpec"]
    (kinds,) = inside(named(pod, 31)["x-kubernetes-group-version-kind"], 2)
    assert orjson.loads(kinds) == [{"group": "", "kind": "Pod", "version": "v1"}]


async def test_it_is_made_once_and_anew_when_other_kinds_are_served() -> None:
    whole = default_registry()
    openapi = OpenApiV2(whole)
    first = await openapi.encoded((), protobuf=False)
    assert await openapi.encoded((), protobuf=False) is first
    whole.remove(whole.rows()[0])
    assert (await openapi.encoded((), protobuf=False)).tag != first.tag


@pytest.mark.parametrize("protobuf", [False, True])
async def test_others_add_their_part_and_nonsense_of_theirs_spoils_nothing(protobuf: bool) -> None:
    get = {"get": {"parameters": [{"name": "x", "in": "query", "type": "string"}], "responses": {}}}
    swagger = {
        "paths": {"/apis/a.io/v1/flunders": get, "/apis/a.io/v1/bad": {"get": 3}, "/api/v1/pods": {}},
        "definitions": {"io.a.Flunder": {"type": "object"}, "bad": 7},
    }
    openapi = OpenApiV2(Registry())
    found = unpacked(await openapi.encoded([Others(swagger, "/apis/a.io/v1/")], protobuf=protobuf))
    assert b"/apis/a.io/v1/flunders" in found
    assert b"io.a.Flunder" in found
    assert b"/api/v1/pods" not in found
