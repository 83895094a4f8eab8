"""Kubernetes' conformance cases that send packets: pods, Services, names, host ports and policies on two hosts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e import manifests
from tests.e2e.bench import Bench, container, opened, pod
from tests.e2e.cluster import Cluster
from tests.lab.commands import LabError, run
from tests.lab.host import Host

SPACE = "conformance-network"
ROUNDS = 24  # of three replicas chosen at random, the chance to miss one is below two in ten thousand


def server(name: str, *, ports: tuple[int, ...] = (8080,), node: str = "", **marks: str) -> dict[str, Any]:
    """A pod that answers HTTP and datagrams on these ports with its name."""
    made = [
        container("", f"c{port}", env=[{"name": "PORT", "value": str(port)}], ports=[{"containerPort": port}])
        for port in ports
    ]
    fixed = {"nodeSelector": {"kubernetes.io/hostname": node}} if node else {}
    return pod(name, *made, metadata={"labels": {"app": name, **marks}}, restartPolicy="Always", **fixed)


def service(name: str, selector: dict[str, str] | None, *ports: dict[str, Any], **spec: Any) -> dict[str, Any]:
    made = {"ports": list(ports) or [{"name": "http", "port": 80, "targetPort": 8080}], **spec}
    if selector:
        made["selector"] = selector
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": made}


def replicas(kind: str, name: str) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": name}}, "spec": server("x")["spec"]}
    selector: Any = {"app": name} if kind == "ReplicationController" else {"matchLabels": {"app": name}}
    spec = {"replicas": 2, "selector": selector, "template": template}
    version = "v1" if kind == "ReplicationController" else "apps/v1"
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def fails_once() -> dict[str, Any]:
    script = "[ -r /data/foo ] && exit 0; echo foo > /data/foo; exit 1"
    mounts = [{"name": "data", "mountPath": "/data"}]
    work = pod(
        "x",
        container(script, volumeMounts=mounts),
        restartPolicy="OnFailure",
        volumes=[{"name": "data", "emptyDir": {}}],
    )
    spec = {"completions": 2, "parallelism": 2, "template": {"spec": work["spec"]}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "fail-once-local"}, "spec": spec}


@pytest.fixture(scope="module")
def bench(shared_cluster: Cluster) -> Iterator[Bench]:
    hosts = shared_cluster.lab.hosts
    with opened(shared_cluster, SPACE) as bench:
        querier = server("querier")
        querier["spec"] |= {"hostname": "querier-1", "subdomain": "subdomain"}
        asking = {
            "nameservers": ["1.1.1.1"],
            "searches": ["resolv.conf.local"],
            "options": [{"name": "ndots", "value": "3"}],
        }
        own_dns = server("own-dns")
        own_dns["spec"] |= {"dnsPolicy": "None", "dnsConfig": asking}
        bench.start(
            manifests.deployment("web", SPACE, 3),
            replicas("ReplicaSet", "rs"), replicas("ReplicationController", "rc"),
            server("client", node=hosts[0].name), server("double", ports=(8090, 9090), node=hosts[1].name),
            querier, own_dns, fails_once(),
            service("subdomain", {"app": "querier"}, clusterIP="None"),
            service("affine", {"app": "web"}, sessionAffinity="ClientIP", type="NodePort"),
            service("changing", None, type="ExternalName", externalName="web.conformance-network.svc.cluster.local"),
            service("plain", {"app": "web"}),
        )  # fmt: skip
        shared_cluster.wait_ready(SPACE, 3, "app=web")
        for name in ("client", "double", "querier", "own-dns"):
            bench.running(name)
        yield bench


def client(bench: Bench, script: str) -> list[str]:
    """What a shell of the client pod prints; failing commands in it print nothing."""
    return bench.exec("client", "sh", "-c", f"{script}; true", container="c8080").splitlines()


def asked(bench: Bench, url: str, rounds: int = 1) -> list[str]:
    """Who answers to the client pod: the first word of each answer, or `-`."""
    script = f"for i in $(seq {rounds}); do busybox timeout 3 wget -qO- '{url}' 2>/dev/null || echo -; done"
    return [line.split()[0] for line in client(bench, script)]


def datagram(bench: Bench, host: str, port: int) -> list[str]:
    """Who answers to a datagram of the client pod."""
    return [
        line.split()[0]
        for line in client(bench, f"busybox timeout 3 wget -qO- 'http://127.0.0.1:8080/udp?{host}:{port}'")
    ]


def webs(bench: Bench) -> dict[str, dict[str, Any]]:
    return {item["metadata"]["name"]: item for item in bench.cluster.wait_ready(SPACE, 3, "app=web")}


def comes(bench: Bench, look: Callable[[], Any], wanted: Any) -> None:
    """Wait until that is seen: tables and names on each node follow the objects a moment later."""
    seen: list[Any] = []

    def there() -> bool:
        try:
            seen[:] = [look()]
        except LabError as error:
            seen[:] = [str(error)]
        return seen == [wanted]

    bench.cluster.wait(there, f"{wanted} to be seen", explain=lambda: str(seen))


def from_node(host: Host, address: str, port: int) -> tuple[str, str]:
    """Who answers a node over HTTP and by a datagram."""
    script = (
        "import socket,sys; v6=':' in sys.argv[1];"
        "s=socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM);"
        "s.settimeout(3); s.sendto(b'?', (sys.argv[1], int(sys.argv[2]))); print(s.recv(99).decode().split()[0])"
    )
    shown = f"[{address}]" if ":" in address else address
    http = host.run("curl", "-gsS", "--max-time", "3", f"http://{shown}:{port}/").split()[0]
    return http, host.run("python3", "-c", script, address, str(port)).strip()


def test_pods_and_nodes_reach_pods_over_http_and_udp(bench: Bench) -> None:
    for name, found in webs(bench).items():
        for address in (entry["ip"] for entry in found["status"]["podIPs"]):
            shown = f"[{address}]" if ":" in address else address
            node = bench.cluster.lab.hosts[0]
            comes(bench, lambda shown=shown: asked(bench, f"http://{shown}:8080/"), [name])
            comes(bench, lambda address=address: datagram(bench, address, 8080), [name])
            comes(bench, lambda address=address, node=node: from_node(node, address, 8080), (name, name))


@pytest.mark.parametrize("name", ["rs", "rc"])
def test_every_replica_serves(bench: Bench, name: str) -> None:
    for found in bench.cluster.wait_ready(SPACE, 2, f"app={name}"):
        title = found["metadata"]["name"]
        answer = bench.cluster.kubectl("get", "--raw", f"/api/v1/namespaces/{SPACE}/pods/{title}/proxy/")
        assert answer.split()[0] == title


def test_a_job_whose_containers_fail_once_completes_by_local_restarts(bench: Bench) -> None:
    bench.cluster.kubectl(
        "wait", "--for=condition=complete", "job/fail-once-local", "-n", SPACE, "--timeout=60s", timeout=70
    )
    pods = bench.cluster.list("pods", SPACE, "job-name=fail-once-local")
    assert [item["status"]["containerStatuses"][0]["restartCount"] for item in pods] == [1, 1]


def test_names_of_pods_services_and_the_cluster(bench: Bench) -> None:
    querier = bench.get("querier")["status"]["podIP"]
    hosts = bench.exec("querier", "cat", "/etc/hosts", container="c8080")
    full = f"querier-1.subdomain.{SPACE}.svc.cluster.local"
    assert [querier, full, "querier-1"] in [line.split() for line in hosts.splitlines()]
    plain = bench.get("plain", "service")["spec"]["clusterIP"]
    for name, address in ((f"plain.{SPACE}", plain), (f"subdomain.{SPACE}", querier), (full[:-18], querier)):
        asks = f"nslookup -type=a {name.removesuffix('.svc')}.svc.cluster.local"
        comes(bench, lambda asks=asks, address=address: address in " ".join(client(bench, asks)), True)
    spaced = (f"plain.{SPACE}", f"plain.{SPACE}.svc", f"plain.{SPACE}.svc.cluster.local", "plain")
    heads = ("subdomain", f"subdomain.{SPACE}.svc", full, f"querier-1.subdomain.{SPACE}", "querier-1.subdomain")
    ends = [(name, 80) for name in spaced] + [(name, 8080) for name in heads]
    ends += [
        ("kubernetes.default", 443),
        ("kubernetes.default.svc", 443),
        ("kubernetes.default.svc.cluster.local", 443),
    ]
    script = "; ".join(f"nc -w 2 {name} {port} < /dev/null && echo {name}" for name, port in ends)
    comes(bench, lambda: client(bench, script), [name for name, _ in ends])
    for name in (f"_http._tcp.plain.{SPACE}.svc.cluster.local", f"_http._tcp.subdomain.{SPACE}.svc.cluster.local"):
        asks = f"nslookup -type=srv {name} | grep service"
        comes(bench, lambda asks=asks: "svc.cluster.local" in " ".join(client(bench, asks)), True)
    reverse = ".".join(reversed(plain.split(".")))
    asks, full = f"nslookup -type=ptr {reverse}.in-addr.arpa", f"plain.{SPACE}.svc.cluster.local"
    comes(bench, lambda: full in " ".join(client(bench, asks)), True)


def test_a_pod_may_bring_its_own_dns(bench: Bench) -> None:
    conf = bench.exec("own-dns", "cat", "/etc/resolv.conf", container="c8080")
    assert sorted(conf.split("\n")) == sorted(["nameserver 1.1.1.1", "search resolv.conf.local", "options ndots:3", ""])


def test_a_service_changes_between_a_name_an_address_and_a_port(bench: Bench) -> None:
    cluster, names = bench.cluster, set(webs(bench))
    assert "clusterIP" not in bench.get("changing", "service")["spec"]
    full = f"changing.{SPACE}.svc.cluster.local"

    def alias() -> str:
        return " ".join(client(bench, f"nslookup -type=cname {full}"))

    comes(bench, lambda: f"web.{SPACE}.svc.cluster.local" in alias(), True)
    patch(bench, "changing", {"externalName": "bar.example.com"})
    cluster.wait(lambda: "bar.example.com" in alias(), "the new name to be told")
    ports = [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}]
    patch(bench, "changing", {"type": "ClusterIP", "externalName": None, "selector": {"app": "web"}, "ports": ports})
    address = bench.get("changing", "service")["spec"]["clusterIP"]
    cluster.wait(lambda: set(asked(bench, "http://changing/")) <= names, "the Service to answer by its name")
    comes(bench, lambda: set(asked(bench, f"http://{address}/")) <= names, True)
    patch(bench, "changing", {"type": "NodePort"})
    number = bench.get("changing", "service")["spec"]["ports"][0]["nodePort"]
    for host in cluster.lab.hosts:
        cluster.wait(lambda url=f"http://{host.address}:{number}/": set(asked(bench, url)) <= names, "the node port")
    patch(bench, "changing", {"type": "ExternalName", "externalName": f"plain.{SPACE}.svc.cluster.local"})
    assert "clusterIP" not in bench.get("changing", "service")["spec"]
    cluster.wait(lambda: set(asked(bench, "http://changing/")) <= names, "the name to lead to the other Service")


def patch(bench: Bench, name: str, spec: dict[str, Any]) -> None:
    bench.cluster.kubectl("patch", "service", name, "-n", SPACE, "--type=merge", "-p", json.dumps({"spec": spec}))


@pytest.mark.parametrize("way", ["cluster address", "node port"])
def test_affinity_to_a_client_is_switched_off_and_on(bench: Bench, way: str) -> None:
    names = set(webs(bench))
    spec = bench.get("affine", "service")["spec"]
    node = f"{bench.cluster.lab.hosts[1].address}:{spec['ports'][0]['nodePort']}"
    url = f"http://{spec['clusterIP'] if way == 'cluster address' else node}/"
    sticks = lambda: len(set(asked(bench, url, ROUNDS))) == 1 and "-" not in asked(bench, url)  # noqa: E731
    bench.cluster.wait(sticks, "one pod to serve the client")
    patch(bench, "affine", {"sessionAffinity": "None"})
    bench.cluster.wait(lambda: set(asked(bench, url, ROUNDS)) == names, "all pods to serve the client")
    patch(bench, "affine", {"sessionAffinity": "ClientIP"})
    bench.cluster.wait(sticks, "one pod to serve the client again")


def test_one_port_of_two_protocols(bench: Bench) -> None:
    tcp, udp = ({"name": kind.lower(), "port": 80, "targetPort": 8080, "protocol": kind} for kind in ("TCP", "UDP"))
    bench.start(service("both", {"app": "web"}, tcp, udp))
    address, names = bench.get("both", "service")["spec"]["clusterIP"], set(webs(bench))

    def answers() -> tuple[bool, bool]:
        return set(asked(bench, f"http://{address}/")) <= names, set(datagram(bench, address, 80)) & names != set()

    bench.cluster.wait(lambda: answers() == (True, True), "both protocols to answer")
    patch(bench, "both", {"ports": [tcp]})
    bench.cluster.wait(lambda: answers() == (True, False), "TCP alone to answer")
    patch(bench, "both", {"ports": [udp]})
    bench.cluster.wait(lambda: answers() == (False, True), "UDP alone to answer")


def test_slices_of_users_lead_to_other_ports_and_pods(bench: Bench) -> None:
    double, single = bench.get("double")["status"]["podIP"], bench.get("client")["status"]["podIP"]
    for name, ends in (("ports", ((double, 8090), (double, 9090))), ("pods", ((double, 8090), (single, 8080)))):
        made = [
            {
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                "metadata": {"name": f"{name}-{index}", "labels": {"kubernetes.io/service-name": name}},
                "ports": [{"name": "http", "port": port, "protocol": "TCP"}], "endpoints": [{"addresses": [address]}],
            }
            for index, (address, port) in enumerate(ends)
        ]  # fmt: skip
        bench.start(service(name, None), *made)
        number = bench.get(name, "service")["spec"]["clusterIP"]
        script = f"for i in $(seq {ROUNDS}); do busybox timeout 2 wget -qO- 'http://{number}/env?PORT' || echo -; done"
        wanted = {str(port) for _, port in ends}
        bench.cluster.wait(
            lambda script=script, wanted=wanted: set(client(bench, script)) == wanted, f"{name} to answer"
        )


def test_a_host_port_is_taken_for_its_address_and_protocol_alone(bench: Bench) -> None:
    host = bench.cluster.lab.hosts[0]
    for name, address, protocol in (
        ("port-1", "127.0.0.1", "TCP"), ("port-2", host.address, "TCP"), ("port-3", host.address, "UDP"),
    ):  # fmt: skip
        made = server(name, node=host.name)
        port = {"containerPort": 8080, "hostPort": 54323, "hostIP": address, "protocol": protocol}
        made["spec"]["containers"][0]["ports"] = [port]
        bench.start(made)
    for name in ("port-1", "port-2", "port-3"):
        assert bench.running(name)["spec"]["nodeName"] == host.name
    ask = ("curl", "-gsS", "--max-time", "3", "--interface", host.address)
    outside = ("curl", "-gsS", "--max-time", "3", f"http://{host.address}:54323/")
    comes(bench, lambda: host.run(*ask, "http://127.0.0.1:54323/").split()[0], "port-1")
    comes(bench, lambda: from_node(host, host.address, 54323), ("port-2", "port-3"))
    comes(bench, lambda: run(*outside).split()[0], "port-2")


def test_policies_hold_between_pods_of_one_host_and_of_two(bench: Bench) -> None:
    near, far = webs(bench), bench.get("double")["status"]["podIP"]
    addresses = [found["status"]["podIP"] for found in near.values()]
    deny = policy("deny-web", {"app": "web"}, policyTypes=["Ingress"])
    bench.start(deny)
    bench.cluster.wait(
        lambda: {answer for address in addresses for answer in asked(bench, f"http://{address}:8080/")} == {"-"},
        "the pods to be closed",
    )
    assert len(bench.cluster.ready_pods(SPACE, "app=web")) == 3, "probes come from the own node"
    allow = [{"from": [{"podSelector": {"matchLabels": {"app": "client"}}}], "ports": [{"port": "http"}]}]
    bench.start(policy("allow-client", {"app": "web"}, policyTypes=["Ingress"], ingress=allow))
    bench.cluster.wait(lambda: set(asked(bench, "http://plain/", 8)) <= set(near), "the client to be let through")
    bench.start(policy("mute-client", {"app": "client"}, policyTypes=["Egress"], egress=[{"to": allow[0]["from"]}]))
    bench.cluster.wait(lambda: asked(bench, f"http://{far}:8090/") == ["-"], "the client to be kept in")
    bench.cluster.kubectl("delete", "networkpolicies", "--all", "-n", SPACE)
    bench.cluster.wait(lambda: asked(bench, f"http://{far}:8090/") == ["double"], "everything to be open again")


def policy(name: str, selects: dict[str, str], **spec: Any) -> dict[str, Any]:
    chosen = {"podSelector": {"matchLabels": selects}, **spec}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name}, "spec": chosen}
