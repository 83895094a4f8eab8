"""kubectl's verbs as Kubernetes' own cases use them, as far as they need no running containers."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest
import urllib3

from .plane import Plane, until

pytestmark = pytest.mark.kubectl
POD = """
apiVersion: v1
kind: Pod
metadata: {name: pause, labels: {name: pause}}
spec: {containers: [{name: pause, image: "pause:1"}]}
"""
CONTROLLER = """
apiVersion: v1
kind: ReplicationController
metadata: {name: agnhost-primary, labels: {app: agnhost, role: primary}}
spec:
  replicas: 1
  selector: {app: agnhost, role: primary}
  template:
    metadata: {labels: {app: agnhost, role: primary}}
    spec:
      containers:
        - name: agnhost-primary
          image: agnhost:1
          ports: [{name: agnhost-server, containerPort: 6379}]
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: agnhost-primary, labels: {app: agnhost, role: primary}}
spec:
  ports: [{port: 6379, targetPort: agnhost-server}]
  selector: {app: agnhost, role: primary}
"""
HTTPD = "e2e-test-httpd-pod"
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: httpd-deployment}
spec:
  replicas: 2
  selector: {matchLabels: {app: httpd}}
  template:
    metadata: {labels: {app: httpd}}
    spec: {containers: [{name: httpd, image: "httpd:1"}]}
"""


@pytest.fixture
def name(space: str) -> str:
    return space.rpartition("/")[2]


def test_versions_and_addresses_are_printed(plane: Plane) -> None:
    assert "v1" in plane.run("api-versions").splitlines()
    said = plane.run("cluster-info")
    assert re.search(r"Kubernetes control plane.*is running at.*https://127\.0\.0\.1:", said)
    text = plane.run("version")
    assert "Client Version: " in text
    assert "Server Version: v1.36" in text
    server = json.loads(plane.run("version", "-o", "json"))["serverVersion"]
    assert all(server[field] for field in ("major", "minor", "gitVersion", "gitCommit", "buildDate", "platform"))


def test_describe_prints_what_matters(plane: Plane, space: str, name: str) -> None:
    plane.run("create", "-n", name, "-f", "-", stdin=f"{CONTROLLER}---{SERVICE}")
    until(lambda: plane.get(f"{space}/pods")["items"], "a pod")
    pod = plane.get(f"{space}/pods")["items"][0]["metadata"]["name"]
    until(lambda: "SuccessfulCreate" in plane.run("describe", "rc", "agnhost-primary", "-n", name), "its event")
    _has(plane.run("describe", "pod", pod, "-n", name), (
        ("Name:", pod), ("Namespace:", name), ("Labels:", "app=agnhost"), ("role=primary",), ("Annotations:",),
        ("Status:", "Pending"), ("IP:",), ("Controlled By:", "ReplicationController/agnhost-primary"),
        ("Image:", "agnhost:1"), ("QoS Class:", "BestEffort"),
    ))  # fmt: skip
    _has(plane.run("describe", "rc", "agnhost-primary", "-n", name), (
        ("Name:", "agnhost-primary"), ("Namespace:", name), ("Selector:", "app=agnhost,role=primary"),
        ("Labels:", "app=agnhost"), ("role=primary",), ("Annotations:",), ("Replicas:", "1 current", "1 desired"),
        ("Pods Status:", "0 Running", "1 Waiting", "0 Succeeded", "0 Failed"), ("Pod Template:",),
        ("Image:", "agnhost:1"), ("Events:",), ("SuccessfulCreate", "replication-controller"),
    ))  # fmt: skip
    _has(plane.run("describe", "service", "agnhost-primary", "-n", name), (
        ("Name:", "agnhost-primary"), ("Namespace:", name), ("Labels:", "app=agnhost"), ("role=primary",),
        ("Annotations:",), ("Selector:", "app=agnhost,role=primary"), ("Type:", "ClusterIP"), ("IP:",),
        ("Port:", "<unset>", "6379/TCP"), ("Endpoints:",), ("Session Affinity:", "None"),
    ))  # fmt: skip
    _has(plane.run("describe", "namespace", name), (
        ("Name:", name), ("Labels:", f"kubernetes.io/metadata.name={name}"), ("Annotations:",), ("Status:", "Active"),
        ("No resource quota",), ("No LimitRange resource",),
    ))  # fmt: skip


def _has(text: str, wanted: tuple[tuple[str, ...], ...]) -> None:
    """Whether each group of words stands together in a line."""
    for words in wanted:
        assert any(all(word in line for word in words) for line in text.splitlines()), f"{words} not in:\n{text}"


def test_diff_finds_the_other_image(plane: Plane, name: str) -> None:
    plane.run("create", "-n", name, "-f", "-", stdin=DEPLOYMENT)
    said = plane.run("diff", "-n", name, "-f", "-", stdin=DEPLOYMENT.replace("httpd:1", "busybox:1"), code=1)
    assert re.search(r"-\s+- image: httpd:1|-\s+image: httpd:1", said)
    assert re.search(r"\+\s+(- )?image: busybox:1", said)


def test_expose_makes_services(plane: Plane, space: str, name: str) -> None:
    plane.run("create", "-n", name, "-f", "-", stdin=CONTROLLER)
    plane.run("expose", "rc", "agnhost-primary", "-n", name, "--name=rm2", "--port=1234", "--target-port=6379")
    plane.run("expose", "service", "rm2", "-n", name, "--name=rm3", "--port=2345", "--target-port=6379")
    for service, port in (("rm2", 1234), ("rm3", 2345)):
        spec = plane.get(f"{space}/services/{service}")["spec"]
        assert [(item["port"], item["targetPort"]) for item in spec["ports"]] == [(port, 6379)]
        assert spec["selector"] == {"app": "agnhost", "role": "primary"}


def test_label_sets_and_removes(plane: Plane, name: str) -> None:
    plane.run("create", "-n", name, "-f", "-", stdin=POD)
    plane.run("label", "pods", "pause", "testing-label=testing-label-value", "-n", name)
    shown = plane.run("get", "pod", "pause", "-L", "testing-label", "-n", name)
    assert "testing-label-value" in shown
    assert "TESTING-LABEL" in shown
    plane.run("label", "pods", "pause", "testing-label-", "-n", name)
    assert "testing-label-value" not in plane.run("get", "pod", "pause", "-L", "testing-label", "-n", name)


def test_patch_annotates_the_pods_of_a_controller(plane: Plane, space: str, name: str) -> None:
    plane.run("create", "-n", name, "-f", "-", stdin=CONTROLLER)
    until(lambda: plane.get(f"{space}/pods")["items"], "a pod")
    for pod in plane.get(f"{space}/pods")["items"]:
        patch = '{"metadata":{"annotations":{"x":"y"}}}'
        plane.run("patch", "pod", pod["metadata"]["name"], "-n", name, "-p", patch)
    assert [pod["metadata"]["annotations"]["x"] for pod in plane.get(f"{space}/pods")["items"]] == ["y"]


def test_run_and_replace_a_pod(plane: Plane, space: str, name: str) -> None:
    said = plane.run("run", HTTPD, "--restart=Never", "--image=httpd:1", "-n", name)
    assert said == "pod/e2e-test-httpd-pod created\n"
    pod = plane.get(f"{space}/pods/{HTTPD}")
    assert pod["spec"]["restartPolicy"] == "Never"
    assert [container["image"] for container in pod["spec"]["containers"]] == ["httpd:1"]
    text = plane.run("get", "pod", HTTPD, "-o", "json", "-n", name)
    plane.run("replace", "-n", name, "-f", "-", stdin=text.replace("httpd:1", "busybox:1"))
    assert plane.get(f"{space}/pods/{HTTPD}")["spec"]["containers"][0]["image"] == "busybox:1"
    plane.run("replace", "--force", "-n", name, "-f", "-", stdin=POD.replace("{name: pause,", f"{{name: {HTTPD},"))
    assert plane.get(f"{space}/pods/{HTTPD}")["metadata"]["uid"] != pod["metadata"]["uid"]


def test_a_dry_run_on_the_server_changes_nothing(plane: Plane, space: str, name: str) -> None:
    plane.run("run", "httpd-pod", "--image=httpd:1", "--labels=run=httpd-pod", "-n", name)
    patch = '{"spec":{"containers":[{"name": "httpd-pod","image": "busybox:1"}]}}'
    plane.run("patch", "pod", "httpd-pod", "-p", patch, "--dry-run=server", "-n", name)
    assert plane.get(f"{space}/pods/httpd-pod")["spec"]["containers"][0]["image"] == "httpd:1"


def _versions(connection: Any) -> list[str]:
    return list(json.loads(connection.request("GET", "/api/").data)["versions"])


def test_a_proxy_on_any_port(plane: Plane) -> None:
    with plane.start("proxy", "-p", "0", "--disable-filter") as proxy:
        try:
            assert proxy.stdout is not None
            match = re.match(r"Starting to serve on (127\.0\.0\.1):(\d+)", proxy.stdout.readline())
            assert match
            with urllib3.HTTPConnectionPool(match[1], int(match[2])) as pool:
                assert _versions(pool) == ["v1"]
        finally:
            proxy.terminate()


def test_a_proxy_on_a_socket(plane: Plane, tmp_path: Path) -> None:
    path = tmp_path / "proxy.sock"
    with plane.start("proxy", f"--unix-socket={path}") as proxy:
        try:
            until(path.exists, "the socket")
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(path))
                connection.sendall(b"GET /api/ HTTP/1.0\r\nHost: localhost\r\n\r\n")
                answer = b"".join(iter(lambda: connection.recv(65536), b""))
            assert json.loads(answer.partition(b"\r\n\r\n")[2])["versions"] == ["v1"]
        finally:
            proxy.terminate()


def test_scale_and_delete_a_controller(plane: Plane, space: str, name: str) -> None:
    plane.run("create", "-n", name, "-f", "-", stdin=CONTROLLER.replace("replicas: 1", "replicas: 2"))
    template = "{{range.items}}{{.metadata.name}} {{end}}"
    for count in (2, 1, 2):
        plane.run("scale", "rc", "agnhost-primary", f"--replicas={count}", "--timeout=5m", "-n", name)
        listing = ("get", "pods", "-o", "template", f"--template={template}", "-l", "app=agnhost", "-n", name)
        until(lambda count=count, listing=listing: len(plane.run(*listing).split()) == count, f"{count} pods")
    plane.run("delete", "--grace-period=0", "--force", "-n", name, "-f", "-", stdin=CONTROLLER)
    until(lambda: not plane.get(f"{space}/pods")["items"], "no pods")
    assert plane.run("get", "rc,svc", "-l", "app=agnhost", "--no-headers", "-n", name) == ""
