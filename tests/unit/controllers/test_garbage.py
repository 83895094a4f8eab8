"""Garbage: dependents, pods of lost nodes, events that are old, content of namespaces that end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from common.api.conditions import get_condition
from common.api.kinds import (
    APISERVICES,
    CONFIGMAPS,
    CUSTOMRESOURCEDEFINITIONS,
    EVENTS,
    NAMESPACES,
    NODES,
    PODS,
    SECRETS,
    SERVICEACCOUNTS,
    Resource,
)
from common.api.meta import Key, Object, format_time, name, owner_references
from common.errors import InternalError
from console.controllers import eventttl, podgc
from console.controllers.eventttl import EventLifetimeController
from console.controllers.garbagecollector import GarbageCollector
from console.controllers.namespace import NamespaceController
from console.controllers.namespacedefaults import RootCaPublisher, ServiceAccountController
from console.controllers.podgc import PodGarbageCollector
from tests.fakes.api import copy
from tests.fakes.cluster import at
from tests.fakes.objects import node, pod

RESOURCES = (CONFIGMAPS, SECRETS, PODS, NODES)


def reference(owner: Object, kind: str = "ConfigMap", *, block: bool = False) -> Object:
    return {
        "apiVersion": "v1", "kind": kind, "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
        "blockOwnerDeletion": block,
    }  # fmt: skip


async def make(world: Any, resource: Resource, made: str, *owners: Object, **meta: Any) -> Object:
    body = {"metadata": {"name": made, "ownerReferences": list(owners), **meta}}
    created: Object = await world.client.create(resource, body, "default" if resource.namespaced else None)
    return created


def left(world: Any, resource: Resource = SECRETS) -> list[str]:
    return [name(obj) for obj in world.api.items(resource)]


@pytest.fixture
async def collecting(world: Any) -> Any:
    await world.start(GarbageCollector(world.kit, RESOURCES))
    return world


async def test_dependents_go_with_their_owner_through_all_generations(collecting: Any) -> None:
    owner = await make(collecting, CONFIGMAPS, "owner")
    child = await make(collecting, SECRETS, "child", reference(owner))
    await make(collecting, SECRETS, "grandchild", reference(child, "Secret"))
    await collecting.client.delete(CONFIGMAPS, "owner", "default")
    await collecting.settle()
    assert left(collecting) == []


WIDGETS = Resource("example.com", "v1", "widgets", "Widget")


async def define(world: Any) -> None:
    names = {"plural": "widgets", "kind": "Widget"}
    versions = [{"name": "v1beta1", "served": True}, {"name": "v1", "served": True, "storage": True}]
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": versions}
    status = {"acceptedNames": names, "conditions": [{"type": "Established", "status": "True"}]}
    made = await world.client.create(
        CUSTOMRESOURCEDEFINITIONS, {"metadata": {"name": "widgets.example.com"}, "spec": spec}
    )
    await world.client.update(CUSTOMRESOURCEDEFINITIONS, {**made, "status": status}, subresource="status")


async def test_kinds_that_users_define_own_and_are_owned(collecting: Any) -> None:
    await define(collecting)
    await collecting.settle()
    owner = await make(collecting, WIDGETS, "owner")
    child = await make(
        collecting, WIDGETS, "child", {**reference(owner, "Widget"), "apiVersion": "example.com/v1beta1"}
    )
    await make(collecting, SECRETS, "grandchild", {**reference(child, "Widget"), "apiVersion": "example.com/v1"})
    await collecting.settle()
    assert left(collecting) == ["grandchild"]
    await collecting.client.delete(WIDGETS, "owner", "default")
    await collecting.settle()
    assert (left(collecting), left(collecting, WIDGETS)) == ([], [])
    await collecting.client.delete(CUSTOMRESOURCEDEFINITIONS, "widgets.example.com")
    await collecting.settle()
    await make(collecting, SECRETS, "orphan", {**reference(child, "Widget"), "apiVersion": "example.com/v1"})
    await collecting.settle()
    assert left(collecting) == ["orphan"]


async def test_one_living_owner_is_enough_and_dead_ones_are_forgotten(collecting: Any) -> None:
    first, second = [await make(collecting, CONFIGMAPS, owner) for owner in ("first", "second")]
    await make(collecting, SECRETS, "child", reference(first), reference(second))
    await collecting.client.delete(CONFIGMAPS, "first", "default")
    await collecting.settle()
    (child,) = collecting.api.items(SECRETS)
    assert [entry["name"] for entry in owner_references(child)] == ["second"]


async def test_a_namesake_of_the_owner_owns_nothing(collecting: Any) -> None:
    owner = await make(collecting, CONFIGMAPS, "owner")
    await collecting.client.delete(CONFIGMAPS, "owner", "default")
    await make(collecting, CONFIGMAPS, "owner")
    await make(collecting, SECRETS, "late", reference(owner))
    await collecting.settle()
    assert (left(collecting), left(collecting, CONFIGMAPS)) == ([], ["owner"])


async def test_an_owner_that_is_not_mirrored_yet_is_asked_for(collecting: Any) -> None:
    collecting.api.hold(CONFIGMAPS)
    owner = await make(collecting, CONFIGMAPS, "owner")
    await make(collecting, SECRETS, "child", reference(owner))
    await collecting.settle()
    assert left(collecting) == ["child"]


async def test_owners_of_an_unknown_kind_count_as_present(collecting: Any) -> None:
    stranger = {"apiVersion": "example.com/v1", "kind": "Widget", "name": "w", "uid": "w"}
    await make(collecting, SECRETS, "child", stranger)
    await collecting.settle()
    assert left(collecting) == ["child"]


async def test_a_cluster_scoped_object_that_names_an_owner_inside_a_namespace_stays(collecting: Any) -> None:
    owner = await make(collecting, CONFIGMAPS, "owner")
    await make(collecting, NODES, "n1", reference(owner))
    await collecting.settle()
    assert left(collecting, NODES) == ["n1"]


async def test_foreground_waits_for_the_dependents_that_block(collecting: Any) -> None:
    owner = await make(collecting, CONFIGMAPS, "owner")
    await make(collecting, SECRETS, "blocks", reference(owner, block=True), finalizers=["example.com/hold"])
    await collecting.client.delete(CONFIGMAPS, "owner", "default", propagation_policy="Foreground")
    await collecting.settle()
    assert (left(collecting, CONFIGMAPS), left(collecting)) == (["owner"], ["blocks"])
    await collecting.client.patch(SECRETS, "blocks", {"metadata": {"finalizers": None}}, "default")
    await collecting.settle()
    assert (left(collecting, CONFIGMAPS), left(collecting)) == ([], [])


async def test_foreground_does_not_wait_for_others(collecting: Any) -> None:
    owner = await make(collecting, CONFIGMAPS, "owner")
    await make(collecting, SECRETS, "lazy", reference(owner), finalizers=["example.com/hold"])
    await collecting.client.delete(CONFIGMAPS, "owner", "default", propagation_policy="Foreground")
    await collecting.settle()
    assert (left(collecting, CONFIGMAPS), left(collecting)) == ([], ["lazy"])


async def test_orphaned_dependents_stay_without_their_owner(collecting: Any) -> None:
    owner = await make(collecting, CONFIGMAPS, "owner")
    await make(collecting, SECRETS, "child", reference(owner))
    await collecting.client.delete(CONFIGMAPS, "owner", "default", propagation_policy="Orphan")
    await collecting.settle()
    (child,) = collecting.api.items(SECRETS)
    assert (owner_references(child), left(collecting, CONFIGMAPS)) == ([], [])


async def test_what_was_missed_while_it_was_away_is_found_at_the_start(world: Any) -> None:
    owner = await make(world, CONFIGMAPS, "owner")
    await make(world, SECRETS, "child", reference(owner))
    await world.client.delete(CONFIGMAPS, "owner", "default")
    await world.start(GarbageCollector(world.kit, RESOURCES))
    assert left(world) == []


def test_pods_without_a_future_are_named_with_the_reason() -> None:
    lost, unplaced, fine = pod("lost", node="gone"), pod("unplaced"), pod("fine", node="n1")
    unplaced["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    ended = [pod(f"ended-{index}", phase="Failed", created=f"2026-01-01T00:00:0{index}Z") for index in range(3)]
    doomed = podgc.plan([lost, unplaced, fine, *ended], {"gone"}, limit=1)
    assert [(name(entry.pod), entry.why) for entry in doomed] == [
        ("lost", "node gone no longer exists"),
        ("unplaced", "it was deleted before it had a node"),
        ("ended-0", "too many ended pods"),
        ("ended-1", "too many ended pods"),
    ]


async def test_pods_of_a_removed_node_go_after_a_while_unless_it_returns(world: Any) -> None:
    world.api.seed(NODES, node("n1"), node("n2"))
    world.api.seed(PODS, pod("a", node="n1", ready=True), pod("b", node="n2", ready=True))
    await world.start(PodGarbageCollector(world.kit))
    for node_key in ("n1", "n2"):
        world.api.vanish(NODES, Key("", node_key))
    await world.settle(2)
    world.api.seed(NODES, node("n2"))
    await world.settle(30)
    assert left(world, PODS) == ["b"]


async def test_a_pod_that_somebody_holds_has_failed_when_its_node_is_removed(world: Any) -> None:
    held = pod("held", node="n1", phase="Running")
    held["metadata"]["finalizers"] = ["example.com/count-me"]
    world.api.seed(NODES, node("n1"))
    world.api.seed(PODS, held)
    await world.start(PodGarbageCollector(world.kit))
    world.api.vanish(NODES, Key("", "n1"))
    await world.settle(30)
    found = world.api.get(PODS, Key("default", "held"))
    assert found["status"]["phase"] == "Failed"
    reasons = {entry["type"]: entry.get("reason") for entry in found["status"]["conditions"]}
    assert reasons["DisruptionTarget"] == "DeletionByPodGC"


async def test_pods_on_their_way_out_go_when_an_operator_vouches_that_their_node_is_off(world: Any) -> None:
    off = [{"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}]
    leaving = [pod(name, node=node_key, phase="Running") for name, node_key in (("a", "n1"), ("b", "n2"), ("c", "n3"))]
    for entry in leaving:
        entry["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    world.api.seed(NODES, node("n1", ready="Unknown"), node("n2", taints=off), node("n3", ready="Unknown"))
    world.api.seed(PODS, *leaving, pod("staying", node="n1", phase="Running"))
    await world.start(PodGarbageCollector(world.kit))
    await world.settle(2)
    assert left(world, PODS) == ["a", "b", "c", "staying"]
    tainted = copy(world.api.find(NODES, Key("", "n1")))
    tainted["spec"]["taints"] = off
    world.api.update(NODES, tainted, "")
    await world.settle(1)
    assert left(world, PODS) == ["b", "c", "staying"]


def test_events_go_by_age_and_number() -> None:
    now = at("2026-06-30T00:00:00Z")
    ages = {"new": 0, "week": 7, "old": 22}
    seen = [(format_time(now - timedelta(days=days)), Key("default", event)) for event, days in ages.items()]
    broken = ("yesterday", Key("default", "broken"))
    assert [event.name for event in eventttl.plan([*seen, broken], now)] == ["broken", "old"]
    assert [event.name for event in eventttl.plan(seen, now, limit=1)] == ["old", "week"]


async def test_old_events_are_swept(world: Any) -> None:
    for event, moment in (("old", "2025-01-01T00:00:00Z"), ("new", "2026-01-01T00:00:00Z")):
        body = {"metadata": {"name": event}, "lastTimestamp": moment}
        await world.client.create(EVENTS, body, "default")
    await world.start(EventLifetimeController(world.kit))
    assert left(world, EVENTS) == ["new"]
    await world.clock.advance(22 * 86400)
    await world.settle(700)
    assert left(world, EVENTS) == []


async def ending(world: Any, *controllers: Any) -> None:
    await world.client.create(NAMESPACES, {"metadata": {"name": "shop"}})
    await world.start(*controllers)
    await world.client.create(CONFIGMAPS, {"metadata": {"name": "a"}}, "shop")
    held = {"metadata": {"name": "held", "finalizers": ["example.com/hold"]}}
    await world.client.create(SECRETS, held, "shop")
    await world.client.delete(NAMESPACES, "shop")
    await world.settle(2)


async def test_a_namespace_waits_for_its_content_and_says_for_what(world: Any) -> None:
    await ending(world, NamespaceController(world.kit, RESOURCES))
    shop = world.api.find(NAMESPACES, Key("", "shop"))
    remaining = get_condition(shop, "NamespaceContentRemaining")
    finalizers = get_condition(shop, "NamespaceFinalizersRemaining")
    assert remaining["message"] == "Some resources are remaining: secrets. has 1 resource instances"
    assert "example.com/hold in 1 resource instances" in finalizers["message"]
    await world.client.patch(SECRETS, "held", {"metadata": {"finalizers": None}}, "shop")
    await world.settle(3)
    assert world.api.find(NAMESPACES, Key("", "shop")) is None


async def test_a_resource_that_cannot_be_listed_holds_the_namespace(world: Any) -> None:
    world.api.fail(InternalError("disk full"), verb="list", resource=PODS, times=1000)
    await ending(world, NamespaceController(world.kit, RESOURCES))
    await world.client.patch(SECRETS, "held", {"metadata": {"finalizers": None}}, "shop")
    await world.settle(3)
    failure = get_condition(world.api.find(NAMESPACES, Key("", "shop")), "NamespaceDeletionContentFailure")
    assert (failure["status"], "pods: disk full" in failure["message"]) == ("True", True)
    world.api.heal()
    await world.settle(3)
    assert world.api.find(NAMESPACES, Key("", "shop")) is None


async def test_a_server_that_does_not_answer_holds_the_namespace(world: Any) -> None:
    spec = {"group": "example.com", "version": "v1", "service": {"name": "api", "namespace": "default"}}
    world.api.seed(APISERVICES, {"metadata": {"name": "v1.example.com"}, "spec": spec})
    world.api.seed(APISERVICES, {"metadata": {"name": "v1.apps"}, "spec": {"group": "apps", "version": "v1"}})
    await ending(world, NamespaceController(world.kit, RESOURCES))
    await world.client.patch(SECRETS, "held", {"metadata": {"finalizers": None}}, "shop")
    await world.settle(3)
    failure = get_condition(world.api.find(NAMESPACES, Key("", "shop")), "NamespaceDeletionDiscoveryFailure")
    assert (failure["status"], failure["reason"]) == ("True", "DiscoveryFailed")
    assert failure["message"] == (
        "Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: "
        "example.com/v1: stale GroupVersion discovery: example.com/v1"
    )
    await world.client.delete(APISERVICES, "v1.example.com")
    await world.settle(3)
    assert world.api.find(NAMESPACES, Key("", "shop")) is None


async def test_the_defaults_of_a_namespace_come_back(world: Any) -> None:
    await world.start(ServiceAccountController(world.kit), RootCaPublisher(world.kit, "PEM"))
    await world.client.create(NAMESPACES, {"metadata": {"name": "shop"}})
    await world.settle()
    await world.client.delete(SERVICEACCOUNTS, "default", "shop")
    await world.client.patch(CONFIGMAPS, "kube-root-ca.crt", {"data": {"ca.crt": "changed"}}, "shop")
    await world.settle()
    assert left(world, SERVICEACCOUNTS) == ["default"]
    assert world.api.find(CONFIGMAPS, Key("shop", "kube-root-ca.crt"))["data"] == {"ca.crt": "PEM"}


async def test_an_owner_may_be_named_in_another_version_of_its_kind(world: Any) -> None:
    older = Resource("", "v0", "configmaps", "ConfigMap")
    await world.start(GarbageCollector(world.kit, RESOURCES, versions={older: CONFIGMAPS}))
    owner = await make(world, CONFIGMAPS, "owner")
    await make(world, SECRETS, "child", {**reference(owner), "apiVersion": "v0"})
    await world.settle()
    assert left(world) == ["child"]
    await world.client.delete(CONFIGMAPS, "owner", "default")
    await world.settle()
    assert left(world) == []
