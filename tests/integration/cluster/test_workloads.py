"""Workloads across nodes: assigned, reported, released, and followed when a node or the control plane fails."""

from __future__ import annotations

from typing import Any

from common.api import meta, pods
from common.api.conditions import get_condition
from common.api.kinds import DEPLOYMENTS, NODES, PODS, SERVICES
from common.api.meta import Object
from tests.fakes.agent import SimulatedAgent
from tests.fakes.objects import deployment

from .conftest import Cluster, eventually


async def three(cluster: Cluster) -> dict[str, SimulatedAgent]:
    return {name: await cluster.node(name) for name in ("worker-1", "worker-2", "worker-3")}


async def is_ready(cluster: Cluster, replicas: int) -> bool:
    found = [pod for pod in await cluster.pods() if pods.is_ready(pod) and not meta.is_deleting(pod)]
    return len(found) == replicas == len(await cluster.pods())


async def assigned(agents: dict[str, SimulatedAgent], count: int) -> bool:
    return sum(len(agent.pods()) for agent in agents.values()) == count


def images(found: list[Object]) -> set[str]:
    return {pod["spec"]["containers"][0]["image"] for pod in found}


async def deploy(cluster: Cluster, replicas: int, **more: Any) -> None:
    await cluster.api.create(DEPLOYMENTS, deployment("web", replicas, **more), "default")
    await eventually(lambda: is_ready(cluster, replicas), f"{replicas} replicas becoming ready")


async def test_a_deployment_runs_scales_and_rolls_out(cluster: Cluster) -> None:
    agents = await three(cluster)
    await deploy(cluster, 6)
    await eventually(lambda: assigned(agents, 6), "the nodes knowing their pods")
    assert all(agent.pods() for agent in agents.values())

    await cluster.api.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 2}}, "default")
    await eventually(lambda: is_ready(cluster, 2), "scaling down to two")

    image = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "hello:2"}]}}}}
    await cluster.api.patch(DEPLOYMENTS, "web", image, "default")

    async def rolled_out() -> bool:
        return images(await cluster.pods()) == {"hello:2"} and await is_ready(cluster, 2)

    await eventually(rolled_out, "the rollout")
    await eventually(lambda: assigned(agents, 2), "the nodes forgetting the old pods")


async def test_nodes_have_the_last_word_on_their_pods_and_on_themselves(cluster: Cluster) -> None:
    await cluster.node("worker-1")
    await deploy(cluster, 1)
    (pod,) = await cluster.pods()
    wrong = {"phase": "Pending", "conditions": [{"type": "Ready", "status": "False"}]}
    await cluster.api.patch(PODS, meta.name(pod), {"status": wrong}, "default", subresource="status")

    async def restored() -> bool:
        (found,) = await cluster.pods()
        return found["status"]["phase"] == "Running" and pods.is_ready(found)

    await eventually(restored, "the node saying again how its pod is")
    was = (await cluster.api.get(NODES, "worker-1"))["status"]
    wrong = {"addresses": None, "capacity": {"cpu": "7777"}}
    await cluster.api.patch(NODES, "worker-1", {"status": wrong}, subresource="status")

    async def itself() -> bool:
        found = (await cluster.api.get(NODES, "worker-1"))["status"]
        return (found.get("addresses"), found["capacity"]) == (was["addresses"], was["capacity"])

    await eventually(itself, "the node being shown as it is")


async def test_a_terminating_pod_is_released_after_all_tables_let_go_of_it(cluster: Cluster) -> None:
    agents = await three(cluster)
    service = {
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "protocol": "TCP"}]},
    }
    await cluster.api.create(SERVICES, service, "default")
    await deploy(cluster, 3)
    await cluster.api.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 2}}, "default")
    await eventually(lambda: is_ready(cluster, 2), "scaling down to two")
    assert sum(len(agent.released) for agent in agents.values()) == 1


async def test_a_node_whose_tables_stand_still_delays_no_end_for_long(cluster: Cluster) -> None:
    agents = await three(cluster)
    await deploy(cluster, 3)
    agents["worker-2"].prompt = False
    await cluster.api.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 0}}, "default")
    await eventually(lambda: is_ready(cluster, 0), "all pods ending")


async def test_a_node_gets_only_what_its_pods_name(cluster: Cluster) -> None:
    from common.api.kinds import CONFIGMAPS, SECRETS

    agents = await three(cluster)
    for name in ("wanted", "unwanted"):
        await cluster.api.create(CONFIGMAPS, {"metadata": {"name": name}, "data": {"a": "1"}}, "default")
        await cluster.api.create(SECRETS, {"metadata": {"name": name}, "data": {"a": "MQ=="}}, "default")
    source = [{"configMapRef": {"name": "wanted"}}, {"secretRef": {"name": "wanted"}}]
    template = deployment("web", 1)
    template["spec"]["template"]["spec"]["containers"][0]["envFrom"] = source
    template["spec"]["template"]["spec"]["automountServiceAccountToken"] = False
    await cluster.api.create(DEPLOYMENTS, template, "default")
    await eventually(lambda: is_ready(cluster, 1), "the replica becoming ready")
    owner = next(agent for agent in agents.values() if agent.pods())

    def known(agent: SimulatedAgent, resource: str) -> list[str]:
        return [meta.name(obj) for obj in agent.assignment.objects(resource)]

    async def given() -> bool:
        return known(owner, "configmaps") == known(owner, "secrets") == ["wanted"]

    await eventually(given, "the node having what its pod names")
    assert all(not known(agent, "secrets") for agent in agents.values() if agent is not owner)
    await cluster.api.patch(CONFIGMAPS, "wanted", {"data": {"a": "2"}}, "default")

    async def updated() -> bool:
        return owner.assignment.objects("configmaps")[0]["data"]["a"] == "2"

    await eventually(updated, "the node hearing of the change")
    await cluster.api.delete(DEPLOYMENTS, "web", "default")

    async def forgotten() -> bool:
        return not owner.assignment.objects("secrets")

    await eventually(forgotten, "the node forgetting the secret")


async def test_pods_of_a_lost_node_are_replaced_elsewhere(cluster: Cluster) -> None:
    agents = await three(cluster)
    await deploy(cluster, 3)
    await agents["worker-1"].close()

    async def replaced() -> bool:
        found = [pod for pod in await cluster.pods() if pods.is_ready(pod) and pods.node_name(pod) != "worker-1"]
        return len([pod for pod in found if not meta.is_deleting(pod)]) == 3

    # The host still refuses connections, so it lives: the agent has its long deadline.
    await eventually(lost_node(cluster, "worker-1"), "the node being called lost")
    await eventually(replaced, "the replicas of the lost node being replaced")


def lost_node(cluster: Cluster, node: str) -> Any:
    async def lost() -> bool:
        ready = get_condition(await cluster.api.get(NODES, node), "Ready") or {}
        return ready.get("status") == "Unknown"

    return lost


async def test_what_happened_while_the_control_plane_was_away_is_told_after(cluster: Cluster) -> None:
    agent = await cluster.node("worker-1")
    await deploy(cluster, 2)
    await cluster.stop()
    agent.message = "restarted meanwhile"
    agent.report()
    await cluster.start()

    async def told() -> bool:
        return any(
            (found.get("status") or {}).get("message") == "restarted meanwhile" for found in await cluster.pods()
        )

    await eventually(told, "the status arriving")
    assert len(agent.pods()) == 2
