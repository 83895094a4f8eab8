"""Protobuf bodies of clients in Go, written here byte by byte: what is special about some messages."""

from __future__ import annotations

from common.api import kinds
from console.registry import protobuf
from console.registry.schema import schema

from .builders import row


def field(number: int, value: bytes | int) -> bytes:
    """One field: a number, or a text or message with its length; both under 128."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    tag = (number << 3) | 2
    head = bytes([tag]) if tag < 128 else bytes([tag & 127 | 128, tag >> 7])
    return head + _varint(len(value)) + value


def _varint(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([number & 127 | 128, number >> 7])


def body(message: bytes, api_version: bytes, kind: bytes) -> bytes:
    return b"k8s\x00" + field(1, field(1, api_version) + field(2, kind)) + field(2, message)


def test_schemas_of_definitions_keep_what_json_writes_in_several_ways() -> None:
    text = field(5, b"string")
    properties = (
        field(29, field(1, b"one") + field(2, field(5, b"array") + field(24, field(1, text))))
        + field(29, field(1, b"more") + field(2, field(30, field(1, 1))))
        + field(29, field(1, b"map") + field(2, field(30, field(1, 1) + field(2, text))))
        + field(29, field(1, b"word") + field(2, field(20, field(1, b'"a"')) + field(8, field(1, b'{"b":1}'))))
    )
    version = field(1, b"v1") + field(2, 1) + field(3, 1) + field(4, field(1, field(5, b"object") + properties))
    message = field(1, field(1, b"boats.example.com")) + field(2, field(1, b"example.com") + field(7, version))
    found = protobuf.decode(
        row(kinds.CUSTOMRESOURCEDEFINITIONS), body(message, b"apiextensions.k8s.io/v1", b"CustomResourceDefinition")
    )
    assert found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"] == {
        "one": {"type": "array", "items": {"type": "string"}},
        "more": {"additionalProperties": True},
        "map": {"additionalProperties": {"type": "string"}},
        "word": {"enum": ["a"], "default": {"b": 1}},
    }


def test_claims_have_the_driver_parameters_where_json_has_them() -> None:
    opaque = field(1, b"gpu.example.com") + field(2, field(1, b'{"mode":"fast"}'))
    configuration = field(1, b"gpu") + field(2, field(1, opaque))
    message = field(2, field(1, field(3, configuration)))
    found = protobuf.decode(row(kinds.RESOURCECLAIMS), body(message, b"resource.k8s.io/v1", b"ResourceClaim"))
    assert found["spec"]["devices"]["config"] == [
        {"requests": ["gpu"], "opaque": {"driver": "gpu.example.com", "parameters": {"mode": "fast"}}}
    ]


def test_options_of_a_deletion_can_be_zero() -> None:
    kind = schema("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions")
    message = field(1, 0) + field(2, field(1, b"u-1")) + field(4, b"Foreground")
    found = protobuf.decode_as(kind, "DeleteOptions", body(message, b"v1", b"DeleteOptions"))
    assert found == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "gracePeriodSeconds": 0,
        "preconditions": {"uid": "u-1"},
        "propagationPolicy": "Foreground",
    }


def test_fields_of_other_versions_are_passed_over() -> None:
    """Clients in Go write metadata.clusterName (15, gone since 1.24) even when it is empty."""
    metadata = field(1, b"shop") + field(15, b"") + field(99, b"later")
    message = field(1, metadata) + field(9, 1)
    found = protobuf.decode(row(kinds.NAMESPACES), body(message, b"v1", b"Namespace"))
    assert found == {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
