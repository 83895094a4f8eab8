"""CPU and memory over time: beside the table, and on a screen of their own."""

from __future__ import annotations

import math

import pytest

from common.api import kinds, meta
from common.api.meta import Object
from common.errors import Forbidden
from console.tui.screens.chart import ChartScreen
from tests.tui.conftest import running
from tests.tui.fleet import Fleet
from tests.tui.pictures import portray

POINTS = 180


def series(scale: float, memory: int) -> Object:
    cpu = [round(scale * (500 + 300 * math.sin(point / 9) + 120 * math.sin(point / 2.1))) for point in range(POINTS)]
    cpu[130:138] = [round(scale * 1900)] * 8
    return {
        "kind": "Series", "stepSeconds": 5, "cpu": [None] * 20 + cpu[20:],
        "memory": [None] * 20 + [memory + point * memory // 400 for point in range(20, POINTS)],
    }  # fmt: skip


@pytest.fixture
def fleet() -> Fleet:
    fleet = Fleet().fill()
    for pod in fleet.pods_of("web-frontend"):
        path = kinds.POD_SERIES.path(meta.namespace(pod), meta.name(pod))
        fleet.gateway.series[path] = series(0.1, 60 * 2**20)
    for node in ("berth-1", "berth-2"):
        fleet.gateway.series[kinds.NODE_SERIES.path(None, node)] = series(2, 3 * 2**30)
    return fleet


@pytest.mark.actions("chart")
async def test_a_node_over_time(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("colon", *"nodes", "enter", "m")
        await portray(console, "chart-node")


async def test_the_pane_beside_the_table_has_what_the_pod_used(fleet: Fleet) -> None:
    async with running(fleet, "120x36") as console:
        await console.press("slash")
        await console.type("web-frontend")
        await console.press("enter")
        await portray(console, "detail-chart")


async def test_what_came_to_a_service_over_time(fleet: Fleet) -> None:
    path = kinds.SERVICE_SERIES.path("default", "web-frontend")
    rates = [None] * 90 + [round(40 + 30 * math.sin(point / 7), 2) for point in range(90)]
    waits = [None if rate is None else round(8 + rate / 9, 1) for rate in rates]
    fleet.gateway.series[path] = {"stepSeconds": 5, "of": "requests", "perSecond": rates, "latency": waits}
    async with running(fleet) as console:
        await console.press("colon", *"svc", "enter", "slash")
        await console.type("web-frontend")
        await console.press("enter", "m")
        await portray(console, "chart-service")


async def test_a_small_screen_asks_for_no_series(fleet: Fleet) -> None:
    async with running(fleet, "80x24") as console:
        await console.settle()
        assert [path for path, _ in fleet.gateway.asked if "series" in path] == []


@pytest.mark.actions("chart", "chart.range.0", "chart.range.1", "chart.range.2", "chart.range.3", "chart.range.4")
async def test_digits_choose_how_far_back_and_a_long_past_is_asked_for_seldom(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("colon", *"nodes", "enter", "m")
        assert isinstance(console.app.screen, ChartScreen)
        await console.press("1", "2", "3")
        fleet.gateway.asked.clear()
        await console.press("4")
        await fleet.clock.advance(60)
        await console.settle()
        assert [params["seconds"] for _, params in fleet.gateway.asked] == ["172800"]
        await console.press("0")
        await fleet.clock.advance(5)
        await console.settle()
        assert [params["seconds"] for _, params in fleet.gateway.asked][1:] == ["900", "900"]


async def test_what_was_never_measured_says_so(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("slash")
        await console.type("mqtt")
        await console.press("enter", "m")
        assert "Nothing was measured here yet" in console.text()


@pytest.mark.actions("chart.range.0", "chart.range.1", "chart.range.2", "chart.range.3", "chart.range.4")
async def test_every_digit_asks_for_its_range(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("colon", *"nodes", "enter", "m")
        fleet.gateway.asked.clear()
        await console.press("1", "2", "3", "4", "0")
        asked = [params["seconds"] for _, params in fleet.gateway.asked]
        assert asked == ["3600", "21600", "86400", "172800", "900"]


@pytest.mark.actions("chart.range.0", "chart.range.1", "chart.range.2", "chart.range.3", "chart.range.4")
async def test_the_pulses_look_as_far_back_as_charts_do(fleet: Fleet) -> None:
    async with running(fleet, "120x36") as console:
        await console.press("colon", *"pulses", "enter")
        assert "Requests 164/s" in console.text()
        assert "Latency 7.1 ms" in console.text()
        fleet.gateway.asked.clear()
        await console.press("1", "2", "3", "4", "0")
        assert [params["seconds"] for _, params in fleet.gateway.asked] == ["3600", "21600", "86400", "172800", "900"]


async def test_pulses_of_a_cluster_that_nobody_asks_anything_have_no_latency(fleet: Fleet) -> None:
    path = kinds.CLUSTER_SERIES.path(None, "cluster")
    fleet.gateway.series[path] |= {"requests": [0.0] * 180, "latency": [None] * 180}
    async with running(fleet, "120x36") as console:
        await console.press("colon", *"pulses", "enter")
        assert "Requests 0/s" in console.text()
        assert "Latency" not in console.text()


@pytest.mark.parametrize(
    ("words", "path"),
    [
        (("colon", *"pulses", "enter"), kinds.CLUSTER_SERIES.path(None, "cluster")),
        (("colon", *"nodes", "enter", "m"), kinds.NODE_SERIES.path(None, "berth-1")),
    ],
    ids=["the cluster", "a node"],
)
async def test_who_may_not_look_at_figures_is_told_so(fleet: Fleet, words: tuple[str, ...], path: str) -> None:
    fleet.gateway.refused[path] = Forbidden('User "vera" cannot get figures')
    async with running(fleet, "120x36") as console:
        await console.press(*words)
        shown = " ".join(console.text().split())
        assert "You may not look at figures over time:" in shown
        assert 'User "vera" cannot get figures' in shown
        assert "measured" not in shown
        del fleet.gateway.refused[path]
        await fleet.clock.advance(5)
        await console.settle()
        assert "You may not look" not in console.text()
