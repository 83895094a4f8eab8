"""Bad input and bad luck: each is answered by what, where and what to do, and nothing is lost or half done."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import manifests
from tests.e2e.cluster import AGENT_HOME, BIN, Cluster
from tests.lab.host import Host
from tests.lab.needs import faketime

SECRET = "hunter2-is-no-password"


def pod(
    name: str, space: str, *, node: str = "", container: dict[str, Any] | None = None, **spec: Any
) -> dict[str, Any]:
    web = {"name": "web", "image": "qd-test/web:1", "imagePullPolicy": "IfNotPresent", **(container or {})}
    place = {"nodeSelector": {"kubernetes.io/hostname": node}} if node else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": space},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [web], **place, **spec},
    }


def said_of(cluster: Cluster, space: str, name: str) -> str:
    """Everything that people are told about a pod: its status and its events."""
    selector = f"involvedObject.name={name}"
    events = cluster.kubectl("get", "events", "-n", space, "--field-selector", selector, "-o", "json")
    messages = [event["message"] for event in json.loads(events)["items"]]
    return "\n".join([json.dumps(cluster.get("pod", name, space)["status"]), *messages])


def test_what_a_pod_lacks_is_said_at_the_pod(cluster: Cluster, space: str) -> None:
    from_secret = [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "none", "key": "a"}}}]
    port, node = [{"containerPort": 8080, "hostPort": 18080}], cluster.lab.hosts[0].name
    cluster.apply(pod("first", space, node=node, container={"ports": port}))
    cluster.kubectl("wait", "--for=condition=Ready", "pod/first", "-n", space, "--timeout=60s")
    cluster.apply(
        pod("second", space, node=node, container={"ports": port}),
        pod("secretless", space, container={"env": from_secret}),
        pod("imageless", space, container={"image": "qd-test/none:1", "imagePullPolicy": "Never"}),
        pod("unpullable", space, container={"image": "127.0.0.1:9/none:1", "imagePullPolicy": "Always"}),
        pod("senseless", space, container={"command": ["/none"]}),
    )
    for name, words in {
        "second": "didn't have free ports for the requested pod ports",
        "secretless": 'secret \\"none\\" not found',
        "imageless": 'image \\"qd-test/none:1\\" is not present with pull policy of Never',
        "unpullable": "127.0.0.1:9",
        "senseless": "/none",
    }.items():
        cluster.wait(
            lambda name=name, words=words: words in said_of(cluster, space, name), f"{name}: {words}", 60,
            lambda name=name: said_of(cluster, space, name),
        )  # fmt: skip
    assert node in cluster.qd("why", "pod/second", "-n", space)
    cluster.kubectl("create", "secret", "generic", "none", "--from-literal=a=b", "-n", space)
    cluster.kubectl("wait", "--for=condition=Ready", "pod/secretless", "-n", space, "--timeout=60s")


def test_a_secret_is_seen_nowhere_but_in_its_container(cluster: Cluster, space: str) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": space}}
    reference = [{"name": "WORD", "valueFrom": {"secretKeyRef": {"name": "s", "key": "word"}}}]
    broken = {"env": [*reference, {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "none"}}}]}
    cluster.apply(
        {**secret, "stringData": {"word": SECRET}},
        pod("knows", space, container={"env": reference}, volumes=[{"name": "v", "secret": {"secretName": "s"}}]),
        pod("broken", space, container=broken),
    )
    cluster.kubectl("wait", "--for=condition=Ready", "pod/knows", "-n", space, "--timeout=60s")
    cluster.wait(lambda: "none" in said_of(cluster, space, "broken"), "the missing key to be told")
    host = cluster.lab.host(cluster.get("pod", "knows", space)["spec"]["nodeName"])
    labels = cluster.docker(host, "ps", "-a", "--no-trunc", "--format", "{{.Labels}} {{.Command}} {{.Names}}")
    processes = command_lines()
    events = cluster.kubectl("get", "events", "-A", "-o", "json")
    described = cluster.kubectl("describe", "secret/s", "pod/knows", "-n", space)
    described += cluster.qd("describe", "secret", "s", "-n", space)
    logs = "".join(each.log("agent") for each in cluster.lab.hosts) + cluster.log.read_text()
    places = {"labels": labels, "processes": processes, "events": events, "describe": described, "logs": logs}
    for word in (SECRET, base64.b64encode(SECRET.encode()).decode()):
        assert [place for place, text in places.items() if word in text] == []
        found = host.run("grep", "-rlF", word, f"{AGENT_HOME}/agent/assignment", check=False)
        assert not found, "on disk the agent keeps it sealed"


def command_lines() -> str:
    """Of all processes; one may end while it is read."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(path.read_bytes())
    return b"\n".join(found).decode(errors="replace")


def serve(home: Path, *options: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "QUARTERDECK_HOME": str(home)}
    words = [str(BIN / "quarterdeck"), "serve", *options]
    return subprocess.Popen(
        words, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_a_port_or_a_state_folder_in_use_is_named_with_what_to_do(cluster: Cluster, tmp_path: Path) -> None:
    for home, words in (
        (tmp_path / "other", f"cannot listen on 127.0.0.1:{cluster.port}: Address already in use; stop what uses it"),
        (cluster.home, f"a control plane already runs on {cluster.home} (process "),
    ):
        process = serve(home, "--listen", f"127.0.0.1:{cluster.port}")
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 1
        assert words in output
        assert "Traceback" not in output
    agent = [str(BIN / "quarterdeck-agent"), "run", "--no-mdns"]
    script = 'QUARTERDECK_HOME="$1"; export QUARTERDECK_HOME; shift; "$@" 2>&1; echo ended with $?'
    host = cluster.lab.hosts[0]
    for folder, words in (
        ("/root/other", "port 10250: Address already in use; find what uses it with `ss -ltnp sport = :10250`"),
        (AGENT_HOME, f"uses {AGENT_HOME}/agent"),
    ):
        output = host.run("sh", "-c", script, "sh", folder, *agent)
        assert words in output
        assert "ended with 1" in output
        assert "Traceback" not in output


@contextlib.contextmanager
def copied_home(cluster: Cluster, folder: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    os.kill(cluster.console_pid, signal.SIGSTOP)  # what it writes while it is copied would be half in the copy
    try:
        shutil.copytree(cluster.home / "console", folder / "console")
    finally:
        os.kill(cluster.console_pid, signal.SIGCONT)
    log = folder / "log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            [str(BIN / "quarterdeck"), "serve", "--listen", "127.0.0.1:0"],
            env={**os.environ, "QUARTERDECK_HOME": str(folder)}, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream,
        )  # fmt: skip
    try:
        yield process, log
    finally:
        process.terminate()
        process.wait(30)


def test_a_copy_of_the_console_commands_nobody_and_says_so(cluster: Cluster, space: str, tmp_path: Path) -> None:
    cluster.apply(manifests.deployment("web", space, 2))
    before = {pod["metadata"]["uid"] for pod in cluster.wait_ready(space, 2)}
    with copied_home(cluster, tmp_path) as (process, log):
        cluster.wait(
            lambda: all(f"node {host.name}: another control plane" in log.read_text() for host in cluster.lab.hosts),
            "the copy to say that others command its nodes", 60, log.read_text,
        )  # fmt: skip
        assert "--takeover" in log.read_text()
        assert process.poll() is None
        cluster.kubectl("scale", "deployment/web", "--replicas=3", "-n", space)
        after = {pod["metadata"]["uid"] for pod in cluster.wait_ready(space, 3)}
        assert before < after, "the first one commands on"
    for host in cluster.lab.hosts:
        cluster.wait(lambda name=host.name: cluster.node_ready(name), f"{host.name} to be Ready")


def clock_condition(cluster: Cluster, node: str) -> dict[str, Any]:
    conditions = cluster.get("node", node)["status"]["conditions"]
    return next((found for found in conditions if found["type"] == "ClockSkewed"), {"status": "", "message": ""})


def restart_agent(cluster: Cluster, host: Host, **environment: str) -> None:
    cluster.kill_agent(host)
    cluster.start_agent(host, environment=environment)


def test_a_host_with_a_wrong_clock_is_named_and_goes_on(cluster: Cluster, space: str) -> None:
    cluster.apply(manifests.deployment("web", space, 3))
    cluster.wait_ready(space, 3)
    host = cluster.lab.hosts[1]
    restart_agent(cluster, host, LD_PRELOAD=str(faketime()), FAKETIME="+2h", FAKETIME_DONT_FAKE_MONOTONIC="1")
    cluster.wait(
        lambda: clock_condition(cluster, host.name)["status"] == "True", "the wrong clock to be told", 60,
        lambda: host.log("agent")[-2000:],
    )  # fmt: skip
    told = clock_condition(cluster, host.name)["message"]
    assert "seconds ahead; set one of them" in told
    cluster.wait(lambda: cluster.node_ready(host.name), "it to be Ready all the same")
    cluster.wait_ready(space, 3)
    restart_agent(cluster, host)
    cluster.wait(lambda: clock_condition(cluster, host.name)["status"] == "False", "the right clock to be told")


def test_damaged_state_of_an_agent_costs_no_container(cluster: Cluster, space: str) -> None:
    cluster.apply(manifests.deployment("web", space, 3))
    cluster.wait_ready(space, 3)
    host = cluster.lab.hosts[0]
    before = cluster.running(host, space)
    cluster.kill_agent(host)
    folder = f"{AGENT_HOME}/agent/assignment"
    damage = f"truncate -s 20 {folder}/pods.json; echo '[1]' >{folder}/services.json; : >{folder}/secrets.sealed"
    host.run("sh", "-c", damage)
    cluster.start_agent(host)
    for name in ("pods.json", "services.json", "secrets.sealed"):
        cluster.wait(lambda name=name: f"{folder}/{name} cannot be used" in host.log("agent"), f"{name} to be named")
    cluster.kubectl("wait", "--for=condition=Ready", f"node/{host.name}", "--timeout=60s")
    cluster.wait(
        lambda: host.run("sh", "-c", f"stat -c %s {folder}/pods.json").strip() != "20", "the state to be whole again"
    )
    assert cluster.running(host, space) == before
    cluster.wait_ready(space, 3)


def test_noise_on_the_agents_port_disturbs_nobody(cluster: Cluster) -> None:
    host = cluster.lab.hosts[0]
    idle = [socket.create_connection((host.address, 10250)) for _ in range(200)]
    for noise in (b"\0" * 100, b"GET /session HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + os.urandom(70_000)):
        with socket.create_connection((host.address, 10250), timeout=10) as connection, contextlib.suppress(OSError):
            connection.sendall(noise)
            assert connection.recv(1000)[:1] in {b"", b"\x15"}, "closed, or a TLS alert"
    assert host.name in cluster.kubectl("get", "--raw", f"/api/v1/nodes/{host.name}")
    cluster.kubectl("wait", "--for=condition=Ready", f"node/{host.name}", "--timeout=30s")
    for connection in idle:
        connection.close()


@pytest.mark.parametrize(
    ("text", "kubectl", "twin"),
    [
        ("apiVersion: v1\nkind: Pod\n  metadata: [", "line 3", "line 3"),
        ('{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x"},"spec":{"containers":"no"}}',
         "spec.containers", "spec.containers"),
        ('{"apiVersion":"v1","kind":"Pod","metadata":{"name":"X_y"},"spec":{"containers":[{"name":"a","image":"b"}]}}',
         'metadata.name: Invalid value: "X_y"', 'metadata.name: Invalid value: "X_y"'),
        ("[" * 5000, "error", "nested too deeply"),
    ],
)  # fmt: skip
def test_a_malformed_manifest_is_refused_naming_the_place(
    cluster: Cluster, space: str, text: str, kubectl: str, twin: str
) -> None:
    assert kubectl in cluster.kubectl("create", "-n", space, "-f", "-", stdin=text, check=False)
    told = cluster.qd("apply", "-n", space, "-f", "-", stdin=text, check=False)
    assert twin in told
    assert "Traceback" not in told
    assert "No resources found" in cluster.kubectl("get", "pods", "-n", space, check=False)
