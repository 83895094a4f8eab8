"""Parts that objects have alike are one in memory, and nothing else changes."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from common.sharing import LARGEST_PART, MAX_PARTS, Parts
from console.store.entries import LARGEST_SHARED, make_entry

_names = st.one_of(st.text(max_size=5), st.sampled_from(["metadata", "status", "items"]))
_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(-2, 2), st.text(max_size=9)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=9), inner, max_size=4)),
    max_leaves=20,
)


def test_what_is_alike_is_one() -> None:
    parts = Parts()
    _, two, three = (
        parts.share({"metadata": {"name": name}, "spec": {"containers": [{"name": "main", "image": "app:1"}]}})
        for name in ("one", "two", "three")
    )
    assert two["spec"] is three["spec"]
    assert (two["metadata"]["name"], three["metadata"]["name"]) == ("two", "three")


def test_what_is_large_is_not_kept_for_others() -> None:
    parts = Parts()
    found = [parts.share({"data": {"text": "x" * LARGEST_PART, "small": {"a": "b"}}}) for _ in range(3)]
    assert found[0] == found[1] == found[2]
    assert found[1]["data"] is not found[2]["data"]
    assert found[1]["data"]["small"] is found[2]["data"]["small"]
    assert len(parts) == 1


def test_a_large_object_is_stored_as_it_was_written() -> None:
    obj = {"metadata": {"name": "a"}, "data": {"text": "x" * LARGEST_SHARED, "list": []}}
    entry = make_entry(("", "a"), 7, obj)
    obj["data"]["list"].append("later")  # type: ignore[attr-defined]
    assert entry.obj["data"]["list"] == []
    assert entry.obj["metadata"]["resourceVersion"] == "7"
    assert entry.obj is entry.obj


def test_what_is_empty_is_one() -> None:
    parts = Parts()
    one, two = (
        parts.share(orjson.loads(b'{"f:status":{"f:phase":{},"f:%b":{}},"items":[]}' % name)) for name in (b"a", b"b")
    )
    assert one["f:status"]["f:phase"] is two["f:status"]["f:phase"] is one["f:status"]["f:a"]
    assert one["items"] is two["items"]


def test_parts_of_the_version_before_stay() -> None:
    parts = Parts()
    old = parts.share({"metadata": {"managedFields": [{"manager": "one"}], "name": "a"}, "spec": {"nodeName": "n"}})
    [entry] = old["metadata"]["managedFields"]
    metadata = {**old["metadata"], "managedFields": [{"manager": "two"}, entry], "resourceVersion": "2"}
    new = parts.share({**old, "metadata": metadata, "status": {"phase": "Running"}}, old)
    assert new == {**old, "metadata": metadata, "status": {"phase": "Running"}}
    assert new["spec"] is old["spec"]
    assert new["metadata"]["managedFields"][1] is entry


def test_what_comes_again_and_again_is_not_forgotten() -> None:
    parts = Parts()
    template = b'{"spec":{"containers":[{"name":"main","image":"app:1"}]}}'
    for _ in range(2):
        parts.share(orjson.loads(template))
    common = parts.share(orjson.loads(template))["spec"]
    for number in range(3 * MAX_PARTS):
        for _ in range(2):
            parts.share({"metadata": {"name": f"name-{number}"}})
        if number % (MAX_PARTS // 2) == 0:
            parts.share(orjson.loads(template))
    assert parts.share(orjson.loads(template))["spec"] is common


def test_texts_are_one_in_parts_that_differ() -> None:
    parts = Parts()
    one, two = (parts.share(orjson.loads(b'{"phase":"Running","uid":"%b"}' % (number * 36))) for number in (b"1", b"2"))
    assert one["phase"] is two["phase"]
    assert (one["uid"], two["uid"]) == ("1" * 36, "2" * 36)


@given(st.lists(st.dictionaries(_names, _values, max_size=5), max_size=6))
def test_nothing_changes(objects: list[dict[str, object]]) -> None:
    parts = Parts()
    before = None
    for obj in objects * 2:
        shared = parts.share(obj, before)
        assert repr(shared) == repr(obj)  # 1, 1.0 and True are equal, and not the same
        before = parts.share({**obj, **shared, "more": [shared]})


def test_what_is_known_is_bounded() -> None:
    parts = Parts()
    for number in range(5 * MAX_PARTS):
        parts.share({"spec": {"name": f"name-{number // 2}"}})
    assert MAX_PARTS < len(parts) <= 2 * MAX_PARTS


def test_long_texts_that_come_again_are_one() -> None:
    parts = Parts()
    path = "/var/run/secrets/kubernetes.io/serviceaccount"
    found = [parts.share(orjson.loads(orjson.dumps({"mountPath": path, "n": n})))["mountPath"] for n in range(3)]
    assert found == [path] * 3
    assert found[1] is found[2]


def test_a_text_is_never_taken_for_a_part() -> None:
    parts = Parts()
    part = {"names": ["a-name-that-is-long-enough", "another-name-that-is-long"]}
    text = orjson.dumps(part).decode()
    for _ in range(3):
        shared = parts.share({"part": part, "text": text})
        assert shared == {"part": part, "text": text}
