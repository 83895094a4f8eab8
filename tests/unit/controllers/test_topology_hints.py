"""Hints by zone: endpoints in proportion to processors, or none at all."""

from __future__ import annotations

from collections import Counter

import pytest

from common.api.meta import Object
from console.controllers.endpointslice import topology
from console.controllers.endpointslice.endpoints import desired
from tests.fakes.objects import node, pod

EVEN = {"a": 0.5, "b": 0.5}


def at(**zones: int) -> dict[str, str]:
    """So many endpoints in each zone."""
    return {f"10.42.{zone}.{index}": zone for zone, count in zones.items() for index in range(count)}


@pytest.mark.parametrize(
    ("zones", "shares", "expected"),
    [
        (at(a=3, b=3), EVEN, {"a": 3, "b": 3}),
        (at(a=4, b=2), EVEN, {"a": 3, "b": 3}),
        (at(a=6), EVEN, {"a": 3, "b": 3}),
        (at(a=5, b=5), {"a": 0.8, "b": 0.2}, {"a": 8, "b": 2}),
        (at(a=1), EVEN, {}),
        (at(a=2, b=1), EVEN, {}),
        (at(a=3, b=3), {}, {}),
        (at(a=3, c=3), EVEN, {}),
        ({"10.42.0.1": "", "10.42.0.2": "a", "10.42.0.3": "b", "10.42.0.4": "b"}, EVEN, {}),
    ],
)
def test_zones_get_their_share_or_nobody_a_hint(
    zones: dict[str, str], shares: dict[str, float], expected: Object
) -> None:
    found = topology.hints(zones, shares)
    assert Counter(found.values()) == expected
    kept = [address for address, zone in found.items() if zones[address] == zone]
    assert len(kept) == sum(min(count, Counter(zones.values())[zone]) for zone, count in expected.items())


def zoned(name: str, zone: str, **more: object) -> Object:
    return node(name, labels={topology.ZONE: zone} if zone else {}, **more)


def test_shares_are_of_processors_of_nodes_that_are_ready() -> None:
    nodes = [zoned("n1", "a", cpu="3"), zoned("n2", "b", cpu="1"), zoned("n3", "b", ready=False)]
    assert topology.shares_of(nodes) == {"a": 0.75, "b": 0.25}
    assert topology.shares_of([*nodes, zoned("n4", "")]) == {}
    assert topology.shares_of(nodes[:1]) == {}


def test_the_annotation_comes_before_the_distribution() -> None:
    service: Object = {
        "metadata": {"name": "web", "annotations": {"service.kubernetes.io/topology-mode": "Auto"}},
        "spec": {"ports": [{"port": 80}], "ipFamilies": ["IPv4"], "trafficDistribution": "PreferSameNode"},
    }
    assert topology.is_automatic(service)
    pods = [pod(f"p{index}", node=f"n{index % 2}", ready=True, ip=f"10.42.0.{index}") for index in range(4)]
    zone_of = {"n0": "a", "n1": "b"}.__getitem__
    ((_, found),) = desired(service, pods, zone_of, EVEN).items()
    assert [entry["hints"] for entry in found.values()] == [{"forZones": [{"name": zone}]} for zone in "abab"]
    ((_, found),) = desired(service, pods, zone_of, {}).items()
    assert not any("hints" in entry for entry in found.values())
