"""The resource quota controller: the status tells what is used, also as objects come and go."""

from __future__ import annotations

from typing import Any

from common.api.kinds import CONFIGMAPS, PODS, RESOURCEQUOTAS
from common.api.meta import Key, Object
from console.controllers.resourcequota import ResourceQuotaController


def status(world: Any) -> Object:
    found: Object = world.api.find(RESOURCEQUOTAS, Key("default", "q"))["status"]
    return found


async def test_the_status_follows_the_objects(world: Any) -> None:
    await world.start(ResourceQuotaController(world.kit, [CONFIGMAPS, PODS]))
    hard = {"configmaps": "2", "requests.memory": "1Gi", "pods": "3"}
    await world.client.create(RESOURCEQUOTAS, {"metadata": {"name": "q"}, "spec": {"hard": hard}}, "default")
    await world.settle()
    assert status(world) == {"hard": hard, "used": {"configmaps": "0", "requests.memory": "0", "pods": "0"}}
    await world.client.create(CONFIGMAPS, {"metadata": {"name": "c"}}, "default")
    asked = {"requests": {"memory": "256Mi"}}
    spec = {"containers": [{"name": "main", "image": "app:1", "resources": asked}]}
    await world.client.create(PODS, {"metadata": {"name": "p"}, "spec": spec}, "default")
    await world.settle()
    assert status(world)["used"] == {"configmaps": "1", "requests.memory": "256Mi", "pods": "1"}
    await world.client.delete(CONFIGMAPS, "c", "default")
    await world.settle()
    assert status(world)["used"]["configmaps"] == "0"


async def test_a_changed_quota_is_counted_anew(world: Any) -> None:
    await world.start(ResourceQuotaController(world.kit, [CONFIGMAPS]))
    spec = {"hard": {"configmaps": "2"}}
    await world.client.create(RESOURCEQUOTAS, {"metadata": {"name": "q"}, "spec": spec}, "default")
    await world.settle()
    await world.client.patch(RESOURCEQUOTAS, "q", {"spec": {"hard": {"configmaps": "9"}}}, "default")
    await world.settle()
    assert status(world)["hard"] == {"configmaps": "9"}
