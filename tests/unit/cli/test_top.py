"""`quarterdeck top --since`: what was used over time, in a row."""

from __future__ import annotations

from common.api.meta import Object
from console.cli.top import CHART_CELLS, over_time


def series(name: str, cpu: list[int | None]) -> Object:
    return {
        "metadata": {"name": name, "namespace": "shop"}, "stepSeconds": 5, "cpu": cpu,
        "memory": [None if value is None else 2**26 for value in cpu],
    }  # fmt: skip


def test_a_row_has_the_newest_the_highest_the_mean_and_a_line_of_bars() -> None:
    shown = over_time([series("web-2", [None]), series("web-1", [None, 100, 300, 200])], everywhere=True)
    head, first, second = shown.splitlines()
    assert head.split()[:6] == ["NAMESPACE", "NAME", "CPU", "PEAK", "MEAN", "OVER"]
    assert first.split() == ["shop", "web-1", "200m", "300m", "200m", "▃█▅", "64Mi", "64Mi", "64Mi", "███"]
    assert second.split() == ["shop", "web-2", *["-"] * 6]


def test_no_peak_gets_lost_in_a_row() -> None:
    shown = over_time([series("web", [10] * 500 + [1000] + [10] * 500)], everywhere=False)
    bars = shown.splitlines()[1].split()[4]
    assert (len(bars), bars.count("█")) == (CHART_CELLS, 1)
