"""Services as clients see them: from pods, nodes and outside, over IPv4 and IPv6, TCP and UDP."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import Counter
from ipaddress import ip_address
from pathlib import Path

import dns.message
import pytest

from .conftest import Cluster
from .world import Namespace, Pod, ask, ask_datagram, service, slices

pytestmark = pytest.mark.root
VIPS = ("10.43.0.10", "fd00:42:0:ff00::10")
NODE_PORT = 30080


def answers(client: Namespace, address: str, port: int, count: int = 40) -> Counter[str]:
    return Counter(ask(client, address, port)[0] for _ in range(count))


def publish(cluster: Cluster, pods: list[Pod], **spec: object) -> None:
    cluster.world.sync([service("web", VIPS, **spec)], slices("web", pods))


def test_every_client_reaches_every_endpoint_of_a_virtual_address(cluster: Cluster, family: int) -> None:
    publish(cluster, [cluster.a, cluster.b, cluster.c])
    for client in (cluster.a.namespace, cluster.c.namespace, cluster.one.namespace, cluster.two.namespace):
        assert set(answers(client, VIPS[family], 80)) == {"a", "b", "c"}


def test_pods_of_other_nodes_see_the_pods_own_address(cluster: Cluster, family: int) -> None:
    publish(cluster, [cluster.c])
    assert ask(cluster.a.namespace, VIPS[family], 80) == ("c", cluster.a.addresses[family])
    assert ask(cluster.a.namespace, cluster.c.addresses[family], 8080) == ("c", cluster.a.addresses[family])


def test_weights_share_new_connections_and_each_is_counted(cluster: Cluster, family: int) -> None:
    publish(cluster, [cluster.a, cluster.b, cluster.c])
    found = slices("web", [cluster.a, cluster.c])
    for item in found:
        item["metadata"]["annotations"] = {"quarterdeck.io/weights": json.dumps({cluster.a.addresses[family]: 25})}
    cluster.world.sync([service("web", VIPS)], found)
    (before,) = cluster.one.network.call("connections")
    counted = Counter(answers(cluster.one.namespace, VIPS[family], 80, 200))
    (after,) = cluster.one.network.call("connections")
    assert 15 <= counted["a"] <= 70, "one fifth of 200, within five standard deviations"
    assert after["connections"] - before["connections"] == 200


def test_a_pod_reaches_itself_through_its_service(cluster: Cluster, family: int) -> None:
    publish(cluster, [cluster.a])
    assert answers(cluster.a.namespace, VIPS[family], 80, 10) == {"a": 10}


def test_node_ports_answer_outside_on_every_node(cluster: Cluster, family: int) -> None:
    publish(cluster, [cluster.a, cluster.c], type="NodePort", node_port=NODE_PORT)
    for host in (cluster.one, cluster.two):
        assert set(answers(cluster.outside, host.addresses[family], NODE_PORT)) == {"a", "c"}


def test_node_ports_answer_on_the_node_itself_the_other_node_and_in_pods(cluster: Cluster, family: int) -> None:
    publish(cluster, [cluster.a, cluster.c], type="NodePort", node_port=NODE_PORT)
    for client in (cluster.one.namespace, cluster.two.namespace, cluster.b.namespace, cluster.a.namespace):
        assert set(answers(client, cluster.one.addresses[family], NODE_PORT)) == {"a", "c"}


def test_external_policy_local_keeps_the_client_address_and_uses_this_nodes_pods(cluster: Cluster, family: int) -> None:
    spec = {"type": "NodePort", "node_port": NODE_PORT, "externalTrafficPolicy": "Local"}
    publish(cluster, [cluster.a, cluster.c], **spec)
    client = ("192.0.2.200", "fd00:99::200")[family]
    for host, pod in ((cluster.one, "a"), (cluster.two, "c")):
        assert {ask(cluster.outside, host.addresses[family], NODE_PORT) for _ in range(10)} == {(pod, client)}


def test_external_policy_local_without_local_pods_drops_outside_and_serves_pods(cluster: Cluster, family: int) -> None:
    spec = {"type": "NodePort", "node_port": NODE_PORT, "externalTrafficPolicy": "Local"}
    publish(cluster, [cluster.c], **spec)
    assert ask(cluster.a.namespace, cluster.one.addresses[family], NODE_PORT)[0] == "c"
    with cluster.outside.socket(4 if family == 0 else 6) as sock:
        sock.settimeout(0.5)
        with pytest.raises(TimeoutError):
            sock.connect((cluster.one.addresses[family], NODE_PORT))


def test_internal_policy_local_uses_this_nodes_pods(cluster: Cluster, family: int) -> None:
    publish(cluster, [cluster.a, cluster.c], internalTrafficPolicy="Local")
    assert set(answers(cluster.b.namespace, VIPS[family], 80)) == {"a"}
    assert set(answers(cluster.two.namespace, VIPS[family], 80)) == {"c"}


def test_session_affinity_keeps_a_client_at_one_endpoint_across_updates(cluster: Cluster, family: int) -> None:
    publish(cluster, [cluster.a, cluster.b, cluster.c], sessionAffinity="ClientIP")
    first = answers(cluster.two.namespace, VIPS[family], 80)
    assert len(first) == 1
    chosen = next(iter(first))
    keep = [pod for pod in (cluster.a, cluster.b, cluster.c) if pod.name == chosen]
    other = next(pod for pod in (cluster.a, cluster.b, cluster.c) if pod.name != chosen)
    publish(cluster, [*keep, other], sessionAffinity="ClientIP")
    assert set(answers(cluster.two.namespace, VIPS[family], 80)) == {chosen}
    publish(cluster, [other], sessionAffinity="ClientIP")
    assert set(answers(cluster.two.namespace, VIPS[family], 80)) == {other.name}


def test_a_service_without_endpoints_refuses_at_once(cluster: Cluster, family: int) -> None:
    publish(cluster, [], type="NodePort", node_port=NODE_PORT)
    targets = [(cluster.a.namespace, VIPS[family], 80), (cluster.one.namespace, VIPS[family], 80)]
    targets += [(cluster.outside, cluster.one.addresses[family], NODE_PORT)]
    for client, address, port in targets:
        with pytest.raises(ConnectionRefusedError):
            ask(client, address, port)


def test_an_unused_virtual_address_refuses_at_once(cluster: Cluster, family: int) -> None:
    publish(cluster, [cluster.a])
    address = ("10.43.9.9", "fd00:42:0:ff00::999")[family]
    for client in (cluster.a.namespace, cluster.one.namespace):
        with pytest.raises(ConnectionRefusedError):
            ask(client, address, 80)


def test_unready_addresses_are_left_out_whatever_slices_say(cluster: Cluster, family: int) -> None:
    found = slices("web", [cluster.a, cluster.b])
    cluster.world.sync([service("web", VIPS)], found, unready=cluster.a.addresses)
    assert set(answers(cluster.c.namespace, VIPS[family], 80)) == {"b"}


def test_datagrams_move_to_another_endpoint_when_theirs_is_removed(cluster: Cluster, family: int) -> None:
    publish(cluster, [cluster.a])
    with cluster.c.namespace.socket(4 if family == 0 else 6, socket.SOCK_DGRAM) as sock:
        sock.bind(("", 0))
        assert {ask_datagram(sock, VIPS[family], 81)[0] for _ in range(5)} == {"a"}
        publish(cluster, [cluster.b])
        assert {ask_datagram(sock, VIPS[family], 81)[0] for _ in range(5)} == {"b"}


def test_established_connections_are_counted_and_survive_the_removal_of_their_endpoint(
    cluster: Cluster, family: int
) -> None:
    publish(cluster, [cluster.a])
    before = cluster.one.network.call("established", [cluster.a.addresses[family]])
    with cluster.c.namespace.socket(4 if family == 0 else 6) as sock:
        sock.connect((VIPS[family], 80))
        sock.sendall(b"?")
        assert sock.recv(64).startswith(b"a ")
        assert cluster.one.network.call("established", [cluster.a.addresses[family]]) == before + 1
        publish(cluster, [cluster.b])
        sock.sendall(b"?")
        assert sock.recv(64).startswith(b"a ")
    assert cluster.one.network.call("established", []) == 0


def test_the_api_service_leads_to_this_nodes_tunnel(cluster: Cluster, family: int) -> None:
    api = service("kubernetes", ("10.43.0.1", "fd00:42:0:ff00::1"))
    cluster.world.sync([api], [])
    with cluster.one.namespace.socket(4 if family == 0 else 6) as listener:
        gateway = cluster.one.network.call("resolv_conf", {"metadata": {"uid": "x"}, "spec": {}})
        assert gateway
        address = (f"10.42.{cluster.one.number}.1", f"fd00:42:0:{cluster.one.number}::1")[family]
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, 6444))
        listener.listen()
        for client in (cluster.a.namespace, cluster.one.namespace):
            with client.socket(4 if family == 0 else 6) as sock:
                sock.connect((api["spec"]["clusterIPs"][family], 80))
                listener.accept()[0].close()


def test_updates_under_load_fail_no_new_connection(cluster: Cluster, family: int) -> None:
    pods = [cluster.a, cluster.b, cluster.c]
    publish(cluster, pods)
    failures: list[OSError] = []
    served: Counter[str] = Counter()
    done = threading.Event()

    def load(client: Namespace) -> None:
        while not done.is_set():
            try:
                served[ask(client, VIPS[family], 80)[0]] += 1
            except OSError as error:
                failures.append(error)

    clients = [threading.Thread(target=load, args=(pod.namespace,)) for pod in pods]
    for thread in clients:
        thread.start()
    for turn in range(15):
        publish(cluster, [pod for index, pod in enumerate(pods) if index != turn % 3])
    done.set()
    for thread in clients:
        thread.join()
    assert failures == []
    assert served.keys() == {"a", "b", "c"}


def test_pods_resolve_names_on_their_node(cluster: Cluster, family: int) -> None:
    publish(cluster, [cluster.a])
    query = dns.message.make_query("web.default.svc.cluster.local", ("A", "AAAA")[family])
    gateway = (f"10.42.{cluster.one.number}.1", f"fd00:42:0:{cluster.one.number}::1")[family]
    with cluster.a.namespace.socket(4 if family == 0 else 6, socket.SOCK_DGRAM) as sock:
        sock.sendto(query.to_wire(), (gateway, 53))
        reply = dns.message.from_wire(sock.recv(4096))
    assert reply.answer[0][0].to_text() == str(ip_address(VIPS[family]))
    with cluster.a.namespace.socket(4 if family == 0 else 6) as sock:
        sock.connect((gateway, 53))
        sock.sendall(struct.pack("!H", len(query.to_wire())) + query.to_wire())
        assert dns.message.from_wire(sock.recv(4096)[2:]).answer == reply.answer


def test_a_pods_resolv_conf_names_its_node_and_the_search_list(cluster: Cluster) -> None:
    pod = {"metadata": {"uid": "uid-1", "namespace": "shop"}, "spec": {}}
    path = Path(cluster.one.network.call("resolv_conf", pod))
    number = cluster.one.number
    assert path.read_text() == (
        f"nameserver 10.42.{number}.1\nnameserver fd00:42:0:{number}::1\n"
        "search shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n"
    )
    cluster.one.network.call("release", "uid-1")
    assert not path.exists()
    with pytest.raises(RuntimeError, match="cannot be part of a file name"):
        cluster.one.network.call("resolv_conf", {"metadata": {"uid": "../../etc"}, "spec": {}})


def test_tables_that_were_flushed_come_back_with_the_next_sync(cluster: Cluster, family: int) -> None:
    publish(cluster, [cluster.a])
    cluster.one.namespace.run("nft", "delete", "table", "ip", "qd")
    cluster.one.namespace.run("nft", "flush", "chain", "ip6", "qd", "services")
    cluster.one.namespace.run("ip6tables", "-F", "QD-FORWARD")
    publish(cluster, [cluster.c])
    assert ask(cluster.a.namespace, VIPS[family], 80)[0] == "c"
