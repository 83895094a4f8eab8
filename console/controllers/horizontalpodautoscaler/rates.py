"""The values of objects that this cluster knows: requests a second, as the nodes' proxies count them. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from common.api.meta import Object

from .metrics import Reference

RATE = "requests-per-second"
"""The name of the metric: of a Service or Ingress (Object and External metrics) or of a pod behind them (Pods)."""
_ASKING = frozenset({"Pods", "Object", "External"})


def asks(autoscaler: Object) -> bool:
    """Whether a metric of the autoscaler needs such values."""
    return any(metric.get("type") in _ASKING for metric in autoscaler["spec"].get("metrics") or ())


def values(balancer: Object, namespace: str) -> dict[Reference, int]:
    """Thousandths of requests a second of all in a namespace that proxies serve; `balancer` is the LoadBalancer."""
    found: defaultdict[Reference, int] = defaultdict(int)
    for kind, field in (("Service", "services"), ("Ingress", "ingresses")):
        for item in balancer.get(field) or ():
            if item.get("namespace") != namespace:
                continue
            if item.get("http") is not None:
                found[kind, str(item["name"]), RATE] = _milli(item["http"])
            for endpoint in item.get("endpoints") or ():
                if endpoint.get("pod") and endpoint.get("http") is not None:
                    found["Pod", str(endpoint["pod"]), RATE] += _milli(endpoint["http"])
    return dict(found)


def _milli(http: Any) -> int:
    rate = http.get("requestsPerSecond")
    return round(rate * 1000) if isinstance(rate, int | float) else 0
