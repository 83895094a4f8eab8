"""Figures over time: small, bounded, and as near to what was measured as a chart shows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from console.metrics.series import COARSE_POINTS, FINE_POINTS, Ring, Series, pack, unpack


@given(st.floats(0, 2**47))
def test_a_point_is_half_a_thousandth_off_at_most(value: float) -> None:
    found = unpack(pack(value))
    assert found is not None
    assert abs(found - value) <= max(value * 0.0005, 0.001)


def test_a_gap_is_no_zero() -> None:
    ring = Ring(10)
    ring.put(100, 0.0)
    ring.put(103, 7.0)
    assert [None if value is None else round(value) for value in ring.window(99, 104)] == [None, 0, None, None, 7, None]


def test_points_that_come_late_find_their_place_or_none() -> None:
    ring = Ring(10)
    ring.put(100, 1.0)
    ring.put(102, 3.0)
    ring.put(101, 2.0)
    ring.put(50, 9.0)
    assert [round(value or 0) for value in ring.window(100, 102)] == [1, 2, 3]
    assert ring.window(50, 50) == [None]


@given(st.lists(st.tuples(st.integers(0, 5000), st.floats(0, 1e9)), max_size=200))
def test_a_ring_never_grows_beyond_its_capacity(puts: list[tuple[int, float]]) -> None:
    ring = Ring(20)
    newest = -1
    for slot, value in puts:
        ring.put(slot, value)
        newest = max(newest, slot)
        assert ring.nbytes <= (20 + 64) * 2
    known = [value for value in ring.window(0, 6000) if value is not None]
    assert len(known) <= 20


def test_an_hour_is_fine_and_days_are_minutes() -> None:
    series = Series()
    for moment in range(0, 3 * 86_400, 5):
        series.put(moment, 1e8 + moment, 1 << 30)
    now = 3 * 86_400 - 5
    fine = series.window(now, 60)
    assert (fine.step, len(fine.cpu), fine.start) == (5, 12, now - 55)
    assert all(value is not None and abs(value - 1.002592e8) < 1e5 for value in fine.cpu)
    coarse = series.window(now, 7200)
    assert (coarse.step, len(coarse.cpu)) == (60, 120)
    assert None not in coarse.memory
    whole = series.window(now, 30 * 86_400)
    assert len(whole.cpu) == COARSE_POINTS
    assert series.nbytes <= 2 * 2 * (FINE_POINTS + COARSE_POINTS + 2 * 64)


def test_the_minute_under_way_is_shown() -> None:
    series = Series()
    series.put(7205, 5e8, 100)
    series.put(7210, 7e8, 100)
    found = series.window(7211, 7200).cpu[-1]
    assert found is not None
    assert abs(found - 6e8) < 1e6
