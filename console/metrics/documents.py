"""Figures as API objects: metrics.k8s.io's NodeMetrics and PodMetrics, and series for charts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from common.api import meta
from common.api.kinds import CLUSTER_SERIES, NODE_METRICS, POD_METRICS, SERVICE_SERIES, Resource
from common.api.meta import Object, format_time

from .book import Track
from .readings import Figures
from .series import Window


def node_metrics(node: Object, track: Track, now: datetime, age: float) -> Object:
    """`age` is how many seconds old the figures are."""
    return {**_metrics(NODE_METRICS, node, track, now, age), "usage": usage(track.total)}


def pod_metrics(pod: Object, track: Track, now: datetime, age: float) -> Object:
    containers = [{"name": name, "usage": usage(figures)} for name, figures in track.parts.items()]
    return {**_metrics(POD_METRICS, pod, track, now, age), "containers": containers}


def _metrics(resource: Resource, about: Object, track: Track, now: datetime, age: float) -> Object:
    return {
        **_head(resource, about, now),
        "timestamp": format_time(now - timedelta(seconds=age)),
        "window": duration(track.window),
    }


def _head(resource: Resource, about: Object, now: datetime) -> Object:
    metadata: Object = {"name": meta.name(about)}
    if meta.namespace(about):
        metadata["namespace"] = meta.namespace(about)
    metadata["creationTimestamp"] = format_time(now)
    if meta.labels(about):
        metadata["labels"] = meta.labels(about)
    return {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}


def usage(figures: Figures) -> Object:
    """As metrics-server writes amounts: CPU in nanocores, memory in Ki."""
    return {"cpu": f"{round(figures.cpu)}n", "memory": f"{figures.memory // 1024}Ki"}


def duration(seconds: float) -> str:
    """Seconds as Go prints a duration below an hour: `5.003s`, `1m0.5s`."""
    minutes, rest = divmod(round(seconds, 3), 60)
    text = f"{rest:.3f}".rstrip("0").rstrip(".")
    return f"{int(minutes)}m{text}s" if minutes else f"{text}s"


def series(resource: Resource, about: Object, window: Window, now: datetime, moment: float) -> Object:
    """A piece of a series. `moment` is now on the clock of the window; values are millicores and bytes, null for what
    was not measured."""
    start = now - timedelta(seconds=moment - window.start)
    return {
        **_head(resource, about, now),
        "start": format_time(start),
        "stepSeconds": window.step,
        "cpu": _whole(window.cpu, 1e6),
        "memory": _whole(window.memory, 1.0),
    }


def cluster_series(about: Object, window: Window, flows: tuple[Window, Window], now: datetime, moment: float) -> Object:
    """What the cluster uses and what comes to it: requests through Ingresses, their latency, and new connections to
    Services behind none. All windows are of the same time."""
    requests, connections = flows
    return {
        **series(CLUSTER_SERIES, about, window, now, moment),
        "requests": requests.cpu,
        "latency": requests.memory,
        "connections": connections.cpu,
    }


def service_series(about: Object, window: Window, now: datetime, moment: float, *, requests: bool) -> Object:
    """What came to a Service. `of` is `requests` where proxies count them, else `connections`."""
    start = now - timedelta(seconds=moment - window.start)
    return {
        **_head(SERVICE_SERIES, about, now),
        "start": format_time(start),
        "stepSeconds": window.step,
        "of": "requests" if requests else "connections",
        "perSecond": window.cpu,
        "latency": window.memory,
    }


def _whole(values: Sequence[float | None], unit: float) -> list[int | None]:
    return [None if value is None else round(value / unit) for value in values]
