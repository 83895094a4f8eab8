"""NetworkPolicies as the kernel keeps them: between pods of one node and of two, from nodes and from outside."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from common.api.policypeers import peer

from .conftest import Cluster
from .world import Host, Namespace, Pod, ask, ask_datagram, service, slices

pytestmark = pytest.mark.root
VIPS = ("10.43.0.10", "fd00:42:0:ff00::10")
OUTSIDE = ("192.0.2.200", "fd00:99::200")
LABELS = {"a": {"app": "web"}, "b": {"app": "client"}, "c": {"app": "client"}}
NODE_PORT = 30080
WORLD = {"a": "one", "b": "one", "c": "two"}  # namespaces of the pods
PATIENCE = 0.3  # seconds; what is let through answers in a millisecond


def policy(selects: dict[str, str] | None = None, namespace: str = "one", **spec: Any) -> dict[str, Any]:
    types = [kind.capitalize() for kind in ("ingress", "egress") if kind in spec]
    selector = {"matchLabels": selects} if selects else {}
    return {
        "metadata": {"name": f"p{len(str(spec))}", "namespace": namespace, "uid": str(spec)},
        "spec": {"podSelector": selector, "policyTypes": types, **spec},
    }


def as_pod(pod: Pod, labels: dict[str, str]) -> dict[str, Any]:
    ports = [{"name": "web", "containerPort": pod.port}]
    return {
        "metadata": {"uid": f"uid-{pod.name}", "name": pod.name, "namespace": WORLD[pod.name], "labels": labels},
        "spec": {"containers": [{"name": "main", "ports": ports}]},
    }


class Policed:
    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.pods = {"a": cluster.a, "b": cluster.b, "c": cluster.c}
        for pod in self.pods.values():
            pod.host.network.call("adopt", f"uid-{pod.name}", list(pod.addresses))

    def apply(self, *policies: dict[str, Any], labels: dict[str, dict[str, str]] | None = None) -> None:
        marks = {**LABELS, **(labels or {})}
        objects = {name: as_pod(pod, marks[name]) for name, pod in self.pods.items()}
        spaces = [{"metadata": {"name": name, "uid": name, "labels": {"team": name}}} for name in ("one", "two")]

        def told(host: Host) -> dict[str, Any]:
            return {
                "policies": list(policies),
                "namespaces": spaces,
                "pods": [objects[name] for name, pod in self.pods.items() if pod.host is host],
                "peers": [peer(objects[name], pod.addresses) for name, pod in self.pods.items()],
            }

        service_of_a = service("web", VIPS, type="NodePort", node_port=NODE_PORT)
        self.cluster.world.sync([service_of_a], slices("web", [self.cluster.a]), policies=told)

    def gateway(self, family: int) -> str:
        base = self.cluster.one.cidrs[family].split("/")[0]
        return f"{base}1" if family else base.rsplit(".", 1)[0] + ".1"

    def reaches(self, client: Namespace, address: str, port: int = 8080) -> bool:
        with client.socket(6 if ":" in address else 4) as sock:
            sock.settimeout(PATIENCE)
            try:
                sock.connect((address, port))
            except TimeoutError:
                return False
        return True

    def who(self, family: int, target: str = "a") -> set[str]:
        """Who reaches the pod: pods, its own node, the other node, a client outside (by a route of its own)."""
        address = self.pods[target].addresses[family]
        clients = {name: pod.namespace for name, pod in self.pods.items() if name != target}
        clients |= {"one": self.cluster.one.namespace, "two": self.cluster.two.namespace}
        return {name for name, client in clients.items() if self.reaches(client, address)}


@pytest.fixture
def policed(cluster: Cluster) -> Iterator[Policed]:
    made = Policed(cluster)
    made.apply()
    for pod in made.pods.values():  # neighbours are found, so that a short wait tells what is dropped
        for client in (cluster.a, cluster.b, cluster.c, cluster.one, cluster.two):
            for address in pod.addresses:
                ask(client.namespace, address, 8080)
    yield made
    made.apply()


EVERYBODY = {"b", "c", "one", "two"}


def test_nothing_is_kept_apart_without_policies(policed: Policed, family: int) -> None:
    policed.apply()
    assert policed.who(family) == EVERYBODY
    assert "policies" not in policed.cluster.one.namespace.run("nft", "list", "tables")
    assert "chain policies" not in policed.cluster.one.namespace.run("nft", "list", "ruleset")


def test_a_default_deny_keeps_all_but_the_own_node_away(policed: Policed, family: int) -> None:
    policed.apply(policy(ingress=[]))
    assert policed.who(family) == {"one"}
    assert policed.who(family, "b") == {"one"}
    assert policed.who(family, "c") == {"a", "b", "one", "two"}, "another namespace is not selected"
    policed.apply()
    assert policed.who(family) == EVERYBODY


def test_pods_are_chosen_by_labels_of_their_own_and_of_their_namespaces(policed: Policed, family: int) -> None:
    client = {"podSelector": {"matchLabels": {"app": "client"}}}
    policed.apply(policy({"app": "web"}, ingress=[{"from": [client]}]))
    assert policed.who(family) == {"b", "one"}, "a pod selector alone means the policy's namespace"
    other = {"namespaceSelector": {"matchLabels": {"team": "two"}}}
    policed.apply(policy({"app": "web"}, ingress=[{"from": [other]}]))
    assert policed.who(family) == {"c", "one"}
    policed.apply(policy({"app": "web"}, ingress=[{"from": [{**client, **other}]}]))
    assert policed.who(family) == {"c", "one"}
    policed.apply(policy({"app": "web"}, ingress=[{"from": [{**client, **other}]}]), labels={"c": {"app": "x"}})
    assert policed.who(family) == {"one"}, "a pod that lost the label"
    policed.apply(policy({"app": "web"}, ingress=[{"from": [client]}, {"from": [other]}]))
    assert policed.who(family) == {"b", "c", "one"}


def test_several_policies_let_through_what_any_of_them_does(policed: Policed, family: int) -> None:
    client = {"podSelector": {"matchLabels": {"app": "client"}}}
    policed.apply(policy(ingress=[]), policy({"app": "web"}, ingress=[{"from": [client]}]))
    assert policed.who(family) == {"b", "one"}


def test_ports_by_number_name_and_range(policed: Policed, family: int) -> None:
    for ports, open_ in (
        ([{"port": 8080}], True),
        ([{"port": "web", "protocol": "TCP"}], True),
        ([{"port": 8000, "endPort": 8100}, {"port": 8050}], True),
        ([{"protocol": "TCP"}], True),
        ([{"port": 81}, {"port": "unknown"}], False),
        ([{"port": 8080, "protocol": "UDP"}], False),
    ):
        policed.apply(policy({"app": "web"}, ingress=[{"ports": ports}]))
        assert policed.reaches(policed.cluster.c.namespace, policed.pods["a"].addresses[family]) is open_, ports


def test_blocks_of_addresses_and_their_exceptions(policed: Policed, family: int) -> None:
    blocks = ("10.42.0.0/16", "fd00:42::/56")
    except_b = {"cidr": blocks[family], "except": [f"{policed.pods['b'].addresses[family]}/{(32, 128)[family]}"]}
    policed.apply(policy({"app": "web"}, ingress=[{"from": [{"ipBlock": except_b}]}]))
    assert policed.who(family) == {"c", "one"}
    nodes = {"cidr": ("192.0.2.0/24", "fd00:99::/64")[family]}
    policed.apply(policy({"app": "web"}, ingress=[{"from": [{"ipBlock": nodes}]}]))
    assert policed.who(family) == {"one", "two"}


def test_what_a_pod_may_send_is_decided_after_the_service_chose(policed: Policed, family: int) -> None:
    b = policed.cluster.b.namespace
    web = {"to": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": "web"}]}
    policed.apply(policy({"app": "client"}, egress=[web]))
    assert policed.reaches(b, VIPS[family], 80)
    assert ask(b, VIPS[family], 80)[0] == "a"
    assert not policed.reaches(b, policed.pods["c"].addresses[family])
    assert policed.reaches(policed.cluster.a.namespace, policed.pods["b"].addresses[family]), "it may still be asked"
    policed.apply(policy({"app": "client"}, egress=[]))
    assert not policed.reaches(b, VIPS[family], 80)
    assert policed.reaches(b, policed.gateway(family), 53), "DNS is the own node's"


def test_both_ends_have_to_agree(policed: Policed, family: int) -> None:
    to_web = policy({"app": "client"}, egress=[{"to": [{"podSelector": {}}]}])
    policed.apply(to_web, policy({"app": "web"}, ingress=[]))
    assert not policed.reaches(policed.cluster.b.namespace, policed.pods["a"].addresses[family])
    policed.apply(to_web, policy({"app": "web"}, ingress=[{}]))
    assert policed.reaches(policed.cluster.b.namespace, policed.pods["a"].addresses[family])


def test_a_node_port_keeps_the_clients_address_for_the_rules(policed: Policed, family: int) -> None:
    host = policed.cluster.one.addresses[family]
    client = f"{OUTSIDE[family]}/{(32, 128)[family]}"
    policed.apply(policy({"app": "web"}, ingress=[{"from": [{"ipBlock": {"cidr": client}}]}]))
    assert policed.reaches(policed.cluster.outside, host, NODE_PORT)
    policed.apply(policy({"app": "web"}, ingress=[]))
    assert not policed.reaches(policed.cluster.outside, host, NODE_PORT)


def test_datagrams_are_kept_apart_and_answers_come_back(policed: Policed, family: int) -> None:
    a, c = policed.pods["a"].addresses[family], policed.cluster.c.namespace
    policed.apply(policy({"app": "web"}, ingress=[{"ports": [{"port": 8080, "protocol": "UDP"}]}]))
    with c.socket((4, 6)[family], socket.SOCK_DGRAM) as sock:
        assert ask_datagram(sock, a, 8080)[0] == "a"
    policed.apply(policy({"app": "web"}, ingress=[]))
    with c.socket((4, 6)[family], socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE)
        with pytest.raises(TimeoutError):
            ask_datagram(sock, a, 8080)


def test_a_connection_outlives_a_policy_that_lets_its_like_through_no_more(policed: Policed, family: int) -> None:
    with policed.cluster.c.namespace.socket((4, 6)[family]) as sock:
        sock.connect((policed.pods["a"].addresses[family], 8080))
        policed.apply(policy({"app": "web"}, ingress=[]))
        sock.sendall(b"?")
        assert sock.recv(64).startswith(b"a ")


def test_a_pod_reaches_itself_through_its_service_whatever_is_forbidden(policed: Policed, family: int) -> None:
    policed.apply(policy(ingress=[], egress=[]))
    assert ask(policed.cluster.a.namespace, VIPS[family], 80)[0] == "a"


def test_a_pod_that_an_agent_has_not_found_again_yet_stays_isolated(policed: Policed, family: int) -> None:
    policed.cluster.one.network.call("release", "uid-a")
    try:
        policed.apply(policy(ingress=[]))
        assert policed.who(family) == {"one"}
    finally:
        policed.cluster.one.network.call("adopt", "uid-a", list(policed.pods["a"].addresses))


def test_a_new_pod_is_isolated_before_it_starts(policed: Policed, family: int) -> None:
    policed.apply(policy(ingress=[]))
    late = as_pod(policed.pods["a"], {"app": "web"})
    late["metadata"] |= {"uid": "uid-late", "name": "late"}
    cidr = policed.cluster.one.cidrs[family].split("/")[0]
    address = f"{cidr}77" if family else cidr.rsplit(".", 1)[0] + ".77"
    policed.cluster.one.network.call("adopt", "uid-late", [address])
    policed.cluster.one.network.call("isolate", late, {"policies": [policy(ingress=[])], "pods": [late]})
    kernel = policed.cluster.one.namespace.run("nft", "list", "map", ("ip", "ip6")[family], "qd", "ingress")
    assert address in kernel
    policed.cluster.one.network.call("release", "uid-late")
