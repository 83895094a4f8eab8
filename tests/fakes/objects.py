"""Objects for tests, as short as a test wants to write them."""

from __future__ import annotations

from typing import Any

from common.api.meta import Object


def node(name: str, *, cpu: str = "4", memory: str = "8Gi", pods: int = 110, **more: Any) -> Object:
    """A Ready node. More: labels, taints, unschedulable, ready (True, False or "Unknown"), conditions."""
    figures = {"cpu": cpu, "memory": memory, "pods": str(pods)}
    spec = {field: more[field] for field in ("taints", "unschedulable", "podCIDRs") if field in more}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **more.get("labels", {})}},
        "spec": spec,
        "status": {
            "capacity": figures,
            "allocatable": figures,
            "conditions": [{"type": "Ready", "status": str(more.get("ready", True)), "reason": "Agent"}],
        },
    }


def pod(name: str, *, cpu: str = "", memory: str = "", node: str = "", ready: bool = False, **more: Any) -> Object:
    """A pod with one container. More: namespace, labels, owner, phase, ip, created, and any field of its spec."""
    requests = {field: value for field, value in (("cpu", cpu), ("memory", memory)) if value}
    meta: Object = {"name": name, "namespace": more.pop("namespace", "default"), "labels": more.pop("labels", {})}
    owner = more.pop("owner", None)
    if owner is not None:
        meta["ownerReferences"] = [owner]
    created = more.pop("created", "")
    if created:
        meta["creationTimestamp"] = created
    ip = more.pop("ip", "")
    status: Object = {"phase": more.pop("phase", "Running" if ready else "Pending")}
    if ready:
        status["conditions"] = [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]
    if ip:
        status |= {"podIP": ip, "podIPs": [{"ip": ip}]}
    spec: Object = {"containers": [{"name": "main", "image": "hello:1", "resources": {"requests": requests}}], **more}
    if node:
        spec["nodeName"] = node
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": status}


def deployment(
    name: str, replicas: int = 3, *, image: str = "hello:1", namespace: str = "default", **spec: Any
) -> Object:
    """A Deployment of one container whose selector is `app: name`. `spec` adds fields of its spec."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": image}]},
            },
            **spec,
        },
    }
