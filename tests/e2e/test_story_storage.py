"""Storage: claims and what they lead to outlive pods and agents; a file system on the network outlives its server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import tutorials
from tests.e2e.cluster import Cluster
from tests.lab.host import Host

SHARE = "/srv/quarterdeck"
IMAGE = "qd-test/web:1"


@pytest.fixture
def server(cluster: Cluster) -> Iterator[Host]:
    """A host whose SSH server has a folder for volumes; it answers again afterwards."""
    host = cluster.lab.hosts[-1]
    host.run("mkdir", "-p", SHARE)
    yield host
    start_server(host)
    assert host.run("ls", SHARE) == "", "volumes were left on the server"


def stop_server(host: Host) -> None:
    """Stopped, not ended: who waits for an answer gets none, not even an error."""
    for name in ("sftp-server", "sshd"):
        host.run("pkill", "-STOP", name, check=False)


def start_server(host: Host) -> None:
    for name in ("sshd", "sftp-server"):
        host.run("pkill", "-CONT", name, check=False)


def sshfs_class(cluster: Cluster, space: str, host: Host) -> dict[str, object]:
    """The Secret with the key, and the class that names it."""
    cluster.kubectl(
        "create", "secret", "generic", "files-key", "-n", space, "--type=kubernetes.io/ssh-auth",
        f"--from-file=ssh-privatekey={cluster.lab.key}",
    )  # fmt: skip
    prefix = "csi.storage.k8s.io/node-publish-secret-"
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": f"files-{space}"},
        "provisioner": "quarterdeck.io/sshfs",
        "parameters": {
            "server": f"root@{host.address}",
            "path": SHARE,
            f"{prefix}name": "files-key",
            f"{prefix}namespace": space,
        },
    }


def claim(name: str, space: str, **spec: object) -> dict[str, object]:
    asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec}
    metadata = {"name": name, "namespace": space}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": asked}


def pod(name: str, space: str, claim_name: str, command: str = "sleep 3600", **spec: object) -> dict[str, object]:
    container = {
        "name": "shell",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", command],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": space, "labels": {"app": name}},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "containers": [container],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": claim_name}}],
            **spec,
        },
    }


def test_a_reader_follows_the_tutorial(cluster: Cluster, space: str, server: Host, tmp_path: Path) -> None:
    where = {"SERVER": f"root@{server.address}", "SHARE": SHARE, "KEY": str(cluster.lab.key)}
    tutorials.follow(cluster, space, "storage", tmp_path, where)
    cluster.wait(lambda: server.run("ls", SHARE) == "", "the claim's folder to leave the server")


def test_data_outlives_the_pod_and_the_agent(cluster: Cluster, space: str) -> None:
    cluster.apply(claim("data", space), pod("first", space, "data", "echo kept > /data/file; sleep 3600"))
    first = cluster.wait_ready(space, 1, "app=first")[0]
    node = first["spec"]["nodeName"]
    host = next(host for host in cluster.lab.hosts if host.name == node)
    cluster.kill_agent(host)
    cluster.start_agent(host)
    cluster.wait(lambda: cluster.node_ready(node), f"{node} to be Ready again")
    cluster.kubectl("delete", "pod", "first", "-n", space)
    cluster.apply(pod("second", space, "data"))
    second = cluster.wait_ready(space, 1, "app=second")[0]
    assert second["spec"]["nodeName"] == node
    assert cluster.kubectl("exec", "second", "-n", space, "--", "cat", "/data/file") == "kept\n"
    volume = cluster.get("pvc", "data", space)["spec"]["volumeName"]
    cluster.kubectl("delete", "pod", "second", "-n", space)
    cluster.kubectl("delete", "pvc", "data", "-n", space)
    cluster.wait(lambda: "NotFound" in cluster.kubectl("get", "pv", volume, check=False), "the volume to go",
                 explain=lambda: cluster.kubectl("get", "pv,events", "-A", check=False))  # fmt: skip
    held = ("ls", "-a", "/var/lib/quarterdeck/agent/volumes")
    cluster.wait(lambda: volume not in host.run(*held), "its folder to go too")


def test_pods_go_on_when_the_server_of_their_files_is_back(cluster: Cluster, space: str, server: Host) -> None:
    storage_class = sshfs_class(cluster, space, server)
    files = claim("files", space, storageClassName=f"files-{space}", accessModes=["ReadWriteMany"])
    user = cluster.lab.hosts[0].name
    try:
        cluster.apply(storage_class, files, pod("user", space, "files", nodeName=user))
        cluster.wait_ready(space, 1, "app=user")
        stop_server(server)
        cluster.wait(lambda: "its server" in said(cluster, space, "VolumeConditionAbnormal"), "the pod to be told", 90)
        # What has nothing to do with that server does not notice.
        cluster.apply(claim("other", space), pod("bystander", space, "other"))
        cluster.wait_ready(space, 1, "app=bystander")
        start_server(server)
        cluster.wait(lambda: said(cluster, space, "VolumeConditionNormal") != "", "the pod to be told again", 90)
        cluster.kubectl("exec", "user", "-n", space, "--", "sh", "-c", "echo on > /data/file")
        assert cluster.kubectl("exec", "user", "-n", space, "--", "cat", "/data/file") == "on\n"
        assert cluster.get("pod", "user", space)["status"]["containerStatuses"][0]["restartCount"] == 0
    finally:
        start_server(server)
        cluster.kubectl("delete", "pod,pvc", "--all", "-n", space, "--timeout=60s", timeout=90)
        cluster.kubectl("delete", "storageclass", f"files-{space}")
    cluster.wait(lambda: server.run("ls", SHARE) == "", "the claim's folder to leave the server")


def test_a_mount_whose_daemon_was_killed_is_made_anew(cluster: Cluster, space: str, server: Host) -> None:
    storage_class = sshfs_class(cluster, space, server)
    files = claim("files", space, storageClassName=f"files-{space}", accessModes=["ReadWriteMany"])
    host = cluster.lab.hosts[0]
    try:
        touching = "while touch /data/file; do sleep 1; done; exit 1"
        cluster.apply(storage_class, files, pod("user", space, "files", touching, nodeName=host.name))
        cluster.wait_ready(space, 1, "app=user")
        host.run("pkill", "-KILL", "sshfs")
        cluster.wait(lambda: _restarts(cluster, space) >= 1, "the container to notice")
        shown = ("exec", "user", "-n", space, "--", "ls", "/data")
        cluster.wait(lambda: cluster.kubectl(*shown, check=False) == "file\n", "it to have its files again",
                     explain=lambda: cluster.kubectl(*shown, check=False))  # fmt: skip
    finally:
        cluster.kubectl("delete", "pod,pvc", "--all", "-n", space, "--timeout=60s", timeout=90)
        cluster.kubectl("delete", "storageclass", f"files-{space}")
    cluster.wait(lambda: server.run("ls", SHARE) == "", "the claim's folder to leave the server")


def _restarts(cluster: Cluster, space: str) -> int:
    return int(cluster.get("pod", "user", space)["status"]["containerStatuses"][0]["restartCount"])


def said(cluster: Cluster, space: str, reason: str) -> str:
    """The messages of the events with that reason."""
    events = [event for event in cluster.list("events", space) if event["reason"] == reason]
    return "\n".join(str(event["message"]) for event in events)
