"""The ways into the example's Service, and when it counts as answered."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

from console.setup.answers import Answers, Way, summary, ways

SERVICE = {
    "spec": {
        "clusterIPs": ["10.43.0.9", "fd00::9"],
        "ipFamilies": ["IPv4", "IPv6"],
        "ports": [{"port": 80, "nodePort": 30080}],
    }
}
NODE = {
    "status": {
        "addresses": [
            {"type": "Hostname", "address": "n1"},
            {"type": "InternalIP", "address": "192.0.2.1"},
            {"type": "InternalIP", "address": "2001:db8::1"},
        ]
    }
}


def test_each_family_has_cluster_address_and_node_port() -> None:
    assert ways(SERVICE, [NODE]) == [
        Way("ClusterIP", "10.43.0.9", 80),
        Way("ClusterIP", "fd00::9", 80),
        Way("NodePort", "192.0.2.1", 30080),
        Way("NodePort", "2001:db8::1", 30080),
    ]
    assert str(Way("NodePort", "2001:db8::1", 30080)) == "http://[2001:db8::1]:30080/ (NodePort, IPv6)"


def test_a_single_family_has_two_ways_and_a_headless_service_none() -> None:
    single = {"spec": {"clusterIPs": ["10.43.0.9"], "ipFamilies": ["IPv4"], "ports": [{"port": 80, "nodePort": 1}]}}
    assert [way.kind for way in ways(single, [NODE])] == ["ClusterIP", "NodePort"]
    assert ways({"spec": {"clusterIPs": ["None"], "ipFamilies": ["IPv4"], "ports": [{"port": 80}]}}, [NODE]) == []


@pytest.fixture
def server() -> Iterator[tuple[Way, list[str]]]:
    """A server that answers with the names of a list in turn, and 503 when it is used up."""
    names: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if names else 503)
            self.end_headers()
            self.wfile.write(names.pop(0).encode() + b"\n" if names else b"busy")

        def log_message(self, *_: object) -> None:
            """Silence."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield Way("NodePort", "127.0.0.1", listening.server_port), names
        listening.shutdown()
        thread.join()


def test_complete_when_every_replica_answered_there(server: tuple[Way, list[str]]) -> None:
    way, names = server
    asked = Answers(frozenset({"a", "b"}))
    names += ["a", "a", "other"]
    for _ in range(3):
        asked.ask(way)
    assert not asked.complete(way)
    assert asked.lines() == [f"{way}: 1 of 2 replicas answered"]
    asked.ask(way)
    assert asked.lines() == [f"{way}: 1 of 2 replicas answered, last failure: HTTP 503"]
    names.append("b")
    asked.ask(way)
    assert asked.complete(way)
    assert asked.lines() == [f"{way}: 2 of 2 replicas answered"]


def test_nobody_there_is_trouble_and_no_crash() -> None:
    way = Way("NodePort", "127.0.0.1", 1)
    asked = Answers(frozenset({"a"}))
    asked.ask(way)
    assert "refused" in asked.lines()[0]


def test_summary() -> None:
    assert summary({"b": "Ready", "a": "Pending"}) == "a Pending, b Ready"
    assert summary({}) == "no pods yet"
