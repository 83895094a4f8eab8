"""Figures over time: small, bounded, and as near to what was measured as a chart shows."""

from __future__ import annotations

from console.metrics.series import COARSE_POINTS, Series


def test_an_hour_is_fine_and_days_are_minutes() -> None:
    series = Series()
    for moment in range(0, 3 * 86_400, 5):
        series.put(moment, 1e8 + moment, 1 << 30)
    now = 3 * 86_400 - 5
    fine = series.window(now, 60)
    assert (fine.step, len(fine.cpu), fine.start) == (5, 12, now - 55)
    assert all(value is not None and abs(value - 1.002592e8) < 5e5 for value in fine.cpu)
    coarse = series.window(now, 7200)
    assert (coarse.step, len(coarse.cpu)) == (60, 120)
    assert None not in coarse.memory
    whole = series.window(now, 30 * 86_400)
    assert len(whole.cpu) == COARSE_POINTS
    assert None not in whole.cpu
    assert series.nbytes < 3000


def test_the_minute_under_way_is_shown() -> None:
    series = Series()
    series.put(7205, 5e8, 100)
    series.put(7210, 7e8, 100)
    found = series.window(7211, 7200).cpu[-1]
    assert found is not None
    assert abs(found - 6e8) < 3e6
