"""Differences between any two states: applied backwards they give the first one again."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from console.apiserver.history.deltas import deltas, revert

SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b"])
KEYS = st.sampled_from(["name", "spec", "a.b/c", "x"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=12
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)


def unordered(value: Any) -> Any:
    """Named items have no order that differences know of."""
    if isinstance(value, dict):
        return {key: unordered(item) for key, item in value.items()}
    if isinstance(value, list):
        items = [unordered(item) for item in value]
        named = items and all(isinstance(item, dict) and item.get("name") for item in items)
        return sorted(items, key=lambda item: str(item["name"])) if named else items
    return value


@given(OBJECTS, OBJECTS)
def test_taking_all_differences_back_gives_the_old_state(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert unordered(revert(new, list(deltas(old, new)))) == unordered(old)


@given(OBJECTS)
def test_equal_states_do_not_differ(state: dict[str, Any]) -> None:
    assert list(deltas(state, state)) == []
