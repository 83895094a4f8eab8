"""A client that binds itself to reading: the server refuses all else, whatever the caller may do."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from common.api.kinds import CONFIGMAPS, PODS
from common.client.endpoint import Endpoint
from common.client.http import HttpClient
from common.errors import ApiError, Forbidden

from .conftest import Api
from .objects import configmap, pod


@pytest.fixture
async def client(api: Api) -> AsyncIterator[HttpClient]:
    async with HttpClient(Endpoint.of_socket(api.socket)) as client:
        await client.create(CONFIGMAPS, configmap(), "default")
        await client.create(PODS, pod(), "default")
        client.read_only = True
        yield client


async def test_reading_goes_on(client: HttpClient) -> None:
    listing = await client.list(CONFIGMAPS, "default")
    async for event in client.watch(CONFIGMAPS, "default", resource_version="1"):
        assert event.type == "ADDED"
        break
    assert listing.items == [await client.get(CONFIGMAPS, "settings", "default")]
    assert await client.discover()
    review = {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    assert (await client.request_json("POST", path, body=review))["status"]["allowed"]


@pytest.mark.parametrize("verb", ["create", "update", "patch", "delete", "deletecollection", "post", "evict"])
async def test_every_write_is_refused(client: HttpClient, verb: str) -> None:
    path = CONFIGMAPS.path("default")
    calls = {
        "create": lambda: client.create(CONFIGMAPS, configmap(), "default"),
        "update": lambda: client.update(
            CONFIGMAPS, {**configmap(a="b"), "metadata": {"name": "settings", "namespace": "default"}}
        ),
        "patch": lambda: client.patch(CONFIGMAPS, "settings", {"data": {"a": "b"}}, "default"),
        "delete": lambda: client.delete(CONFIGMAPS, "settings", "default"),
        "deletecollection": lambda: client.request_json("DELETE", path),
        "post": lambda: client.request_json("POST", "/apis/nothing/v1/things", body={}),
        "evict": lambda: client.post(PODS, "web", "eviction", {}, "default"),
    }
    with pytest.raises(Forbidden, match="this is read-only"):
        await calls[verb]()
    client.read_only = False
    assert "data" not in await client.get(CONFIGMAPS, "settings", "default")


async def test_a_method_that_means_nothing_is_no_reading(client: HttpClient) -> None:
    with pytest.raises(Forbidden, match="PURGE configmaps"):
        await client.request_json("PURGE", CONFIGMAPS.path("default"))


@pytest.mark.parametrize("subresource", ["exec", "attach", "portforward", "proxy"])
async def test_no_way_into_a_container_stays_open(client: HttpClient, subresource: str) -> None:
    with pytest.raises(ApiError, match="this is read-only"):
        await client.websocket(PODS.path("default", "web", subresource), {"command": "sh"})
