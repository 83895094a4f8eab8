"""Bodies of requests: what is understood, what is refused, and in which words."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.api.kinds import (
    CONFIGMAPS,
    CONTROLLERREVISIONS,
    CUSTOMRESOURCEDEFINITIONS,
    LEASES,
    ROLES,
    SECRETS,
    Resource,
)
from common.api.meta import Object
from common.errors import ApiError, BadRequest, UnsupportedMediaType
from console.registry import yamlbody
from console.registry.admission import conform, decode
from console.registry.decoding import decode_applied
from console.registry.patch import PatchType, fitting
from console.registry.recurring import Recurring

from .builders import DEPLOYMENTS, PODS, SERVICES, deployment, pod, row

YAML = "application/yaml"
JSON = "application/json"


def refusal(resource: object, body: object, validation: str = "Strict", media_type: str = JSON) -> str:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(BadRequest) as caught:
        decode(row(resource), raw, media_type, validation)  # type: ignore[arg-type]
    return caught.value.message


UNRECOGNIZED = "the object provided is unrecognized (must be of type Deployment)"
NO_TYPE = "couldn't get version/kind; json parse error: "


def test_kind_and_version_are_filled_in() -> None:
    obj, warnings = decode(row(DEPLOYMENTS), b"{}", "", "Strict")
    assert obj == {"apiVersion": "apps/v1", "kind": "Deployment"}
    assert warnings == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"kind": "Pod"}, 'Pod in version "v1" cannot be handled as a Deployment: '),
        (
            {"apiVersion": "v1"},
            (
                'Deployment in version "v1" cannot be handled as a Deployment: no kind "Deployment" is registered for '
                'version "v1" in scheme "pkg/api/legacyscheme/scheme.go:30"'
            ),
        ),
        (
            {"apiVersion": "apps/v1beta1"},
            "the API version in the data (apps/v1beta1) does not match the expected API version (apps/v1)",
        ),
        (
            {"apiVersion": "v1", "kind": "Secret"},
            (
                'Secret in version "v1" cannot be handled as a Deployment: '
                "converting (v1.Secret) to (apps.Deployment): unknown conversion"
            ),
        ),
        (
            {"apiVersion": "a/b/c"},
            f'{UNRECOGNIZED}: unexpected GroupVersion string: a/b/c ({{"apiVersion": "a/b/c"}})',
        ),
        (
            {"kind": 1},
            (
                f"{UNRECOGNIZED}: {NO_TYPE}json: cannot unmarshal number into Go struct field .kind of type string "
                '({"kind": 1})'
            ),
        ),
        (
            b'{"apiVersion":{}}',
            f"{UNRECOGNIZED}: {NO_TYPE}json: cannot unmarshal object into Go struct field .apiVersion of type string (",
        ),
        (
            b'{"kind":["Deployment"]}',
            f"{UNRECOGNIZED}: {NO_TYPE}json: cannot unmarshal array into Go struct field .kind of type string (",
        ),
        ([], f"{UNRECOGNIZED}: {NO_TYPE}json: cannot unmarshal array into Go value of type struct {{ APIVersion "),
        (b"{", f"{UNRECOGNIZED}: {NO_TYPE}unexpected end of JSON input ({{)"),
        (
            b'{"spec": NaN, "metadata": {"name": "a"}}',
            (
                f"{UNRECOGNIZED}: {NO_TYPE}invalid character 'N' looking for beginning of value "
                '({"spec": NaN, "metadata": {"na ...)'
            ),
        ),
        (b'{"metadata": {"name": "\\ud800"}}', "\\ud800 is half of a surrogate pair, no character"),
        (
            b"\xff\xfe\x00",
            f"{UNRECOGNIZED}: {NO_TYPE}invalid character '\u00ff' looking for beginning of value (fffe00)",
        ),
        (b"", f"{UNRECOGNIZED}: {NO_TYPE}unexpected end of JSON input (<empty>)"),
    ],
)
def test_refuses_what_is_no_such_object(body: object, words: str) -> None:
    assert words in refusal(DEPLOYMENTS, body)


@pytest.mark.parametrize("media_type", [JSON, YAML])
def test_characters_may_be_escaped_but_not_halved(media_type: str) -> None:
    body = b'{"metadata": {"annotations": {"a": "%s"}}}'
    obj, _ = decode(row(DEPLOYMENTS), body % b"\\u00e9", media_type, "Strict")
    assert obj["metadata"]["annotations"] == {"a": "\u00e9"}
    with pytest.raises(BadRequest, match=r"half of a surrogate pair|invalid Unicode character escape"):
        decode(row(DEPLOYMENTS), body % b"\\ud800", media_type, "Strict")


def test_unknown_fields_are_named_with_their_place() -> None:
    body = deployment(foo=1)
    body["spec"]["template"]["spec"]["containers"][0]["bar"] = {"deep": 1}
    assert refusal(DEPLOYMENTS, body) == (
        'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: '
        'unknown field "spec.template.spec.containers[0].bar", unknown field "spec.foo"'
    )


def test_unknown_fields_are_dropped_with_a_warning_or_silently() -> None:
    body = json.dumps(deployment(foo=1)).encode()
    obj, warnings = decode(row(DEPLOYMENTS), body, JSON, "Warn")
    assert "foo" not in obj["spec"]
    assert warnings == ['unknown field "spec.foo"']
    assert decode(row(DEPLOYMENTS), body, JSON, "Ignore") == (obj, [])


def test_a_field_given_twice_is_named() -> None:
    body = b'{"metadata": {"name": "a", "name": "b"}}'
    assert 'strict decoding error: duplicate field "metadata.name"' in refusal(CONFIGMAPS, body)
    obj, warnings = decode(row(CONFIGMAPS), body, JSON, "Warn")
    assert obj["metadata"]["name"] == "b"
    assert warnings == ['duplicate field "metadata.name"']


def test_a_key_given_twice_in_yaml_is_named_with_its_line() -> None:
    body = b"metadata:\n  name: a\n  name: b\nfoo: 1\ndata:\n  x: y\n  x: z\n"
    lines = ['line 3: key "name" already set in map', 'line 7: key "x" already set in map']
    text = f'strict decoding error: yaml: unmarshal errors:\n  {lines[0]}\n  {lines[1]}, unknown field "foo"'
    assert text in refusal(CONFIGMAPS, body, media_type=YAML)
    obj, warnings = decode(row(CONFIGMAPS), body, YAML, "Warn")
    assert (obj["metadata"]["name"], obj["data"]["x"]) == ("b", "z")
    assert warnings == [*lines, 'unknown field "foo"']


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
    assert words in refusal(DEPLOYMENTS, deployment(**{field: value}), "Ignore")


def test_wrong_quantities_times_and_base64_are_refused() -> None:
    limits = pod(containers=[{"name": "a", "resources": {"limits": {"cpu": "a lot"}}}])
    assert 'Pod in version "v1" cannot be handled as a Pod: quantities must match the regular' in refusal(PODS, limits)
    assert 'parsing time "soon"' in refusal(LEASES, {"spec": {"renewTime": "soon"}})
    told = 'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 2'
    assert refusal(SECRETS, {"data": {"key": "no base64!"}}) == told
    ports = pod(containers=[{"name": "a", "ports": [{"containerPort": "80"}]}])
    assert "Go struct field ContainerPort.spec.containers.ports.containerPort of type int32" in refusal(PODS, ports)
    assert "Go struct field Secret.data of type" in refusal(SECRETS, {"data": {"key": 1}})


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


def test_yaml_is_read_as_kubernetes_reads_it() -> None:
    body = b"""
    data:
      date: 2026-01-01
      switch: "on"
      time: "12:30"
    """
    assert decode(row(CONFIGMAPS), body, YAML, "Strict")[0]["data"] == {
        "date": "2026-01-01", "switch": "on", "time": "12:30",
    }  # fmt: skip
    mode = (
        b"spec: {volumes: [{name: v, secret: {secretName: s, defaultMode: 0400}}], terminationGracePeriodSeconds: 3e1}"
    )
    spec = decode(row(PODS), mode, YAML, "Strict")[0]["spec"]
    assert spec["volumes"][0]["secret"]["defaultMode"] == 0o400
    assert spec["terminationGracePeriodSeconds"] == 30


def test_single_letters_are_booleans_as_kubernetes_has_them() -> None:
    assert yamlbody.load(b"[y, N, yes, Off, 'n', x]") == [True, False, True, False, "n", "x"]


def test_keys_are_texts() -> None:
    body = b"data: {1: one, 0: zero, true: yes it is, 1.5: more}"
    assert list(decode(row(CONFIGMAPS), body, YAML, "Strict")[0]["data"]) == ["1", "0", "true", "1.5"]


def test_merged_mappings_can_be_overridden() -> None:
    body = b"metadata: {labels: &base {a: '1', b: '2'}, annotations: {<<: *base, a: '3'}}"
    found = decode(row(CONFIGMAPS), body, YAML, "Strict")[0]["metadata"]
    assert found == {"labels": {"a": "1", "b": "2"}, "annotations": {"a": "3", "b": "2"}}


def test_sexagesimal_numbers_are_text() -> None:
    assert decode(row(CONFIGMAPS), b"data: {time: 12:30:45}", YAML, "Strict")[0]["data"] == {"time": "12:30:45"}


@pytest.mark.parametrize(
    "body",
    [
        b"a: [", b"a: b: c", b"--- {}\n--- {}\n", b"? [a]\n: b\n", b"data: !!binary aGk=\n", b"a: &a [*a]\n", b"\x00",
    ],
)  # fmt: skip
def test_yaml_that_is_no_object_is_refused(body: bytes) -> None:
    assert refusal(CONFIGMAPS, body, media_type=YAML)


def test_yaml_cannot_unfold_without_end() -> None:
    lines = [b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [b"a%d: &a%d [%s]" % (i, i, b", ".join([b"*a%d" % (i - 1)] * 10)) for i in range(1, 10)]
    assert "unfolds to more than" in refusal(CONFIGMAPS, b"\n".join(lines), media_type=YAML)


def test_what_yaml_merges_cannot_unfold_without_end() -> None:
    body = b"&a0 {a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1, h: 1, i: 1, j: 1}"
    for level in range(1, 40):
        body = b"&a%d {<<: [%s%s]}" % (level, body, b", *a%d" % (level - 1) * 9)
    assert "unfolds to more than" in refusal(CONFIGMAPS, body, media_type=YAML)


def test_many_names_that_come_twice_cost_no_more_than_others() -> None:
    """Time that grew with their square would be an hour for this body."""
    names = ", ".join(f'"k{index}": "a"' for index in range(90_000))
    _, warnings = decode(row(CONFIGMAPS), f"{{{names}, {names}}}".encode(), JSON, "Warn")
    assert warnings[:2] == ['duplicate field "k0"', 'unknown field "k0"']
    assert len(warnings) == 180_000


@pytest.mark.parametrize(
    "body",
    [
        b"spec: {containers: [{name: a, ports: [{containerPort: %s}]}]}" % (b"9" * 30),
        b"spec: {containers: [{name: a, resources: {limits: {cpu: 0x%s}}}]}" % (b"f" * 5000),
        b'{"apiVersion": "v1", "spec": {"hostNetwork": %s}}' % (b"[" * 900 + b"]" * 900),
    ],
)
def test_what_is_applied_is_bounded_too(body: bytes) -> None:
    body = body if body.startswith(b"{") else b"apiVersion: v1\n" + body
    with pytest.raises(BadRequest, match=r"too large|nested deeper"):
        decode_applied(row(PODS), body, "Strict")


@pytest.mark.parametrize(
    "body", [b'{"a":' * 10_000, b"[" * 10_000, b'{"metadata":{"managedFields":[{"fieldsV1":' + b'{"a":' * 500]
)
def test_deep_nesting_is_refused(body: bytes) -> None:
    assert refusal(CONFIGMAPS, body)


def test_nesting_is_refused_by_its_depth_in_json_and_yaml() -> None:
    closed = b'{"metadata":{"managedFields":[{"fieldsV1":' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}]}}"
    assert "nested deeper" in refusal(CONFIGMAPS, closed)
    for text in (b"[" * 100_000, b"- " * 2000, b"a: [" + b"[" * 200 + b"]" * 201):
        assert "nested deeper than 200 levels" in refusal(CONFIGMAPS, text, media_type=YAML)


def test_unknown_formats_and_validations_are_refused() -> None:
    with pytest.raises(UnsupportedMediaType, match="accepted media types include: application/json"):
        decode(row(PODS), b"", "text/plain", "Strict")
    assert "supported values" in refusal(PODS, {}, "Loose")


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


def test_names_that_come_twice_are_found_however_the_json_is_written() -> None:
    for body in (
        b'{"spec":{"replicas":1,"replicas":2}}',
        b'{ "spec": {"replicas": 1, "replicas": 2} }',
        b'{"spec":{"replicas":1,"replicas":100000000000000000000.0}}',
    ):
        with pytest.raises(BadRequest, match=r'duplicate field "spec\.replicas"|cannot unmarshal'):
            decode(row(DEPLOYMENTS), body, "application/json", "Strict")


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
    assert "into Go struct field PodSpec.spec.hostNetwork of type bool" in refusal(PODS, pod(hostNetwork=0))
    assert "of type string" in refusal(PODS, pod(hostname=False))


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
    assert words in refusal(CUSTOMRESOURCEDEFINITIONS, body)


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
    assert "subresources.status.on" in refusal(CUSTOMRESOURCEDEFINITIONS, {"spec": {"versions": [unknown]}})


def test_nothing_of_a_secret_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    remembered: Recurring[Object] = Recurring()
    monkeypatch.setattr("console.registry.decoding._parts", remembered)
    for resource, field in ((SECRETS, {"data": {"key": "c2VjcmV0"}}), (PODS, {"spec": {"hostname": "a"}})):
        decode(row(resource), orjson.dumps({"metadata": {"name": "a"}, **field}), JSON, "Strict")
    assert len(remembered) == 1
