"""Strangers' programs as pods: two operators with kopf, and a controller of which one replica leads at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from common.clock import SystemClock
from common.pki import Authority, Subject
from tests.e2e.cluster import Cluster
from tests.lab.python_image import python_image

pytestmark = pytest.mark.timeout(300)  # on a busy machine a pod with Python is half a minute in starting
IMAGE = "qd-test/kopf:1"
PROGRAMS = Path(__file__).with_name("strangers")
GROUP = "strangers.example.com"
CRD = f"crd/gardens.{GROUP}"
ROLE = "strangers"
RULES = [
    {"apiGroups": [GROUP], "resources": ["gardens", "gardens/status"], "verbs": ["get", "list", "watch", "patch"]},
    {"apiGroups": ["apiextensions.k8s.io"], "resources": ["customresourcedefinitions"], "verbs": ["list", "watch"]},
    {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["list", "watch"]},
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "create", "patch"]},
    {"apiGroups": ["", "events.k8s.io"], "resources": ["events"], "verbs": ["create"]},
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update"]},
    {"apiGroups": ["admissionregistration.k8s.io"],
     "resources": ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"],
     "verbs": ["get", "list", "watch", "create", "patch"]},
]  # fmt: skip


@pytest.fixture
def image(cluster: Cluster) -> None:
    """Every host has an image with Python, kopf and the Kubernetes client."""
    archive = python_image(cluster.lab.folder / "images", ["kopf", "kubernetes"], IMAGE)
    for host in cluster.lab.hosts:
        if IMAGE.partition(":")[0] not in cluster.docker(host, "images"):
            cluster.docker(host, "load", "-q", "-i", str(archive))


@pytest.fixture
def whole(cluster: Cluster, space: str) -> Iterator[None]:
    """What belongs to no namespace goes with the test."""
    yield
    for kind in ("validatingwebhookconfigurations", "mutatingwebhookconfigurations"):
        cluster.kubectl("delete", kind, f"gatekeeper.{GROUP}", "--ignore-not-found")
    cluster.kubectl("delete", "clusterrole,clusterrolebinding", ROLE, "--ignore-not-found")
    # Of a test that failed: nobody lets go of it any more.
    patch = '{"metadata":{"finalizers":null}}'
    cluster.kubectl("patch", "garden", "rose", "-n", space, "--type=merge", "-p", patch, check=False)
    cluster.kubectl("delete", CRD, "--ignore-not-found", "--timeout=30s")


def definition() -> dict[str, Any]:
    fields = {"beds": {"type": "integer", "minimum": 0}, "soil": {"type": "string"}}
    status = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    properties = {"spec": {"type": "object", "properties": fields}, "status": status}
    version = {
        "name": "v1", "served": True, "storage": True, "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": {"type": "object", "properties": properties}},
    }  # fmt: skip
    names = {"plural": "gardens", "singular": "garden", "kind": "Garden"}
    spec = {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]}
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": f"gardens.{GROUP}"}, "spec": spec,
    }  # fmt: skip


def rights(space: str) -> list[dict[str, Any]]:
    rbac = "rbac.authorization.k8s.io"
    reference = {"apiGroup": rbac, "kind": "ClusterRole", "name": ROLE}
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": space}
    head = {"apiVersion": f"{rbac}/v1", "metadata": {"name": ROLE}}
    return [
        {**head, "kind": "ClusterRole", "rules": RULES},
        {**head, "kind": "ClusterRoleBinding", "roleRef": reference, "subjects": [subject]},
    ]


def deployment(space: str, name: str, command: list[str], replicas: int = 1) -> dict[str, Any]:
    """A program of `strangers`, in a pod that knows its name and namespace."""
    labels = {"app": name}
    fields = {"NAMESPACE": "metadata.namespace", "POD": "metadata.name"}
    container = {
        "name": "main", "image": IMAGE, "command": ["python3", *command],
        "env": [{"name": key, "valueFrom": {"fieldRef": {"fieldPath": path}}} for key, path in fields.items()],
        "volumeMounts": [{"name": "program", "mountPath": "/program"}, {"name": "keys", "mountPath": "/keys"}],
    }  # fmt: skip
    volumes = [
        {"name": "program", "configMap": {"name": "programs"}}, {"name": "keys", "secret": {"secretName": "keys"}},
    ]  # fmt: skip
    pod = {"terminationGracePeriodSeconds": 5, "containers": [container], "volumes": volumes}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": space},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels},
                 "template": {"metadata": {"labels": labels}, "spec": pod}},
    }  # fmt: skip


def kopf_in(space: str, file: str) -> list[str]:
    return ["-m", "kopf", "run", "--standalone", f"--namespace={space}", f"/program/{file}.py"]


def install(cluster: Cluster, space: str) -> None:
    now = SystemClock().now()
    authority = Authority.create("strangers", now)
    keys = authority.issue(Subject("gatekeeper", names=(f"gatekeeper.{space}.svc",), server=True), now)
    files = {
        "tls.crt": keys.certificate_pem, "tls.key": keys.key_pem, "ca.crt": authority.certificate_pem,
    }  # fmt: skip
    programs = {path.name: path.read_text() for path in PROGRAMS.glob("*.py") if path.stem != "__init__"}
    core = {"apiVersion": "v1"}
    ports = [{"port": 443, "targetPort": 8443}]
    cluster.apply(
        definition(),
        *rights(space),
        {**core, "kind": "ConfigMap", "metadata": {"name": "programs", "namespace": space}, "data": programs},
        {**core, "kind": "Secret", "metadata": {"name": "keys", "namespace": space},
         "stringData": {name: content.decode() for name, content in files.items()}},
        {**core, "kind": "Service", "metadata": {"name": "gatekeeper", "namespace": space},
         "spec": {"selector": {"app": "gatekeeper"}, "ports": ports}},
    )  # fmt: skip
    cluster.kubectl("wait", "--for=condition=established", CRD, "--timeout=30s")
    cluster.apply(
        deployment(space, "caretaker", kopf_in(space, "caretaker")),
        deployment(space, "gatekeeper", kopf_in(space, "gatekeeper")),
        deployment(space, "electing", ["/program/electing.py"], replicas=2),
    )


def garden(space: str, name: str, beds: int) -> str:
    made = {"apiVersion": f"{GROUP}/v1", "kind": "Garden", "metadata": {"name": name, "namespace": space}}
    return json.dumps({**made, "spec": {"beds": beds}})


@pytest.mark.usefixtures("image", "whole")
def test_strangers_work_as_pods(cluster: Cluster, space: str) -> None:
    install(cluster, space)

    def log(name: str) -> str:
        return cluster.kubectl("logs", "-n", space, f"deployment/{name}", check=False)

    def status(what: str, value: str, seconds: float = 60) -> None:
        held = f"--for=jsonpath={{.status.{what}}}={value}"
        wait = ("wait", "-n", space, "garden/rose", held, f"--timeout={seconds:.0f}s")
        assert "condition met" in cluster.kubectl(*wait, timeout=seconds + 30), log("caretaker")

    # The gatekeeper admits once it has registered itself.
    cluster.wait(
        lambda: "too large for anybody" in cluster.kubectl(
            "create", "-f", "-", "--dry-run=server", stdin=garden(space, "huge", 101), check=False),
        "the gatekeeper to refuse what is too large", 120, lambda: log("gatekeeper"),
    )  # fmt: skip
    assert "this is a large one" in cluster.kubectl(
        "create", "-f", "-", "--dry-run=server", stdin=garden(space, "large", 51), check=False
    )
    cluster.kubectl("create", "-f", "-", stdin=garden(space, "rose", 2))
    found = cluster.get("garden", "rose", space)
    assert found["spec"]["soil"] == "loam"
    # The caretaker plants at the second try, waters by its timer, and sees what changes.
    status("planted", "2", 90)
    status("watered", "3")
    assert cluster.get("garden", "rose", space)["metadata"]["finalizers"] == [f"{GROUP}/caretaker"]
    cluster.kubectl("patch", "garden", "rose", "-n", space, "--type=merge", "-p", '{"spec":{"beds":5}}')
    status("changed", "2 to 5")
    leader_falls(cluster, space)
    # Nothing goes before its guard has left.
    cluster.kubectl("delete", "garden", "rose", "-n", space, "--timeout=60s", timeout=90)
    cluster.wait(lambda: "rose is cleared" in log("caretaker"), "the caretaker to say so")
    said = log("caretaker")
    assert said.index("the guard of rose comes") < said.index("the guard of rose leaves")


def leader_falls(cluster: Cluster, space: str) -> None:
    """The pod that leads is killed: the other one takes over and does its work."""

    def counted() -> dict[str, str]:
        text = cluster.kubectl("get", "configmap", "counted", "-n", space, "-o", "json", "--ignore-not-found")
        return dict(json.loads(text)["data"]) if text else {}

    cluster.wait(lambda: counted().get("gardens") == "1", "a leader to count the gardens", 60, lambda: str(counted()))

    def leads(name: str) -> bool:
        holder = cluster.get("lease", "electing", space)["spec"]["holderIdentity"]
        return bool(holder == counted()["by"] == name)

    cluster.wait(lambda: leads(counted()["by"]), "who counts to lead")
    first = counted()["by"]
    cluster.kubectl("delete", "pod", first, "-n", space, "--grace-period=0", "--force")
    cluster.wait(lambda: counted()["by"] != first and leads(counted()["by"]), "another to lead", 90,
                 lambda: str(counted()))  # fmt: skip
