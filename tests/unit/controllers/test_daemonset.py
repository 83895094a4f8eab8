"""DaemonSets on the in-memory API: a pod on each node that fits, updates by maxUnavailable and by maxSurge."""

from __future__ import annotations

from typing import Any

import pytest

from common.api.kinds import CONTROLLERREVISIONS, DAEMONSETS, EVENTS, NAMESPACES, NODES, PODS
from common.api.meta import Key, Object, is_deleting, labels, name
from common.api.pods import is_ready
from console.controllers.daemonset import DaemonSetController
from console.controllers.daemonset.nodes import fits, new_pod, target
from console.controllers.replicaset import ReplicationControllerController
from tests.fakes.api import copy
from tests.fakes.cluster import run_pods, set_ready
from tests.fakes.objects import daemonset, node, pod

LOG = Key("default", "log")
NODE_NAMES = ("n1", "n2", "n3", "n4")


@pytest.fixture
async def running(world: Any) -> Any:
    for node_name in NODE_NAMES:
        world.api.seed(NODES, node(node_name))
    await world.start(DaemonSetController(world.kit))
    return world


def bind(world: Any) -> None:
    for entry in world.api.items(PODS):
        if not entry["spec"].get("nodeName"):
            world.api.bind(Key("default", name(entry)), {"target": {"name": target(entry)}})


async def step(world: Any, *, broken: Any = lambda _pod: False) -> None:
    bind(world)
    run_pods(world.api, broken=broken)
    await world.settle()


async def rest(world: Any, *, broken: Any = lambda _pod: False) -> None:
    for _ in range(40):
        before = world.api.revision
        await step(world, broken=broken)
        if world.api.revision == before:
            return
    raise AssertionError("it does not come to rest")


def images(world: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for entry in world.api.items(PODS):
        if not is_deleting(entry):
            found.setdefault(target(entry), []).append(entry["spec"]["containers"][0]["image"])
    return {node_name: sorted(found[node_name]) for node_name in sorted(found)}


def status(world: Any) -> Object:
    found: Object = world.api.find(DAEMONSETS, LOG)["status"]
    return found


async def change(world: Any, spec: Object) -> None:
    await world.client.patch(DAEMONSETS, "log", {"spec": spec}, "default")
    await world.settle()


async def set_image(world: Any, image: str) -> None:
    await change(world, {"template": {"spec": {"containers": [{"name": "main", "image": image}]}}})


async def test_every_node_gets_a_pod_of_its_own(running: Any) -> None:
    await running.client.create(DAEMONSETS, daemonset("log"))
    await running.settle()
    made = running.api.items(PODS)
    assert sorted(target(entry) for entry in made) == list(NODE_NAMES)
    assert not any(entry["spec"].get("nodeName") for entry in made)
    keys = {toleration["key"] for toleration in made[0]["spec"]["tolerations"]}
    assert keys == {
        "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable", "node.kubernetes.io/disk-pressure",
        "node.kubernetes.io/memory-pressure", "node.kubernetes.io/pid-pressure", "node.kubernetes.io/unschedulable",
    }  # fmt: skip
    revision = running.api.items(CONTROLLERREVISIONS)[0]
    assert labels(made[0])["controller-revision-hash"] == labels(revision)["controller-revision-hash"]
    await rest(running)
    assert status(running) == {
        "currentNumberScheduled": 4, "desiredNumberScheduled": 4, "numberMisscheduled": 0, "numberReady": 4,
        "numberAvailable": 4, "updatedNumberScheduled": 4, "observedGeneration": 1,
    }  # fmt: skip


async def test_nodes_come_and_change_and_pods_follow(running: Any) -> None:
    template = daemonset("log")
    template["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "ssd"}
    await running.client.create(DAEMONSETS, template)
    await running.settle()
    assert images(running) == {}
    running.api.seed(NODES, node("n5", labels={"disk": "ssd"}))
    await rest(running)
    assert list(images(running)) == ["n5"]
    changed = copy(running.api.find(NODES, Key("", "n1")))
    changed["metadata"]["labels"]["disk"] = "ssd"
    running.api.update(NODES, changed, "")
    await rest(running)
    assert list(images(running)) == ["n1", "n5"]
    changed = copy(running.api.find(NODES, Key("", "n5")))
    changed["metadata"]["labels"]["disk"] = "hdd"
    running.api.update(NODES, changed, "")
    await rest(running)
    assert list(images(running)) == ["n1"]


@pytest.mark.parametrize(
    ("effect", "expected"), [("NoSchedule", (False, True)), ("NoExecute", (False, False)), ("", (True, True))]
)
def test_taints_keep_new_pods_away_or_send_all_away(effect: str, expected: tuple[bool, bool]) -> None:
    taints = [{"key": "gpu", "effect": effect}] if effect else []
    trouble = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}
    assert fits(daemonset("log"), node("n1", taints=[*taints, trouble])) == expected


def test_a_pod_names_its_node_and_keeps_the_rest_of_its_affinity() -> None:
    owner = daemonset("log")
    preferred = {"podAntiAffinity": {"x": 1}, "nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}
    owner["spec"]["template"]["spec"]["affinity"] = preferred
    made = new_pod(owner, "hash", "n7")
    assert target(made) == "n7"
    assert made["spec"]["affinity"]["podAntiAffinity"] == {"x": 1}
    assert "preferredDuringSchedulingIgnoredDuringExecution" in made["spec"]["affinity"]["nodeAffinity"]
    assert target(pod("plain")) == ""


async def test_a_misplaced_pod_stays_under_no_schedule_and_is_counted(running: Any) -> None:
    await running.client.create(DAEMONSETS, daemonset("log"))
    await rest(running)
    changed = copy(running.api.find(NODES, Key("", "n1")))
    changed["spec"]["taints"] = [{"key": "gpu", "effect": "NoSchedule"}]
    running.api.update(NODES, changed, "")
    await rest(running)
    assert list(images(running)) == list(NODE_NAMES)
    assert (status(running)["numberMisscheduled"], status(running)["desiredNumberScheduled"]) == (1, 3)


async def test_an_update_takes_one_node_at_a_time(running: Any) -> None:
    await running.client.create(DAEMONSETS, daemonset("log"))
    await rest(running)
    await set_image(running, "hello:2")
    for _ in range(30):
        ready = [entry for entry in running.api.items(PODS) if is_ready(entry) and not is_deleting(entry)]
        assert len(ready) >= 3
        await step(running)
    assert set(map(tuple, images(running).values())) == {("hello:2",)}
    assert status(running)["updatedNumberScheduled"] == 4


async def test_a_namespace_that_ends_gets_no_pod_and_no_complaint(running: Any) -> None:
    await running.client.create(NAMESPACES, {"metadata": {"name": "default"}})
    await running.client.create(DAEMONSETS, daemonset("log"))
    await rest(running)
    await running.client.delete(NAMESPACES, "default")
    gone = running.api.items(PODS)[0]
    running.api.vanish(PODS, Key("default", name(gone)))
    await running.settle(60)
    assert len(running.api.items(PODS)) == len(NODE_NAMES) - 1
    assert [event for event in running.api.items(EVENTS) if event["reason"] == "FailedCreate"] == []


async def test_an_update_with_surge_brings_the_new_pod_first(running: Any) -> None:
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "50%"}}
    await running.client.create(DAEMONSETS, daemonset("log", updateStrategy=rolling))
    await rest(running)
    await set_image(running, "hello:2")
    both = [node_name for node_name, found in images(running).items() if found == ["hello:1", "hello:2"]]
    assert len(both) == 2
    await rest(running)
    assert set(map(tuple, images(running).values())) == {("hello:2",)}


async def test_a_template_that_never_gets_ready_stops_after_max_unavailable(running: Any) -> None:
    await running.client.create(DAEMONSETS, daemonset("log", updateStrategy={"rollingUpdate": {"maxUnavailable": 2}}))
    await rest(running)
    await set_image(running, "broken:1")
    await rest(running, broken=lambda entry: "broken" in str(entry["spec"]["containers"]))
    assert sorted(map(tuple, images(running).values())) == [("broken:1",)] * 2 + [("hello:1",)] * 2
    await set_image(running, "hello:1")
    await rest(running)
    assert set(map(tuple, images(running).values())) == {("hello:1",)}


async def test_on_delete_leaves_the_moment_to_the_user(running: Any) -> None:
    await running.client.create(DAEMONSETS, daemonset("log", updateStrategy={"type": "OnDelete"}))
    await rest(running)
    await set_image(running, "hello:2")
    await rest(running)
    assert set(map(tuple, images(running).values())) == {("hello:1",)}
    running.api.vanish(PODS, Key("default", name(running.api.items(PODS)[0])))
    await rest(running)
    assert sorted(found[0] for found in images(running).values()) == ["hello:1"] * 3 + ["hello:2"]


async def test_a_failed_pod_is_replaced_after_a_while_each_time_longer(running: Any) -> None:
    await running.client.create(DAEMONSETS, daemonset("log"))
    await rest(running)

    async def fail() -> None:
        entry = next(item for item in running.api.items(PODS) if target(item) == "n1")
        running.api.update(PODS, {**entry, "status": {"phase": "Failed"}}, "status")
        await running.settle(0.01)
        run_pods(running.api)
        await running.settle(0.01)

    await fail()
    assert "n1" not in images(running)
    assert "FailedDaemonPod" in [event["reason"] for event in running.api.items(EVENTS)]
    await running.settle(1.1)
    assert "n1" in images(running)
    await step(running)
    await fail()
    await running.settle(1.1)
    assert "n1" not in images(running)
    await running.settle(1.1)
    assert "n1" in images(running)


async def test_a_second_pod_on_a_node_goes(running: Any) -> None:
    await running.client.create(DAEMONSETS, daemonset("log"))
    await rest(running)
    running.api.create(PODS, pod("stray", node="n1", labels={"app": "log"}), "default")
    await rest(running)
    assert {node_name: len(found) for node_name, found in images(running).items()} == dict.fromkeys(NODE_NAMES, 1)


async def test_a_mirror_that_lags_makes_no_pod_twice(running: Any) -> None:
    running.api.hold(PODS)
    await running.client.create(DAEMONSETS, daemonset("log"))
    await running.settle()
    for label in ("a", "b"):
        await running.client.patch(DAEMONSETS, "log", {"metadata": {"labels": {"x": label}}}, "default")
        await running.settle(5)
    assert len(running.api.items(PODS)) == 4
    running.api.release()
    await rest(running)
    assert len(running.api.items(PODS)) == 4


async def test_a_replicationcontroller_does_the_work_of_a_replicaset(world: Any) -> None:
    await world.start(ReplicationControllerController(world.kit))
    made = daemonset("web", replicas=2, selector={"app": "web"})
    made |= {"kind": "ReplicationController", "apiVersion": "v1"}
    await world.client.create(ReplicationControllerController.kind, made)
    await world.settle()
    for entry in world.api.items(PODS):
        set_ready(world.api, entry)
    await world.settle()
    found = world.api.find(ReplicationControllerController.kind, Key("default", "web"))
    assert found["status"]["readyReplicas"] == 2
    assert "terminatingReplicas" not in found["status"], "the kind has no such field"
    assert world.api.items(PODS)[0]["metadata"]["ownerReferences"][0]["kind"] == "ReplicationController"


async def test_revisions_of_the_same_template_become_one_without_a_restart(running: Any) -> None:
    await running.client.create(DAEMONSETS, daemonset("log"))
    await rest(running)
    pods = {name(entry): entry["metadata"]["uid"] for entry in running.api.items(PODS)}
    (revision,) = running.api.items(CONTROLLERREVISIONS)
    twin = copy(revision)
    twin["metadata"] = {
        "name": "log-twin", "labels": {**labels(revision), "controller-revision-hash": "twin"},
        "ownerReferences": revision["metadata"]["ownerReferences"],
    }  # fmt: skip
    twin["revision"] = 2
    await running.client.create(CONTROLLERREVISIONS, twin, "default")
    await rest(running)
    assert [name(item) for item in running.api.items(CONTROLLERREVISIONS)] == ["log-twin"]
    found = running.api.items(PODS)
    assert {name(entry): entry["metadata"]["uid"] for entry in found} == pods
    assert {labels(entry)["controller-revision-hash"] for entry in found} == {"twin"}
