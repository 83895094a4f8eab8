"""What was made of a Service is reused exactly while nothing it depends on changed."""

from __future__ import annotations

from typing import Any

from common.api.meta import Key
from nodeagent.network import topology
from nodeagent.network.memo import Memo, version_of
from nodeagent.network.wanted import Compiler, Inputs


def test_results_live_as_long_as_their_version_and_one_round_more() -> None:
    memo: Memo[object] = Memo()
    key = Key("shop", "web")
    first = memo.get(key, (1,), object)
    memo.end_round()
    assert memo.get(key, (1,), object) is first
    memo.end_round()
    second = memo.get(key, (2,), object)
    assert second is not first
    memo.end_round()
    memo.end_round()
    assert memo.get(key, (2,), object) is not second


def test_without_a_version_nothing_is_reused() -> None:
    memo: Memo[object] = Memo()
    first = memo.get(Key("shop", "web"), None, object)
    memo.end_round()
    assert memo.get(Key("shop", "web"), None, object) is not first
    assert version_of({"metadata": {"name": "web"}}, []) is None


def made(name: str, version: int, address: str) -> tuple[dict[str, Any], dict[str, Any]]:
    metadata = {"namespace": "shop", "resourceVersion": str(version)}
    service = {
        "metadata": {**metadata, "name": name, "uid": name, "resourceVersion": "1"},
        "spec": {"clusterIP": f"10.43.0.{len(name)}", "ports": [{"port": 80}]},
    }
    labels = {"kubernetes.io/service-name": name}
    found = {
        "metadata": {**metadata, "name": f"{name}-1", "uid": f"{name}-1", "labels": labels},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address]}],
        "ports": [{"port": 8080}],
    }
    return service, found


def test_a_compiler_that_remembers_gives_what_a_new_one_gives() -> None:
    node = {"metadata": {"name": "node-1"}, "spec": {"podCIDRs": ["10.42.1.0/24"]}}
    around = topology.read(node, [], {"uid": "c0ffee"})
    old = Compiler()
    rounds = [
        ([made("a", 1, "10.42.1.5"), made("bb", 1, "10.42.1.6")], frozenset()),
        ([made("a", 2, "10.42.1.7"), made("bb", 1, "10.42.1.6")], frozenset()),
        ([made("a", 2, "10.42.1.7"), made("bb", 1, "10.42.1.6")], frozenset({"10.42.1.6"})),
        ([made("bb", 1, "10.42.1.6")], frozenset()),
        ([made("a", 3, "10.42.1.8"), made("bb", 1, "10.42.1.6")], frozenset()),
    ]
    for pairs, unready in rounds:
        inputs = Inputs(tuple(one for one, _ in pairs), tuple(some for _, some in pairs), frozenset(unready))
        assert old.compile(around, inputs, {4: True}) == Compiler().compile(around, inputs, {4: True})
