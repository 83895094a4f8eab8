"""Objects of API servers behind ours: collected with their owners, and gone with their namespace."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from common.api.conditions import get_condition
from common.api.kinds import APISERVICES, CONFIGMAPS, NAMESPACES, SECRETS, Resource
from common.api.meta import Key, Object, name
from common.client import SharedInformers
from common.client.resources import ApiResource
from common.errors import ServiceUnavailable
from console.controllers.aggregated import Aggregated
from console.controllers.garbagecollector import GarbageCollector
from console.controllers.namespace import NamespaceController
from tests.fakes.api import FakeApi, FakeClient

FLUNDERS = Resource("wardle.example.com", "v1", "flunders", "Flunder")
OLD_FLUNDERS = Resource("wardle.example.com", "v1alpha1", "flunders", "Flunder")
READINGS = Resource("wardle.example.com", "v1", "readings", "Reading")
ALL_VERBS = frozenset({"get", "list", "watch", "create", "delete", "patch"})
SERVICE = "v1.wardle.example.com"


class RemoteClient(FakeClient):
    """The whole API as clients see it; `asked` counts the requests for discovery."""

    def __init__(self, api: FakeApi) -> None:
        super().__init__(api)
        self.served: list[ApiResource] = [
            ApiResource(FLUNDERS, "flunder", verbs=ALL_VERBS),
            ApiResource(OLD_FLUNDERS, "flunder", verbs=ALL_VERBS),
            ApiResource(READINGS, "reading", verbs=frozenset({"get", "list"})),
            ApiResource(CONFIGMAPS, "configmap", verbs=ALL_VERBS),
        ]
        self.broken = False
        self.asked = 0

    async def discover(self) -> Sequence[ApiResource]:
        self.asked += 1
        if self.broken:
            raise ServiceUnavailable("nobody answers")
        return self.served


class Behind:
    """The server behind: `aggregated` is what the controllers get."""

    def __init__(self, world: Any) -> None:
        self.client = RemoteClient(world.api)
        self.informers = SharedInformers(self.client, world.clock)
        self.aggregated = Aggregated(self.client, self.informers)


@pytest.fixture
async def behind(world: Any) -> AsyncIterator[Behind]:
    found = Behind(world)
    yield found
    await found.informers.close()


def registered(*, available: bool = True) -> Object:
    spec = {"group": FLUNDERS.group, "version": "v1", "service": {"name": "api", "namespace": "default"}}
    conditions = [{"type": "Available", "status": str(available)}]
    return {"metadata": {"name": SERVICE}, "spec": spec, "status": {"conditions": conditions}}


async def owned(world: Any, owner: Object, made: str) -> None:
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": name(owner), "uid": owner["metadata"]["uid"]}
    await world.client.create(FLUNDERS, {"metadata": {"name": made, "ownerReferences": [reference]}}, "default")


async def test_they_go_with_their_owners(world: Any, behind: Behind) -> None:
    await world.start(GarbageCollector(world.kit, (CONFIGMAPS, SECRETS), behind.aggregated))
    assert behind.client.asked == 0  # while nobody is behind us, nobody is asked
    world.api.seed(APISERVICES, registered())
    owner = await world.client.create(CONFIGMAPS, {"metadata": {"name": "owner"}}, "default")
    await owned(world, owner, "fish")
    await world.settle()
    assert [name(obj) for obj in world.api.items(FLUNDERS)] == ["fish"]
    await world.client.delete(CONFIGMAPS, "owner", "default")
    await world.settle()
    assert world.api.items(FLUNDERS) == []


async def test_they_own_like_others(world: Any, behind: Behind) -> None:
    world.api.seed(APISERVICES, registered())
    await world.start(GarbageCollector(world.kit, (CONFIGMAPS, SECRETS), behind.aggregated))
    fish = await world.client.create(FLUNDERS, {"metadata": {"name": "fish"}}, "default")
    reference = {"apiVersion": FLUNDERS.api_version, "kind": "Flunder", "name": "fish", "uid": fish["metadata"]["uid"]}
    for made, uid in (("mine", reference["uid"]), ("of-another", "gone")):
        body = {"metadata": {"name": made, "ownerReferences": [{**reference, "uid": uid}]}}
        await world.client.create(SECRETS, body, "default")
    await world.settle()
    assert [name(obj) for obj in world.api.items(SECRETS)] == ["mine"]
    await world.client.delete(FLUNDERS, "fish", "default")
    await world.settle()
    assert world.api.items(SECRETS) == []


async def test_a_server_that_is_away_keeps_nobody_elses_objects(world: Any, behind: Behind) -> None:
    world.api.seed(APISERVICES, registered())
    world.api.fail(ServiceUnavailable("away"), resource=FLUNDERS, times=1000)
    await world.start(GarbageCollector(world.kit, (CONFIGMAPS, SECRETS), behind.aggregated))
    owner = await world.client.create(CONFIGMAPS, {"metadata": {"name": "owner"}}, "default")
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    body = {"metadata": {"name": "dependent", "ownerReferences": [reference]}}
    await world.client.create(SECRETS, body, "default")
    await world.client.delete(CONFIGMAPS, "owner", "default")
    await world.settle()
    assert world.api.items(SECRETS) == []


async def test_a_kind_whose_server_is_gone_is_followed_no_more(world: Any, behind: Behind) -> None:
    service = world.api.seed(APISERVICES, registered())
    await world.start(GarbageCollector(world.kit, (CONFIGMAPS,), behind.aggregated))
    assert behind.informers.get(FLUNDERS).synced.is_set()
    behind.client.broken = True  # it is not forgotten for a moment's silence
    await world.client.update(APISERVICES, {**service, "status": registered(available=False)["status"]})
    await world.settle()
    assert behind.informers.get(FLUNDERS).synced.is_set()
    await world.client.delete(APISERVICES, SERVICE)
    await world.settle(2)
    assert not behind.informers.get(FLUNDERS).synced.is_set()  # a new one, that nobody started


async def test_they_go_with_their_namespace(world: Any, behind: Behind) -> None:
    world.api.seed(APISERVICES, registered())
    await world.client.create(NAMESPACES, {"metadata": {"name": "shop"}})
    await world.client.create(FLUNDERS, {"metadata": {"name": "fish"}}, "shop")
    await world.client.create(FLUNDERS, {"metadata": {"name": "other"}}, "default")
    await world.start(NamespaceController(world.kit, (CONFIGMAPS,), behind.aggregated))
    await world.client.delete(NAMESPACES, "shop")
    await world.settle(3)
    assert world.api.find(NAMESPACES, Key("", "shop")) is None
    assert [name(obj) for obj in world.api.items(FLUNDERS)] == ["other"]


async def test_a_namespace_waits_for_a_server_that_does_not_say_what_it_has(world: Any, behind: Behind) -> None:
    world.api.seed(APISERVICES, registered())
    behind.client.broken = True
    await world.client.create(NAMESPACES, {"metadata": {"name": "shop"}})
    await world.start(NamespaceController(world.kit, (CONFIGMAPS,), behind.aggregated))
    await world.client.delete(NAMESPACES, "shop")
    await world.settle(3)
    failure = get_condition(world.api.find(NAMESPACES, Key("", "shop")), "NamespaceDeletionContentFailure")
    assert (failure["status"], "nobody answers" in failure["message"]) == ("True", True)
    behind.client.broken = False
    await world.settle(3)
    assert world.api.find(NAMESPACES, Key("", "shop")) is None
