"""Boxes and blocks: shares of nodes, and how many cells they get."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from console.views.topology import cells, topology, waiting
from tests.fakes.objects import node, pod


def test_a_box_has_the_pods_of_its_node_with_the_biggest_first() -> None:
    pods = [
        pod("small", cpu="100m", memory="64Mi", node="n1", ready=True, ip="10.42.0.2"),
        pod("big", cpu="1", memory="1Gi", node="n1"),
        pod("done", cpu="2", node="n1", phase="Succeeded"),
        pod("elsewhere", cpu="1", node="n2"),
        pod("pending", cpu="1"),
    ]
    first, second = topology([node("n2"), node("n1", cpu="4", memory="8Gi")], pods)
    assert (first["name"], second["name"]) == ("n1", "n2")
    assert [block["name"] for block in first["pods"]] == ["big", "small"]
    assert first["asked"] == {"cpu": "1100m", "memory": "1088Mi"}
    assert first["percent"] == {"cpu": 27, "memory": 13}
    assert first["pods"][1]["addresses"] == ["10.42.0.2"]
    assert waiting(pods) == 1


def test_pressure_and_readiness_are_told() -> None:
    made = node("n1", ready=False, unschedulable=True)
    made["status"]["conditions"].append({"type": "DiskPressure", "status": "True"})
    (box,) = topology([made], [])
    assert (box["ready"], box["unschedulable"], box["pressure"]) == (False, True, ["DiskPressure"])


@given(st.lists(st.integers(0, 50), max_size=12), st.integers(1, 40))
def test_cells_are_in_proportion_and_never_too_many(parts: list[int], width: int) -> None:
    whole = Fraction(max(sum(parts), 1) * 2)
    found = cells([Fraction(part) for part in parts], whole, width)
    assert sum(found) <= width
    assert all(size >= 0 for size in found)
    busy = [size for part, size in zip(parts, found, strict=True) if part]
    assert all(busy) or len(busy) > width // 2


def test_no_crowd_of_small_parts_fills_what_is_not_full() -> None:
    small = [Fraction(1)] * 100
    assert cells(small, Fraction(200), 20) == [1] * 19 + [0] * 81
    assert cells(small, Fraction(100), 20) == [1] * 20 + [0] * 80
    assert cells([Fraction(99)], Fraction(100), 20) == [19]


def test_nothing_is_drawn_of_a_node_that_offers_nothing() -> None:
    assert cells([Fraction(1)], Fraction(), 10) == [0]
