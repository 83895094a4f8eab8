"""What the fleet uses: figures of its nodes and pods, the last quarter of an hour, and two autoscalers."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from common.api import kinds, pods
from common.api.kinds import Resource
from common.api.meta import Object, format_time, key
from tests.fakes.api import FakeApi

POINTS = 180  # of five seconds


def add_figures(api: FakeApi, now: datetime) -> None:
    for index, pod in enumerate(api.items(kinds.PODS)):
        if pods.is_ready(pod):
            asked = pods.requests(pod)
            cpu = float(asked.get("cpu", 0)) * (0.15 + 0.13 * (index % 5))
            memory = int(asked.get("memory", 0)) * (2 + index % 4) // 6
            containers = [{"name": "app", "usage": _usage(cpu, memory)}]
            _seed(api, kinds.POD_METRICS, pod, {"containers": containers})
    for node, cpu, memory in zip(api.items(kinds.NODES), (1.53, 3.1, 0.42), (3.1, 7.5, 1.2), strict=True):
        _seed(api, kinds.NODE_METRICS, node, {"usage": _usage(cpu, int(memory * 2**30))})
    _autoscaler(api, now, "web-frontend", 4, (38, 60), "ValidMetricFound")
    _autoscaler(api, now, "checkout-api", 3, (97, 80), "TooManyReplicas")


def _usage(cpu: float, memory: int) -> Object:
    return {"cpu": f"{int(cpu * 1e9)}n", "memory": f"{memory // 1024}Ki"}


def _seed(api: FakeApi, resource: Resource, about: Object, figures: Object) -> None:
    found = key(about)
    metadata = {"name": found.name, **({"namespace": found.namespace} if found.namespace else {})}
    api.seed(resource, {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, **figures})


def cluster_series(now: datetime) -> Object:
    """What the cluster used and what came to it. Nobody measured in the first minute; the latency rises with a peak."""
    points = range(POINTS)
    cpu = [round(3600 + 2200 * math.sin(point / 19) + 700 * math.sin(point / 3.3)) for point in points]
    cpu[120:150] = [value + 4600 for value in cpu[120:150]]
    memory = [int((9.4 + 0.012 * point) * 2**30) for point in points]
    requests = [round(180 + 60 * math.sin(point / 11) + 25 * math.sin(point / 2.3), 2) for point in points]
    latency = [round(9 + (34 if 120 <= point < 150 else 0) + 2 * math.sin(point / 5), 1) for point in points]
    unknown = [None] * 10
    return {
        "apiVersion": "quarterdeck.io/v1", "kind": "ClusterSeries", "metadata": {"name": "cluster"},
        "start": format_time(now - timedelta(seconds=5 * POINTS)), "stepSeconds": 5,
        "cpu": unknown + cpu[10:], "memory": unknown + memory[10:],
        "requests": unknown + requests[10:], "latency": unknown + latency[10:], "connections": [0.0] * POINTS,
    }  # fmt: skip


def _autoscaler(api: FakeApi, now: datetime, app: str, replicas: int, use: tuple[int, int], reason: str) -> None:
    target = {"type": "Utilization", "averageUtilization": use[1]}
    current = {"averageUtilization": use[0], "averageValue": f"{use[0]}m"}
    moment = format_time(now - timedelta(minutes=3))
    limited = reason == "TooManyReplicas"
    conditions = [
        ("AbleToScale", "True", "ReadyForNewScale", "recommended size matches current size"),
        ("ScalingActive", "True", "ValidMetricFound", "the HPA was able to successfully calculate a replica count"),
        ("ScalingLimited", str(limited), reason if limited else "DesiredWithinRange", "the limits of the autoscaler"),
    ]
    api.seed(
        kinds.HORIZONTALPODAUTOSCALERS,
        {
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": app, "namespace": "default",
                         "creationTimestamp": format_time(now - timedelta(days=2))},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": app},
                "minReplicas": 2, "maxReplicas": replicas if limited else 10,
                "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
            },
            "status": {
                "currentReplicas": replicas, "desiredReplicas": replicas, "lastScaleTime": moment,
                "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu", "current": current}}],
                "conditions": [
                    {"type": kind, "status": status, "reason": why, "message": message, "lastTransitionTime": moment}
                    for kind, status, why, message in conditions
                ],
            },
        },
    )  # fmt: skip
