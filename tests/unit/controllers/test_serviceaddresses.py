"""Which IPAddresses a Service has, and when a range may go."""

from __future__ import annotations

import pytest

from common.api.kinds import SERVICECIDRS
from common.api.meta import Key, Object
from console.controllers.serviceaddresses import ServiceRangeController, addresses_of, is_in_use
from tests.unit.controllers.conftest import World


def cidrs(uid: str, *found: str, ending: bool = False) -> Object:
    marks = {"deletionTimestamp": "2026-01-01T00:00:00Z"} if ending else {}
    return {"metadata": {"name": uid, "uid": uid, **marks}, "spec": {"cidrs": list(found)}}


def test_each_cluster_address_is_an_object_of_its_family() -> None:
    service = {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"clusterIPs": ["10.43.0.9", "fd00::9"]}}
    found = addresses_of(service)
    assert [obj["metadata"]["labels"]["ipaddress.kubernetes.io/ip-family"] for obj in found.values()] == [
        "IPv4",
        "IPv6",
    ]
    parent = {"group": "", "resource": "services", "namespace": "shop", "name": "web"}
    assert [obj["spec"]["parentRef"] for obj in found.values()] == [parent, parent]
    assert addresses_of({**service, "spec": {"clusterIPs": ["None"]}}) == {}
    assert addresses_of({**service, "spec": {"type": "ExternalName"}}) == {}


@pytest.mark.parametrize(
    ("others", "held", "expected"),
    [
        ([], ["203.0.113.9"], True),
        ([], ["10.43.0.9", "2001:db8::9"], False),
        ([cidrs("b", "203.0.0.0/16")], ["203.0.113.9"], False),
        ([cidrs("b", "203.0.0.0/16", ending=True)], ["203.0.113.9"], True),
    ],
)
def test_a_range_is_held_by_addresses_that_are_of_no_other(
    others: list[Object], held: list[str], expected: bool
) -> None:
    gone = cidrs("a", "203.0.113.0/24", ending=True)
    assert is_in_use(gone, [gone, *others], held) is expected


async def test_what_others_say_of_a_range_stays(world: World) -> None:
    theirs = {"type": "Announced", "status": "True", "reason": "Told", "message": "", "lastTransitionTime": "x"}
    world.api.seed(SERVICECIDRS, {**cidrs("a", "10.0.0.0/24"), "status": {"conditions": [theirs]}})
    await world.start(ServiceRangeController(world.kit))
    found = world.api.find(SERVICECIDRS, Key("", "a"))
    assert found is not None
    assert [condition["type"] for condition in found["status"]["conditions"]] == ["Announced", "Ready"]
    assert found["status"]["conditions"][0] == theirs
