"""The LoadBalancer document: what is beside what, sums, rates, and messages of nodes that say nonsense."""

from __future__ import annotations

from typing import Any

from common.api.ingressclass import built_in
from common.api.meta import Object
from console.traffic.document import Heard, Mirrors, add, document, rates


def figures(requests: int, rate: float = 0.0, latency: int | None = None, errors: int = 0) -> Object:
    return {"requests": requests, "errors": errors, "requestsPerSecond": rate, "errorsPerSecond": 0.0, "sessions": 1,
            "latency": latency}  # fmt: skip


def backend(requests: int, **more: Any) -> Object:
    names = {"namespace": "ns", "ingress": "site", "service": "web", "port": "80"}
    server = {"address": "10.42.0.5", "port": 8080, **figures(requests, **more)}
    return {**names, **figures(requests, **more), "servers": [server]}


def heard(*backends: Object, connections: int = 0) -> Heard:
    counted = [{"namespace": "ns", "name": "web", "connections": connections}]
    return Heard.parse({"proxy": {"reason": "Running"}, "backends": list(backends), "connections": counted})


def mirrors() -> Mirrors:
    node = {"metadata": {"name": "n1"}}
    service = {"metadata": {"name": "web", "namespace": "ns"}, "spec": {"type": "ClusterIP", "ports": [{"port": 80}]}}
    external = {"metadata": {"name": "out", "namespace": "ns"}, "spec": {"type": "ExternalName"}}
    item = {
        "metadata": {
            "name": "web-1", "namespace": "ns", "labels": {"kubernetes.io/service-name": "web"},
            "annotations": {"quarterdeck.io/weights": '{"10.42.0.6":0}'},
        },
        "addressType": "IPv4", "ports": [{"port": 8080}],
        "endpoints": [
            {"addresses": ["10.42.0.5"], "nodeName": "n1", "targetRef": {"name": "web-a"}},
            {"addresses": ["10.42.0.6"], "conditions": {"ready": True}},
            {"addresses": ["10.42.0.7"], "conditions": {"ready": False}},
            {"addresses": ["10.42.0.8"], "conditions": {"ready": False, "terminating": True}},
        ],
    }  # fmt: skip
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}
    ingress = {
        "metadata": {"name": "site", "namespace": "ns"},
        "spec": {"ingressClassName": "quarterdeck", "rules": [{"host": "a.x", "http": {"paths": [path]}}]},
    }
    return Mirrors((node, {"metadata": {"name": "n2"}}), (service, external), (item,), (ingress,), (built_in(),))


def test_what_nodes_counted_is_added_up() -> None:
    found = document(mirrors(), {"n1": heard(backend(10, rate=3.0, latency=10), connections=4),
                                 "n2": heard(backend(30, rate=1.0, latency=50), connections=1)})  # fmt: skip
    (service,) = found["services"]
    assert service["connections"] == 5
    assert service["http"] == figures(40, 4.0, 20) | {"sessions": 2}
    assert [(item["address"], item["state"], item["weight"]) for item in service["endpoints"]] == [
        ("10.42.0.5", "ready", 100), ("10.42.0.6", "drained", 0), ("10.42.0.7", "unready", 100),
        ("10.42.0.8", "terminating", 100),
    ]  # fmt: skip
    assert service["endpoints"][0]["pod"] == "web-a"
    assert service["endpoints"][1]["http"] is None
    (ingress,) = found["ingresses"]
    assert (ingress["hosts"], ingress["http"]["requests"]) == (["a.x"], 40)
    assert [node["proxy"] for node in found["nodes"]] == ["Running", "Running"]


def test_a_node_that_says_nothing_is_unknown_and_figures_are_absent() -> None:
    found = document(mirrors(), {})
    assert {node["proxy"] for node in found["nodes"]} == {"Unknown"}
    assert found["services"][0]["http"] is None
    assert add([])["latency"] is None


def test_connections_become_rates_and_a_new_agent_makes_none_negative() -> None:
    now = heard(connections=30)
    now.rates_since(heard(connections=10), 5.0)
    assert document(mirrors(), {"n1": now})["services"][0]["connectionsPerSecond"] == 4.0
    anew = heard(connections=1)
    anew.rates_since(now, 5.0)
    assert set(anew.per_second.values()) == {0.0}


def test_nonsense_of_a_node_is_left_out() -> None:
    odd: Object = {"proxy": 7, "backends": [1, {"servers": 3}, {"servers": []}], "connections": [{"connections": "x"}]}
    found = Heard.parse(odd)
    assert (found.reason, len(found.backends), found.connections) == ("Unknown", 1, {})
    assert document(mirrors(), {"n1": found})["services"][0]["connections"] == 0


def test_what_comes_to_a_service_now_is_of_ingresses_where_they_lead_to_it() -> None:
    quiet, busy = heard(connections=10), heard(connections=30)
    busy.rates_since(quiet, 10.0)
    assert rates({"n1": busy, "n2": busy}) == {("ns", "web"): (4.0, None, False)}
    through = heard(backend(5, rate=2.5, latency=8), connections=30)
    through.rates_since(quiet, 10.0)
    assert rates({"n1": through}) == {("ns", "web"): (2.5, 8.0, True)}
