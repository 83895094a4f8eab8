"""Load-balancer addresses: which nodes, which families, who has a port, and whose balancer it is."""

from __future__ import annotations

from typing import Any

from common.api.kinds import EVENTS, INGRESSCLASSES, INGRESSES, NODES, SERVICES
from common.api.meta import Key, Object
from common.settings import ClusterConfig
from console.controllers.servicelb.controller import ServiceBalancerController
from console.controllers.servicelb.plan import EXCLUDED, Decision, decide
from tests.fakes import objects


def node(name: str, *addresses: str, ready: str = "True", **labels: str) -> Object:
    made = objects.node(name)
    made["metadata"]["labels"] = labels
    made["status"] = {
        "conditions": [{"type": "Ready", "status": ready}],
        "addresses": [{"type": "InternalIP", "address": address} for address in addresses],
    }
    return made


def balancer(name: str, port: int = 8080, created: int = 0, has: tuple[str, ...] = (), **spec: Any) -> Object:
    metadata = {"name": name, "namespace": "ns", "uid": name, "creationTimestamp": f"2026-01-01T00:00:{created:02}Z"}
    return {
        "metadata": metadata,
        "spec": {"type": "LoadBalancer", "ports": [{"port": port}], "ipFamilies": ["IPv4"], **spec},
        "status": {"loadBalancer": {"ingress": [{"ip": address} for address in has]} if has else {}},
    }


NODES_OF_TWO = [node("b", "10.0.0.2", "fd00::2"), node("a", "10.0.0.1", "fd00::1")]


def decided(*services: Object, nodes: list[Object] = NODES_OF_TWO, ports: frozenset[int] = frozenset()) -> Any:
    found = decide(services, nodes, {Key("ns", "local"): {"b"}}, ports)
    return {key.name: decision for key, decision in found.items()}


def test_a_balancer_gets_the_ready_nodes_in_the_order_of_its_families() -> None:
    nodes = [*NODES_OF_TWO, node("c", "10.0.0.3", ready="False"), node("d", "10.0.0.4", **{EXCLUDED: ""})]
    found = decided(balancer("web", ipFamilies=["IPv6", "IPv4"]), nodes=nodes)
    assert found["web"].addresses == ("fd00::1", "fd00::2", "10.0.0.1", "10.0.0.2")


def test_policy_local_names_only_nodes_that_would_answer() -> None:
    assert decided(balancer("local", externalTrafficPolicy="Local"))["local"].addresses == ("10.0.0.2",)


def test_another_class_is_left_alone() -> None:
    assert decided(balancer("other", loadBalancerClass="example.com/lb"), {"spec": {"type": "ClusterIP"}}) == {}


def test_a_port_belongs_to_whoever_has_it_then_to_the_oldest() -> None:
    found = decided(balancer("old"), balancer("has", created=5, has=("10.0.0.1",)), balancer("free", 81, created=9))
    assert found["has"].addresses
    assert found["free"].addresses
    assert found["old"] == Decision((), "port 8080/TCP of the nodes belongs to Service ns/has")


def test_the_ports_of_ingresses_are_taken() -> None:
    ports = frozenset({80, 443})
    assert "the Ingresses of this cluster" in decided(balancer("web", 80), ports=ports)["web"].conflict
    assert decided(balancer("web", 80, has=("10.0.0.1",)), ports=ports)["web"].addresses


async def test_the_status_follows_nodes_and_is_taken_back(world: Any) -> None:
    world.api.seed(NODES, *NODES_OF_TWO)
    world.api.seed(SERVICES, balancer("web"), balancer("late", created=9), balancer("x", loadBalancerClass="e.x/lb"))
    await world.start(ServiceBalancerController(world.kit, ClusterConfig()))

    def addresses(name: str) -> list[str]:
        status = world.api.find(SERVICES, Key("ns", name))["status"]["loadBalancer"]
        return [entry["ip"] for entry in status.get("ingress") or ()]

    assert (addresses("web"), addresses("late"), addresses("x")) == (["10.0.0.1", "10.0.0.2"], [], [])
    await world.settle(3)
    assert [event["reason"] for event in world.api.items(EVENTS)].count("SyncLoadBalancerFailed") == 1
    world.api.vanish(NODES, Key("", "a"))
    await world.settle()
    assert addresses("web") == ["10.0.0.2"]
    world.api.vanish(SERVICES, Key("ns", "web"))
    await world.settle()
    assert addresses("late") == ["10.0.0.2"]
    await world.client.patch(SERVICES, "late", {"spec": {"type": "ClusterIP"}}, "ns")
    await world.settle()
    assert addresses("late") == []
    assert world.api.items(INGRESSES) == world.api.items(INGRESSCLASSES) == []
