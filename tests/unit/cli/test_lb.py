"""What `quarterdeck lb` prints."""

from __future__ import annotations

from typing import Any

from common.api.meta import Object
from console.cli.lb import render


def endpoint(address: str, weight: int = 100, http: Any = None, state: str = "ready") -> Object:
    return {"address": address, "port": 80, "pod": "p", "node": "n", "state": state, "weight": weight, "http": http}


def document() -> Object:
    http = {"requestsPerSecond": 1234.0, "errorsPerSecond": 0.5, "latency": 7.0}
    endpoints = [endpoint("10.0.0.1", 50, http), endpoint("10.0.0.2"), endpoint("fd00::1", 0, state="drained")]
    service = {"namespace": "a", "name": "web", "type": "ClusterIP", "clusterIP": "10.43.0.1", "ports": ["80/TCP"],
               "connections": 5, "connectionsPerSecond": 2.5, "endpoints": endpoints}  # fmt: skip
    empty = {**service, "namespace": "b", "name": "idle", "connectionsPerSecond": 0.0, "endpoints": []}
    nodes = [{"name": "n", "proxy": "Failing", "message": "port 80 is taken"}]
    return {"nodes": nodes, "services": [service, empty], "ingresses": []}


def test_endpoints_have_their_share_of_their_family() -> None:
    lines = render(document(), "a").splitlines()
    assert lines[:2] == ["Proxies 0 of 1   Ingresses 0 req/s  0 err/s   Services 2.5 conn/s", "n: port 80 is taken"]
    assert [line.split() for line in lines[4:]] == [
        ["web", "10.0.0.1:80", "p", "n", "ready", "50", "33%", "1.2k", "0.5", "7"],
        ["web", "10.0.0.2:80", "p", "n", "ready", "100", "67%", "-", "-", "-"],
        ["web", "[fd00::1]:80", "p", "n", "drained", "0", "0%", "-", "-", "-"],
    ]


def test_a_service_without_endpoints_is_shown_as_such() -> None:
    last = render(document(), None).splitlines()[-1]
    assert last.split()[:5] == ["b/idle", "-", "-", "-", "no"]
    assert "no Services" in render({"services": [], "nodes": [], "ingresses": []}, None)
