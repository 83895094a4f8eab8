"""Claims to devices: made for pods, reserved by them, released after them."""

from __future__ import annotations

from typing import Any

import pytest

from common.api.kinds import EVENTS, PODS, RESOURCECLAIMS, RESOURCECLAIMTEMPLATES
from common.api.meta import Key, Object, name, uid
from console.controllers.resourceclaims import (
    POD_CLAIM,
    PROTECTION,
    ClaimReservationController,
    PodClaimController,
    claim_for,
)
from tests.fakes.api import copy
from tests.fakes.objects import pod
from tests.unit.controllers.conftest import World

DEVICES = {"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": "gpu.example.com"}}]}}
TEMPLATE: Object = {
    "apiVersion": "resource.k8s.io/v1",
    "kind": "ResourceClaimTemplate",
    "metadata": {"name": "gpus", "namespace": "default"},
    "spec": {"metadata": {"labels": {"app": "web"}, "annotations": {"note": "x"}}, "spec": DEVICES},
}


@pytest.fixture
async def running(world: World) -> World:
    await world.start(PodClaimController(world.kit), ClaimReservationController(world.kit))
    return world


def wanting(title: str = "gpu", template: str = "gpus") -> Object:
    return pod("web", resourceClaims=[{"name": title, "resourceClaimTemplateName": template}])


def claims(world: Any) -> list[Object]:
    return list(world.api.items(RESOURCECLAIMS))


def web(world: Any) -> Object:
    found: Object = world.api.find(PODS, Key("default", "web"))
    return found


async def change(world: Any, **fields: Any) -> None:
    changed = copy(web(world))
    changed.update(fields)
    world.api.seed(PODS, changed)
    await world.settle()


async def test_a_pod_gets_a_claim_of_its_own_from_a_template(running: World) -> None:
    running.api.seed(RESOURCECLAIMTEMPLATES, TEMPLATE)
    running.api.seed(PODS, wanting())
    await running.settle()
    (claim,) = claims(running)
    assert name(claim).startswith("web-gpu-")
    assert claim["metadata"]["labels"] == {"app": "web"}
    assert claim["metadata"]["annotations"] == {"note": "x", POD_CLAIM: "gpu"}
    (owner,) = claim["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("Pod", uid(web(running)), True)
    assert claim["spec"] == DEVICES
    assert web(running)["status"]["resourceClaimStatuses"] == [{"name": "gpu", "resourceClaimName": name(claim)}]


async def test_a_missing_template_is_told_and_waited_for(running: World) -> None:
    running.api.seed(PODS, wanting())
    await running.settle()
    (event,) = running.api.items(EVENTS)
    assert (event["reason"], event["message"]) == (
        "FailedResourceClaimCreation",
        'PodResourceClaim gpu: resource claim template "gpus": resourceclaimtemplates.resource.k8s.io "gpus" not found',
    )
    running.api.seed(RESOURCECLAIMTEMPLATES, TEMPLATE)
    await running.settle()
    assert len(claims(running)) == 1


async def test_a_claim_that_was_made_already_is_taken(running: World) -> None:
    running.api.seed(PODS, pod("web"))
    made = claim_for(web(running), "gpu", TEMPLATE)
    made["metadata"]["name"] = "web-gpu-abcde"
    running.api.seed(RESOURCECLAIMS, made)
    running.api.seed(RESOURCECLAIMTEMPLATES, TEMPLATE)
    await change(running, spec=wanting()["spec"])
    assert [name(claim) for claim in claims(running)] == ["web-gpu-abcde"]
    assert web(running)["status"]["resourceClaimStatuses"][0]["resourceClaimName"] == "web-gpu-abcde"


def test_a_long_name_leaves_room_for_what_is_generated() -> None:
    long = pod("w" * 60)
    assert claim_for(long, "g" * 60, TEMPLATE)["metadata"]["generateName"] == f"{'w' * 28}-{'g' * 28}-"


def allocated(*users: Object, **meta: Any) -> Object:
    consumers = [{"resource": "pods", "name": name(user), "uid": uid(user)} for user in users]
    return {
        "metadata": {"name": "shared", "namespace": "default", "finalizers": [PROTECTION], **meta},
        "spec": DEVICES,
        "status": {"allocation": {"devices": {}}, "reservedFor": consumers},
    }


async def test_devices_go_with_the_last_pod_that_used_them(running: World) -> None:
    running.api.seed(PODS, pod("web", resourceClaims=[{"name": "gpu", "resourceClaimName": "shared"}]))
    running.api.seed(PODS, pod("gone"))
    gone = running.api.find(PODS, Key("default", "gone"))
    running.api.seed(RESOURCECLAIMS, allocated(web(running), gone))
    await running.settle()
    assert len(claims(running)[0]["status"]["reservedFor"]) == 2
    running.api.delete(PODS, Key("default", "gone"), None, 0, None)
    changed = copy(claims(running)[0])
    changed["metadata"]["annotations"] = {"touched": "yes"}
    running.api.seed(RESOURCECLAIMS, changed)
    await running.settle()
    (claim,) = claims(running)
    assert [entry["name"] for entry in claim["status"]["reservedFor"]] == ["web"]
    assert claim["status"]["allocation"] == {"devices": {}}
    await change(running, status={"phase": "Succeeded"})
    (claim,) = claims(running)
    assert claim["status"] == {}
    assert not claim["metadata"].get("finalizers")


async def test_a_claim_made_for_a_pod_goes_when_the_pod_is_through(running: World) -> None:
    running.api.seed(RESOURCECLAIMTEMPLATES, TEMPLATE)
    running.api.seed(PODS, wanting())
    await running.settle()
    assert len(claims(running)) == 1
    await change(running, status={**web(running)["status"], "phase": "Succeeded"})
    assert claims(running) == []


async def test_what_others_use_and_what_nobody_made_is_left_alone(running: World) -> None:
    claim = allocated()
    claim["status"]["reservedFor"] = [{"apiGroup": "example.com", "resource": "jobs", "name": "x", "uid": "u"}]
    running.api.seed(RESOURCECLAIMS, claim)
    await running.settle()
    assert claims(running)[0]["status"]["allocation"] == {"devices": {}}


async def test_a_pod_that_the_mirror_does_not_show_yet_keeps_its_reservation(running: World) -> None:
    running.api.hold(PODS)
    running.api.seed(PODS, pod("new", resourceClaims=[{"name": "gpu", "resourceClaimName": "shared"}]))
    new = running.api.find(PODS, Key("default", "new"))
    assert new is not None
    running.api.seed(RESOURCECLAIMS, allocated(new))
    await running.settle()
    (claim,) = claims(running)
    assert [consumer["uid"] for consumer in claim["status"]["reservedFor"]] == [uid(new)]
    assert claim["status"]["allocation"]
    running.api.release()
    await running.settle()
