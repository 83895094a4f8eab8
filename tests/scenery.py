"""What the cluster of the pictures runs: a shop and a home, with the faults that such clusters have."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from tests.e2e import manifests
from tests.lab.commands import run

Object = dict[str, Any]
CERTIFICATE_DAYS = 9  # soon enough for the doctor to speak of it

WORKLOADS = {
    ("shop", "web"): 4,
    ("shop", "checkout"): 2,
    ("shop", "ledger"): 3,
    ("home", "dashboard"): 1,
    ("home", "notes"): 2,
}
"""Deployments with a Service each, by namespace and name: how many replicas."""


def images() -> tuple[str, ...]:
    return tuple(f"{name}:{version}" for _, name in WORKLOADS for version in ("1.4", "1.5"))


def steady() -> list[Object]:
    """What runs well from the start."""
    found: list[Object] = [manifests.namespace(space) for space in sorted({space for space, _ in WORKLOADS})]
    for (space, name), replicas in WORKLOADS.items():
        deployment = manifests.deployment(name, space, replicas, image=f"{name}:1.4")
        _container(deployment)["resources"] = {"requests": {"cpu": "100m", "memory": "96Mi"}}
        found += [deployment, manifests.service(name, space)]
    return found


def traffic(folder: Path) -> list[Object]:
    """Ingresses, an autoscaler and a budget; a certificate ends soon."""
    return [
        _tls_secret(folder, "shop-tls", "shop", "account.example"),
        ingress("shop", "shop", "shop.example", "web"),
        ingress("account", "shop", "account.example", "ledger", "shop-tls"),
        ingress("dashboard", "home", "dashboard.example", "dashboard"),
        _autoscaler("checkout", "shop", 2, 6),
        _budget("ledger", "shop", 3),
    ]


def data_and_batch() -> list[Object]:
    return [_statefulset("orders-db", "shop", 3), _claim("scans", "home", "tape"), _daemonset("beacon", "home"),
            *_batch("shop")]  # fmt: skip


def faults() -> list[Object]:
    """An image that is not there, a program that crashes, a pod that asks for more than any host has."""
    absent = manifests.deployment("mailer", "shop", 1, image="mailer:2.0")
    crashing = manifests.deployment("camera", "home", 1, image="notes:1.4")
    _container(crashing).update(command=["sh", "-c", "echo no camera at /dev/video0; exit 1"], readinessProbe=None)
    greedy = manifests.deployment("transcoder", "shop", 1, image="ledger:1.4")
    _container(greedy)["resources"] = {"requests": {"cpu": "16", "memory": "48Gi"}}
    return [absent, crashing, greedy]


def ingress(name: str, space: str, host: str, service: str, secret: str = "") -> Object:
    backend = {"service": {"name": service, "port": {"number": 80}}}
    rule = {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    spec: Object = {"rules": [rule]}
    if secret:
        spec["tls"] = [{"hosts": [host], "secretName": secret}]
    return _object("networking.k8s.io/v1", "Ingress", name, space, spec=spec)


def _object(version: str, kind: str, name: str, space: str, **fields: Any) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": space}, **fields}


def _container(deployment: Object) -> Object:
    container: Object = deployment["spec"]["template"]["spec"]["containers"][0]
    return container


def _tls_secret(folder: Path, name: str, space: str, host: str) -> Object:
    chain, key = folder / f"{name}.crt", folder / f"{name}.key"
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-days", str(CERTIFICATE_DAYS), "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}",
        "-keyout", str(key), "-out", str(chain))  # fmt: skip
    data = {
        field: base64.b64encode(path.read_bytes()).decode() for field, path in (("tls.crt", chain), ("tls.key", key))
    }
    return _object("v1", "Secret", name, space, type="kubernetes.io/tls", data=data)


def _autoscaler(name: str, space: str, least: int, most: int) -> Object:
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization",
                                                                        "averageUtilization": 60}}}  # fmt: skip
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    spec = {"scaleTargetRef": target, "minReplicas": least, "maxReplicas": most, "metrics": [metric]}
    return _object("autoscaling/v2", "HorizontalPodAutoscaler", name, space, spec=spec)


def _budget(name: str, space: str, least: int) -> Object:
    spec = {"minAvailable": least, "selector": {"matchLabels": {"app": name}}}
    return _object("policy/v1", "PodDisruptionBudget", name, space, spec=spec)


def _statefulset(name: str, space: str, replicas: int) -> Object:
    made = manifests.deployment(name, space, replicas, image="ledger:1.4")
    _container(made)["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    request = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "256Mi"}}}
    spec = {**made["spec"], "serviceName": name,
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": request}]}  # fmt: skip
    return {**made, "kind": "StatefulSet", "spec": spec}


def _daemonset(name: str, space: str) -> Object:
    made = manifests.deployment(name, space, 1, image="notes:1.4")
    spec = {key: value for key, value in made["spec"].items() if key != "replicas"}
    return {**made, "kind": "DaemonSet", "spec": spec}


def _claim(name: str, space: str, storage_class: str) -> Object:
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": storage_class,
            "resources": {"requests": {"storage": "20Gi"}}}  # fmt: skip
    return _object("v1", "PersistentVolumeClaim", name, space, spec=spec)


def _batch(space: str) -> list[Object]:
    """Jobs that are done, run and failed; CronJobs that run and that stand still."""
    nightly = {"schedule": "30 2 * * *", "timeZone": "Europe/Berlin", "jobTemplate": {"spec": _job("sleep 20", 1)}}
    invoices = {"schedule": "* * * * *", "successfulJobsHistoryLimit": 2, "concurrencyPolicy": "Forbid",
                "jobTemplate": {"spec": _job("sleep 15", 1)}}  # fmt: skip
    return [
        _object("batch/v1", "Job", "migrate-orders", space, spec=_job("sleep 1", 3)),
        _object("batch/v1", "Job", "reindex", space, spec=_job("sleep 3000", 4, parallelism=2)),
        _object("batch/v1", "Job", "import-catalog", space,
                spec=_job("echo no such file: catalog.csv; exit 1", 1, backoffLimit=0)),
        _object("batch/v1", "CronJob", "backup", space, spec=nightly),
        _object("batch/v1", "CronJob", "invoices", space, spec=invoices),
        _object("batch/v1", "CronJob", "newsletter", space,
                spec={**nightly, "schedule": "0 9 * * MON", "suspend": True}),
    ]  # fmt: skip


def _job(command: str, completions: int, **spec: Any) -> Object:
    container = {"name": "work", "image": "ledger:1.4", "imagePullPolicy": "IfNotPresent",
                 "command": ["sh", "-c", command],
                 "resources": {"requests": {"cpu": "20m", "memory": "16Mi"}}}  # fmt: skip
    pod = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [container]}
    return {"completions": completions, "parallelism": 1, **spec, "template": {"spec": pod}}
