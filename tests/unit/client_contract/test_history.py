"""The history of writes over HTTP: who did what, and undoing it."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator

import pytest

from common.api import changes
from common.api.kinds import CHANGES, CONFIGMAPS, DEPLOYMENTS, SECRETS
from common.api.meta import Object, name, uid
from common.client.endpoint import Endpoint
from common.client.http import HttpClient
from common.errors import AlreadyExists, Conflict, MethodNotAllowed, NotFound
from console.apiserver.history.journal import UNDO_RECORDS

from .conftest import Api
from .objects import configmap, deployment


@pytest.fixture
async def http(api: Api) -> AsyncIterator[HttpClient]:
    async with HttpClient(Endpoint.of_socket(api.socket)) as client:
        yield client


async def history(client: HttpClient, about: str) -> list[Object]:
    """Changes of objects of that name, oldest first."""
    return (await client.list(CHANGES, field_selector=f"object.name={about}")).items


async def undo(client: HttpClient, change: Object) -> Object:
    return dict(await client.request_json("POST", CHANGES.path(None, name(change), "undo")))


async def test_every_write_from_outside_is_recorded_once(http: HttpClient) -> None:
    await http.create(CONFIGMAPS, configmap(a="1"))
    await http.patch(CONFIGMAPS, "settings", {"data": {"a": "2"}}, "default")
    await http.patch(CONFIGMAPS, "settings", {"data": {"a": "2"}}, "default")  # changes nothing
    await http.delete(CONFIGMAPS, "settings", "default")
    found = await history(http, "settings")
    assert [changes.summary(item) for item in found] == ["created", "data.a: 1 -> 2", "deleted"]
    assert {item["user"] for item in found} == {"quarterdeck-admin"}
    assert all(item["source"].startswith("socket ") for item in found), found


async def test_an_update_is_undone_field_by_field(http: HttpClient) -> None:
    await http.create(DEPLOYMENTS, deployment())
    await http.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 7}}, "default")
    await http.patch(DEPLOYMENTS, "web", {"metadata": {"labels": {"tier": "front"}}}, "default")
    scaled = (await history(http, "web"))[1]
    undone = await undo(http, scaled)
    assert (undone["spec"]["replicas"], undone["metadata"]["labels"]["tier"]) == (
        deployment()["spec"].get("replicas", 1), "front",
    )  # fmt: skip
    assert changes.summary((await history(http, "web"))[-1]).startswith("replicas: 7 -> ")


async def test_what_was_changed_again_is_not_undone(http: HttpClient) -> None:
    await http.create(CONFIGMAPS, configmap(a="1"))
    for value in ("2", "3"):
        await http.patch(CONFIGMAPS, "settings", {"data": {"a": value}}, "default")
    with pytest.raises(Conflict, match=r"data\.a was changed again since"):
        await undo(http, (await history(http, "settings"))[1])
    assert (await http.get(CONFIGMAPS, "settings", "default"))["data"] == {"a": "3"}


async def test_a_deletion_is_undone_by_creating_the_object_again(http: HttpClient) -> None:
    value = base64.b64encode(b"hunter2").decode()
    made = await http.create(SECRETS, {"metadata": {"name": "s", "namespace": "default"}, "data": {"token": value}})
    await http.delete(SECRETS, "s", "default")
    deleted = (await history(http, "s"))[-1]
    await undo(http, deleted)
    back = await http.get(SECRETS, "s", "default")
    assert back["data"] == {"token": value}
    assert uid(back) != uid(made)
    with pytest.raises(AlreadyExists):
        await undo(http, deleted)


async def test_a_creation_is_undone_by_deleting_that_very_object(http: HttpClient) -> None:
    await http.create(CONFIGMAPS, configmap(a="1"))
    created = (await history(http, "settings"))[0]
    await http.delete(CONFIGMAPS, "settings", "default")
    await http.create(CONFIGMAPS, configmap(a="2"))
    with pytest.raises(Conflict, match="UID in the precondition"):
        await undo(http, created)
    await undo(http, (await history(http, "settings"))[-1])
    with pytest.raises(NotFound):
        await http.get(CONFIGMAPS, "settings", "default")


async def test_secret_values_are_not_in_what_is_served(http: HttpClient) -> None:
    value = base64.b64encode(b"hunter2").decode()
    await http.create(SECRETS, {"metadata": {"name": "s", "namespace": "default"}, "data": {"token": "eA=="}})
    await http.patch(SECRETS, "s", {"data": {"token": value}}, "default")
    served = str(await http.list(CHANGES))
    assert value not in served
    assert "data.token" in served
    with pytest.raises(NotFound):
        await http.request_json("GET", f"/apis/quarterdeck.io/v1/{UNDO_RECORDS.partition('.')[0]}")


async def test_history_cannot_be_written(http: HttpClient) -> None:
    await http.create(CONFIGMAPS, configmap(a="1"))
    change = (await history(http, "settings"))[0]
    with pytest.raises(MethodNotAllowed):
        await http.delete(CHANGES, name(change))
    with pytest.raises(MethodNotAllowed):
        await http.request_json("PUT", CHANGES.path(None, name(change)), body={**change, "user": "somebody"})
