"""The package `kubernetes_asyncio`: typed and dynamic clients, and a watch, on one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from kubernetes_asyncio import client, config, dynamic, watch

from .server import Server
from .test_kubernetes import DEPLOYMENT


@pytest.fixture
async def api(server: Server) -> AsyncIterator[client.ApiClient]:
    async with await config.new_client_from_config(str(server.kubeconfig)) as api:
        yield api


async def test_asynchronous_objects_are_made_changed_and_listed(api: client.ApiClient, space: str) -> None:
    apps, core = client.AppsV1Api(api), client.CoreV1Api(api)
    await apps.create_namespaced_deployment(space, DEPLOYMENT)
    patched = await apps.patch_namespaced_deployment("web", space, {"spec": {"replicas": 4}})
    assert patched.spec.replicas == 4
    names = [f"cm-{number}" for number in range(20)]
    await asyncio.gather(*(core.create_namespaced_config_map(space, {"metadata": {"name": name}}) for name in names))
    listed = await core.list_namespaced_config_map(space, limit=500)
    assert {item.metadata.name for item in listed.items} >= set(names)
    with pytest.raises(client.ApiException) as refused:
        await core.read_namespaced_config_map("none", space)
    assert (refused.value.status, refused.value.reason) == (404, "Not Found")
    await core.delete_collection_namespaced_config_map(space)
    await apps.delete_namespaced_deployment("web", space)


async def test_an_asynchronous_watch_sees_changes_in_order(api: client.ApiClient, space: str) -> None:
    core = client.CoreV1Api(api)
    start = (await core.list_namespaced_config_map(space)).metadata.resource_version
    await core.create_namespaced_config_map(space, {"metadata": {"name": "one"}})
    await core.patch_namespaced_config_map("one", space, {"data": {"a": "b"}})
    await core.delete_namespaced_config_map("one", space)
    seen = []
    async with watch.Watch() as stream:
        listing = core.list_namespaced_config_map
        mine = {"field_selector": "metadata.name=one", "timeout_seconds": 20}
        async for event in stream.stream(listing, space, resource_version=start, **mine):
            seen.append((event["type"], (event["object"].data or {}).get("a")))
            if len(seen) == 3:
                break
    assert seen == [("ADDED", None), ("MODIFIED", "b"), ("DELETED", "b")]


async def test_the_asynchronous_dynamic_client_handles_kinds_of_users(api: client.ApiClient, space: str) -> None:
    kinds = await dynamic.DynamicClient(api)
    widgets = await kinds.resources.get(api_version="clients.example.com/v1", kind="Widget")
    body = {"apiVersion": "clients.example.com/v1", "kind": "Widget", "metadata": {"name": "one"}, "spec": {"size": 2}}
    assert (await widgets.create(body=body, namespace=space)).spec.size == 2
    change = {"spec": {"size": 3}}
    merge = "application/merge-patch+json"
    assert (await widgets.patch(name="one", namespace=space, body=change, content_type=merge)).spec.size == 3
    applied = await widgets.server_side_apply(
        body={**body, "spec": {"color": "red"}}, name="one", namespace=space, field_manager="me"
    )
    assert applied.spec.to_dict() == {"color": "red", "size": 3}
    assert [item.metadata.name for item in (await widgets.get(namespace=space)).items] == ["one"]
    assert (await widgets.delete(name="one", namespace=space)).status == "Success"
