"""Endpoints of Services, their mirror in slices, and where the API says that it is."""

from __future__ import annotations

from typing import Any

import pytest

from common.api import endpoints as subsets
from common.api.kinds import ENDPOINTS, ENDPOINTSLICES, NODES, PODS, SERVICES
from common.api.meta import Key, Object, name
from common.settings import ClusterConfig
from console.controllers.endpointslice import ApiEndpointsController, EndpointsController, MirroringController
from console.controllers.endpointslice.mirror import mirror
from console.controllers.endpointslice.subsets import plan
from tests.fakes.objects import node, pod


def service(**spec: Any) -> Object:
    base = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}], "ipFamilies": ["IPv4"]}
    return {"metadata": {"name": "web", "namespace": "default", "uid": "s"}, "spec": base | spec}


def backend(number: int, *, ready: bool = True, **more: Any) -> Object:
    made = pod(f"p{number}", ready=ready, ip=f"10.0.{number // 250}.{number % 250}", node="n1", **more)
    made["metadata"]["uid"] = f"u{number}"
    return made


def of(web: Object, pods: list[Object]) -> Object:
    (made,) = plan(web, pods, None, was_deleted=False).create
    return made


def test_ready_and_unready_pods_stand_apart_and_those_that_end_nowhere() -> None:
    ending = backend(3)
    ending["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    made = of(service(), [backend(2), backend(1, ready=False), ending, backend(4, phase="Failed")])
    reference = {"kind": "Pod", "namespace": "default"}
    assert made["subsets"] == [
        {
            "addresses": [{"ip": "10.0.0.2", "nodeName": "n1", "targetRef": {**reference, "name": "p2", "uid": "u2"}}],
            "notReadyAddresses": [
                {"ip": "10.0.0.1", "nodeName": "n1", "targetRef": {**reference, "name": "p1", "uid": "u1"}}
            ],
            "ports": [{"port": 8080, "protocol": "TCP"}],
        }
    ]
    assert made["metadata"]["labels"] == {"endpoints.kubernetes.io/managed-by": "endpoint-controller"}


def test_published_addresses_are_all_ready() -> None:
    (subset,) = of(service(publishNotReadyAddresses=True), [backend(1, ready=False)])["subsets"]
    assert "notReadyAddresses" not in subset


def test_a_headless_service_without_ports_has_addresses_alone() -> None:
    made = of(service(clusterIP="None", ports=[]), [backend(1, hostname="a", subdomain="web")])
    assert [sorted(subset) for subset in made["subsets"]] == [["addresses"]]
    assert made["subsets"][0]["addresses"][0]["hostname"] == "a"
    assert made["metadata"]["labels"]["service.kubernetes.io/headless"] == ""


def test_no_more_than_a_thousand_addresses_and_a_word_about_it() -> None:
    made = of(service(), [backend(number, ready=number >= 100) for number in range(1100)])
    (subset,) = made["subsets"]
    assert (len(subset["addresses"]), "notReadyAddresses" in subset) == (1000, False)
    assert made["metadata"]["annotations"] == {"endpoints.kubernetes.io/over-capacity": "truncated"}


def test_what_is_right_is_left_alone_and_what_is_gone_goes() -> None:
    made = of(service(), [backend(1)])
    assert plan(service(), [backend(1)], made, was_deleted=False).is_empty
    assert plan(None, [], made, was_deleted=False).delete == [made]
    theirs: Object = {"metadata": {"name": "web", "namespace": "default"}}
    assert plan(None, [], theirs, was_deleted=False).is_empty
    assert plan(None, [], theirs, was_deleted=True).delete == [theirs]
    assert plan(service(selector=None), [], theirs, was_deleted=False).is_empty


@pytest.mark.parametrize(
    ("said", "packed"),
    [
        (
            [{"addresses": [{"ip": "10.0.0.2"}], "ports": [{"port": 1}]},
             {"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 1}]}],
            [{"addresses": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}], "ports": [{"port": 1}]}],
        ),
        (
            [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"name": "b", "port": 2}]},
             {"addresses": [{"ip": "10.0.0.1"}], "ports": [{"name": "a", "port": 1}]}],
            [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]}],
        ),
        (
            [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 1}]},
             {"notReadyAddresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 1}]}],
            [{"notReadyAddresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 1}]}],
        ),
        ([{"addresses": [{"ip": "10.0.0.1"}]}], [{"addresses": [{"ip": "10.0.0.1"}]}]),
    ],
)  # fmt: skip
def test_the_same_is_said_in_one_form(said: list[Object], packed: list[Object]) -> None:
    assert subsets.repack(said) == packed
    assert subsets.repack(packed) == packed


def by_hand(*found: Object, **metadata: Any) -> Object:
    return {
        "metadata": {"name": "web", "namespace": "default", "uid": "e", "labels": {"team": "a"}, **metadata},
        "subsets": list(found),
    }


def test_a_mirror_has_a_slice_for_each_family_and_each_set_of_ports() -> None:
    first = {"addresses": [{"ip": "10.1.2.3"}, {"ip": "fd00::1"}], "ports": [{"name": "a", "port": 80}]}
    second = {"notReadyAddresses": [{"ip": "10.1.2.3"}], "ports": [{"name": "b", "port": 81}]}
    todo = mirror(by_hand(first, second), service(selector=None), [])
    found = {
        (obj["addressType"], obj["ports"][0]["port"]): [
            (entry["addresses"], entry["conditions"]["ready"]) for entry in obj["endpoints"]
        ]
        for obj in todo.create
    }
    assert found == {
        ("IPv4", 80): [(["10.1.2.3"], True)], ("IPv6", 80): [(["fd00::1"], True)],
        ("IPv4", 81): [(["10.1.2.3"], False)],
    }  # fmt: skip
    metadata = todo.create[0]["metadata"]
    assert metadata["labels"] == {
        "team": "a", "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
    }  # fmt: skip
    assert metadata["ownerReferences"][0]["kind"] == "Endpoints"
    assert mirror(by_hand(first, second), service(selector=None), todo.create).is_empty


@pytest.mark.parametrize(
    ("endpoints", "web"),
    [
        (None, service(selector=None)),
        (by_hand(), None),
        (by_hand(), service()),
        (by_hand(labels={"endpointslice.kubernetes.io/skip-mirror": "true"}), service(selector=None)),
        (by_hand(annotations={"control-plane.alpha.kubernetes.io/leader": "{}"}), service(selector=None)),
    ],
)
def test_what_is_not_mirrored_has_no_slices(endpoints: Object | None, web: Object | None) -> None:
    left: Object = {"metadata": {"name": "web-x", "namespace": "default"}}
    assert mirror(endpoints, web, [left]).delete == [left]


async def test_endpoints_follow_pods_and_go_with_the_service(world: Any) -> None:
    await world.start(EndpointsController(world.kit))
    await world.client.create(SERVICES, service())
    world.api.seed(PODS, backend(1, labels={"app": "web"}), backend(2, labels={"app": "db"}))
    await world.settle()
    (made,) = world.api.items(ENDPOINTS)
    assert [address["ip"] for address in made["subsets"][0]["addresses"]] == ["10.0.0.1"]
    await world.client.delete(PODS, "p1", "default")
    await world.settle()
    assert "subsets" not in world.api.items(ENDPOINTS)[0]
    await world.client.delete(SERVICES, "web", "default")
    await world.settle()
    assert world.api.items(ENDPOINTS) == []


async def test_endpoints_of_many_pods_rest_between_two_changes(world: Any) -> None:
    await world.start(EndpointsController(world.kit))
    await world.client.create(SERVICES, service())
    world.api.seed(PODS, *(backend(number, labels={"app": "web"}) for number in range(300)))
    await world.settle(0.05)
    world.api.seed(PODS, backend(300, labels={"app": "web"}))
    await world.settle(0.05)
    assert len(world.api.items(ENDPOINTS)[0]["subsets"][0]["addresses"]) == 300
    await world.settle()
    assert len(world.api.items(ENDPOINTS)[0]["subsets"][0]["addresses"]) == 301


async def test_a_mirror_is_made_changed_and_removed(world: Any) -> None:
    await world.start(MirroringController(world.kit), EndpointsController(world.kit))
    written = await world.client.create(ENDPOINTS, by_hand({"addresses": [{"ip": "10.1.2.3"}], "ports": [{"port": 9}]}))
    await world.settle()
    assert (world.api.items(ENDPOINTSLICES), len(world.api.items(ENDPOINTS))) == ([], 1)
    await world.client.create(SERVICES, service(selector=None))
    await world.settle()
    assert [obj["endpoints"][0]["addresses"] for obj in world.api.items(ENDPOINTSLICES)] == [["10.1.2.3"]]
    changed = {**written, "subsets": [{"addresses": [{"ip": "10.2.3.4"}], "ports": [{"port": 8}]}]}
    await world.client.update(ENDPOINTS, changed)
    await world.settle()
    (found,) = world.api.items(ENDPOINTSLICES)
    assert (found["endpoints"][0]["addresses"], found["ports"][0]["port"]) == (["10.2.3.4"], 8)
    await world.client.delete(ENDPOINTS, "web", "default")
    await world.settle()
    assert world.api.items(ENDPOINTSLICES) == []


async def test_the_api_is_where_the_ready_nodes_have_their_entrances(world: Any) -> None:
    ready, lost = node("n1"), node("n2", ready="Unknown")
    for number, obj in enumerate((ready, lost)):
        obj["spec"] = {"podCIDRs": [f"10.42.{number}.0/24", f"fd00:{number}::/64"]}
    world.api.seed(NODES, ready, lost)
    await world.start(ApiEndpointsController(world.kit, ClusterConfig(uid="u")))
    (made,), (found,) = world.api.items(ENDPOINTS), world.api.items(ENDPOINTSLICES)
    assert made["subsets"][0]["addresses"] == [{"ip": "10.42.0.1", "nodeName": "n1"}]
    assert [entry["addresses"] for entry in found["endpoints"]] == [["10.42.0.1"]]
    assert (name(found), found["metadata"]["labels"]) == ("kubernetes", {"kubernetes.io/service-name": "kubernetes"})
    await world.client.delete(ENDPOINTSLICES, "kubernetes", "default")
    await world.client.delete(NODES, "n1")
    await world.settle()
    assert world.api.get(ENDPOINTSLICES, Key("default", "kubernetes"))["endpoints"] == []
    assert "subsets" not in world.api.items(ENDPOINTS)[0]
