"""What users wait for, on real engines: a workload that grows with its load, and a StatefulSet that leaves a dead host
with its volume."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tests.bench.report import Figure
from tests.e2e import manifests
from tests.e2e.cluster import Cluster
from tests.lab import Lab

API_PORT = 17443  # beside end-to-end tests
SPACE = "default"
SHARE = "/srv/files"
SHUTDOWN = "node.kubernetes.io/out-of-service"
BUSY = "while :; do :; done"


def figures() -> list[Figure]:
    lab = Lab(Path("/tmp/qd-bench-stories"))  # names of its own: consoles hear those of other labs too
    lab.down()
    hosts = lab.up(3)
    try:
        cluster = Cluster(lab, API_PORT)
        cluster.load_images(*hosts)
        cluster.start_console()
        try:
            for host in hosts:
                cluster.start_agent(host)
            for host in hosts:
                cluster.adopt(host)
            for host in hosts:
                cluster.wait(lambda name=host.name: cluster.node_ready(name), f"{host.name} to be Ready", 60)
            return [*_autoscaling(cluster), *_failover(cluster)]
        finally:
            cluster.stop()
    finally:
        lab.down()


def _autoscaling(cluster: Cluster) -> list[Figure]:
    """From the moment at which a pod begins to compute to another replica that takes requests."""
    made = manifests.deployment("busy", SPACE, 1)
    made["spec"]["template"]["spec"]["containers"][0]["resources"] = {
        "requests": {"cpu": "50m", "memory": "8Mi"}, "limits": {"cpu": "300m"},
    }  # fmt: skip
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}},
    }
    scaler = {
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "busy", "namespace": SPACE},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "busy"},
                 "minReplicas": 1, "maxReplicas": 2, "metrics": [metric]},
    }  # fmt: skip
    cluster.apply(made, scaler)
    [pod] = cluster.wait_ready(SPACE, 1, "app=busy", 60)
    cluster.wait(lambda: _has_figures(cluster), "the autoscaler to have figures", 60)
    begin = time.monotonic()
    name = pod["metadata"]["name"]
    cluster.kubectl("exec", name, "-n", SPACE, "--", "sh", "-c", f"({BUSY}) >/dev/null 2>&1 </dev/null &")
    cluster.wait_ready(SPACE, 2, "app=busy", 120)
    seconds = time.monotonic() - begin
    cluster.kubectl("delete", "hpa,deployment", "busy", "-n", SPACE)
    return [Figure("load begins -> second replica Ready (autoscaler)", seconds, "s")]


def _has_figures(cluster: Cluster) -> bool:
    status = cluster.get("hpa", "busy", SPACE).get("status") or {}
    return bool(status.get("currentMetrics"))


def _failover(cluster: Cluster) -> list[Figure]:
    """A host dies and the operator vouches for it: when is its pod back elsewhere, with its files?"""
    *_, server = cluster.lab.hosts
    server.run("mkdir", "-p", SHARE)
    cluster.kubectl(
        "create", "secret", "generic", "files-key", "-n", SPACE, "--type=kubernetes.io/ssh-auth",
        f"--from-file=ssh-privatekey={cluster.lab.key}",
    )  # fmt: skip
    cluster.apply(_storage_class(server.address), _database(server.name))
    first = cluster.wait_ready(SPACE, 1, "app=db", 90)[0]
    cluster.kubectl("exec", "db-0", "-n", SPACE, "--", "sh", "-c", "echo kept > /data/file && sync")
    victim = cluster.lab.host(first["spec"]["nodeName"])
    begin = time.monotonic()
    victim.kill()
    cluster.wait(lambda: not cluster.node_ready(victim.name), "the host to be NotReady", 30)
    noticed = time.monotonic() - begin
    cluster.kubectl("taint", "node", victim.name, f"{SHUTDOWN}=off:NoExecute")
    cluster.wait(lambda: _is_elsewhere(cluster, victim.name), "the pod to be elsewhere", 120)
    back = time.monotonic() - begin
    kept = cluster.kubectl("exec", "db-0", "-n", SPACE, "--", "cat", "/data/file").strip()
    if kept != "kept":
        raise RuntimeError(f"the volume has {kept!r} in its file")
    return [
        Figure("host killed -> node NotReady", noticed, "s"),
        Figure("host killed -> pod of a StatefulSet Ready elsewhere with its volume", back, "s"),
    ]


def _is_elsewhere(cluster: Cluster, victim: str) -> bool:
    return any(pod["spec"]["nodeName"] != victim for pod in cluster.ready_pods(SPACE, "app=db"))


def _storage_class(address: str) -> dict[str, Any]:
    prefix = "csi.storage.k8s.io/node-publish-secret-"
    return {
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "files"},
        "provisioner": "quarterdeck.io/sshfs",
        "parameters": {"server": f"root@{address}", "path": SHARE, f"{prefix}name": "files-key",
                       f"{prefix}namespace": SPACE},
    }  # fmt: skip


def _database(server: str) -> dict[str, Any]:
    """One pod with a volume, on any host but the one that has the files."""
    made = manifests.deployment("db", SPACE, 1)
    made["kind"] = "StatefulSet"
    claim = {"metadata": {"name": "data"},
             "spec": {"accessModes": ["ReadWriteMany"], "storageClassName": "files",
                      "resources": {"requests": {"storage": "1Gi"}}}}  # fmt: skip
    made["spec"] |= {"serviceName": "db", "volumeClaimTemplates": [claim]}
    spec = made["spec"]["template"]["spec"]
    spec["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    apart = {"key": "kubernetes.io/hostname", "operator": "NotIn", "values": [server]}
    spec["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [{"matchExpressions": [apart]}]}}}  # fmt: skip
    return made
