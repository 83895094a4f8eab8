"""Definitions as Kubernetes' own cases try them: verbs on them, what they publish, what is made of wrong fields."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import orjson
import pytest
import yaml

from common.api.conditions import is_true
from common.api.kinds import APISERVICES, CUSTOMRESOURCEDEFINITIONS, Resource
from common.api.meta import Object
from common.client.base import PatchType
from common.client.http import HttpClient
from common.errors import NotFound

from .conftest import Running
from .kubectl import Kubectl

GROUP = "cases.example.com"
OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
JSON = {"Content-Type": "application/json"}
Ask = Callable[..., Awaitable[tuple[int, Any]]]

FOO = yaml.safe_load("""
description: Foo CRD for Testing
type: object
properties:
  spec:
    type: object
    description: Specification of Foo
    properties:
      bars:
        description: List of Bars and their specs.
        type: array
        items:
          type: object
          required: [name]
          properties:
            name: {description: Name of Bar., type: string}
            age: {description: Age of Bar., type: string}
            feeling: {description: Whether Bar is feeling great., type: string, enum: [Great, Down]}
            bazs: {description: List of Bazs., type: array, items: {type: string}}
  status:
    description: Status of Foo
    type: object
    properties:
      bars:
        description: List of Bars and their statuses.
        type: array
        items:
          type: object
          properties:
            name: {description: Name of Bar., type: string}
            available: {description: Whether the Bar is installed., type: boolean}
            quxType: {description: Indicates to external qux type., pattern: in-tree|out-of-tree, type: string}
""")


def definition(
    kind: str = "Foo", schema: Object = OPEN, *, group: str = GROUP, scope: str = "Namespaced", versions: Any = ("v1",)
) -> Object:
    plural = f"{kind.lower()}s"
    listed = [
        {"name": name, "served": True, "storage": index == 0, "schema": {"openAPIV3Schema": schema}}
        for index, name in enumerate(versions)
    ]
    names = {"plural": plural, "kind": kind}
    spec = {"group": group, "scope": scope, "names": names, "versions": listed}
    return {"metadata": {"name": f"{plural}.{group}"}, "spec": spec}


async def define(client: HttpClient, made: Object) -> Resource:
    """Create it, and wait until its first version is served."""
    await client.create(CUSTOMRESOURCEDEFINITIONS, made)
    spec = made["spec"]
    names = spec["names"]
    resource = Resource(
        spec["group"], spec["versions"][0]["name"], names["plural"], names["kind"],
        namespaced=spec["scope"] == "Namespaced",
    )  # fmt: skip
    while True:
        try:
            await client.list(resource)
            return resource
        except NotFound:
            await asyncio.sleep(0.01)


async def established(client: HttpClient, name: str) -> Object:
    """A definition once the API has said all that it has to say of it."""
    while True:
        found = await client.get(CUSTOMRESOURCEDEFINITIONS, name, subresource="status")
        if is_true(found, "Established"):
            return found
        await asyncio.sleep(0.01)


async def there(client: HttpClient, name: str) -> Object:
    """An APIService as soon as it is there."""
    while True:
        try:
            return await client.get(APISERVICES, name)
        except NotFound:
            await asyncio.sleep(0.01)


async def gone(client: HttpClient, name: str, resource: Resource = CUSTOMRESOURCEDEFINITIONS) -> None:
    """Wait until a definition and all of its objects are gone."""
    while True:
        try:
            await client.get(resource, name)
        except NotFound:
            return
        await asyncio.sleep(0.01)


@pytest.fixture
async def ask(api: Running) -> AsyncIterator[Ask]:
    """A request as it is: code and decoded body."""
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(api.socket))) as session:

        async def asked(method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
            async with session.request(method, f"http://api{path}", data=body, headers=headers) as answer:
                return answer.status, orjson.loads(await answer.read())

        yield asked


async def published(ask: Ask, name: str) -> Object | None:
    """What OpenAPI v2 has of a kind, without what every kind has."""
    found = (await ask("GET", "/openapi/v2"))[1]["definitions"].get(name)
    if found is None:
        return None
    own = {key: value for key, value in found.items() if key != "x-kubernetes-group-version-kind"}
    properties = {key: value for key, value in (own.pop("properties", None) or {}).items()
                  if key not in {"apiVersion", "kind", "metadata"}}  # fmt: skip
    return {**own, **({"properties": properties} if properties else {})}


def title(kind: str, version: str = "v1", group: str = GROUP) -> str:
    return ".".join([*reversed(group.split(".")), version, kind])


# Definitions as objects.


async def test_definitions_come_and_go(client: HttpClient) -> None:
    """A watch sees both, and what is said of them in between."""
    revision = (await client.list(CUSTOMRESOURCEDEFINITIONS)).resource_version
    await define(client, definition())
    await client.patch(CUSTOMRESOURCEDEFINITIONS, f"foos.{GROUP}", {"metadata": {"labels": {"a": "b"}}})
    await client.delete(CUSTOMRESOURCEDEFINITIONS, f"foos.{GROUP}")
    seen: list[str] = []
    async for event in client.watch(CUSTOMRESOURCEDEFINITIONS, resource_version=revision):
        seen.append(event.type)
        if event.type == "DELETED":
            break
    assert (seen[0], seen[-1], set(seen[1:-1])) == ("ADDED", "DELETED", {"MODIFIED"})
    with pytest.raises(NotFound):
        await client.get(CUSTOMRESOURCEDEFINITIONS, f"foos.{GROUP}")


async def test_definitions_are_listed_and_removed_by_label(client: HttpClient, ask: Ask) -> None:
    made = {}
    for letter in "abcdefghij":
        labelled = definition(f"Kind{letter}", scope="Cluster")
        labelled["metadata"]["labels"] = {"mine": "yes"}
        created = await client.create(CUSTOMRESOURCEDEFINITIONS, labelled)
        made[created["metadata"]["name"]] = created["spec"]
    other = await client.create(CUSTOMRESOURCEDEFINITIONS, definition("Other"))
    listed = await client.list(CUSTOMRESOURCEDEFINITIONS, label_selector="mine=yes")
    assert {item["metadata"]["name"]: item["spec"] for item in listed.items} == made
    code, _ = await ask("DELETE", f"{CUSTOMRESOURCEDEFINITIONS.path()}?labelSelector=mine%3Dyes")
    assert code == 200
    for name in made:
        await gone(client, name)
    assert (await client.list(CUSTOMRESOURCEDEFINITIONS, label_selector="mine=yes")).items == []
    assert (await client.get(CUSTOMRESOURCEDEFINITIONS, other["metadata"]["name"]))["spec"] == other["spec"]


async def test_the_status_of_a_definition_can_be_written(client: HttpClient) -> None:
    """What was said of it stays beside what the API says itself."""
    name = f"foos.{GROUP}"
    await define(client, definition(scope="Cluster"))
    found = await established(client, name)
    found["status"]["conditions"].append({"type": "", "status": "", "message": "updated"})
    updated = await client.update(CUSTOMRESOURCEDEFINITIONS, found, subresource="status")
    assert "updated" in [item.get("message") for item in updated["status"]["conditions"]]
    patch = [{"op": "add", "path": "/status/conditions", "value": [{"message": "patched"}]}]
    patched = await client.patch(CUSTOMRESOURCEDEFINITIONS, name, patch, kind=PatchType.JSON, subresource="status")
    assert "patched" in [item.get("message") for item in patched["status"]["conditions"]]
    assert patched["spec"] == found["spec"]


async def test_defaults_count_for_requests_and_for_what_is_stored(client: HttpClient) -> None:
    text = {"type": "string"}
    schema = {"type": "object", "properties": {"a": text, "b": text}}
    resource = await define(client, definition(schema=schema, scope="Cluster"))
    name, place = f"foos.{GROUP}", "/spec/versions/0/schema/openAPIV3Schema/properties"
    assert "a" not in await client.create(resource, {"metadata": {"name": "one"}})
    adds = [{"op": "add", "path": f"{place}/a/default", "value": "A"}]
    await client.patch(CUSTOMRESOURCEDEFINITIONS, name, adds, kind=PatchType.JSON)
    assert (await client.get(resource, "one"))["a"] == "A"
    assert (await client.create(resource, {"metadata": {"name": "two"}}))["a"] == "A"
    turns = [{"op": "remove", "path": f"{place}/a/default"}, {"op": "add", "path": f"{place}/b/default", "value": "B"}]
    await client.patch(CUSTOMRESOURCEDEFINITIONS, name, turns, kind=PatchType.JSON)
    two = await client.get(resource, "two")
    assert (two["a"], two["b"]) == ("A", "B")  # the one was stored with the object
    one = await client.get(resource, "one")
    assert ("a" in one, one["b"]) == (False, "B")


# What they publish.


async def test_discovery_has_definitions_and_their_kinds(client: HttpClient, ask: Ask) -> None:
    group = "apiextensions.k8s.io"
    version = {"groupVersion": f"{group}/v1", "version": "v1"}
    groups = (await ask("GET", "/apis"))[1]["groups"]
    assert [version in item["versions"] for item in groups if item["name"] == group] == [True]
    assert version in (await ask("GET", f"/apis/{group}"))[1]["versions"]
    _, resources = await ask("GET", f"/apis/{group}/v1")
    assert resources["groupVersion"] == f"{group}/v1"
    assert "customresourcedefinitions" in [item["name"] for item in resources["resources"]]
    await define(client, definition())
    _, found = await ask("GET", "/apis", Accept=AGGREGATED)
    assert found["kind"] == "APIGroupDiscoveryList"
    (versions,) = [item["versions"] for item in found["items"] if item["metadata"]["name"] == GROUP]
    assert [item["resource"] for item in versions[0]["resources"]] == ["foos"]


EXPECTED = """
v1 namespaces
admissionregistration.k8s.io/v1 validatingwebhookconfigurations
apiextensions.k8s.io/v1 customresourcedefinitions
apiregistration.k8s.io/v1 apiservices
apps/v1 deployments
authentication.k8s.io/v1 tokenreviews
authorization.k8s.io/v1 selfsubjectaccessreviews
autoscaling/v1 horizontalpodautoscalers
autoscaling/v2 horizontalpodautoscalers
batch/v1 jobs
certificates.k8s.io/v1 certificatesigningrequests
coordination.k8s.io/v1 leases
discovery.k8s.io/v1 endpointslices
events.k8s.io/v1 events
networking.k8s.io/v1 ingresses
node.k8s.io/v1 runtimeclasses
policy/v1 poddisruptionbudgets
scheduling.k8s.io/v1 priorityclasses
storage.k8s.io/v1 csinodes
"""


async def test_aggregated_discovery_has_everything(ask: Ask) -> None:
    served = set()
    for path in ("/api", "/apis"):
        _, found = await ask("GET", path, Accept=f"{AGGREGATED},application/json")
        served |= {
            f"{item['metadata']['name']}/{version['version']} {resource['resource']}".removeprefix("/")
            for item in found["items"] for version in item["versions"] for resource in version["resources"]
        }  # fmt: skip
    assert set(EXPECTED.strip().splitlines()) <= served


async def test_schemas_are_published_as_they_are(client: HttpClient, ask: Ask) -> None:
    """Kinds of several groups, of one group, and in several versions: each under its own name."""
    await define(client, definition("Foo", FOO, versions=("v1", "v2")))
    await define(client, definition("Waldo", FOO))
    await define(client, definition("Bar", FOO, group="other.example.com"))
    for name in (title("Foo"), title("Foo", "v2"), title("Waldo"), title("Bar", group="other.example.com")):
        assert await published(ask, name) == FOO
    await client.delete(CUSTOMRESOURCEDEFINITIONS, f"waldos.{GROUP}")
    await gone(client, f"waldos.{GROUP}")
    assert await published(ask, title("Waldo")) is None
    assert await published(ask, title("Foo")) == FOO


async def test_a_version_that_is_not_served_is_not_published(client: HttpClient, ask: Ask) -> None:
    await define(client, definition("Foo", FOO, versions=("v5", "v6alpha1")))
    name = f"foos.{GROUP}"
    unserved = [{"op": "replace", "path": "/spec/versions/1/served", "value": False}]
    await client.patch(CUSTOMRESOURCEDEFINITIONS, name, unserved, kind=PatchType.JSON)
    assert await published(ask, title("Foo", "v6alpha1")) is None
    assert await published(ask, title("Foo", "v5")) == FOO
    assert f"apis/{GROUP}/v6alpha1" not in (await ask("GET", "/openapi/v3"))[1]["paths"]


async def test_a_renamed_version_is_published_under_its_new_name(client: HttpClient, ask: Ask) -> None:
    await define(client, definition("Foo", FOO, versions=("v2", "v3")))
    renamed = [{"op": "test", "path": "/spec/versions/1/name", "value": "v3"},
               {"op": "replace", "path": "/spec/versions/1/name", "value": "v4"}]  # fmt: skip
    await client.patch(CUSTOMRESOURCEDEFINITIONS, f"foos.{GROUP}", renamed, kind=PatchType.JSON)
    assert await published(ask, title("Foo", "v4")) == FOO
    assert await published(ask, title("Foo", "v3")) is None
    assert await published(ask, title("Foo", "v2")) == FOO


def like(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.DOTALL) is not None


@pytest.mark.kubectl
async def test_kubectl_knows_a_kind_by_its_schema(client: HttpClient, kubectl: Kubectl) -> None:
    await define(client, definition("Foo", FOO))
    head = {"kind": "Foo", "apiVersion": f"{GROUP}/v1", "metadata": {"name": "test-foo"}}

    async def sent(verb: str, spec: Object) -> str:
        result = await kubectl.run(verb, "-f", "-", stdin=orjson.dumps({**head, "spec": spec}).decode())
        return "" if result.code == 0 else result.err

    for verb in ("create", "apply"):
        assert await sent(verb, {"bars": [{"name": "test-bar"}]}) == ""
        await kubectl("delete", "foos", "test-foo")
    assert 'unknown field "spec.foo"' in await sent("create", {"foo": True})
    assert "spec.bars[0].name: Required value" in await sent("apply", {"bars": [{"age": "10"}]})
    assert 'Unsupported value: "Bad"' in await sent("create", {"bars": [{"name": "a", "feeling": "Bad"}]})
    whole = r"DESCRIPTION:.*Foo CRD for Testing.*FIELDS:.*apiVersion.*<string>.*APIVersion defines.*spec.*<Object>"
    assert like(f"{whole}.*Specification of Foo", await kubectl("explain", "foos"))
    created = r"DESCRIPTION:.*Standard object's metadata.*FIELDS:.*creationTimestamp.*<string>.*is a timestamp"
    assert like(created, await kubectl("explain", "foos.metadata"))
    bars = r"DESCRIPTION:.*List of Bars and their specs.*FIELDS:.*bazs.*<\[\]string>.*List of Bazs.*name.*<string>"
    assert like(f"{bars}.*Name of Bar", await kubectl("explain", "foos.spec.bars"))
    assert 'field "bars2" does not exist' in await kubectl.fails("explain", "foos.spec.bars2")


NESTED = {
    "description": "preserve-unknown-properties in nested field for Testing", "type": "object",
    "properties": {"spec": {**OPEN, "properties": {"dummy": {"type": "object"}}}, "status": {"type": "object"}},
}  # fmt: skip
ROOT = {**OPEN, "description": "at root", "properties": {"spec": {"type": "object"}}}


@pytest.mark.kubectl
@pytest.mark.parametrize(
    ("schema", "content", "explained", "in_v2"),
    [
        (OPEN, {"a": {"b": [{"c": "d"}]}}, r"DESCRIPTION:.*<empty>", {"type": "object"}),
        (ROOT, {"a": {"b": [{"c": "d"}]}}, r"KIND:.*Foo", {"type": "object"}),
        (NESTED, {"spec": {"a": None, "b": [{"c": "d"}]}}, r"DESCRIPTION:.*preserve-unknown-properties in n", None),
    ],
    ids=["everything", "root", "nested"],
)  # fmt: skip
async def test_kubectl_takes_any_field_where_a_schema_does(
    client: HttpClient,
    kubectl: Kubectl,
    ask: Ask,
    schema: Object,
    content: Object,
    explained: str,
    in_v2: Object | None,
) -> None:
    await define(client, definition("Foo", schema))
    obj = orjson.dumps({"kind": "Foo", "apiVersion": f"{GROUP}/v1", "metadata": {"name": "any"}, **content}).decode()
    await kubectl("create", "-f", "-", stdin=obj)
    await kubectl("delete", "foos", "any")
    await kubectl("apply", "-f", "-", stdin=obj)
    assert like(explained, await kubectl("explain", "foos"))
    found = await published(ask, title("Foo"))
    assert found == (in_v2 or {
        **NESTED, "properties": {"spec": OPEN, "status": {"type": "object"}},
    })  # fmt: skip


# Fields that there are not, or twice.

TEXT = {"type": "string"}
PORT = {"containerPort": {"type": "integer", "format": "int32"}, "protocol": TEXT, "name": TEXT}
PORTS = {
    "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["containerPort", "protocol"],
    "items": {"type": "object", "required": ["containerPort", "protocol"], "properties": PORT},
}  # fmt: skip
TEMPLATE = {
    "type": "object", "x-kubernetes-embedded-resource": True,
    "properties": {
        "metadata": {"type": "object", "properties": {"name": {"type": "string"}}}, "spec": {"type": "object"},
    },
}  # fmt: skip
CRON = {"type": "string", "pattern": r"^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$"}
FIELDS = {"foo": {"type": "string"}, "cronSpec": CRON, "ports": PORTS}
SPEC = """
spec:
  foo: foo1
  cronSpec: "* * * * */5"
  ports:
  - name: x
    containerPort: 80
    protocol: TCP
"""


async def applied(ask: Ask, resource: Resource, text: str, *, method: str = "PATCH") -> tuple[int, str]:
    """Code and message of an apply (or a POST of YAML), with fields checked strictly."""
    body = f"apiVersion: {resource.api_version}\nkind: {resource.kind}\n{text}"
    query = "fieldManager=field_validation_mgr&fieldValidation=Strict"
    path = resource.path(None, "mytest") if method == "PATCH" else resource.path(None)
    media = "application/apply-patch+yaml" if method == "PATCH" else "application/yaml"
    code, answer = await ask(method, f"{path}?{query}", body, **{"Content-Type": media})
    return code, str(answer.get("message", ""))


METADATA = "metadata:\n  name: mytest\n  finalizers: [test-finalizer]\n"


async def test_known_fields_are_applied(client: HttpClient, ask: Ask) -> None:
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": FIELDS}}}
    resource = await define(client, definition(schema=schema, scope="Cluster"))
    assert await applied(ask, resource, METADATA + SPEC) == (201, "")
    code, message = await applied(ask, resource, f"{METADATA}unknownField: unknown{SPEC}")
    assert code == 500
    assert ".unknownField: field not declared in schema" in message


async def test_any_fields_are_applied_where_none_are_named(client: HttpClient, ask: Ask) -> None:
    resource = await define(client, definition(scope="Cluster"))
    assert await applied(ask, resource, METADATA + SPEC.replace("foo: foo1", "unknown: uk1")) == (201, "")


async def test_unknown_metadata_is_found_everywhere(client: HttpClient, ask: Ask) -> None:
    spec = {**OPEN, "properties": {**FIELDS, "template": TEMPLATE}}
    resource = await define(
        client, definition(schema={"type": "object", "properties": {"spec": spec}}, scope="Cluster")
    )
    template = """
spec:
  template:
    apiversion: foo/v1
    kind: Sub
    metadata:
      unknownSubMeta: unknown
      name: subobject
"""
    whole = METADATA + "  unknownMeta: unknown\n" + SPEC.replace("\nspec:\n", template)
    _, message = await applied(ask, resource, whole)
    assert ".metadata.unknownMeta: field not declared in schema" in message
    assert ".spec.template.apiversion: field not declared in schema" in message
    assert ".spec.template.metadata.unknownSubMeta: field not declared in schema" in message
    code, message = await applied(ask, resource, whole, method="POST")
    assert code == 400
    for field in ("metadata.unknownMeta", "spec.template.apiversion", "spec.template.metadata.unknownSubMeta"):
        assert f'unknown field "{field}"' in message


async def test_fields_that_come_twice_are_found(client: HttpClient, ask: Ask) -> None:
    resource = await define(client, definition(scope="Cluster"))
    twice = SPEC.replace("foo: foo1", "unknown: uk1\n  foo: foo1\n  foo: foo2")
    code, message = await applied(ask, resource, METADATA + twice.lstrip("\n"))
    assert code == 400
    assert 'line 9: key "foo" already set in map' in message


async def test_each_version_has_its_apiservice(client: HttpClient) -> None:
    """It comes with the first definition of the version and goes with the last; those of others are left alone."""
    by_hand = {"group": "hand.example.com", "version": "v1", "groupPriorityMinimum": 10, "versionPriority": 10}
    await client.create(APISERVICES, {"metadata": {"name": "v1.hand.example.com"}, "spec": by_hand})
    await define(client, definition("Foo"))
    await define(client, definition("Bar"))
    found = await there(client, f"v1.{GROUP}")
    assert found["metadata"]["labels"] == {"kube-aggregator.kubernetes.io/automanaged": "true"}
    assert found["spec"] == {"group": GROUP, "version": "v1", "groupPriorityMinimum": 1000, "versionPriority": 100}
    assert [item["reason"] for item in found["status"]["conditions"]] == ["Local"]
    await client.delete(APISERVICES, f"v1.{GROUP}")
    await there(client, f"v1.{GROUP}")  # it comes back
    await client.delete(CUSTOMRESOURCEDEFINITIONS, f"foos.{GROUP}")
    await gone(client, f"foos.{GROUP}")
    await there(client, f"v1.{GROUP}")
    await client.delete(CUSTOMRESOURCEDEFINITIONS, f"bars.{GROUP}")
    await gone(client, f"v1.{GROUP}", APISERVICES)
    await there(client, "v1.hand.example.com")


async def test_what_an_object_has_not_is_not_found(client: HttpClient, ask: Ask) -> None:
    await define(client, definition("Bare"))
    path = f"/apis/{GROUP}/v1/namespaces/default/bares"
    for method, rest in (("GET", "/mine/status"), ("GET", "/mine/none"), ("PUT", "/mine")):
        body = {"apiVersion": f"{GROUP}/v1", "kind": "Bare", "metadata": {"name": "mine"}} if method == "PUT" else None
        code, status = await ask(method, f"{path}{rest}", None if body is None else orjson.dumps(body), **JSON)
        assert (code, status["message"]) == (404, f'bares.{GROUP} "mine" not found')
        assert status["details"] == {"name": "mine", "group": GROUP, "kind": "bares"}


async def test_a_replace_of_an_object_says_of_what_revision(client: HttpClient, ask: Ask) -> None:
    bare = await define(client, definition("Plain"))
    whole = {"apiVersion": f"{GROUP}/v1", "kind": "Plain", "metadata": {"name": "mine"}}
    await client.create(bare, whole, namespace="default")
    code, status = await ask("PUT", f"/apis/{GROUP}/v1/namespaces/default/plains/mine", orjson.dumps(whole), **JSON)
    assert (code, status["details"]["kind"]) == (422, "plains")
    assert "metadata.resourceVersion: Invalid value: 0x0: must be specified for an update" in status["message"]
