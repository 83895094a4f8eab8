"""EndpointSlices: which endpoints, in which slices, with how little change."""

from __future__ import annotations

from typing import Any

import pytest

from common.api.kinds import ENDPOINTSLICES, PODS, SERVICES
from common.api.meta import Object, name
from console.controllers.endpointslice import EndpointSliceController
from console.controllers.endpointslice.layout import Plan
from console.controllers.endpointslice.plan import plan
from tests.fakes.api import copy
from tests.fakes.objects import pod


def service(**spec: Any) -> Object:
    base = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}], "ipFamilies": ["IPv4"]}
    return {
        "metadata": {"name": "web", "namespace": "default", "uid": "s", "labels": {"team": "a"}},
        "spec": base | spec,
    }


def backend(number: int, *, ready: bool = True, **more: Any) -> Object:
    made = pod(f"p{number:03}", ready=ready, ip=f"10.0.{number // 250}.{number % 250}", node=f"n{number % 3}", **more)
    made["metadata"]["uid"] = f"u{number:03}"
    return made


def planned(web: Object | None, pods: list[Object], slices: list[Object]) -> Plan:
    return plan(web, pods, slices, lambda node: f"zone-of-{node}" if node else "")


def applied(todo: Plan, slices: list[Object]) -> list[Object]:
    changed = {name(obj): obj for obj in todo.update}
    gone = {name(obj) for obj in todo.delete}
    return [changed.get(name(obj), obj) for obj in slices if name(obj) not in gone] + todo.create


def conditions(endpoint: Object) -> tuple[bool, bool, bool]:
    found = endpoint["conditions"]
    return found["ready"], found["serving"], found["terminating"]


def test_an_endpoint_says_where_and_how_a_pod_is() -> None:
    (made,) = planned(service(), [backend(1)], []).create
    assert made["endpoints"] == [
        {
            "addresses": ["10.0.0.1"],
            "conditions": {"ready": True, "serving": True, "terminating": False},
            "targetRef": {"kind": "Pod", "namespace": "default", "name": "p001", "uid": "u001"},
            "nodeName": "n1",
            "zone": "zone-of-n1",
        }
    ]
    assert made["ports"] == [{"name": "", "protocol": "TCP", "port": 8080}]
    assert made["metadata"]["labels"] == {
        "team": "a", "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    }  # fmt: skip
    assert made["metadata"]["ownerReferences"][0]["kind"] == "Service"


def test_a_pod_that_is_deleted_serves_but_is_not_ready() -> None:
    ending = backend(1)
    ending["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    (made,) = planned(service(), [ending], []).create
    assert conditions(made["endpoints"][0]) == (False, True, True)


@pytest.mark.parametrize(("published", "expected"), [(False, (False, False, False)), (True, (True, False, False))])
def test_pods_that_are_not_ready_are_listed_as_such(published: bool, expected: tuple[bool, bool, bool]) -> None:
    web = service(publishNotReadyAddresses=published)
    (made,) = planned(web, [backend(1, ready=False)], []).create
    assert conditions(made["endpoints"][0]) == expected


def test_pods_that_ended_or_have_no_address_are_no_endpoints() -> None:
    (made,) = planned(service(), [pod("new"), backend(1, phase="Failed", ready=False)], []).create
    assert made["endpoints"] == []


def test_each_family_has_its_slices() -> None:
    dual = backend(1)
    dual["status"]["podIPs"] = [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]
    made = planned(service(ipFamilies=["IPv4", "IPv6"]), [dual, backend(2)], []).create
    found = {obj["addressType"]: [entry["addresses"][0] for entry in obj["endpoints"]] for obj in made}
    assert found == {"IPv4": ["10.0.0.1", "10.0.0.2"], "IPv6": ["fd00::1"]}


def test_named_ports_split_slices_by_what_the_pods_have() -> None:
    first, second, third = backend(1), backend(2), backend(3)
    for made, number in ((first, 8080), (second, 9090)):
        made["spec"]["containers"][0]["ports"] = [{"name": "http", "containerPort": number}]
    todo = planned(service(ports=[{"name": "web", "port": 80, "targetPort": "http"}]), [first, second, third], [])
    found = {tuple(port["port"] for port in obj["ports"]): len(obj["endpoints"]) for obj in todo.create}
    assert found == {(8080,): 1, (9090,): 1, (): 1}


def test_a_headless_service_without_ports_has_addresses_and_a_label() -> None:
    web = service(clusterIP="None", ports=[])
    (made,) = planned(web, [backend(1, hostname="a", subdomain="web")], []).create
    assert made["ports"] == []
    assert made["metadata"]["labels"]["service.kubernetes.io/headless"] == ""
    assert made["endpoints"][0]["hostname"] == "a"


def test_no_slice_holds_more_than_a_hundred() -> None:
    todo = planned(service(), [backend(number) for number in range(250)], [])
    assert sorted(len(obj["endpoints"]) for obj in todo.create) == [50, 100, 100]


def test_what_is_right_is_left_alone() -> None:
    pods = [backend(number) for number in range(150)]
    slices = planned(service(), pods, []).create
    assert planned(service(), list(reversed(pods)), slices).is_empty


def test_one_pods_change_rewrites_one_slice() -> None:
    pods = [backend(number) for number in range(250)]
    slices = planned(service(), pods, []).create
    pods[120] = backend(120, ready=False)
    todo = planned(service(), pods, slices)
    assert (len(todo.update), todo.create, todo.delete) == (1, [], [])


def test_new_endpoints_go_where_something_changes_anyway() -> None:
    pods = [backend(number) for number in range(150)]
    slices = planned(service(), pods, []).create
    todo = planned(service(), [*pods[1:], backend(200)], slices)
    assert (len(todo.update), todo.create, todo.delete) == (1, [], [])
    after = applied(todo, slices)
    found = sorted(entry["addresses"][0] for obj in after for entry in obj["endpoints"])
    assert found == sorted(entry["status"]["podIP"] for entry in [*pods[1:], backend(200)])


def test_an_emptied_slice_goes_but_the_last_one_stays() -> None:
    pods = [backend(number) for number in range(150)]
    slices = planned(service(), pods, []).create
    after = applied(planned(service(), pods[:10], slices), slices)
    todo = planned(service(), [], after)
    assert len(todo.update) == 1
    assert [obj["endpoints"] for obj in applied(todo, after)] == [[]]


@pytest.mark.parametrize("web", [None, service(selector=None), service(type="ExternalName")])
def test_services_without_endpoints_of_ours_have_no_slices_of_ours(web: Object | None) -> None:
    slices = planned(service(), [backend(1)], []).create
    assert planned(web, [backend(1)], slices).delete == slices


def test_new_labels_of_the_service_reach_its_slices() -> None:
    slices = planned(service(), [backend(1)], []).create
    web = copy(service())
    web["metadata"]["labels"] = {"team": "b"}
    (changed,) = planned(web, [backend(1)], slices).update
    assert changed["metadata"]["labels"]["team"] == "b"


@pytest.fixture
async def running(world: Any) -> Any:
    await world.start(EndpointSliceController(world.kit))
    return world


def addresses(world: Any) -> list[str]:
    return sorted(
        endpoint["addresses"][0]
        for obj in world.api.items(ENDPOINTSLICES)
        for endpoint in obj["endpoints"]
        if endpoint["conditions"]["ready"]
    )


async def test_slices_follow_pods_and_services(running: Any) -> None:
    web = service()
    web["metadata"].pop("uid")
    await running.client.create(SERVICES, web)
    running.api.seed(PODS, backend(1, labels={"app": "web"}), backend(2, labels={"app": "db"}))
    await running.settle()
    assert addresses(running) == ["10.0.0.1"]
    await running.client.delete(PODS, "p001", "default")
    await running.settle()
    assert addresses(running) == []
    await running.client.delete(SERVICES, "web", "default")
    await running.settle()
    assert running.api.items(ENDPOINTSLICES) == []


async def test_a_mirror_that_lags_makes_no_slice_twice(running: Any) -> None:
    running.api.hold(ENDPOINTSLICES)
    await running.client.create(SERVICES, service())
    for number in range(3):
        running.api.seed(PODS, backend(number, labels={"app": "web"}))
        await running.settle()
    running.api.release()
    await running.settle()
    assert len(running.api.items(ENDPOINTSLICES)) == 1
    assert addresses(running) == ["10.0.0.0", "10.0.0.1", "10.0.0.2"]


async def test_slices_of_others_are_left_alone(running: Any) -> None:
    theirs = {
        "metadata": {"name": "web-own", "labels": {"kubernetes.io/service-name": "web"}}, "addressType": "IPv4",
        "ports": [], "endpoints": [{"addresses": ["192.0.2.1"], "conditions": {"ready": True}}],
    }  # fmt: skip
    await running.client.create(ENDPOINTSLICES, theirs, "default")
    await running.client.create(SERVICES, service())
    await running.settle()
    assert addresses(running) == ["192.0.2.1"]


async def test_a_service_of_many_endpoints_rests_between_two_changes(running: Any) -> None:
    await running.client.create(SERVICES, service())
    running.api.seed(PODS, *(backend(number, labels={"app": "web"}) for number in range(300)))
    await running.settle(0.05)
    running.api.seed(PODS, backend(300, labels={"app": "web"}))
    await running.settle(0.05)
    assert len(addresses(running)) == 300
    await running.settle()
    assert len(addresses(running)) == 301


def test_weights_of_pods_are_said_by_their_slice() -> None:
    pods = [backend(1), backend(2)]
    made = applied(planned(service(), pods, []), [])
    assert "annotations" not in made[0]["metadata"]
    pods[0]["metadata"]["annotations"] = {"quarterdeck.io/weight": "0"}
    drained = applied(planned(service(), pods, made), made)
    address = pods[0]["status"]["podIPs"][0]["ip"]
    assert drained[0]["metadata"]["annotations"] == {"quarterdeck.io/weights": f'{{"{address}":0}}'}
    assert planned(service(), pods, drained).is_empty
    pods[0]["metadata"]["annotations"] = {}
    assert applied(planned(service(), pods, drained), drained)[0]["metadata"]["annotations"] == {}


@pytest.mark.parametrize(
    ("prefers", "hints"),
    [
        ("PreferClose", {"forZones": [{"name": "zone-of-n1"}]}),
        ("PreferSameZone", {"forZones": [{"name": "zone-of-n1"}]}),
        ("PreferSameNode", {"forZones": [{"name": "zone-of-n1"}], "forNodes": [{"name": "n1"}]}),
    ],
)
def test_traffic_distribution_gives_ready_endpoints_hints(prefers: str, hints: Object) -> None:
    (made,) = planned(service(trafficDistribution=prefers), [backend(1), backend(2, ready=False)], []).create
    found = {entry["addresses"][0]: entry.get("hints") for entry in made["endpoints"]}
    assert found == {"10.0.0.1": hints, "10.0.0.2": None}
