"""Patches: what each kind does, and what is refused. Strategic merge is compared with kubectl elsewhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.api.meta import Object
from common.client.base import PatchType
from common.errors import ApiError, BadRequest, Invalid, RequestEntityTooLarge, UnsupportedMediaType
from console.registry import jsonpatch
from console.registry.patch import apply_patch, fitting, merge

from .builders import DEPLOYMENTS, created, deployment, row

OBJECT = created(DEPLOYMENTS, deployment(replicas=3))
OBJECT["metadata"]["finalizers"] = ["a", "b", "c"]


def patched(body: object, kind: PatchType) -> Object:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return apply_patch(row(DEPLOYMENTS), OBJECT, raw, kind)


def test_json_patch() -> None:
    operations = [
        {"op": "test", "path": "/spec/replicas", "value": 3},
        {"op": "replace", "path": "/spec/replicas", "value": 5},
        {"op": "add", "path": "/metadata/labels", "value": {"a": "b"}},
    ]
    found = patched(operations, PatchType.JSON)
    assert (found["spec"]["replicas"], found["metadata"]["labels"]) == (5, {"a": "b"})
    assert OBJECT["spec"]["replicas"] == 3


@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "test", "path": "/spec/replicas", "value": 3.0}],
        [{"op": "test", "path": "/spec/template/spec/automountServiceAccountToken", "value": False}],
        [{"op": "replace", "path": "", "value": []}],
        [None],
        [{"op": 1}],
        [{"op": "add", "path": {}}],
    ],
)
def test_a_json_patch_that_does_not_fit_is_refused(operations: object) -> None:
    with pytest.raises(Invalid) as caught:
        patched(operations, PatchType.JSON)
    assert caught.value.message == "the server rejected our request due to an error in our request"
    assert caught.value.to_status()["details"] == {}


FINALIZERS = "/metadata/finalizers"
HUGE = "9" * 20
NO_NUMBER = 'strconv.Atoi: parsing "x": invalid syntax'
NO_INDEX = "Unable to access invalid index: {}: invalid index referenced"


@pytest.mark.parametrize(
    ("operation", "why"),
    [
        ({"op": "test", "path": "/spec/replicas", "value": 4}, "testing value /spec/replicas failed: test failed"),
        (
            {"op": "test", "path": "/no/where"},
            "test operation does not apply: is missing path: /no/where: missing value",
        ),
        (
            {"op": "test", "path": f"{FINALIZERS}/7"},
            f"error in test for path: '{FINALIZERS}/7': {NO_INDEX.format(7)}",
        ),
        (
            {"op": "remove", "path": "/spec/nothing"},
            "error in remove for path: '/spec/nothing': Unable to remove nonexistent key: nothing: missing value",
        ),
        (
            {"op": "remove", "path": "/no/where"},
            'remove operation does not apply: doc is missing path: "/no/where": missing value',
        ),
        (
            {"op": "remove", "path": f"{FINALIZERS}/3"},
            f"error in remove for path: '{FINALIZERS}/3': {NO_INDEX.format(3)}",
        ),
        (
            {"op": "remove", "path": f"{FINALIZERS}/-4"},
            f"error in remove for path: '{FINALIZERS}/-4': {NO_INDEX.format(-4)}",
        ),
        (
            {"op": "remove", "path": f"{FINALIZERS}/x"},
            f"error in remove for path: '{FINALIZERS}/x': {NO_NUMBER}",
        ),
        (
            {"op": "replace", "path": "/spec/containers/x", "value": 1},
            "replace operation does not apply: doc is missing path: /spec/containers/x: missing value",
        ),
        (
            {"op": "replace", "path": f"{FINALIZERS}/3", "value": 1},
            f"replace operation does not apply: doc is missing key: {FINALIZERS}/3: missing value",
        ),
        (
            {"op": "add", "path": f"{FINALIZERS}/x", "value": 1},
            f"error in add for path: '{FINALIZERS}/x': value was not a proper array index: 'x': {NO_NUMBER}",
        ),
        (
            {"op": "add", "path": f"{FINALIZERS}/4", "value": 1},
            f"error in add for path: '{FINALIZERS}/4': {NO_INDEX.format(4)}",
        ),
        (
            {"op": "add", "path": f"{FINALIZERS}/{HUGE}", "value": 1},
            f"error in add for path: '{FINALIZERS}/{HUGE}': strconv.Atoi: parsing \"{HUGE}\": value out of range",
        ),
        (
            {"op": "add", "path": "/spec/replicas/deeper", "value": 1},
            'add operation does not apply: doc is missing path: "/spec/replicas/deeper": missing value',
        ),
        (
            {"op": "move", "from": "/spec/nothing", "path": "/spec/paused"},
            "error in move for path: 'nothing': Unable to remove nonexistent key: nothing: missing value",
        ),
        (
            {"op": "move", "from": "/no/where", "path": "/a"},
            "move operation does not apply: doc is missing from path: /no/where: missing value",
        ),
        (
            {"op": "copy", "from": "/spec/replicas", "path": "/no/where"},
            "copy operation does not apply: doc is missing destination path: /no/where: missing value",
        ),
        (
            {"op": "copy", "from": f"{FINALIZERS}/3", "path": "/a"},
            f"error in copy for from: '{FINALIZERS}/3': {NO_INDEX.format(3)}",
        ),
        (
            {"op": "copy", "from": "/spec/replicas", "path": f"{FINALIZERS}/9"},
            f"error while adding value during copy: {NO_INDEX.format(9)}",
        ),
        ({"op": "jump", "path": "/a"}, "Unexpected kind: jump"),
        ({}, "Unexpected kind: unknown"),
        ({"op": "add"}, "add operation failed to decode path: missing value"),
        ({"op": "test"}, "test operation failed to decode path: operation missing path field: missing value"),
        (
            {"op": "copy", "path": "/a"},
            "copy operation failed to decode from: operation, missing from field: missing value",
        ),
        (
            {"op": "replace", "path": 5},
            "replace operation failed to decode path: json: cannot unmarshal number into Go value of type string",
        ),
    ],
)
def test_why_a_json_patch_does_not_fit(operation: Object, why: str) -> None:
    with pytest.raises(jsonpatch.Unfit) as caught:
        patched([operation], PatchType.JSON)
    assert caught.value.why == why
    assert caught.value.warnings == (why,)


@pytest.mark.parametrize(
    ("operation", "left"),
    [
        ({"op": "add", "path": "/metadata/finalizers/-", "value": "z"}, ["a", "b", "c", "z"]),
        ({"op": "add", "path": "/metadata/finalizers/-1", "value": "z"}, ["a", "b", "c", "z"]),
        ({"op": "add", "path": "/metadata/finalizers/3", "value": "z"}, ["a", "b", "c", "z"]),
        ({"op": "add", "path": "/metadata/finalizers/0", "value": "z"}, ["z", "a", "b", "c"]),
        ({"op": "replace", "path": "/metadata/finalizers/-1", "value": "z"}, ["a", "b", "z"]),
        ({"op": "remove", "path": "/metadata/finalizers/-3"}, ["b", "c"]),
        ({"op": "move", "from": "/metadata/finalizers/0", "path": "/metadata/finalizers/2"}, ["b", "c", "a"]),
        ({"op": "copy", "from": "/metadata/finalizers/0", "path": "/metadata/finalizers/-"}, ["a", "b", "c", "a"]),
    ],
)  # fmt: skip
def test_elements_of_lists_are_named_by_their_place(operation: Object, left: list[str]) -> None:
    assert patched([operation], PatchType.JSON)["metadata"]["finalizers"] == left


def test_a_json_patch_is_lenient_about_what_is_absent() -> None:
    found = patched(
        [
            {"op": "test", "path": "/spec/paused", "value": None},
            {"op": "replace", "path": "/spec/paused", "value": True},
            {"op": "add", "path": "/metadata/annotations", "value": {}},
            {"op": "add", "path": "/metadata/annotations/a~1b~0c", "value": "d"},
            {"op": "copy", "from": "/spec/nothing", "path": "/spec/minReadySeconds"},
        ],
        PatchType.JSON,
    )
    assert found["spec"]["paused"] is True
    assert found["metadata"]["annotations"] == {"a/b~c": "d"}
    assert found["spec"]["minReadySeconds"] is None


def test_a_json_patch_is_bounded() -> None:
    with pytest.raises(RequestEntityTooLarge, match="maximum operations in a JSON patch is 10000, got 10001"):
        patched([{"op": "test", "path": "/kind", "value": "Deployment"}] * 10_001, PatchType.JSON)
    twice = [{"op": "copy", "from": "/metadata", "path": f"/metadata/{index}"} for index in range(30)]
    with pytest.raises(jsonpatch.Unfit) as caught:
        patched(twice, PatchType.JSON)
    assert "the accumulated size increase of copy is" in caught.value.why


def test_what_a_json_patch_moves_aside_in_lists_is_bounded() -> None:
    """Else a small patch to a long list would hold everybody up for half a minute."""
    items = list(range(200_000))
    first = {"op": "add", "path": "/items/0", "value": 1}
    for operations in ([first] * 101, [{"op": "remove", "path": "/items/0"}] * 101):
        with pytest.raises(RequestEntityTooLarge, match="may move 20000000 elements of lists together"):
            jsonpatch.apply({"items": items}, operations)
    found = jsonpatch.apply({"items": items}, [first] * 90 + [{**first, "path": "/items/-"}] * 9000)
    assert len(found["items"]) == 209_090


def test_a_patch_can_be_nested_too_deep() -> None:
    body = b'{"a":' * 900 + b"1" + b"}" * 900
    with pytest.raises(BadRequest):
        fitting(row(DEPLOYMENTS), OBJECT, body, PatchType.MERGE, "Strict")
    deep = json.loads('{"a":' * 200 + "1" + "}" * 200)
    operations = [
        {"op": "add", "path": "/x", "value": deep},
        {"op": "add", "path": "/x" + "/a" * 199, "value": deep},
        {"op": "copy", "from": "/x", "path": "/y"},
    ]
    with pytest.raises(BadRequest, match="exceeded max depth"):
        patched(operations, PatchType.JSON)


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        (
            PatchType.STRATEGIC,
            {"spec": {"replicas": "x"}},
            (
                '"map[spec:map[replicas:x]]": json: cannot unmarshal string into Go struct field '
                "DeploymentSpec.spec.replicas of type int32"
            ),
        ),
        (
            PatchType.STRATEGIC,
            {"spec": {"bogus": 1}},
            '"map[spec:map[bogus:1]]": strict decoding error: unknown field "spec.bogus"',
        ),
    ],
)
def test_a_patch_that_makes_no_object_of_the_kind_is_invalid(kind: PatchType, body: Object, words: str) -> None:
    with pytest.raises(Invalid) as caught:
        fitting(row(DEPLOYMENTS), OBJECT, json.dumps(body).encode(), kind, "Strict")
    assert caught.value.message == f' "" is invalid: patch: Invalid value: {words}'


@pytest.mark.parametrize(
    ("metadata", "error", "words"),
    [
        ({"name": "other"}, BadRequest, r"the name of the object \(other\) does not match the name on the URL \(web\)"),
        ({"name": None}, BadRequest, r"\(web based on URL\) was undeterminable: name must be provided"),
        ({"namespace": "other"}, BadRequest, "does not match the namespace sent on the request"),
        ({"uid": "other"}, Invalid, 'metadata.uid: Invalid value: "other": field is immutable'),
    ],
)
def test_a_patch_leaves_the_object_the_same_one(metadata: Object, error: type[ApiError], words: str) -> None:
    with pytest.raises(error, match=words):
        fitting(row(DEPLOYMENTS), OBJECT, json.dumps({"metadata": metadata}).encode(), PatchType.MERGE, "Strict")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "json: cannot unmarshal object into Go value of type jsonpatch.Patch"),
        (b'"x"', "json: cannot unmarshal string into Go value of type jsonpatch.Patch"),
        ([1], "json: cannot unmarshal number into Go value of type jsonpatch.Operation"),
        ([[]], "json: cannot unmarshal array into Go value of type jsonpatch.Operation"),
        (b"[", "error decoding patch"),
        (b"", "error decoding patch"),
    ],
)
def test_what_is_no_json_patch_is_refused(body: object, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        patched(body, PatchType.JSON)


def test_a_json_patch_may_be_nothing() -> None:
    assert patched(b"null", PatchType.JSON) == OBJECT


def test_merge_patch_replaces_lists_and_removes_with_null() -> None:
    containers = [{"name": "other", "image": "o"}]
    body = {"spec": {"paused": True, "strategy": None, "template": {"spec": {"containers": containers}}}}
    found = patched(body, PatchType.MERGE)
    assert found["spec"]["template"]["spec"]["containers"] == containers
    assert "strategy" not in found["spec"]
    assert found["spec"]["replicas"] == 3


@pytest.mark.parametrize("kind", [PatchType.MERGE, PatchType.STRATEGIC])
@pytest.mark.parametrize("body", [b"[]", b"1", b"{", b""])
def test_a_merge_patch_is_an_object(kind: PatchType, body: bytes) -> None:
    with pytest.raises(BadRequest, match="error decoding patch"):
        patched(body, kind)


def test_strategic_merge_finds_containers_by_name() -> None:
    containers = [{"name": "main", "image": "app:2"}, {"name": "extra", "image": "e"}]
    found = patched({"spec": {"template": {"spec": {"containers": containers}}}}, PatchType.STRATEGIC)
    main, extra = found["spec"]["template"]["spec"]["containers"]
    assert (main["image"], main["imagePullPolicy"]) == ("app:2", "IfNotPresent")
    assert extra == {"name": "extra", "image": "e"}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"containers": [{"image": "x"}]}, "does not contain declared merge key: name"),
        ({"containers": ["x"]}, "the list merges objects by name; 'x' is none"),
        ({"$patch": "explode"}, "unknown patch type: explode in map: map[$patch:explode]"),
        ({"containers": [{"name": "a", "$patch": "merge"}]}, "merging lists cannot yet be specified in the patch"),
        ({"$retainKeys": "name"}, "$retainKeys must be a list of field names"),
        ({"$retainKeys": ["a"], "b": 1}, "it does not list b"),
        ({"$deleteFromPrimitiveList/x": 1}, "$deleteFromPrimitiveList/x must be a list"),
        ({"$setElementOrder/containers": 1}, "$setElementOrder/containers must be a list"),
        (
            {"$setElementOrder/containers": [{"name": "b"}], "containers": [{"name": "a"}]},
            "The order in patch list:\n[map[name:a]]\n doesn't match $setElementOrder list:\n[map[name:b]]\n",
        ),
    ],
)
def test_wrong_directives_are_named(spec: Object, words: str) -> None:
    with pytest.raises(BadRequest) as caught:
        patched({"spec": {"template": {"spec": spec}}}, PatchType.STRATEGIC)
    assert words in caught.value.message


def test_server_side_apply_says_that_it_is_not_there() -> None:
    with pytest.raises(UnsupportedMediaType, match="apply-patch"):
        patched({}, PatchType.APPLY)


_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers(0, 3) | st.text("ab", max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=8,
)
_maps = st.dictionaries(st.sampled_from("abc"), _values, max_size=3)


@given(_maps, _maps)
def test_a_merge_patch_applied_twice_is_one(target: Object, patch: Object) -> None:
    once = merge(json.loads(json.dumps(target)), patch)
    assert merge(json.loads(json.dumps(once)), patch) == once


@given(_maps)
def test_the_object_itself_is_a_strategic_patch_that_changes_nothing(extra: Object) -> None:
    obj = {
        **OBJECT,
        "metadata": {**OBJECT["metadata"], "annotations": {key: str(value) for key, value in extra.items()}},
    }
    assert apply_patch(row(DEPLOYMENTS), obj, json.dumps(obj).encode(), PatchType.STRATEGIC) == obj


@given(
    st.lists(st.fixed_dictionaries({}, optional={"op": _values, "path": _values, "from": _values, "value": _values}))
)
def test_any_json_patch_is_either_applied_or_refused(operations: list[object]) -> None:
    try:
        found = patched(operations, PatchType.JSON)
    except ApiError as error:
        assert error.message  # noqa: PT017 - both outcomes are right, a crash is not
    else:
        assert isinstance(found, dict)
