"""Parts that objects have alike are one in memory, and nothing else changes."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from console.store.sharing import MAX_PARTS, Parts

_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(-2, 2), st.text(max_size=9)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=9), inner, max_size=4)),
    max_leaves=20,
)


def test_what_is_alike_is_one() -> None:
    parts = Parts()
    one, two = (
        parts.share({"metadata": {"name": name}, "spec": {"containers": [{"name": "main", "image": "app:1"}]}})
        for name in ("one", "two")
    )
    assert one["spec"] is two["spec"]
    assert (one["metadata"]["name"], two["metadata"]["name"]) == ("one", "two")


def test_texts_are_one_in_parts_that_differ() -> None:
    parts = Parts()
    one, two = (parts.share(orjson.loads(b'{"phase":"Running","uid":"%b"}' % (number * 36))) for number in (b"1", b"2"))
    assert one["phase"] is two["phase"]
    assert (one["uid"], two["uid"]) == ("1" * 36, "2" * 36)


@given(st.lists(st.dictionaries(st.text(max_size=5), _values, max_size=5), max_size=6))
def test_nothing_changes(objects: list[dict[str, object]]) -> None:
    parts = Parts()
    for obj in objects:
        shared = parts.share(obj)
        assert repr(shared) == repr(obj)  # 1, 1.0 and True are equal, and not the same


def test_what_is_known_is_bounded() -> None:
    parts = Parts()
    for number in range(MAX_PARTS + 10):
        parts.share({"metadata": {"name": f"a-name-that-is-long-enough-{number}"}})
    assert len(parts) <= MAX_PARTS
