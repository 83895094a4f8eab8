"""Kubernetes' conformance cases of Services, their endpoints and Ingresses that need no packet, step by step."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest

from common.api.conditions import get_condition, is_true
from common.api.kinds import (
    ENDPOINTS,
    ENDPOINTSLICES,
    INGRESSCLASSES,
    INGRESSES,
    IPADDRESSES,
    NODES,
    PODS,
    SERVICECIDRS,
    SERVICES,
    Resource,
)
from common.api.meta import Object, labels, name, resource_version, uid
from common.api.meta import annotations as notes
from common.errors import Conflict, Invalid, NotFound
from tests.fakes.objects import pod

from .cases import SPACE, Case
from .conftest import Cluster

OWNER = "kubernetes.io/service-name"
MANAGER = "endpointslice.kubernetes.io/managed-by"


@pytest.fixture
async def case(cluster: Cluster) -> AsyncIterator[Case]:
    async with Case.played(cluster) as case:
        yield case


def service(named: str, selector: Object | None, *ports: Object, **more: Any) -> Object:
    spec = {"ports": list(ports) or [{"name": "http", "port": 80}], **more}
    if selector is not None:
        spec["selector"] = selector
    return {"metadata": {"name": named, "namespace": SPACE, "labels": {"svc": named}}, "spec": spec}


def serving(named: str, *ports: tuple[str, int], **marks: str) -> Object:
    listed = [{"name": title, "containerPort": number} for title, number in ports]
    return pod(named, labels=marks, containers=[{"name": "c", "image": "hello:1", "ports": listed}])


async def slices(case: Case, owner: str) -> list[Object]:
    return (await case.api.list(ENDPOINTSLICES, SPACE, label_selector=f"{OWNER}={owner}")).items


async def existing(case: Case, resource: Resource, named: str) -> Object | None:
    with suppress(NotFound):
        return await case.api.get(resource, named, SPACE)
    return None


async def endpoints(case: Case, owner: str) -> list[Object]:
    """The subsets, each as its addresses' pods and its ports by name."""
    found = await case.until(lambda: existing(case, ENDPOINTS, owner), f"the Endpoints of {owner}") or {}
    return [
        {
            "pods": sorted(entry["targetRef"]["name"] for entry in subset.get("addresses") or ()),
            "ports": {port.get("name", ""): port["port"] for port in subset.get("ports") or ()},
        }
        for subset in found.get("subsets") or ()
    ]


async def meant(case: Case, owner: str) -> dict[str, list[int]]:
    """The ports of each pod behind the Service, by its slices."""
    found: dict[str, list[int]] = {}
    for item in await slices(case, owner):
        for entry in item.get("endpoints") or ():
            found.setdefault(entry["targetRef"]["name"], []).extend(port["port"] for port in item["ports"])
    return {title: sorted(ports) for title, ports in found.items()}


async def both_mean(case: Case, owner: str, wanted: dict[str, list[int]]) -> None:
    """Slices and Endpoints say the same."""

    async def they_do() -> bool:
        told: dict[str, list[int]] = {}
        for subset in await endpoints(case, owner):
            for title in subset["pods"]:
                told.setdefault(title, []).extend(subset["ports"].values())
        return {title: sorted(ports) for title, ports in told.items()} == wanted == await meant(case, owner)

    await case.until(they_do, f"{owner} meaning {wanted}")


async def test_a_service_that_selects_nothing_has_an_empty_slice_until_it_goes(case: Case) -> None:
    await case.api.create(SERVICES, service("empty", {"no": "pod"}), SPACE)

    async def made() -> list[Object]:
        return await slices(case, "empty")

    (item,) = await case.until(made, "the slice") or []
    assert labels(item)[MANAGER] == "endpointslice-controller.k8s.io"
    assert (item.get("endpoints") or []) == []
    await case.until(lambda: existing(case, ENDPOINTS, "empty"), "the Endpoints")
    await case.api.delete(SERVICES, "empty", SPACE)
    await case.gone(ENDPOINTS, "empty")
    await case.count(ENDPOINTSLICES, f"{OWNER}=empty", 0)


async def test_slices_follow_pods_by_number_and_name_and_come_back_when_deleted(case: Case) -> None:
    await case.api.create(PODS, serving("pod1", ("example-name", 3000), pod1="on", shared="on"), SPACE)
    await case.api.create(PODS, serving("pod2", ("example-name", 3001), ("other", 3002), shared="on"), SPACE)
    publish = {"publishNotReadyAddresses": True}
    port: Object = {"name": "example", "port": 80, "targetPort": 3000, "protocol": "TCP"}
    await case.api.create(SERVICES, service("int", {"pod1": "on"}, port, **publish), SPACE)
    by_name = {**port, "targetPort": "example-name"}
    await case.api.create(SERVICES, service("named", {"shared": "on"}, by_name, **publish), SPACE)
    await case.api.create(SERVICES, service("nobody", {"pod3": "on"}, port, **publish), SPACE)
    await both_mean(case, "int", {"pod1": [3000]})
    await both_mean(case, "named", {"pod1": [3000], "pod2": [3001]})
    await both_mean(case, "nobody", {})
    assert len(await slices(case, "named")) == 2, "pods whose port has another number need a slice of their own"
    assert len(await endpoints(case, "named")) == 2
    assert len(await slices(case, "nobody")) == 1
    for item in await slices(case, "named"):
        await case.api.delete(ENDPOINTSLICES, name(item), SPACE)
    await both_mean(case, "named", {"pod1": [3000], "pod2": [3001]})


async def test_endpoints_come_and_go_with_the_pods_that_serve(case: Case) -> None:
    ports: list[Object] = [
        {"name": "p1", "port": 80, "targetPort": "one"}, {"name": "p2", "port": 81, "targetPort": "two"}
    ]  # fmt: skip
    await case.api.create(SERVICES, service("multi", {"app": "multi"}, *ports), SPACE)
    await both_mean(case, "multi", {})
    await case.api.create(PODS, serving("pod1", ("one", 100), app="multi"), SPACE)
    await both_mean(case, "multi", {"pod1": [100]})
    await case.api.create(PODS, serving("pod2", ("two", 101), app="multi"), SPACE)
    await both_mean(case, "multi", {"pod1": [100], "pod2": [101]})
    await case.api.delete(PODS, "pod1", SPACE)
    await both_mean(case, "multi", {"pod2": [101]})
    await case.api.delete(PODS, "pod2", SPACE)
    await both_mean(case, "multi", {})


async def test_endpoints_of_users_are_mirrored_while_they_last(case: Case) -> None:
    await case.api.create(SERVICES, service("custom", None, {"name": "example", "port": 80, "protocol": "TCP"}), SPACE)
    subset = {"addresses": [{"ip": "10.1.2.3"}], "ports": [{"name": "example", "port": 80, "protocol": "TCP"}]}
    custom = {"metadata": {"name": "custom", "namespace": SPACE}, "subsets": [subset]}
    await case.api.create(ENDPOINTS, custom)

    async def mirrored(address: str, port: int) -> bool:
        found = await slices(case, "custom")
        return [
            (item["addressType"], [entry["addresses"] for entry in item["endpoints"]], item["ports"][0]["port"])
            for item in found
        ] == [("IPv4", [[address]], port)]

    await case.until(lambda: mirrored("10.1.2.3", 80), "the mirror")
    (item,) = await slices(case, "custom")
    assert labels(item)[MANAGER] == "endpointslicemirroring-controller.k8s.io"
    subset = {"addresses": [{"ip": "10.2.3.4"}], "ports": [{"name": "example", "port": 8080, "protocol": "TCP"}]}
    await case.api.update(ENDPOINTS, {**custom, "subsets": [subset]})
    await case.until(lambda: mirrored("10.2.3.4", 8080), "the change")
    await case.api.delete(ENDPOINTS, "custom", SPACE)
    await case.count(ENDPOINTSLICES, f"{OWNER}=custom", 0)


async def test_endpoints_are_made_updated_patched_and_deleted_by_their_label(case: Case) -> None:
    since = (await case.api.list(ENDPOINTS)).resource_version
    subset = {"addresses": [{"ip": "10.0.0.24"}], "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}
    made = {"metadata": {"name": "testservice", "labels": {"static": "true"}}, "subsets": [subset]}
    created = await case.api.create(ENDPOINTS, made, SPACE)
    await case.sees(ENDPOINTS, since, "static=true", "ADDED")
    assert len((await case.api.list(ENDPOINTS, label_selector="static=true")).items) == 1
    created["metadata"]["labels"]["test"] = "updated"
    await case.api.update(ENDPOINTS, created)
    await case.sees(ENDPOINTS, since, "static=true", "MODIFIED", lambda obj: labels(obj).get("test") == "updated")
    other = {"addresses": [{"ip": "10.0.0.25"}], "ports": [{"name": "http-test", "port": 8080, "protocol": "TCP"}]}
    patch = {"metadata": {"labels": {"test": "patched"}}, "subsets": [other]}
    await case.strategic(ENDPOINTS, "testservice", patch)
    await case.sees(ENDPOINTS, since, "static=true", "MODIFIED", lambda obj: labels(obj).get("test") == "patched")
    read = await case.api.get(ENDPOINTS, "testservice", SPACE)
    assert [(entry["addresses"][0]["ip"], entry["ports"][0]["port"]) for entry in read["subsets"]] == [
        ("10.0.0.25", 8080)
    ]
    await case.delete_collection(ENDPOINTS, "static=true")
    await case.sees(ENDPOINTS, since, "static=true", "DELETED")
    with pytest.raises(NotFound):
        await case.api.get(ENDPOINTS, "testservice", SPACE)


async def test_the_status_of_a_service_takes_what_clients_write(case: Case) -> None:
    since = (await case.api.list(SERVICES, SPACE)).resource_version
    made = service(
        "status", None, {"name": "http", "protocol": "TCP", "port": 80, "targetPort": 80}, type="LoadBalancer"
    )
    await case.api.create(SERVICES, made, SPACE)
    await case.sees(SERVICES, since, "svc=status", "ADDED")
    read = await case.api.get(SERVICES, "status", SPACE, subresource="status")
    assert read["kind"] == "Service"
    balancer = {"loadBalancer": {"ingress": [{"ip": "203.0.113.1"}]}}
    patch = {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": balancer}
    patched = await case.merge(SERVICES, "status", patch, "status")
    assert notes(patched)["patchedstatus"] == "true"
    assert patched["status"]["loadBalancer"]["ingress"] == [{"ip": "203.0.113.1", "ipMode": "VIP"}]
    await case.sees(SERVICES, since, "svc=status", "MODIFIED", lambda obj: "patchedstatus" in notes(obj))
    mine = {"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set from e2e test"}
    mine["lastTransitionTime"] = "2026-01-01T00:00:00Z"
    patched["status"]["conditions"] = [mine]
    del patched["metadata"]["resourceVersion"]
    updated = await case.api.update(SERVICES, patched, subresource="status")
    assert get_condition(updated, "StatusUpdate") is not None
    await case.sees(SERVICES, since, "svc=status", "MODIFIED", lambda obj: bool(get_condition(obj, "StatusUpdate")))
    body = {"metadata": {"labels": {"test-service": "patched"}}}
    await case.strategic(SERVICES, "status", body)
    await case.sees(SERVICES, since, "svc=status", "MODIFIED", lambda obj: labels(obj).get("test-service") == "patched")
    await case.api.delete(SERVICES, "status", SPACE)
    await case.sees(SERVICES, since, "svc=status", "DELETED")


async def test_services_are_found_everywhere_and_deleted_as_a_collection(case: Case) -> None:
    found = (await case.api.list(SERVICES)).items
    assert ("default", "kubernetes") in [(item["metadata"]["namespace"], name(item)) for item in found]
    for title, kind in (("a", "x"), ("b", "x"), ("c", "y")):
        made = service(title, {"app": title})
        made["metadata"]["labels"] = {"e2e": kind, "both": "yes"}
        await case.api.create(SERVICES, made, SPACE)
    assert len((await case.api.list(SERVICES, SPACE, label_selector="both=yes")).items) == 3
    await case.delete_collection(SERVICES, "e2e=x")
    (left,) = await case.count(SERVICES, "both=yes", 1)
    assert name(left) == "c"


async def test_the_service_of_the_api_says_where_it_answers(case: Case) -> None:
    found = await case.api.get(SERVICES, "kubernetes", SPACE)
    assert [(port["name"], port["port"], port["protocol"]) for port in found["spec"]["ports"]] == [
        ("https", 443, "TCP")
    ]

    async def answers() -> bool:
        found = await existing(case, ENDPOINTS, "kubernetes")
        (item, *_), (subset, *_) = await slices(case, "kubernetes") or [{}], (found or {}).get("subsets") or [{}]
        told = sorted(entry["ip"] for entry in subset.get("addresses") or ())
        listed = sorted(address for entry in item.get("endpoints") or () for address in entry["addresses"])
        return bool(told) and told == listed and subset["ports"][0]["port"] == item["ports"][0]["port"]

    await case.until(answers, "the endpoints of the API")


def ingress() -> Object:
    backend = {"service": {"name": "default-backend", "port": {"number": 80}}}
    rule = {"host": "foo.bar.com", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    return {"metadata": {"generateName": "e2e-example-"}, "spec": {"defaultBackend": backend, "rules": [rule]}}


def ingress_class() -> Object:
    return {"metadata": {"generateName": "e2e-class-"}, "spec": {"controller": "example.com/controller"}}


def slice_of_users() -> Object:
    found = [{"addresses": ["1.2.3.4", "5.6.7.8"]}, {"addresses": ["2.2.3.4", "6.6.7.8"]}]
    return {"metadata": {"generateName": "e2e-slice-"}, "addressType": "IPv4", "endpoints": found}


@pytest.mark.parametrize(
    ("resource", "made"),
    [(INGRESSES, ingress()), (INGRESSCLASSES, ingress_class()), (ENDPOINTSLICES, slice_of_users())],
    ids=["ingress", "ingressclass", "endpointslice"],
)
async def test_every_verb_of_the_kind_works(case: Case, resource: Resource, made: Object) -> None:
    await is_discovered(case, resource)
    space = SPACE if resource.namespaced else None
    made["metadata"]["labels"] = {"special": "x"}
    names = [name(await case.api.create(resource, made, space)) for _ in range(3)]
    read = await case.api.get(resource, names[2], space)
    listed = await case.api.list(resource, space, label_selector="special=x")
    assert len(listed.items) == 3
    assert len((await case.api.list(resource, label_selector="special=x")).items) == 3
    patched = await case.api.patch(resource, names[2], {"metadata": {"annotations": {"patched": "true"}}}, space)
    assert (uid(patched), notes(patched)["patched"]) == (uid(read), "true")
    patched["metadata"]["annotations"]["updated"] = "true"
    updated = await case.api.update(resource, patched)
    assert notes(updated)["updated"] == "true"
    seen = set()
    async for event in case.api.watch(resource, space, resource_version=listed.resource_version):
        seen |= {(event.type, note) for note in notes(event.object)}
        if ("MODIFIED", "updated") in seen:
            break
    assert ("MODIFIED", "patched") in seen
    await case.api.delete(resource, names[2], space)
    with pytest.raises(NotFound):
        await case.api.get(resource, names[2], space)
    path = f"/apis/{resource.group}/{resource.version}/{f'namespaces/{SPACE}/' if space else ''}{resource.plural}"
    await case.api.request_json("DELETE", path, {"labelSelector": "special=x"})
    assert (await case.api.list(resource, space, label_selector="special=x")).items == []


async def is_discovered(case: Case, resource: Resource) -> None:
    groups = await case.api.request_json("GET", "/apis")
    (group,) = [item for item in groups["groups"] if item["name"] == resource.group]
    assert resource.version in [item["version"] for item in group["versions"]]
    single = await case.api.request_json("GET", f"/apis/{resource.group}")
    assert resource.version in [item["version"] for item in single["versions"]]
    listed = await case.api.request_json("GET", f"/apis/{resource.group}/{resource.version}")
    assert resource.plural in [item["name"] for item in listed["resources"]]


async def test_the_status_of_an_ingress_is_read_updated_and_patched(case: Case) -> None:
    created = await case.api.create(INGRESSES, ingress(), SPACE)
    balancer = {"loadBalancer": {"ingress": [{"ip": "169.1.1.1"}]}}
    patch = {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": balancer}
    patched = await case.merge(INGRESSES, name(created), patch, "status")
    assert (notes(patched)["patchedstatus"], patched["status"]) == ("true", balancer)
    wanted = {"loadBalancer": {"ingress": [{"ip": "169.1.1.2"}]}}

    async def update() -> Object | None:
        found = await case.api.get(INGRESSES, name(created), SPACE)
        with suppress(Conflict):  # with the controller of the balancers
            return await case.api.update(INGRESSES, {**found, "status": wanted}, subresource="status")
        return None

    updated = await case.until(update, "the update") or {}
    assert updated["status"] == wanted
    read = await case.api.get(INGRESSES, name(created), SPACE, subresource="status")
    assert uid(read) == uid(created)


async def test_addresses_of_services_are_objects(case: Case) -> None:
    await is_discovered(case, IPADDRESSES)
    parent = {"group": "mygroup", "resource": "myresources", "namespace": "foo", "name": "bar"}
    kinds = {"255.255.255.255": "broadcast", "fe80::42:1dff:fe84:f9e2": "link-local"}
    for address, kind in kinds.items():
        made = {"metadata": {"name": address, "labels": {"type": kind}}, "spec": {"parentRef": parent}}
        created = await case.api.create(IPADDRESSES, made)
        patched = await case.api.patch(IPADDRESSES, address, {"metadata": {"annotations": {"patched": "true"}}})
        assert notes(patched)["patched"] == "true"
        assert int(resource_version(patched)) > int(resource_version(created))
        patched["metadata"]["annotations"]["updated"] = "true"
        assert notes(await case.api.update(IPADDRESSES, patched))["updated"] == "true"
    assert len((await case.api.list(IPADDRESSES, label_selector="type=broadcast")).items) == 1
    await case.api.delete(IPADDRESSES, "255.255.255.255")
    path = "/apis/networking.k8s.io/v1/ipaddresses"
    await case.api.request_json("DELETE", path, {"labelSelector": "type=link-local"})
    assert (await case.api.list(IPADDRESSES, label_selector="type=link-local")).items == []


async def test_the_range_of_service_addresses_is_an_object(case: Case) -> None:
    await is_discovered(case, SERVICECIDRS)
    found = await case.api.get(SERVICECIDRS, "kubernetes")
    read = await case.api.get(SERVICECIDRS, "kubernetes", subresource="status")
    assert (read["kind"], uid(read)) == ("ServiceCIDR", uid(found))
    assert found["spec"]["cidrs"] == list(case.cluster.config.service_cidrs)
    listed = await case.api.list(SERVICECIDRS)
    assert [name(item) for item in listed.items] == ["kubernetes"]
    await case.api.create(SERVICECIDRS, {"metadata": {"name": "more"}, "spec": {"cidrs": ["203.0.113.0/24"]}})
    async for event in case.api.watch(SERVICECIDRS, resource_version=listed.resource_version):
        if event.type == "ADDED":
            assert name(event.object) == "more"
            break


async def test_topology_mode_auto_gives_each_zone_its_share_of_endpoints(case: Case) -> None:
    for index, node in enumerate(("n1", "n2")):
        marks = {"metadata": {"labels": {"topology.kubernetes.io/zone": "ab"[index]}}}
        await case.api.patch(NODES, node, marks)
    for index in range(4):
        await case.api.create(PODS, pod(f"pod-{index}", labels={"app": "zoned"}, nodeName=f"n{index % 2 + 1}"), SPACE)
    made = service("zoned", {"app": "zoned"})
    made["metadata"]["annotations"] = {"service.kubernetes.io/topology-mode": "Auto"}
    await case.api.create(SERVICES, made, SPACE)

    async def hinted() -> bool:
        found = [entry for item in await slices(case, "zoned") for entry in item.get("endpoints") or ()]
        return [entry.get("hints") for entry in found] == [
            {"forZones": [{"name": entry.get("zone")}]} for entry in found
        ] and sorted(str(entry.get("zone")) for entry in found) == ["a", "a", "b", "b"]

    await case.until(hinted, "the hints")
    await case.api.patch(NODES, "n2", {"metadata": {"labels": {"topology.kubernetes.io/zone": None}}})

    async def open_to_all() -> bool:
        found = [entry for item in await slices(case, "zoned") for entry in item.get("endpoints") or ()]
        return len(found) == 4 and not any("hints" in entry for entry in found)

    await case.until(open_to_all, "the hints to go with the zone")


async def test_services_get_addresses_of_a_range_that_was_added_and_it_stays_while_they_do(case: Case) -> None:
    made = {"metadata": {"name": "more"}, "spec": {"cidrs": ["203.0.113.0/24"]}}
    with pytest.raises(Invalid, match="is not in the valid range"):
        await case.api.create(SERVICES, service("web", {"a": "b"}, clusterIP="203.0.113.10"), SPACE)
    await case.api.create(SERVICECIDRS, made)

    async def ready() -> bool:
        return is_true(await case.api.get(SERVICECIDRS, "more"), "Ready")

    await case.until(ready, "the range being ready")
    await case.api.create(SERVICES, service("web", {"a": "b"}, clusterIP="203.0.113.10"), SPACE)

    async def parent() -> Object | None:
        with suppress(NotFound):
            return dict((await case.api.get(IPADDRESSES, "203.0.113.10"))["spec"]["parentRef"])
        return None

    found = await case.until(parent, "the address") or {}
    assert (found["resource"], found["namespace"], found["name"]) == ("services", SPACE, "web")
    await case.api.delete(SERVICECIDRS, "more")

    async def held() -> bool:
        ending = get_condition(await case.api.get(SERVICECIDRS, "more"), "Ready") or {}
        return ending.get("reason") == "Terminating"

    await case.until(held, "the range being held")
    await case.api.delete(SERVICES, "web", SPACE)

    async def gone() -> bool:
        ranges = [name(item) for item in (await case.api.list(SERVICECIDRS)).items]
        held = [name(item) for item in (await case.api.list(IPADDRESSES)).items]
        return ranges == ["kubernetes"] and "203.0.113.10" not in held

    await case.until(gone, "range and address going")
