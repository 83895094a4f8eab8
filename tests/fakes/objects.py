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


def claim(name: str, *, storage_class: str = "", size: str = "1Gi", volume: str = "", **more: Any) -> Object:
    """A claim, bound when `volume` is given. More: modes, annotations, selector, uid."""
    notes = {**more.get("annotations", {}), **({"pv.kubernetes.io/bind-completed": "yes"} if volume else {})}
    meta: Object = {"name": name, "namespace": "default", "annotations": notes}
    if "uid" in more:
        meta["uid"] = more["uid"]
    spec: Object = {
        "accessModes": list(more.get("modes", ["ReadWriteOnce"])),
        "resources": {"requests": {"storage": size}},
        "storageClassName": storage_class,
        "volumeMode": "Filesystem",
    }
    if volume:
        spec["volumeName"] = volume
    if "selector" in more:
        spec["selector"] = more["selector"]
    status = {"phase": "Bound" if volume else "Pending"}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": spec, "status": status}


def volume(name: str, *, storage_class: str = "", size: str = "1Gi", node: str = "", **more: Any) -> Object:
    """A volume, on one node when `node` is given. More: modes, claim (namespace/name), phase, policy, labels."""
    spec: Object = {
        "accessModes": list(more.get("modes", ["ReadWriteOnce"])),
        "capacity": {"storage": size},
        "storageClassName": storage_class,
        "volumeMode": "Filesystem",
        "persistentVolumeReclaimPolicy": more.get("policy", "Retain"),
        "hostPath": {"path": f"/volumes/{name}"},
    }
    if node:
        term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [term]}}
    if "claim" in more:
        space, _, owner = more["claim"].partition("/")
        spec["claimRef"] = {"namespace": space, "name": owner}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "labels": more.get("labels", {})},
        "spec": spec,
        "status": {"phase": more.get("phase", "Available")},
    }


def storage_class(name: str, *, provisioner: str = "quarterdeck.io/local", wait: bool = True, **fields: Any) -> Object:
    """A StorageClass that waits for the first consumer, or binds at once."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name},
        "provisioner": provisioner,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer" if wait else "Immediate",
        **fields,
    }


def with_claims(pod: Object, *claims: str) -> Object:
    """The pod with these claims as its volumes."""
    pod["spec"]["volumes"] = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claims]
    return pod


def _workload(kind: str, name: str, image: str, spec: Object) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": image}]},
            },
            "revisionHistoryLimit": 10,
            **spec,
        },
    }


def statefulset(name: str, replicas: int = 3, *, image: str = "hello:1", **spec: Any) -> Object:
    """A StatefulSet of one container whose selector is `app: name`. `spec` adds fields of its spec."""
    return _workload("StatefulSet", name, image, {"replicas": replicas, "serviceName": name, **spec})


def daemonset(name: str, *, image: str = "hello:1", **spec: Any) -> Object:
    """A DaemonSet of one container whose selector is `app: name`. `spec` adds fields of its spec."""
    return _workload("DaemonSet", name, image, spec)
