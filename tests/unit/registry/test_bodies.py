"""Bodies of requests: JSON and YAML as Kubernetes reads them, and what is said of those that are no such object."""

from __future__ import annotations

import pytest

from common.api.kinds import CONFIGMAPS
from common.errors import BadRequest
from console.registry import yamlbody
from console.registry.admission import decode
from console.registry.decoding import decode_applied

from .builders import DEPLOYMENTS, JSON, PODS, YAML, row, undecodable

UNRECOGNIZED = "the object provided is unrecognized (must be of type Deployment)"
NO_TYPE = "couldn't get version/kind; json parse error: "


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
    assert words in undecodable(DEPLOYMENTS, body)


@pytest.mark.parametrize("media_type", [JSON, YAML])
def test_characters_may_be_escaped_but_not_halved(media_type: str) -> None:
    body = b'{"metadata": {"annotations": {"a": "%s"}}}'
    obj, _ = decode(row(DEPLOYMENTS), body % b"\\u00e9", media_type, "Strict")
    assert obj["metadata"]["annotations"] == {"a": "\u00e9"}
    with pytest.raises(BadRequest, match=r"half of a surrogate pair|invalid Unicode character escape"):
        decode(row(DEPLOYMENTS), body % b"\\ud800", media_type, "Strict")


def test_a_field_given_twice_is_named() -> None:
    body = b'{"metadata": {"name": "a", "name": "b"}}'
    assert 'strict decoding error: duplicate field "metadata.name"' in undecodable(CONFIGMAPS, body)
    obj, warnings = decode(row(CONFIGMAPS), body, JSON, "Warn")
    assert obj["metadata"]["name"] == "b"
    assert warnings == ['duplicate field "metadata.name"']


def test_a_key_given_twice_in_yaml_is_named_with_its_line() -> None:
    body = b"metadata:\n  name: a\n  name: b\nfoo: 1\ndata:\n  x: y\n  x: z\n"
    lines = ['line 3: key "name" already set in map', 'line 7: key "x" already set in map']
    text = f'strict decoding error: yaml: unmarshal errors:\n  {lines[0]}\n  {lines[1]}, unknown field "foo"'
    assert text in undecodable(CONFIGMAPS, body, media_type=YAML)
    obj, warnings = decode(row(CONFIGMAPS), body, YAML, "Warn")
    assert (obj["metadata"]["name"], obj["data"]["x"]) == ("b", "z")
    assert warnings == [*lines, 'unknown field "foo"']


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
    assert undecodable(CONFIGMAPS, body, media_type=YAML)


def test_yaml_cannot_unfold_without_end() -> None:
    lines = [b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [b"a%d: &a%d [%s]" % (i, i, b", ".join([b"*a%d" % (i - 1)] * 10)) for i in range(1, 10)]
    assert "unfolds to more than" in undecodable(CONFIGMAPS, b"\n".join(lines), media_type=YAML)


def test_what_yaml_merges_cannot_unfold_without_end() -> None:
    body = b"&a0 {a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1, h: 1, i: 1, j: 1}"
    for level in range(1, 40):
        body = b"&a%d {<<: [%s%s]}" % (level, body, b", *a%d" % (level - 1) * 9)
    assert "unfolds to more than" in undecodable(CONFIGMAPS, body, media_type=YAML)


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
    assert undecodable(CONFIGMAPS, body)


def test_nesting_is_refused_by_its_depth_in_json_and_yaml() -> None:
    closed = b'{"metadata":{"managedFields":[{"fieldsV1":' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}]}}"
    assert "nested deeper" in undecodable(CONFIGMAPS, closed)
    for text in (b"[" * 100_000, b"- " * 2000, b"a: [" + b"[" * 200 + b"]" * 201):
        assert "nested deeper than 200 levels" in undecodable(CONFIGMAPS, text, media_type=YAML)


def test_names_that_come_twice_are_found_however_the_json_is_written() -> None:
    for body in (
        b'{"spec":{"replicas":1,"replicas":2}}',
        b'{ "spec": {"replicas": 1, "replicas": 2} }',
        b'{"spec":{"replicas":1,"replicas":100000000000000000000.0}}',
    ):
        with pytest.raises(BadRequest, match=r'duplicate field "spec\.replicas"|cannot unmarshal'):
            decode(row(DEPLOYMENTS), body, "application/json", "Strict")
