"""Extension: kinds that users define, and an operator for them beside the cluster and in it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import tutorials
from tests.e2e.cluster import Cluster
from tests.lab.host import REPOSITORY
from tests.lab.python_image import python_image

pytestmark = pytest.mark.timeout(300)  # on a busy machine a pod with Python is half a minute in starting
EXAMPLES = REPOSITORY / "docs" / "examples" / "operator"
CRD = "crd/websites.examples.quarterdeck.io"


@pytest.fixture
def kopf(cluster: Cluster) -> None:
    """Every host has the image with Python, kopf and the Kubernetes client."""
    archive = python_image(cluster.lab.folder / "images", ["kopf", "kubernetes"], "qd-test/kopf:1")
    for host in cluster.lab.hosts:
        if "qd-test/kopf" not in cluster.docker(host, "images"):
            cluster.docker(host, "load", "-q", "-i", str(archive))


@pytest.fixture
def undefined(cluster: Cluster) -> Iterator[None]:
    """What belongs to no namespace: nothing but this takes it away from a test that failed."""
    yield
    cluster.kubectl("delete", CRD, "--ignore-not-found", "--timeout=30s")
    cluster.kubectl("delete", "clusterrole,clusterrolebinding", "website-operator", "--ignore-not-found")


@pytest.mark.usefixtures("kopf", "undefined")
def test_an_operator_beside_and_in_the_cluster(cluster: Cluster, space: str, tmp_path: Path) -> None:
    try:
        tutorials.follow(cluster, space, "extension", tmp_path, {"EXAMPLES": str(EXAMPLES)})
    finally:
        pid = tmp_path / "operator.pid"
        if pid.exists():
            subprocess.run(["kill", "-KILL", pid.read_text().strip()], check=False, stderr=subprocess.DEVNULL)


@pytest.mark.usefixtures("kopf", "undefined")
def test_an_operator_goes_on_where_it_was_when_the_console_was_killed(cluster: Cluster, space: str) -> None:
    def apply(file: str) -> None:
        cluster.kubectl("apply", "-n", space, "-f", str(EXAMPLES / file))

    apply("crd.yaml")
    cluster.kubectl("wait", "--for=condition=established", CRD, "--timeout=30s")
    cluster.kubectl("create", "configmap", "website-operator", "-n", space, f"--from-file={EXAMPLES / 'operator.py'}")
    account = f"--serviceaccount={space}:website-operator"
    cluster.kubectl("create", "rolebinding", "website-operator", "-n", space, "--role=website-operator", account)
    cluster.kubectl("create", "clusterrolebinding", "website-operator", "--clusterrole=website-operator", account)
    apply("in-cluster.yaml")
    cluster.kubectl("rollout", "status", "-n", space, "deployment/website-operator", "--timeout=60s", timeout=90)
    cluster.kill_console()
    cluster.start_console()
    apply("website.yaml")
    ready = "--for=jsonpath={.status.ready}=2"
    cluster.kubectl("wait", "-n", space, "website/garden", ready, "--timeout=90s", timeout=120)
    cluster.kubectl("delete", CRD, "--timeout=30s")
    left = json.loads(cluster.kubectl("get", "deployments", "-n", space, "-o", "json"))["items"]
    cluster.wait(
        lambda: "garden" not in cluster.kubectl("get", "deployments", "-n", space, "-o", "name"),
        "the operator's Deployment to go with the website that owned it", explain=lambda: str(left),
    )  # fmt: skip
