"""What the balancers of the seeded cluster counted: busy and quiet Services, a canary, a drained endpoint, a fault."""

from __future__ import annotations

from typing import Any

from common.api import kinds, meta
from common.api.meta import Object
from tests.fakes.api import FakeApi

_RATES = (182.4, 96.2, 0.4, 12.0)


def _figures(rate: float, errors: float = 0.0, latency: float | None = 9.0) -> Object:
    return {"requests": int(rate * 600), "errors": int(errors * 600), "requestsPerSecond": rate,
            "errorsPerSecond": errors, "sessions": int(rate / 10), "latency": latency}  # fmt: skip


def add_traffic(api: FakeApi) -> None:
    """After Services and slices."""
    services = []
    slices = {meta.labels(item)["kubernetes.io/service-name"]: item for item in api.items(kinds.ENDPOINTSLICES)}
    for index, service in enumerate(sorted(api.items(kinds.SERVICES), key=meta.key)):
        rate = _RATES[index % len(_RATES)]
        found = slices[meta.name(service)]["endpoints"]
        endpoints: list[Any] = [
            {
                "address": item["addresses"][0], "port": 8080, "pod": item["targetRef"]["name"],
                "node": item["nodeName"], "state": "ready", "weight": 100,
                "http": _figures(round(rate / len(found), 1), 0.2 if index == 1 and not place else 0.0, 4.0 + place),
            }
            for place, item in enumerate(found)
        ]  # fmt: skip
        if index == 1 and endpoints:
            endpoints[-1] |= {"state": "drained", "weight": 0, "http": _figures(0, 0, 31.0)}
        services.append({
            "namespace": meta.namespace(service), "name": meta.name(service), "type": service["spec"]["type"],
            "clusterIP": service["spec"]["clusterIP"], "ports": ["80/TCP"], "connections": int(rate * 700),
            "connectionsPerSecond": round(rate / 4, 1), "http": _figures(rate), "endpoints": endpoints,
        })  # fmt: skip
    first = services[0]
    api.seed(kinds.LOADBALANCERS, {
        "metadata": {"name": "cluster"},
        "nodes": [
            {"name": "berth-1", "proxy": "Running", "message": ""},
            {"name": "berth-2", "proxy": "Running", "message": ""},
            {"name": "berth-3", "proxy": "Failing", "message": "HAProxy does not start: cannot bind socket [::]:80"},
        ],
        "services": services,
        "ingresses": [
            {"namespace": first["namespace"], "name": "shop", "hosts": ["shop.example", "*.shop.example"],
             "http": _figures(182.4, 0.2),
             "backends": [{"service": first["name"], "port": "80", "canary": False, "http": _figures(146.0, 0.2)}]},
            {"namespace": first["namespace"], "name": "shop-next", "hosts": ["shop.example"],
             "http": _figures(36.4, 0.0),
             "backends": [{"service": first["name"], "port": "80", "canary": True, "http": _figures(36.4, 0, 6.5)}]},
        ],
    })  # fmt: skip
