"""Identity: programs in pods use the API as their ServiceAccount, and nobody as anybody else."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.e2e import tutorials
from tests.e2e.cluster import Cluster
from tests.lab.python_image import python_image

TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"


@pytest.fixture
def python(cluster: Cluster) -> None:
    """Every host has the image with Python and the Kubernetes client."""
    archive = python_image(cluster.lab.folder / "images", ["kubernetes"])
    for host in cluster.lab.hosts:
        if "qd-test/python" not in cluster.docker(host, "images"):
            cluster.docker(host, "load", "-q", "-i", str(archive))


def pod(name: str, space: str) -> dict[str, object]:
    container = {"name": "main", "image": "qd-test/web:1", "imagePullPolicy": "IfNotPresent"}
    spec = {"terminationGracePeriodSeconds": 1, "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": space}, "spec": spec}


def status(cluster: Cluster, token: str, path: str = "/api/v1/namespaces") -> str:
    """What the API answers to whoever shows the token."""
    done = subprocess.run(
        ["curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", "-H", "@-",
         f"https://127.0.0.1:{cluster.port}{path}"],
        input=f"Authorization: Bearer {token}", capture_output=True, text=True, timeout=20, check=True,
    )  # fmt: skip
    return done.stdout


@pytest.mark.usefixtures("python")
def test_a_pod_asks_the_api_as_its_service_account(cluster: Cluster, space: str, tmp_path: Path) -> None:
    tutorials.follow(cluster, space, "identity", tmp_path)


def test_a_token_ends_with_its_pod_and_outlives_the_console(cluster: Cluster, space: str) -> None:
    cluster.apply(pod("short", space))
    cluster.kubectl("wait", "-n", space, "--for=condition=Ready", "pod/short", "--timeout=60s", timeout=90)
    token = cluster.kubectl("exec", "-n", space, "short", "--", "cat", TOKEN).strip()
    assert status(cluster, token) == "403"  # known, and without any right
    assert status(cluster, token[:-2] + "AA") == "401"
    cluster.kill_console()
    cluster.start_console()
    assert status(cluster, token) == "403"
    cluster.kubectl("delete", "-n", space, "pod/short", "--wait=true")
    assert status(cluster, token) == "401"


def test_a_secret_is_filled_with_a_token_and_goes_with_its_account(cluster: Cluster, space: str) -> None:
    cluster.kubectl("create", "-n", space, "serviceaccount", "old")
    marks = {"name": "kept", "namespace": space, "annotations": {"kubernetes.io/service-account.name": "old"}}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": marks, "type": "kubernetes.io/service-account-token"}
    cluster.apply(secret)
    shown = ("get", "secret", "kept", "-n", space, "-o", "go-template={{.data.token | base64decode}}")
    cluster.wait(lambda: cluster.kubectl(*shown, check=False).startswith("ey"), "the secret to be filled")
    token = cluster.kubectl(*shown)
    assert status(cluster, token) == "403"
    cluster.kubectl("delete", "-n", space, "serviceaccount", "old")
    assert status(cluster, token) == "401"
    cluster.wait(lambda: "kept" not in cluster.kubectl("get", "secrets", "-n", space, "-o", "name"), "the secret to go")
