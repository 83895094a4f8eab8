"""What charts of nodes and pods are drawn of."""

from __future__ import annotations

from fractions import Fraction

from common.api.meta import Object
from console.tui.palette import Look
from console.tui.widgets import charts
from console.views.charts import limits, loads_about, mean, peak
from console.views.pulses import Load
from console.views.status import Tone


def pod(*of: Object) -> Object:
    containers = [{"name": str(index), "resources": {"limits": limit}} for index, limit in enumerate(of)]
    return {"kind": "Pod", "spec": {"containers": containers}}


def test_limits_are_added_up_where_all_containers_have_one() -> None:
    assert limits(pod({"cpu": "500m", "memory": "64Mi"}, {"cpu": "1"})) == {"cpu": Fraction(3, 2)}
    assert limits(pod({}, {})) == {}
    assert limits({"kind": "Pod"}) == {}


def test_a_load_says_what_bounds_it() -> None:
    series = {"stepSeconds": 60, "cpu": [None, 250], "memory": [None, 2**26]}
    bound = loads_about(series, pod({"cpu": "500m"}))
    assert [load.text for load in bound] == ["250m of 500m limit", "64Mi"]
    assert [load.percent for load in bound] == [50, None]
    node = {"kind": "Node", "status": {"allocatable": {"cpu": "4", "memory": "8Gi"}}}
    assert [load.text for load in loads_about(series, node)] == ["250m of 4", "64Mi of 8Gi"]


def test_extremes_of_nothing_are_none() -> None:
    assert (peak([None]), mean([])) == (None, None)
    assert (peak([None, 1.0, 3.0]), mean([None, 1.0, 3.0])) == (3.0, 2.0)


def test_only_cells_above_a_threshold_have_its_colour() -> None:
    full = Load("CPU", [0.1, 4.0], 4.0, 5)
    rows = charts.bars(full, 2, 10, Look())
    assert [row[0][1] for row in rows] == [Tone.BAD, Tone.WARN, Tone.WARN, *[Tone.LINK] * 7]
    unbound = Load("CPU", [0.1, 4.0], 0.0, 5)
    assert {row[0][1] for row in charts.bars(unbound, 2, 10, Look())} == {Tone.LINK}
    assert unbound.top == 5.0


def test_a_chart_says_how_far_it_goes_back() -> None:
    assert charts.span(Load("CPU", [0.0] * 180, 1, 5)) == "15 min"
    assert charts.span(Load("CPU", [0.0] * 2880, 1, 60)) == "2d"


def test_what_comes_to_a_service_has_its_own_units() -> None:
    series = {"stepSeconds": 5, "of": "connections", "perSecond": [None, 2.5], "latency": [None, None]}
    assert [(load.title, load.text) for load in loads_about(series, {})] == [("Connections", "2.5/s")]
    timed = loads_about({**series, "of": "requests", "latency": [None, 12.34]}, {})
    assert [(load.title, load.text) for load in timed] == [("Requests", "2.5/s"), ("Latency", "12.3 ms")]
    assert loads_about({"stepSeconds": 5, "perSecond": [None]}, {}) == []
