"""The cluster at a glance: counts of what is well, amounts, and charts that neither lose a peak nor invent one."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.api.kinds import NODES
from common.api.meta import Object
from console.views import pulses, usage
from console.views.columns.nodes import NODE_COLUMNS
from console.views.columns.pods import POD_COLUMNS
from console.views.pulses import ASCII_LEVELS, Load
from console.views.status import Tone


def node(ready: bool = True) -> Object:
    return {
        "metadata": {"name": "n1"},
        "status": {
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "allocatable": {"cpu": "4", "memory": "8Gi"},
        },
    }


def cell(columns: tuple[pulses.amounts.Any, ...], title: str, obj: Object) -> tuple[str, Tone]:
    column = next(item for item in columns if item.title == title)
    return column.value(obj, None), column.tone(obj)


def used(cpu: str, memory: str) -> usage.Use:
    return usage.use_of({"usage": {"cpu": cpu, "memory": memory}})


def test_faults_are_counted_by_kind_and_named() -> None:
    found = pulses.pulse(NODES, [node(), node(ready=False)])
    assert (found.total, found.faults) == (2, 1)
    assert [(fault.key.name, fault.status.word) for fault in found.faulty] == [("n1", "NotReady")]


def test_requests_and_their_latency_or_else_connections() -> None:
    def titles(**series: list[float | None]) -> list[str]:
        return [load.title for load in pulses.loads({"stepSeconds": 5, **series}, ())[2:]]

    assert titles(requests=[None, 3.0], latency=[None, 8.0], connections=[None, 2.0]) == ["Requests", "Latency"]
    assert titles(requests=[0.0, 0.0], latency=[None, None], connections=[1.5, 0.0]) == ["Connections"]
    assert titles(requests=[0.0], latency=[None], connections=[0.0]) == ["Requests"]
    assert titles() == []  # another cluster's, or nothing was counted yet


def test_what_is_used_of_what_ready_nodes_offer() -> None:
    series = {"stepSeconds": 5, "cpu": [None, 500, 1000], "memory": [None, 1 << 30, 2 << 30]}
    cpu, memory = pulses.loads(series, [node(), node(ready=False)])
    assert (cpu.text, cpu.percent, cpu.newest) == ("1000m of 4", 25, 1.0)
    assert (memory.text, memory.percent) == ("2Gi of 8Gi", 25)
    assert cpu.top == 1.25  # a chart of little use is drawn larger than life
    unknown, _ = pulses.loads({}, [node()])
    assert (unknown.text, unknown.percent) == ("not measured yet", None)
    assert Load("CPU", [3.0], 4.0, 5).top == 4.0


@given(
    st.lists(st.none() | st.floats(0, 1000), max_size=300),
    st.floats(0, 2000),
    st.integers(1, 120),
    st.integers(1, 20),
)
def test_a_chart_fits_and_shows_all_that_is_known(
    values: list[float | None], top: float, width: int, height: int
) -> None:
    lines = pulses.chart(values, top, width, height, ASCII_LEVELS)
    assert [len(line) for line in lines] == [width] * height
    sampled = pulses.resampled(values, width)
    known = [value for value in values if value is not None]
    assert max((value for value in sampled if value is not None), default=None) == max(known, default=None)
    assert [letter != " " for letter in lines[-1]] == [value is not None for value in sampled]


def test_figures_come_and_go_with_a_row_alone() -> None:
    plain = node()
    shown = usage.attached(plain, used("1500m", "1Gi"))
    assert usage.use(shown) == usage.Use(Fraction(3, 2), Fraction(2**30))
    assert usage.detached(shown) == plain
    assert usage.attached(plain, None) is plain


@pytest.mark.parametrize(
    ("cpu", "text", "tone"),
    [("500m", "█░░░░  12%", Tone.TEXT), ("3100m", "████░  77%", Tone.WARN), ("5", "█████ 125%", Tone.BAD)],
)
def test_nodes_show_how_full_they_are(cpu: str, text: str, tone: Tone) -> None:
    assert cell(NODE_COLUMNS, "CPU", usage.attached(node(), used(cpu, "1Gi"))) == (text, tone)


def test_what_was_not_measured_is_no_zero() -> None:
    pod: Object = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a"}]}}
    assert cell(NODE_COLUMNS, "MEM", node()) == ("-", Tone.DIM)
    assert cell(POD_COLUMNS, "CPU", pod) == ("-", Tone.DIM)
    assert cell(POD_COLUMNS, "CPU", usage.attached(pod, used("1n", "1Mi")))[0] == "1m"


def test_a_pod_near_its_limit_stands_out() -> None:
    limits = {"limits": {"memory": "100Mi"}}
    pod: Object = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a", "resources": limits}]}}
    assert cell(POD_COLUMNS, "MEM", usage.attached(pod, used("1m", "95Mi")))[1] is Tone.WARN
    assert cell(POD_COLUMNS, "MEM", usage.attached(pod, used("1m", "50Mi")))[1] is Tone.TEXT
