"""The story of Ingresses: the tutorial, a measured canary, and rollouts, bad input and deaths that nobody notices."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from tests.e2e import manifests, tutorials
from tests.e2e.cluster import Cluster
from tests.e2e.load import Load
from tests.lab.commands import run
from tests.lab.host import Host


def ingress(name: str, space: str, host: str, service: str, **annotations: str) -> dict[str, Any]:
    backend = {"service": {"name": service, "port": {"number": 80}}}
    rule = {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    notes = {f"quarterdeck.io/{key.replace('_', '-')}": value for key, value in annotations.items()}
    return {
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": name, "namespace": space, "annotations": notes}, "spec": {"rules": [rule]},
    }  # fmt: skip


def get(address: str, host: str) -> str:
    connection = http.client.HTTPConnection(address, 80, timeout=10)
    try:
        connection.request("GET", "/", headers={"Host": host})
        return connection.getresponse().read().decode().strip()
    finally:
        connection.close()


def serves(cluster: Cluster, host: str, body: str, tries: int = 1) -> None:
    """Wait until every node answers for a host, over both families, one of so many times with that."""

    def everywhere() -> bool:
        addresses = [address for node in cluster.lab.hosts for address in (node.address, node.address6)]
        try:
            return all(any(get(address, host).endswith(body) for _ in range(tries)) for address in addresses)
        except (OSError, http.client.HTTPException):
            return False

    cluster.wait(everywhere, f"every node to answer for {host}",
                 explain=lambda: cluster.kubectl("describe", "nodes", check=False)[-4000:])  # fmt: skip


class KeepAlive:
    """Clients that keep their connections, as browsers do; what is not answered with 200 is counted."""

    def __init__(self, hosts: list[Host], name: str, clients: int = 6) -> None:
        self.ok = 0
        self.failures: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self._name = name
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(hosts[number % len(hosts)].address,)) for number in range(clients)
        ]

    def __enter__(self) -> KeepAlive:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _run(self, address: str) -> None:
        connection = http.client.HTTPConnection(address, 80, timeout=15)
        while not self._stop.wait(0.01):
            try:
                connection.request("GET", "/", headers={"Host": self._name})
                response = connection.getresponse()
                body = response.read().decode().strip()
                if response.status != 200:
                    raise http.client.HTTPException(f"status {response.status}")
                self.ok += 1
                self.answers[body.split()[-1]] += 1
            except (OSError, http.client.HTTPException) as error:
                self.failures[repr(error)] += 1
                connection.close()
        connection.close()


def test_the_tutorial(cluster: Cluster, space: str, tmp_path: Path) -> None:
    tutorials.follow(cluster, space, "ingress", tmp_path)


def test_a_rollout_and_a_canary_under_keep_alive_load_fail_no_request(cluster: Cluster, space: str) -> None:
    for name, version in (("web", "1"), ("next", "9")):
        cluster.apply(manifests.deployment(name, space, 3, version=version), manifests.service(name, space))
    cluster.apply(ingress("web", space, "roll.example", "web"))
    cluster.wait_ready(space, 6)
    serves(cluster, "roll.example", "1")
    with KeepAlive(cluster.lab.hosts, "roll.example") as load:
        cluster.kubectl("set", "env", "deployment/web", "VERSION=2", "-n", space)
        cluster.kubectl("rollout", "status", "deployment/web", "-n", space, "--timeout=90s", timeout=100)
        cluster.apply(ingress("next", space, "roll.example", "next", canary="true", canary_weight="20"))
        serves(cluster, "roll.example", "9", 20)  # the share is right when every node has it
        before = Counter(load.answers)
        cluster.wait(lambda: sum((load.answers - before).values()) > 1500, "1,500 requests", 60)
        since = load.answers - before
    share = since["9"] / sum(since.values())
    print(f"\nrollout under keep-alive load: {load.ok} answered, {load.failures.total()} failed; canary {share:.1%}")
    assert load.failures == {}
    assert {"1", "2", "9"} == set(load.answers)
    assert 0.14 < share < 0.26, "20 % of 1,500, within five standard deviations"


def test_a_killed_haproxy_is_back_and_other_nodes_go_on(cluster: Cluster, space: str) -> None:
    cluster.apply(manifests.deployment("web", space, 3), manifests.service("web", space))
    cluster.apply(ingress("web", space, "*.kill.example", "web"))
    everything = ingress("any", space, "", "web")
    del everything["spec"]["rules"][0]["host"]
    cluster.apply(everything)
    cluster.wait_ready(space, 3)
    for host in ("a.kill.example", "test"):
        serves(cluster, host, "1")
    victim, *others = cluster.lab.hosts
    here, elsewhere = Load([(victim.address, 80)], rate=50), Load([(host.address, 80) for host in others], rate=50)
    here.start()
    elsewhere.start()
    try:
        cluster.wait(lambda: here.ok > 50, "requests before")
        victim.run("pkill", "-KILL", "-x", "haproxy")
        answered = here.ok
        cluster.wait(lambda: here.ok > answered + 150, "requests after")
    finally:
        here.stop()
        elsewhere.stop()
    print(f"\nHAProxy killed: {here.failures.total()} of {here.sent} requests failed at its node")
    assert elsewhere.failures == {}
    assert here.failures.total() <= 400, "eight seconds of 50 requests each, on a slow machine"


def certificate(address: str, name: str) -> bytes:
    """The certificate that a node shows for a name."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((address, 443), 5) as plain,
        context.wrap_socket(plain, server_hostname=name) as secured,
    ):
        return secured.getpeercert(binary_form=True) or b""


def test_a_damaged_certificate_leaves_the_last_good_one(cluster: Cluster, space: str, tmp_path: Path) -> None:
    key, crt = tmp_path / "k", tmp_path / "c"
    subject = ["-subj", "/CN=tls.example", "-addext", "subjectAltName=DNS:tls.example"]
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(crt), *subject)
    cluster.kubectl("create", "secret", "tls", "cert", f"--cert={crt}", f"--key={key}", "-n", space)
    cluster.apply(manifests.deployment("web", space, 1), manifests.service("web", space))
    site = ingress("web", space, "tls.example", "web", ssl_redirect="false")
    site["spec"]["tls"] = [{"hosts": ["tls.example"], "secretName": "cert"}]
    cluster.apply(site)
    cluster.wait_ready(space, 1)
    serves(cluster, "tls.example", "1")
    good = ssl.PEM_cert_to_DER_cert(crt.read_text())
    address = cluster.lab.hosts[0].address
    cluster.wait(lambda: certificate(address, "tls.example") == good, "the node to show the certificate")
    assert certificate(address, "other.example") != good
    cluster.kubectl("patch", "secret", "cert", "-n", space, "-p", '{"data":{"tls.crt":"bm9uc2Vuc2U="}}')
    cluster.wait(lambda: "TLSSecretInvalid" in cluster.kubectl("get", "events", "-n", space), "an event to say so")
    assert certificate(address, "tls.example") == good
    assert get(address, "tls.example").endswith("1")


def balancer(name: str, space: str) -> dict[str, Any]:
    made = manifests.service(name, space, kind="LoadBalancer")
    made["spec"]["ports"][0]["port"] = 8089
    return made


def test_a_load_balancer_is_a_port_of_every_node(cluster: Cluster, space: str) -> None:
    cluster.apply(manifests.deployment("web", space, 2), balancer("web", space))
    pods = cluster.wait_ready(space, 2)
    wanted = {address for host in cluster.lab.hosts for address in (host.address, host.address6)}

    def found() -> set[str]:
        status = cluster.get("service", "web", space)["status"]["loadBalancer"]
        return {entry["ip"] for entry in status.get("ingress", ())}

    cluster.wait(lambda: found() == wanted, "the addresses of all nodes", explain=lambda: str(found()))
    ways = [(address, 8089) for address in sorted(wanted)]
    cluster.wait_answers(ways, pods)
    load = Load(ways, rate=60)
    load.start()
    try:
        cluster.wait(lambda: load.sent > 60, "requests")
    finally:
        load.stop()
    assert load.failures == {}
    cluster.apply(balancer("second", space))
    cluster.wait(lambda: "belongs to Service" in cluster.kubectl("get", "events", "-n", space), "the conflict")
    assert not cluster.get("service", "second", space)["status"]["loadBalancer"]
