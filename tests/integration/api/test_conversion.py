"""Versions of a kind that a webhook converts: what is stored, shown, listed, watched and changed in each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from common.api.kinds import CHANGES, CUSTOMRESOURCEDEFINITIONS, VALIDATINGWEBHOOKCONFIGURATIONS, Resource
from common.api.meta import Object
from common.client.base import PatchType
from common.client.http import HttpClient
from common.errors import BadRequest, InternalError, NotFound

from .conftest import Running
from .stranger import Stranger, expose, webhook

GROUP = "stable.example.com"
V1 = Resource(GROUP, "v1", "endpoints", "Endpoint")
V2 = Resource(GROUP, "v2", "endpoints", "Endpoint")
TEXT = {"type": "string"}


def version(name: str, *, storage: bool = False, **fields: Any) -> Object:
    schema = {"type": "object", "properties": fields}
    return {"name": name, "served": True, "storage": storage, "schema": {"openAPIV3Schema": schema}}


def definition(client: Object, *, stored: str = "v1") -> Object:
    """In v1 an endpoint is one text, in v2 host and port."""
    first = version("v1", storage=stored == "v1", hostPort=TEXT, note={"type": "string", "default": "none"})
    second = version("v2", storage=stored == "v2", host=TEXT, port=TEXT, note=TEXT)
    second["selectableFields"] = [{"jsonPath": ".host"}]
    webhook = {"clientConfig": client, "conversionReviewVersions": ["v1"]}
    return {
        "metadata": {"name": f"endpoints.{GROUP}"},
        "spec": {
            "group": GROUP, "scope": "Namespaced", "names": {"plural": "endpoints", "kind": "Endpoint"},
            "versions": [first, second], "conversion": {"strategy": "Webhook", "webhook": webhook},
        },
    }  # fmt: skip


def convert(request: Object) -> Object:
    wanted = request["desiredAPIVersion"]
    return {
        "result": {"status": "Success"},
        "convertedObjects": [_converted(obj, wanted) for obj in request["objects"]],
    }


def _converted(obj: Object, wanted: str) -> Object:
    result = {**obj, "apiVersion": wanted}
    if wanted.endswith("v2"):
        result["host"], _, result["port"] = result.pop("hostPort", "").partition(":")
    else:
        result["hostPort"] = f"{result.pop('host', '')}:{result.pop('port', '')}"
    return {**result, "unknown": True}


@pytest.fixture
async def hook() -> AsyncIterator[Stranger]:
    async with webhook() as found:
        found.answer = convert
        yield found


async def defined(client: HttpClient, made: Object) -> None:
    await client.create(CUSTOMRESOURCEDEFINITIONS, made)
    for resource in (V1, V2):
        while True:
            try:
                await client.list(resource)
                break
            except NotFound:
                await asyncio.sleep(0.01)


async def store_as(client: HttpClient, stored: str) -> None:
    versions = [{"op": "replace", "path": f"/spec/versions/{index}/storage", "value": name == stored}
                for index, name in enumerate(("v1", "v2"))]  # fmt: skip
    await client.patch(CUSTOMRESOURCEDEFINITIONS, f"endpoints.{GROUP}", versions, kind=PatchType.JSON)


def endpoint(name: str, **fields: str) -> Object:
    return {"metadata": {"name": name, "namespace": "default"}, **fields}


def kept_versions(api: Running) -> dict[str, str]:
    return {entry.key[1]: entry.obj["apiVersion"] for entry in api.store.entries(V1.group_resource)}


async def test_an_object_is_read_in_another_version(client: HttpClient, hook: Stranger) -> None:
    """The webhook is a pod of another host: it is asked through that host's agent, by the name of its Service."""
    await expose(client, hook.port)
    await defined(client, definition(hook.by_service))
    made = await client.create(V1, endpoint("one", hostPort="localhost:80"))
    assert hook.asked == []
    assert made["note"] == "none"
    found = await client.get(V2, "one", "default")
    assert (found["apiVersion"], found["host"], found["port"], found["note"]) == (
        "stable.example.com/v2", "localhost", "80", "none",
    )  # fmt: skip
    assert not {"hostPort", "unknown"} & found.keys()
    assert found["metadata"] == made["metadata"]
    assert hook.asked[0]["desiredAPIVersion"] == "stable.example.com/v2"
    assert hook.paths == ["/review?timeout=30s"]
    # The same again on a connection that is known, too.
    assert [await client.get(V2, "one", "default") for _ in range(2)] == [found] * 2
    assert len(hook.asked) == 3


async def test_a_list_of_objects_stored_in_several_versions_comes_in_one(
    api: Running, client: HttpClient, hook: Stranger
) -> None:
    await defined(client, definition(hook.by_url))
    await client.create(V1, endpoint("one", hostPort="a:1"))
    await store_as(client, "v2")
    await client.create(V2, endpoint("two", host="b", port="2"))
    assert kept_versions(api) == {"one": "stable.example.com/v1", "two": "stable.example.com/v2"}
    listed = await client.list(V2)
    assert [(item["host"], item["port"], item["apiVersion"]) for item in listed.items] == [
        ("a", "1", "stable.example.com/v2"), ("b", "2", "stable.example.com/v2"),
    ]  # fmt: skip
    assert [item["hostPort"] for item in (await client.list(V1)).items] == ["a:1", "b:2"]
    assert [obj["metadata"]["name"] for obj in hook.asked[0]["objects"]] == ["one"]
    chosen = await client.list(V2, field_selector="host=a")
    assert [item["metadata"]["name"] for item in chosen.items] == ["one"]


async def test_a_long_list_is_converted_whole(client: HttpClient, hook: Stranger) -> None:
    """The answer comes in many pieces."""
    await defined(client, definition(hook.by_url))
    for index in range(40):
        await client.create(V1, endpoint(f"e-{index:02}", hostPort="a:1", note="x" * 20_000))
    listed = (await client.list(V2)).items
    assert [(item["host"], len(item["note"])) for item in listed] == [("a", 20_000)] * 40


async def test_writes_in_any_version_are_stored_in_one(api: Running, client: HttpClient, hook: Stranger) -> None:
    await defined(client, definition(hook.by_url))
    made = await client.create(V2, endpoint("one", host="a", port="1"))
    assert (made["host"], made["apiVersion"]) == ("a", "stable.example.com/v2")
    patched = await client.patch(V2, "one", {"port": "2"}, "default")
    assert (patched["port"], (await client.get(V1, "one", "default"))["hostPort"]) == ("2", "a:2")
    config = {"apiVersion": "stable.example.com/v2", "kind": "Endpoint", "host": "c"}
    applied = await client.patch(
        V2, "one", config, "default", kind=PatchType.APPLY, field_manager="me", force=True
    )  # fmt: skip
    assert (applied["host"], applied["port"]) == ("c", "2")
    replaced = await client.update(V1, {**await client.get(V1, "one", "default"), "hostPort": "d:4"})
    assert replaced["hostPort"] == "d:4"
    assert kept_versions(api) == {"one": "stable.example.com/v1"}
    await store_as(client, "v2")
    await client.patch(V1, "one", {"hostPort": "e:5"}, "default")
    assert kept_versions(api) == {"one": "stable.example.com/v2"}
    await client.delete(V1, "one", "default")
    assert kept_versions(api) == {}


async def test_a_change_in_another_version_is_undone(client: HttpClient, hook: Stranger) -> None:
    await defined(client, definition(hook.by_url))
    await client.create(V1, endpoint("one", hostPort="a:1"))
    await client.patch(V2, "one", {"host": "b"}, "default")
    changes = (await client.list(CHANGES)).items
    (change,) = [item for item in changes if item["object"]["kind"] == "Endpoint" and item["verb"] == "update"]
    assert change["object"]["apiVersion"] == V1.api_version
    await client.post(CHANGES, change["metadata"]["name"], "undo", {})
    assert (await client.get(V2, "one", "default"))["host"] == "a"


async def test_a_watch_comes_in_its_version(client: HttpClient, hook: Stranger) -> None:
    await defined(client, definition(hook.by_url))
    revision = (await client.list(V2)).resource_version
    await client.create(V1, endpoint("one", hostPort="a:1"))
    await client.patch(V1, "one", {"hostPort": "b:1"}, "default")
    await client.delete(V1, "one", "default")
    seen = []
    async for event in client.watch(V2, resource_version=revision):
        seen.append((event.type, event.object["apiVersion"], event.object["host"]))
        if event.type == "DELETED":
            break
    v2 = "stable.example.com/v2"
    assert seen == [("ADDED", v2, "a"), ("MODIFIED", v2, "b"), ("DELETED", v2, "b")]


async def test_a_watch_by_a_field_of_its_version(client: HttpClient, hook: Stranger) -> None:
    await defined(client, definition(hook.by_url))
    revision = (await client.list(V2)).resource_version
    await client.create(V1, endpoint("one", hostPort="a:1"))
    await client.create(V1, endpoint("two", hostPort="b:1"))
    await client.patch(V1, "two", {"hostPort": "c:1"}, "default")
    seen = []
    async for event in client.watch(V2, resource_version=revision, field_selector="host=b"):
        seen.append((event.type, event.object["metadata"]["name"], event.object["host"]))
        if event.type == "DELETED":
            break
    assert seen == [("ADDED", "two", "b"), ("DELETED", "two", "b")]


@pytest.mark.parametrize(
    ("response", "problem"),
    [
        ({"result": {"status": "Failed", "message": "no way"}}, "failed: no way"),
        ({"result": {"status": "Failed"}}, "failed: response.result.status was 'Failed', not 'Success'"),
        ({"result": {"status": "Success"}, "convertedObjects": []}, "returned 0 objects, expected 1"),
        (
            {"result": {"status": "Success"}, "convertedObjects": [{"apiVersion": "stable.example.com/v1"}]},
            "invalid groupVersion (expected stable.example.com/v2, received stable.example.com/v1)",
        ),
        (
            {
                "result": {"status": "Success"},
                "convertedObjects": [
                    {"apiVersion": "stable.example.com/v2", "kind": "Endpoint", "metadata": {"name": "other"}}
                ],
            },
            "must have the same name: one != other",
        ),
        ({"uid": "x"}, "expected response.uid="),
        ({"result": "Success"}, "response.result.status was '', not 'Success'"),
        ({"result": {"status": "Success"}, "convertedObjects": ["x"]}, "it is no object"),
    ],
)
async def test_a_webhook_that_answers_nonsense_is_named(
    client: HttpClient, hook: Stranger, response: Object, problem: str
) -> None:
    await defined(client, definition(hook.by_url))
    await client.create(V1, endpoint("one", hostPort="a:1"))
    hook.answer = lambda _request: response
    with pytest.raises(InternalError) as caught:
        await client.get(V2, "one", "default")
    assert caught.value.message.startswith("conversion webhook for stable.example.com/v1, Kind=Endpoint ")
    assert problem in caught.value.message
    assert (await client.get(V1, "one", "default"))["hostPort"] == "a:1"


async def test_what_cannot_be_converted_can_still_be_removed(client: HttpClient, hook: Stranger) -> None:
    """A webhook that is gone must keep neither objects nor their definition, whoever else has a say in other kinds."""
    rule = {"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
    other = {"name": "other.example.com", "rules": [rule], "sideEffects": "None", "admissionReviewVersions": ["v1"]}
    await client.create(
        VALIDATINGWEBHOOKCONFIGURATIONS,
        {"metadata": {"name": "other"}, "webhooks": [{**other, "clientConfig": hook.by_url}]},
    )
    await defined(client, definition({**hook.by_url, "url": "https://127.0.0.1:1/gone"}))
    await client.create(V1, endpoint("one", hostPort="a:1"))
    await store_as(client, "v2")
    with pytest.raises(InternalError, match=r"conversion webhook .* failed: Post"):
        await client.get(V2, "one", "default")
    await client.delete(V2, "one", "default")
    await client.create(V2, endpoint("two", host="a"))
    await client.delete(CUSTOMRESOURCEDEFINITIONS, f"endpoints.{GROUP}")
    while True:
        try:
            await client.get(CUSTOMRESOURCEDEFINITIONS, f"endpoints.{GROUP}")
        except NotFound:
            return
        await asyncio.sleep(0.02)


async def test_an_admission_webhook_sees_the_version_that_it_names(client: HttpClient, hook: Stranger) -> None:
    await defined(client, definition(hook.by_url))
    async with webhook() as judge:
        judge.answer = lambda request: {"allowed": request["object"]["host"] != "bad"}
        rule = {"operations": ["CREATE"], "apiGroups": [GROUP], "apiVersions": ["v2"], "resources": ["endpoints"]}
        source = {
            "name": "judge.example.com", "rules": [rule], "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "clientConfig": judge.by_url, "matchPolicy": "Equivalent",
        }  # fmt: skip
        await client.create(VALIDATINGWEBHOOKCONFIGURATIONS, {"metadata": {"name": "judge"}, "webhooks": [source]})
        await client.create(V1, endpoint("good", hostPort="good:1"))
        with pytest.raises(BadRequest):
            await client.create(V1, endpoint("bad", hostPort="bad:1"))
    (request, _) = judge.asked
    assert (request["kind"]["version"], request["requestKind"]["version"]) == ("v2", "v1")
