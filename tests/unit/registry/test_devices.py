"""Dynamic resource allocation, ranges of Services and policies that mutate, as objects."""

from __future__ import annotations

from typing import Any

import pytest

from common.api import kinds
from common.api.meta import Object

from .builders import Objects, causes, changed, context, created, named, update_causes

CLAIM = named("c", spec={"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": "gpu.example.com"}}]}})
SLICE: Object = {
    "metadata": {"name": "s"},
    "spec": {
        "driver": "gpu.example.com",
        "nodeName": "n1",
        "pool": {"name": "n1", "generation": 1, "resourceSliceCount": 1},
        "devices": [
            {"name": "gpu-0", "attributes": {"model": {"string": "a"}}, "capacity": {"memory": {"value": "1Gi"}}}
        ],
    },
}
REFERENCE = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"


def test_a_claim_asks_for_one_device_unless_it_says_otherwise() -> None:
    wanted = created(kinds.RESOURCECLAIMS, CLAIM)["spec"]["devices"]["requests"][0]["exactly"]
    assert (wanted["allocationMode"], wanted["count"]) == ("ExactCount", 1)


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("spec.devices.requests.0.name", "A", "spec.devices.requests[0].name: Invalid value: \"A\": a lowercase RFC"),
        ("spec.devices.requests.0.exactly", None,
         "spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required"),
        ("spec.devices.requests.0.exactly.deviceClassName", "",
         "spec.devices.requests[0].exactly.deviceClassName: Required value"),
        ("spec.devices.requests.0.exactly.count", -1,
         "spec.devices.requests[0].exactly.count: Invalid value: -1: must be greater than zero"),
        ("spec.devices.requests.0.exactly.allocationMode", "Some",
         'spec.devices.requests[0].exactly.allocationMode: Unsupported value: "Some": supported values: "All"'),
        ("spec.devices.requests.0.exactly.selectors", [{}],
         "spec.devices.requests[0].exactly.selectors[0].cel: Required value"),
        ("spec.devices.requests", [{"name": "a", "exactly": {"deviceClassName": "x"}}] * 2,
         'spec.devices.requests[1]: Duplicate value: "a"'),
        ("spec.devices.constraints", [{"requests": ["no"], "matchAttribute": "x.y/z"}],
         f'spec.devices.constraints[0].requests[0]: Invalid value: "no": {REFERENCE}'),
        ("spec.devices.constraints", [{"matchAttribute": "bare"}],
         'spec.devices.constraints[0].matchAttribute: Invalid value: "bare": must include a domain'),
        ("spec.devices.config", [{"opaque": {"driver": "d.example.com"}}],
         "spec.devices.config[0].opaque.parameters: Required value"),
    ],
)  # fmt: skip
def test_a_wrong_claim_is_refused_in_kubernetes_words(path: str, value: Any, expected: str) -> None:
    found = causes(kinds.RESOURCECLAIMS, changed(CLAIM, path, value))
    assert [cause for cause in found if cause.startswith(expected)], found


def test_a_claim_does_not_change_and_is_reserved_only_once_allocated() -> None:
    made = created(kinds.RESOURCECLAIMS, CLAIM)
    other = changed(made, "spec.devices.requests.0.exactly.deviceClassName", "other")
    assert [cause for cause in update_causes(kinds.RESOURCECLAIMS, other, made) if cause.endswith("field is immutable")]
    consumer = {"resource": "pods", "name": "p", "uid": "1"}
    reserved = changed(made, "status", {"reservedFor": [consumer]})
    found = update_causes(kinds.RESOURCECLAIMS, reserved, made, "status")
    assert found == ["status.reservedFor: Forbidden: may not be specified when `allocated` is not set"]
    result = {"request": "gpu", "driver": "gpu.example.com", "pool": "n1", "device": "gpu-0"}
    allocation = {"devices": {"results": [result]}}
    taken = changed(made, "status", {"reservedFor": [consumer], "allocation": allocation})
    assert update_causes(kinds.RESOURCECLAIMS, taken, made, "status") == []
    wrong = changed(taken, "status.allocation.devices.results.0.request", "none")
    assert update_causes(kinds.RESOURCECLAIMS, wrong, made, "status") == [
        f'status.allocation.devices.results[0].request: Invalid value: "none": {REFERENCE}'
    ]


def test_access_for_administrators_needs_a_label_of_the_namespace() -> None:
    asked = changed(CLAIM, "spec.devices.requests.0.exactly.adminAccess", True)
    why = "admin access to devices requires the `resource.kubernetes.io/admin-access: true` label"
    assert why in causes(kinds.RESOURCECLAIMS, asked)[0]
    found = Objects()
    labels = {"resource.kubernetes.io/admin-access": "true"}
    found.put(kinds.NAMESPACES, {"metadata": {"name": "default", "labels": labels}})
    assert causes(kinds.RESOURCECLAIMS, asked, context(found)) == []


def test_a_template_is_checked_like_a_claim_and_does_not_change() -> None:
    template = named("t", spec={"spec": CLAIM["spec"]})
    made = created(kinds.RESOURCECLAIMTEMPLATES, template)
    wrong = changed(template, "spec.spec.devices.requests.0.name", "")
    assert causes(kinds.RESOURCECLAIMTEMPLATES, wrong)[0].startswith(
        "spec.spec.devices.requests[0].name: Invalid value"
    )
    other = changed(made, "spec.metadata", {"labels": {"a": "b"}})
    assert update_causes(kinds.RESOURCECLAIMTEMPLATES, other, made)[0].startswith("spec: Invalid value: ")


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("spec.driver", "", "spec.driver: Required value"),
        ("spec.pool.resourceSliceCount", 0,
         "spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero"),
        ("spec.nodeName", None,
         ("spec: Required value: exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is "
         "required")),
        ("spec.allNodes", True, 'spec: Invalid value: "{`nodeName`, `allNodes`}": exactly one of'),
        ("spec.devices.0.attributes", {"a b": {"int": 1}}, 'spec.devices[0].attributes[a b]: Invalid value: "a b": '),
        ("spec.devices.0.attributes", {"v": {"version": "1"}},
         'spec.devices[0].attributes[v].version: Invalid value: "1": must be a string compatible with semver.org'),
        ("spec.devices.0.attributes", {"v": {}},
         'spec.devices[0].attributes[v]: Invalid value: "": exactly one value must be specified'),
        ("spec.devices.0.taints", [{"key": "k", "effect": "Maybe"}],
         'spec.devices[0].taints[0].effect: Unsupported value: "Maybe"'),
        ("spec.devices.0.nodeName", "n2",
         "spec.devices[0]: Invalid value: null: `nodeName`, `nodeSelector` and `allNodes` can only be set if"),
    ],
)  # fmt: skip
def test_a_wrong_slice_is_refused_in_kubernetes_words(path: str, value: Any, expected: str) -> None:
    assert causes(kinds.RESOURCESLICES, SLICE) == []
    found = causes(kinds.RESOURCESLICES, changed(SLICE, path, value))
    assert [cause for cause in found if cause.startswith(expected)], found


def test_device_classes_have_selectors_and_a_name_for_pods() -> None:
    selector = {"cel": {"expression": 'device.driver == "gpu.example.com"'}}
    good = {"metadata": {"name": "gpu"}, "spec": {"selectors": [selector], "extendedResourceName": "example.com/gpu"}}
    assert causes(kinds.DEVICECLASSES, good) == []
    wrong = changed(good, "spec.extendedResourceName", "cpu")
    assert causes(kinds.DEVICECLASSES, wrong) == [
        'spec.extendedResourceName: Invalid value: "cpu": must be a valid extended resource name'
    ]


def test_an_address_is_named_by_itself_and_keeps_its_owner() -> None:
    parent = {"resource": "services", "namespace": "default", "name": "web"}
    made = created(kinds.IPADDRESSES, {"metadata": {"name": "10.0.0.1"}, "spec": {"parentRef": parent}})
    assert "must be in canonical form" in causes(kinds.IPADDRESSES, changed(made, "metadata", {"name": "fd00::0:1"}))[0]
    assert causes(kinds.IPADDRESSES, {"metadata": {"name": "10.0.0.1"}, "spec": {}}) == [
        "spec.parentRef: Required value"
    ]
    found = update_causes(kinds.IPADDRESSES, changed(made, "spec.parentRef.name", "db"), made)
    assert found[0].startswith("spec.parentRef: Invalid value")
    assert found[0].endswith("field is immutable")


@pytest.mark.parametrize(
    ("cidrs", "expected"),
    [
        ([], "spec.cidrs: Required value: at least one CIDR required"),
        (["10.0.0.0/8"] * 3, 'spec.cidrs: Invalid value: ["10.0.0.0/8","10.0.0.0/8","10.0.0.0/8"]: may only hold up'),
        (["10.0.0.1/8"], 'spec.cidrs[0]: Invalid value: "10.0.0.1/8": must be in canonical form ("10.0.0.0/8")'),
        (["all"], 'spec.cidrs[0]: Invalid value: "all": must be a valid CIDR value'),
        (["10.0.0.0/8", "11.0.0.0/8"], "spec.cidrs: Invalid value: "),
    ],
)
def test_a_wrong_range_is_refused(cidrs: list[str], expected: str) -> None:
    found = causes(kinds.SERVICECIDRS, {"metadata": {"name": "more"}, "spec": {"cidrs": cidrs}})
    assert found[0].startswith(expected)


def test_a_range_may_gain_a_family_but_not_change() -> None:
    made = created(kinds.SERVICECIDRS, {"metadata": {"name": "more"}, "spec": {"cidrs": ["10.0.0.0/8"]}})
    assert update_causes(kinds.SERVICECIDRS, changed(made, "spec.cidrs", ["10.0.0.0/8", "fd00::/112"]), made) == []
    found = update_causes(kinds.SERVICECIDRS, changed(made, "spec.cidrs", ["11.0.0.0/8"]), made)
    assert found == ['spec.cidrs[0]: Invalid value: "11.0.0.0/8": field is immutable']


def test_a_policy_that_mutates_says_how() -> None:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    mutation = {"patchType": "JSONPatch", "jsonPatch": {"expression": "[]"}}
    spec = {"matchConstraints": {"resourceRules": [rule]}, "mutations": [mutation], "reinvocationPolicy": "Never"}
    good = {"metadata": {"name": "m"}, "spec": spec}
    assert causes(kinds.MUTATINGADMISSIONPOLICIES, good) == []
    assert causes(kinds.MUTATINGADMISSIONPOLICIES, changed(good, "spec.mutations", [])) == [
        "spec.mutations: Required value: mutations must contain at least one item"
    ]
    wrong = changed(good, "spec.mutations.0.patchType", "ApplyConfiguration")
    assert causes(kinds.MUTATINGADMISSIONPOLICIES, wrong) == [
        (
            "spec.mutations[0].applyConfiguration: Required value: applyConfiguration is required when patchType is "
            "ApplyConfiguration"
        ),
        "spec.mutations[0].jsonPatch: Forbidden: jsonPatch must not be specified when patchType is ApplyConfiguration",
    ]
