"""Unmodified kubectl against real containers."""

from __future__ import annotations

import json

import pytest

from tests.e2e import manifests
from tests.e2e.cluster import Cluster
from tests.lab import LabError


def test_the_life_of_a_deployment_by_kubectl(cluster: Cluster, space: str) -> None:
    def kubectl(*words: str, stdin: str = "") -> str:
        return cluster.kubectl("-n", space, *words, stdin=stdin, timeout=90)

    document = json.dumps(manifests.deployment("web", space, 2))
    assert kubectl("create", "-f", "-", stdin=document) == "deployment.apps/web created\n"
    kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    assert kubectl("get", "deployment", "web", "--no-headers").split()[:4] == ["web", "2/2", "2", "2"]

    changed = json.dumps(manifests.deployment("web", space, 2, version="2"))
    assert "configured" in kubectl("apply", "-f", "-", stdin=changed)
    kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    assert "unchanged" in kubectl("apply", "-f", "-", stdin=changed)

    assert "scaled" in kubectl("scale", "deployment/web", "--replicas=3")
    kubectl("wait", "--for=jsonpath={.status.readyReplicas}=3", "deployment/web", "--timeout=60s")

    def pods_named() -> list[str]:
        return kubectl("get", "pods", "-l", "app=web", "-o", "name").split()

    cluster.wait(lambda: len(pods_named()) == 3, "the pods of the version before to be gone")
    pods = pods_named()

    assert "listens" in kubectl("logs", pods[0])
    assert kubectl("exec", pods[0], "--", "/bin/sh", "-c", "echo $VERSION") == "2\n"
    with pytest.raises(LabError, match="exit code 7"):
        kubectl("exec", pods[0], "--", "/bin/sh", "-c", "exit 7")

    assert "labeled" in kubectl("label", pods[0], "tier=front")
    assert kubectl("get", "pods", "-l", "tier=front", "-o", "name").split() == [pods[0]]

    assert "image updated" in kubectl("set", "image", "deployment/web", "web=qd-test/web:2")
    kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    assert "restarted" in kubectl("rollout", "restart", "deployment/web")
    kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    history = kubectl("rollout", "history", "deployment/web")
    assert [line.split()[0] for line in history.splitlines()[2:] if line.strip()] == ["1", "2", "3", "4"]
    assert "rolled back" in kubectl("rollout", "undo", "deployment/web", "--to-revision=1")
    kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    pod = f"pod/{cluster.wait_ready(space, 3)[0]['metadata']['name']}"
    assert kubectl("exec", pod, "--", "/bin/sh", "-c", "echo $VERSION") == "1\n"

    assert "Replicas:" in kubectl("describe", "deployment", "web")
    cluster.wait(lambda: "ScalingReplicaSet" in kubectl("describe", "deployment", "web"), "the Deployment's events")
    cluster.wait(lambda: "Started" in kubectl("describe", pod), "the pod's events")
    assert "deleted" in kubectl("delete", "deployment", "web")
    kubectl("wait", "--for=delete", "pod", "-l", "app=web", "--timeout=60s")
    assert kubectl("get", "replicasets", "-o", "name") == ""


def test_a_pending_pod_says_why(cluster: Cluster, space: str) -> None:
    greedy = manifests.deployment("greedy", space, 1)
    greedy["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1000"}}
    cluster.apply(greedy)
    cluster.wait(
        lambda: "3 Insufficient cpu" in cluster.kubectl("get", "events", "-n", space), "the refusal to be an event"
    )
    pod = cluster.list("pods", space)[0]["metadata"]["name"]
    why = cluster.qd("why", f"pod/{pod}", "-n", space)
    assert why.count("Insufficient cpu") >= 3


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"replicas": -1}, "spec.replicas: Invalid value: -1: must be greater than or equal to 0"),
        ({"replicas": "many"}, "replicas"),
        ({"unknownField": 1}, "unknownField"),
        ({"selector": {"matchLabels": {"app": "other"}}}, "`selector` does not match template `labels`"),
    ],
)
def test_a_bad_manifest_names_the_field(cluster: Cluster, change: dict[str, object], complaint: str) -> None:
    document = manifests.deployment("bad", "default", 1)
    document["spec"].update(change)
    with pytest.raises(LabError) as refused:
        cluster.kubectl("create", "-f", "-", stdin=json.dumps(document))
    assert complaint in str(refused.value)
    assert "bad" not in cluster.kubectl("get", "deployments", "-n", "default")
