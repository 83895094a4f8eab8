"""Points in compressed blocks: as near to what was measured as a chart shows, in their places, and bounded."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from console.metrics.points import BLOCK, Lane, compress, decompress, pack, unpack

_POINT = st.integers(0, 0xFFFF)


@given(st.floats(0, 2**47))
def test_a_point_is_half_a_percent_off_at_most(value: float) -> None:
    found = unpack(pack(value))
    assert found is not None
    assert abs(found - value) <= value * 0.005 + 0.005


@given(st.lists(st.tuples(_POINT, _POINT), min_size=1, max_size=BLOCK))
def test_a_block_comes_back_as_it_was(pairs: list[tuple[int, int]]) -> None:
    points = array("H", [point for pair in pairs for point in pair])
    assert decompress(compress(points)) == points


def rounded(lane: Lane, first: int, last: int) -> list[int | None]:
    pairs = lane.window(first, last)
    assert all((one is None) == (two is None) for one, two in pairs)
    return [None if one is None else round(one) for one, _ in pairs]


def test_a_gap_is_no_zero() -> None:
    lane = Lane(10)
    lane.put(100, 0.0, 1.0)
    lane.put(103, 7.0, 1.0)
    assert rounded(lane, 99, 104) == [None, 0, None, None, 7, None]


def test_points_that_come_late_find_their_place_or_none() -> None:
    lane = Lane(300)
    for slot, value in ((121, 1.0), (123, 3.0), (122, 2.0), (119, 9.0), (121, 5.0)):
        lane.put(slot, value, value)
    assert rounded(lane, 118, 123) == [None, None, None, 5, 2, 3]


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 10**9)), max_size=60), st.integers(1, 400))
def test_a_lane_is_a_dictionary_that_forgets(steps: list[tuple[int, int]], slots: int) -> None:
    lane, known = Lane(slots), dict[int, int]()
    slot = 1000
    for ahead, value in steps:
        slot += ahead
        lane.put(slot, value, value)
        known[slot] = value
        assert lane.nbytes <= (slots // BLOCK + 2) * (4 * BLOCK + 60)
    for place, (found, other) in enumerate(lane.window(900, slot + 5), start=900):
        expected = known.get(place) if place > slot - slots else None
        assert (found is None) == (expected is None)
        assert found == other
        if found is not None and expected is not None:
            assert abs(found - expected) <= expected * 0.005 + 0.005


def test_what_is_forgotten_is_a_gap() -> None:
    lane = Lane(10 * BLOCK)
    for slot in range(3 * BLOCK + 1):
        lane.put(slot, slot, slot)
    before = lane.nbytes
    assert lane.oldest == 0
    given_back = lane.forget(2)
    assert given_back == before - lane.nbytes > 0
    assert (lane.oldest, lane.newest) == (2, 3)
    assert rounded(lane, 2 * BLOCK - 1, 2 * BLOCK) == [None, 240]
    assert lane.forget(100) > 0
    assert rounded(lane, 3 * BLOCK - 1, 3 * BLOCK) == [None, 361], "the block under way stays"


def test_what_does_not_change_takes_a_tenth() -> None:
    lane = Lane(2880)
    for slot in range(2880):
        lane.put(slot, 5e6, 1 << 28)
    assert lane.nbytes < 2880 * 4 / 6
