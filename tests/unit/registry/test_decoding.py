"""Fields of bodies: what is understood, what is refused, and in which words."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.api.kinds import (
    CONTROLLERREVISIONS,
    CUSTOMRESOURCEDEFINITIONS,
    LEASES,
    ROLES,
    SECRETS,
    Resource,
)
from common.api.meta import Object
from common.errors import ApiError, BadRequest, UnsupportedMediaType
from console.registry.admission import conform, decode
from console.registry.decoding import decode_applied
from console.registry.patch import PatchType, fitting
from console.registry.recurring import Recurring

from .builders import DEPLOYMENTS, JSON, PODS, SERVICES, deployment, pod, row, undecodable


def test_kind_and_version_are_filled_in() -> None:
    obj, warnings = decode(row(DEPLOYMENTS), b"{}", "", "Strict")
    assert obj == {"apiVersion": "apps/v1", "kind": "Deployment"}
    assert warnings == []


def test_unknown_fields_are_named_with_their_place() -> None:
    body = deployment(foo=1)
    body["spec"]["template"]["spec"]["containers"][0]["bar"] = {"deep": 1}
    assert undecodable(DEPLOYMENTS, body) == (
        'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: '
        'unknown field "spec.template.spec.containers[0].bar", unknown field "spec.foo"'
    )


def test_unknown_fields_are_dropped_with_a_warning_or_silently() -> None:
    body = json.dumps(deployment(foo=1)).encode()
    obj, warnings = decode(row(DEPLOYMENTS), body, JSON, "Warn")
    assert "foo" not in obj["spec"]
    assert warnings == ['unknown field "spec.foo"']
    assert decode(row(DEPLOYMENTS), body, JSON, "Ignore") == (obj, [])


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("replicas", "3", "cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"),
        ("replicas", True, "cannot unmarshal bool into Go struct field DeploymentSpec.spec.replicas of type int32"),
        ("replicas", 2**31, "cannot unmarshal number 2147483648 into Go struct field DeploymentSpec.spec.replicas"),
        ("replicas", 1.5, "cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas"),
        ("paused", "yes", "cannot unmarshal string into Go struct field DeploymentSpec.spec.paused of type bool"),
        ("template", [], "cannot unmarshal array into Go struct field DeploymentSpec.spec.template of type v1."),
        (
            "selector",
            {"matchLabels": {"a": 1}},
            "Go struct field LabelSelector.spec.selector.matchLabels of type string",
        ),
        ("strategy", {"rollingUpdate": {"maxSurge": {}}}, "cannot unmarshal object into Go struct field"),
    ],
)
def test_a_wrong_type_is_named_with_what_is_allowed(field: str, value: object, words: str) -> None:
    assert words in undecodable(DEPLOYMENTS, deployment(**{field: value}), "Ignore")


def test_wrong_quantities_times_and_base64_are_refused() -> None:
    limits = pod(containers=[{"name": "a", "resources": {"limits": {"cpu": "a lot"}}}])
    assert 'Pod in version "v1" cannot be handled as a Pod: quantities must match the regular' in undecodable(
        PODS, limits
    )
    assert 'parsing time "soon"' in undecodable(LEASES, {"spec": {"renewTime": "soon"}})
    told = 'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 2'
    assert undecodable(SECRETS, {"data": {"key": "no base64!"}}) == told
    ports = pod(containers=[{"name": "a", "ports": [{"containerPort": "80"}]}])
    assert "Go struct field ContainerPort.spec.containers.ports.containerPort of type int32" in undecodable(PODS, ports)
    assert "Go struct field Secret.data of type" in undecodable(SECRETS, {"data": {"key": 1}})


def test_times_are_stored_in_one_form() -> None:
    obj, _ = conform(row(LEASES), {"spec": {"renewTime": "2026-01-01T13:00:00.5+01:00"}}, "Strict")
    assert obj["spec"]["renewTime"] == "2026-01-01T12:00:00.500000Z"


def test_quantities_become_text_and_nulls_go() -> None:
    resources = {"limits": {"cpu": 1, "memory": "1024Mi"}}
    containers = [{"name": "a", "image": None, "resources": resources}]
    obj, _ = conform(row(PODS), pod(containers=containers, nodeName=None), "Strict")
    assert obj["spec"] == {"containers": [{"name": "a", "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}]}


def test_lists_and_maps_with_nothing_in_them_are_left_out_and_structs_are_not() -> None:
    container = {"name": "a", "image": "b", "env": [], "resources": {"limits": {}}, "securityContext": {}}
    spec = {"containers": [container], "nodeSelector": {}, "volumes": [{"name": "v", "emptyDir": {}}], "affinity": {}}
    body = {"metadata": {"name": "a", "labels": {}, "finalizers": []}, "spec": spec}
    obj, warnings = decode(row(PODS), orjson.dumps(body), JSON, "Strict")
    assert warnings == []
    assert obj["metadata"] == {"name": "a"}
    kept = {"name": "a", "image": "b", "resources": {}, "securityContext": {}}
    assert obj["spec"] == {"containers": [kept], "volumes": spec["volumes"], "affinity": {}}
    none, _ = decode(row(PODS), b'{"spec": {"containers": []}}', JSON, "Strict")
    assert none["spec"] == {"containers": []}, "what is required is written though it is empty"
    role, _ = decode(row(ROLES), b'{"rules": []}', JSON, "Strict")
    assert role["rules"] == []


def test_the_last_label_takes_the_map_with_it() -> None:
    known, _ = decode(row(PODS), b'{"metadata": {"name": "a", "labels": {"x": "y"}}}', JSON, "Strict")
    for kind, patch in (
        (PatchType.JSON, b'[{"op": "remove", "path": "/metadata/labels/x"}]'),
        (PatchType.MERGE, b'{"metadata": {"labels": {"x": null}}}'),
    ):
        assert "labels" not in fitting(row(PODS), known, patch, kind, "Strict")[0]["metadata"]


def test_a_patch_that_brings_what_is_there_already_leaves_it_as_it_is() -> None:
    statuses = [{"name": name, "image": "i", "imageID": "", "ready": True, "restartCount": 1} for name in "ab"]
    known, _ = decode(
        row(PODS), orjson.dumps({"status": {"phase": "Running", "containerStatuses": statuses}}), JSON, ""
    )
    again = [{**statuses[0], "restartCount": 2}, statuses[1]]
    patch = orjson.dumps({"status": {"containerStatuses": again}})
    patched, _ = fitting(row(PODS), {**known, "metadata": {"name": "a"}}, patch, PatchType.MERGE, "Strict")
    before, after = known["status"]["containerStatuses"], patched["status"]["containerStatuses"]
    assert [item["restartCount"] for item in after] == [2, 1]
    assert after[1] is before[1], "shared, so that nobody need look at it again"
    assert before[0]["restartCount"] == 1


@pytest.mark.parametrize("other", [b"true", b"1.5"])
def test_a_value_of_another_type_is_not_what_is_there_already(other: bytes) -> None:
    statuses = [{"name": "a", "image": "i", "imageID": "", "ready": True, "restartCount": 1}]
    known, _ = decode(
        row(PODS), orjson.dumps({"metadata": {"name": "a"}, "status": {"containerStatuses": statuses}}), JSON, ""
    )
    same = orjson.dumps({"status": {"containerStatuses": statuses}}).replace(
        b'"restartCount":1', b'"restartCount":' + other
    )
    with pytest.raises(ApiError, match="cannot unmarshal"):
        fitting(row(PODS), known, same, PatchType.MERGE, "Strict")


def test_an_intent_may_own_an_empty_list() -> None:
    intent = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "finalizers": []}}
    config, _ = decode_applied(row(PODS), orjson.dumps(intent), "Strict")
    assert config["metadata"]["finalizers"] == []


def test_unknown_formats_and_validations_are_refused() -> None:
    with pytest.raises(UnsupportedMediaType, match="accepted media types include: application/json"):
        decode(row(PODS), b"", "text/plain", "Strict")
    assert "supported values" in undecodable(PODS, {}, "Loose")


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
_spec_fields = st.sampled_from(
    ["ports", "selector", "type", "clusterIP", "clusterIPs", "ipFamilies", "sessionAffinityConfig", "externalIPs"]
)


@given(st.dictionaries(_spec_fields, _values, max_size=4), st.sampled_from(["Strict", "Warn", "Ignore"]))
def test_any_json_is_either_understood_or_refused(spec: dict[str, object], validation: str) -> None:
    body = json.dumps({"metadata": {"name": "a"}, "spec": spec}).encode()
    try:
        obj, _ = decode(row(SERVICES), body, JSON, validation)
    except ApiError as error:
        assert error.message  # noqa: PT017 - both outcomes are right, a crash is not
    else:
        assert conform(row(SERVICES), obj, "Strict") == (obj, [])


@given(st.binary(max_size=60))
def test_any_bytes_as_protobuf_are_either_understood_or_refused(body: bytes) -> None:
    try:
        obj, _ = decode(row(DEPLOYMENTS), b"k8s\x00" + body, "application/vnd.kubernetes.protobuf", "Strict")
    except ApiError as error:
        assert error.message  # noqa: PT017
    else:
        assert obj["kind"] == "Deployment"


def test_problems_come_in_the_order_of_the_document() -> None:
    body = b'{"spec":{"unknownField":"foo","replicas":2,"replicas":3,"selector":{}}}'
    with pytest.raises(BadRequest) as error:
        decode(row(DEPLOYMENTS), body, "application/json", "Strict")
    assert error.value.message.endswith(
        'strict decoding error: unknown field "spec.unknownField", duplicate field "spec.replicas"'
    )


def test_a_patch_leaves_what_it_does_not_touch_as_it_is_known_to_fit() -> None:
    known, _ = conform(row(PODS), pod(containers=[{"name": "main", "image": "a:1"}]), "Strict")
    wanted = {**known, "metadata": {**known["metadata"], "labels": {"tier": "web"}, "colour": "red"}}
    found, warnings = conform(row(PODS), wanted, "Warn", known)
    assert found["spec"] is known["spec"]
    assert found["metadata"] == {**known["metadata"], "labels": {"tier": "web"}}
    assert warnings == ['unknown field "metadata.colour"']


def test_an_element_of_a_list_may_leave_out_what_is_null_of_the_one_before() -> None:
    ready = {"type": "Ready", "status": "True"}
    known = {**pod(), "status": {"conditions": [{**ready, "lastProbeTime": None}]}}
    (before,) = known["status"]["conditions"]

    def conditions(sent: Object) -> tuple[list[Object], list[str]]:
        found, warnings = conform(row(PODS), {**known, "status": {"conditions": [sent]}}, "Warn", known)
        return found["status"]["conditions"], warnings

    for same in (ready, before):
        found, warnings = conditions(dict(same))
        assert found[0] is before
        assert warnings == []
    assert conditions({**ready, "colour": None}) == ([ready], ['unknown field "status.conditions[0].colour"'])
    assert conditions({**ready, "status": "False"}) == ([{**ready, "status": "False"}], [])


@pytest.mark.parametrize(
    ("resource", "body", "words"),
    [
        (DEPLOYMENTS, b'{"spec":{"strategy":{"rollingUpdate":{"maxSurge":99999999999}}}}', "cannot unmarshal number"),
        (CONTROLLERREVISIONS, b'{"data":{"a":1e999}}', "a number that is too large"),
    ],
)
def test_numbers_that_nothing_can_hold_are_refused(resource: Resource, body: bytes, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        decode(row(resource), body, "application/json", "Strict")


def test_a_free_number_beyond_64_bits_is_a_floating_one() -> None:
    obj, _ = decode(row(CONTROLLERREVISIONS), b'{"data":{"a":%d}}' % 10**30, "application/json", "Strict")
    assert obj["data"] == {"a": 1e30}


def test_parts_that_come_again_are_read_as_the_first_time() -> None:
    """What was wrong with one is wrong with all; objects of one template differ in nothing but their names."""
    spec = {"containers": [{"name": "a", "image": "i", "lamp": 1}], "terminationGracePeriodSeconds": 2}
    bodies = [orjson.dumps({"metadata": {"name": name}, "spec": spec}) for name in ("one", "two")]
    found = [decode(row(PODS), body, JSON, "Warn") for body in bodies]
    assert [obj["metadata"]["name"] for obj, _ in found] == ["one", "two"]
    assert found[0][0]["spec"] == found[1][0]["spec"]
    assert [warnings for _, warnings in found] == [['unknown field "spec.containers[0].lamp"']] * 2
    with pytest.raises(BadRequest, match="lamp"):
        decode(row(PODS), bodies[0], JSON, "Strict")


def test_a_part_that_fits_one_kind_is_none_of_another() -> None:
    spec = {"replicas": 1, "selector": {"app": "web"}}
    body = orjson.dumps({"metadata": {"name": "web"}, "spec": spec})
    assert decode(row(SERVICES), body, JSON, "Ignore")[0]["spec"] == {"selector": {"app": "web"}}
    assert decode(row(DEPLOYMENTS), body, JSON, "Ignore")[0]["spec"] != {"selector": {"app": "web"}}


def test_what_go_cannot_tell_from_nothing_is_left_out() -> None:
    """Clients written in Go send such fields no more: kept, they would be changes of what a pod may not change."""
    spec = {"hostNetwork": False, "hostname": "", "automountServiceAccountToken": False, "priority": 0}
    probe = {"initialDelaySeconds": 0, "periodSeconds": 5}
    found, _ = conform(
        row(PODS), pod(**spec, containers=[{"name": "c", "tty": False, "livenessProbe": probe}]), "Strict"
    )
    assert found["spec"] == {
        "automountServiceAccountToken": False,
        "priority": 0,
        "containers": [{"name": "c", "livenessProbe": {"periodSeconds": 5}}],
    }


def test_a_zero_of_another_type_is_still_wrong() -> None:
    assert "into Go struct field PodSpec.spec.hostNetwork of type bool" in undecodable(PODS, pod(hostNetwork=0))
    assert "of type string" in undecodable(PODS, pod(hostname=False))


def test_an_intent_may_want_a_zero() -> None:
    body = orjson.dumps({"apiVersion": "apps/v1", "kind": "Deployment", **deployment(paused=False)})
    assert decode_applied(row(DEPLOYMENTS), body, "Strict")[0]["spec"]["paused"] is False


def test_a_quantity_that_is_null_is_zero() -> None:
    limits = {"name": "c", "resources": {"limits": {"cpu": None}}}
    found, _ = conform(row(PODS), pod(containers=[limits]), "Strict")
    assert found["spec"]["containers"][0]["resources"]["limits"] == {"cpu": "0"}


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"items": {"properties": "text"}}, "cannot unmarshal string"),
        ({"items": {"type": 5}}, "cannot unmarshal number"),
        ({"items": "text"}, "cannot unmarshal string"),
        ({"items": [{"type": "string"}, 5]}, "cannot unmarshal number"),
        ({"additionalProperties": "text"}, "cannot unmarshal string"),
        ({"additionalProperties": {"properties": {"a": []}}}, "cannot unmarshal array"),
        ({"dependencies": {"a": [5]}}, "cannot unmarshal number"),
    ],
)
def test_schemas_in_schemas_have_the_right_types(schema: object, words: str) -> None:
    body = {"spec": {"versions": [{"schema": {"openAPIV3Schema": schema}}]}}
    assert words in undecodable(CUSTOMRESOURCEDEFINITIONS, body)


def test_schemas_in_schemas_are_kept() -> None:
    inner = {"type": "object", "properties": {"k": {"type": "string", "default": ""}}, "required": ["k"]}
    schema = {
        "type": "object",
        "properties": {
            "list": {"type": "array", "items": inner},
            "map": {"type": "object", "additionalProperties": inner},
            "more": {"type": "object", "additionalProperties": True},
            "null": {"type": "object", "additionalProperties": {"nullable": True}},
        },
    }
    version = {"name": "v1", "schema": {"openAPIV3Schema": schema}, "subresources": {"status": {}}}
    found, _ = conform(row(CUSTOMRESOURCEDEFINITIONS), {"spec": {"versions": [version]}}, "Strict")
    assert found["spec"]["versions"] == [version]
    unknown = {**version, "subresources": {"status": {"on": True}}}
    assert "subresources.status.on" in undecodable(CUSTOMRESOURCEDEFINITIONS, {"spec": {"versions": [unknown]}})


def test_nothing_of_a_secret_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    remembered: Recurring[Object] = Recurring()
    monkeypatch.setattr("console.registry.decoding._parts", remembered)
    for resource, field in ((SECRETS, {"data": {"key": "c2VjcmV0"}}), (PODS, {"spec": {"hostname": "a"}})):
        decode(row(resource), orjson.dumps({"metadata": {"name": "a"}, **field}), JSON, "Strict")
    assert len(remembered) == 1
