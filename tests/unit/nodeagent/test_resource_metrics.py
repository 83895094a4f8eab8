"""`/metrics/resource` of a node."""

from __future__ import annotations

from common.api.meta import Object
from nodeagent.resource_metrics import text

TIME = "2026-01-01T00:00:00Z"


def figures(seconds: float, memory: int) -> Object:
    return {
        "cpu": {"time": TIME, "usageCoreNanoSeconds": int(seconds * 1e9)},
        "memory": {"time": TIME, "workingSetBytes": memory},
    }


def pod(name: str, *containers: Object) -> Object:
    return {"podRef": {"namespace": "shop", "name": name}, "containers": [*containers], **figures(2.5, 100)}


def test_node_pods_and_containers_have_their_figures() -> None:
    main = {"name": "main", "startTime": "2025-12-31T23:59:59Z", **figures(2, 60)}
    found = text({"node": {"nodeName": "n1", **figures(7, 1000)}, "pods": [pod("web", main), pod("waiting")]})
    assert found.splitlines() == [
        (
            "# HELP container_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the container in "
            "core-seconds"
        ),
        "# TYPE container_cpu_usage_seconds_total counter",
        'container_cpu_usage_seconds_total{container="main",namespace="shop",pod="web"} 2 1767225600000',
        "# HELP container_memory_working_set_bytes [STABLE] Current working set of the container in bytes",
        "# TYPE container_memory_working_set_bytes gauge",
        'container_memory_working_set_bytes{container="main",namespace="shop",pod="web"} 60 1767225600000',
        "# HELP container_start_time_seconds [STABLE] Start time of the container since unix epoch in seconds",
        "# TYPE container_start_time_seconds gauge",
        'container_start_time_seconds{container="main",namespace="shop",pod="web"} 1767225599',
        "# HELP node_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the node in core-seconds",
        "# TYPE node_cpu_usage_seconds_total counter",
        "node_cpu_usage_seconds_total 7 1767225600000",
        "# HELP node_memory_working_set_bytes [STABLE] Current working set of the node in bytes",
        "# TYPE node_memory_working_set_bytes gauge",
        "node_memory_working_set_bytes 1000 1767225600000",
        "# HELP pod_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the pod in core-seconds",
        "# TYPE pod_cpu_usage_seconds_total counter",
        'pod_cpu_usage_seconds_total{namespace="shop",pod="web"} 2.5 1767225600000',
        "# HELP pod_memory_working_set_bytes [STABLE] Current working set of the pod in bytes",
        "# TYPE pod_memory_working_set_bytes gauge",
        'pod_memory_working_set_bytes{namespace="shop",pod="web"} 100 1767225600000',
        "# HELP resource_scrape_error [STABLE] 1 if there was an error while getting container metrics, 0 otherwise",
        "# TYPE resource_scrape_error gauge",
        "resource_scrape_error 0",
    ]


def test_a_node_without_pods_has_its_own_figures() -> None:
    found = text({"node": {"nodeName": "n1", **figures(7, 1000)}, "pods": []})
    assert "node_memory_working_set_bytes 1000" in found
    assert "container_" not in found.replace("getting container", "")
