"""Pods are replaced when their configuration changes, if their workload asks for it, and only then."""

from __future__ import annotations

from typing import Any

import pytest

from common.api.configuration import NOTED, RESTART, STAMP
from common.api.kinds import CONFIGMAPS, DAEMONSETS, DEPLOYMENTS, EVENTS, STATEFULSETS, Resource
from common.api.meta import Key, Object
from console.controllers.configrollout import ConfigRolloutController
from tests.fakes.objects import deployment

KEY = Key("default", "web")


def workload(resource: Resource, *, asks: bool = True) -> Object:
    found = deployment("web")
    found["kind"] = resource.kind
    found["metadata"]["annotations"] = {RESTART: str(asks).lower()}
    found["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "web"}}]
    return found


def config(value: str) -> Object:
    return {"metadata": {"name": "web", "namespace": "default"}, "data": {"key": value}}


def stamp(world: Any, resource: Resource) -> str:
    annotations: dict[str, str] = world.api.get(resource, KEY)["spec"]["template"]["metadata"].get("annotations") or {}
    return annotations.get(STAMP, "")


def noted(world: Any, resource: Resource) -> str:
    return str(world.api.get(resource, KEY)["metadata"]["annotations"].get(NOTED, ""))


@pytest.mark.parametrize("resource", [DEPLOYMENTS, STATEFULSETS, DAEMONSETS])
async def test_a_change_stamps_the_template_and_says_why(world: Any, resource: Resource) -> None:
    world.api.seed(CONFIGMAPS, config("old"))
    world.api.seed(resource, workload(resource))
    await world.start(ConfigRolloutController(world.kit))
    assert (bool(noted(world, resource)), stamp(world, resource)) == (True, "")
    await world.client.patch(CONFIGMAPS, "web", {"data": {"key": "new"}}, "default")
    await world.settle()
    first = stamp(world, resource)
    assert first
    assert [event["message"] for event in world.api.items(EVENTS)] == [
        "Replacing pods because their configuration changed: ConfigMap web"
    ]
    await world.client.patch(CONFIGMAPS, "web", {"metadata": {"labels": {"a": "b"}}}, "default")
    await world.settle()
    assert stamp(world, resource) == first


async def test_who_does_not_ask_is_left_alone(world: Any) -> None:
    world.api.seed(CONFIGMAPS, config("old"))
    world.api.seed(DEPLOYMENTS, workload(DEPLOYMENTS, asks=False))
    await world.start(ConfigRolloutController(world.kit))
    await world.client.patch(CONFIGMAPS, "web", {"data": {"key": "new"}}, "default")
    await world.settle()
    assert (noted(world, DEPLOYMENTS), stamp(world, DEPLOYMENTS)) == ("", "")


async def test_configuration_that_comes_after_its_workload_restarts_nothing(world: Any) -> None:
    world.api.seed(DEPLOYMENTS, workload(DEPLOYMENTS))
    await world.start(ConfigRolloutController(world.kit))
    assert noted(world, DEPLOYMENTS) == ""
    await world.client.create(CONFIGMAPS, config("first"), "default")
    await world.settle()
    assert (bool(noted(world, DEPLOYMENTS)), stamp(world, DEPLOYMENTS)) == (True, "")


async def test_a_change_while_nobody_looked_is_found_at_the_start(world: Any) -> None:
    world.api.seed(CONFIGMAPS, config("now"))
    before = workload(DEPLOYMENTS)
    before["metadata"]["annotations"][NOTED] = "configmaps/web=0123456789ab"
    world.api.seed(DEPLOYMENTS, before)
    await world.start(ConfigRolloutController(world.kit))
    assert stamp(world, DEPLOYMENTS)
