"""Namespaces, ConfigMaps, Secrets, nodes, events, slices, leases and hosts."""

from __future__ import annotations

import base64

import pytest

from common.api.kinds import (
    CONFIGMAPS,
    ENDPOINTSLICES,
    EVENTS,
    HOSTS,
    LEASES,
    NAMESPACES,
    NODES,
    SECRETS,
    Resource,
)
from common.api.meta import Object

from .builders import causes, changed, created, named, update_causes, updated


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_a_namespace_is_active_and_held_by_its_finalizer() -> None:
    found = created(NAMESPACES, {"metadata": {"name": "blue"}, "status": {"phase": "Terminating"}})
    assert found["status"] == {"phase": "Active"}
    assert found["spec"] == {"finalizers": ["kubernetes"]}
    assert found["metadata"]["labels"] == {"kubernetes.io/metadata.name": "blue"}


def test_finalizers_of_a_namespace_have_their_own_way() -> None:
    old = created(NAMESPACES, {"metadata": {"name": "blue"}})
    without = changed(old, "spec.finalizers", [])
    assert updated(NAMESPACES, without, old)["spec"] == {"finalizers": ["kubernetes"]}
    assert updated(NAMESPACES, without, old, "finalize")["spec"] == {"finalizers": []}


def test_plain_texts_of_a_secret_are_encoded() -> None:
    found = created(SECRETS, named("s", stringData={"a": "1"}, data={"a": encoded("0"), "b": encoded("2")}))
    assert found["data"] == {"a": encoded("1"), "b": encoded("2")}
    assert "stringData" not in found
    assert found["type"] == "Opaque"
    (record,) = found["metadata"]["managedFields"]
    assert record["fieldsV1"]["f:data"] == {".": {}, "f:a": {}, "f:b": {}}
    assert "f:stringData" not in record["fieldsV1"]


@pytest.mark.parametrize("resource", [CONFIGMAPS, SECRETS])
@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("a b", "a valid config key must consist of alphanumeric characters"),
        ("..", "must not be '..'"),
        ("..a", "must not start with '..'"),
        ("a" * 254, "must be no more than 253 characters"),
    ],
)
def test_keys_are_file_names(resource: Resource, key: str, words: str) -> None:
    found = causes(resource, named("c", data={key: encoded("x")}))
    assert found[0].startswith(f"data[{key}]: Invalid value")
    assert words in found[0]


@pytest.mark.parametrize("resource", [CONFIGMAPS, SECRETS])
def test_what_is_immutable_stays(resource: Resource) -> None:
    old = created(resource, named("c", data={"a": encoded("1")}, immutable=True))
    assert update_causes(resource, changed(old, "data", {"a": encoded("2")}), old) == [
        "data: Forbidden: field is immutable when `immutable` is set"
    ]
    assert "immutable: Forbidden" in update_causes(resource, changed(old, "immutable", None), old)[0]
    assert update_causes(resource, changed(old, "metadata.labels", {"a": "b"}), old) == []


def test_configmaps_are_limited_and_have_each_key_once() -> None:
    assert "Too long" in causes(CONFIGMAPS, named("c", data={"a": "x" * 1024 * 1024 + "y"}))[0]
    both = named("c", data={"a": "x"}, binaryData={"a": encoded("x")})
    assert causes(CONFIGMAPS, both) == ['data[a]: Invalid value: "a": duplicate of key present in binaryData']


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("kubernetes.io/tls", ["data[tls.crt]: Required value", "data[tls.key]: Required value"]),
        ("kubernetes.io/dockerconfigjson", ["data[.dockerconfigjson]: Required value"]),
        ("kubernetes.io/basic-auth", ["data[username]: Required value", "data[password]: Required value"]),
    ],
)
def test_typed_secrets_need_their_keys(kind: str, expected: list[str]) -> None:
    assert causes(SECRETS, named("s", type=kind)) == expected


def test_the_type_of_a_secret_never_changes() -> None:
    old = created(SECRETS, named("s"))
    assert update_causes(SECRETS, changed(old, "type", "other"), old) == [
        'type: Invalid value: "other": field is immutable'
    ]


def node(**fields: object) -> Object:
    return {"metadata": {"name": "n"}, **fields}


def test_a_node_brings_its_status() -> None:
    found = created(NODES, node(status={"capacity": {"cpu": "4"}}))
    assert found["status"] == {"capacity": {"cpu": "4"}, "allocatable": {"cpu": "4"}}


def test_wrong_nodes_are_refused() -> None:
    taint = {"key": "a", "effect": "Never"}
    assert 'Unsupported value: "Never"' in causes(NODES, node(spec={"taints": [taint]}))[0]
    twice = [{"key": "a", "effect": "NoSchedule"}] * 2
    assert "taints must be unique by key and effect pair" in causes(NODES, node(spec={"taints": twice}))[0]
    assert "must be a valid CIDR value" in causes(NODES, node(spec={"podCIDRs": ["10.0.0.0/99"]}))[0]


def test_the_pod_range_of_a_node_never_changes() -> None:
    old = created(NODES, node(spec={"podCIDRs": ["10.0.0.0/24"]}))
    other = changed(changed(old, "spec.podCIDRs", ["10.0.1.0/24"]), "spec.podCIDR", "10.0.1.0/24")
    assert "may not change podCIDR" in update_causes(NODES, other, old)[0]


def test_the_ranges_of_a_node_are_in_both_fields_and_the_older_one_counts() -> None:
    assert created(NODES, node(spec={"podCIDR": "10.0.0.0/24"}))["spec"]["podCIDRs"] == ["10.0.0.0/24"]
    assert created(NODES, node(spec={"podCIDRs": ["10.0.0.0/24", "fd00::/64"]}))["spec"]["podCIDR"] == "10.0.0.0/24"
    both = created(NODES, node(spec={"podCIDR": "10.0.0.0/24", "podCIDRs": ["10.0.1.0/24"]}))
    assert both["spec"]["podCIDRs"] == ["10.0.0.0/24"]
    assert "spec.podCIDRs[0]" in causes(NODES, node(spec={"podCIDR": "10.0.0"}))[0]


def test_an_event_lives_where_its_object_does() -> None:
    event = named("e", involvedObject={"kind": "Pod", "name": "p", "namespace": "default"}, reason="Started")
    assert causes(EVENTS, event) == []
    assert causes(EVENTS, named("e", involvedObject={"kind": "Node", "name": "n"})) == []
    elsewhere = named("e", involvedObject={"kind": "Pod", "name": "p", "namespace": "other"})
    assert "does not match event.namespace" in causes(EVENTS, elsewhere)[0]


def test_slices_have_addresses_of_their_family() -> None:
    slice_ = named("s", addressType="IPv4", endpoints=[{"addresses": ["10.0.0.1"]}], ports=[{"port": 80}])
    found = created(ENDPOINTSLICES, slice_)
    assert found["ports"] == [{"name": "", "port": 80, "protocol": "TCP"}]
    assert "must be a valid IPv6 address" in causes(ENDPOINTSLICES, {**slice_, "addressType": "IPv6"})[0]
    assert "must contain at least 1 address" in causes(ENDPOINTSLICES, {**slice_, "endpoints": [{}]})[0]
    assert "field is immutable" in update_causes(ENDPOINTSLICES, changed(found, "addressType", "FQDN"), found)[0]


def test_leases_have_a_duration() -> None:
    assert causes(LEASES, named("l", spec={"leaseDurationSeconds": 0})) == [
        "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"
    ]


def test_a_host_keeps_its_status() -> None:
    found = created(HOSTS, {"metadata": {"name": "h"}, "status": {"phase": "Discovered", "port": 10250}})
    assert found["status"]["phase"] == "Discovered"
    assert 'Unsupported value: "Lost"' in causes(HOSTS, {"metadata": {"name": "h"}, "status": {"phase": "Lost"}})[0]


def test_logins_to_registries_are_json_and_never_told() -> None:
    wrong = named("login", type="kubernetes.io/dockerconfigjson", data={".dockerconfigjson": "bm90IGpzb24="})
    (found,) = causes(SECRETS, wrong)
    assert found.startswith('data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": ')
    assert "not json" not in found
