"""The load balancer page: keys in, requests out."""

from __future__ import annotations

import math

import pytest

from common.api import kinds
from common.api.meta import Key, annotations
from common.api.weights import WEIGHT
from tests.tui.conftest import running
from tests.tui.fleet import Fleet
from tests.tui.pictures import portray


def weight(fleet: Fleet, pod: str) -> str | None:
    found = next(obj for obj in fleet.api.items(kinds.PODS) if obj["metadata"]["name"] == pod)
    return annotations(found).get(WEIGHT)


def first_pod(fleet: Fleet) -> str:
    services = fleet.api.find(kinds.LOADBALANCERS, Key("", "cluster"))["services"]
    found = next(service for service in services if service["name"] == "checkout-api")
    return min((item["address"], item["pod"]) for item in found["endpoints"])[1]


@pytest.mark.actions("endpoint.drain", "endpoint.weight")
async def test_an_endpoint_is_drained_and_weighed_by_key(fleet: Fleet) -> None:
    pod = first_pod(fleet)
    async with running(fleet) as console:
        await console.press("colon", *"lb", "enter", "r")
        assert weight(fleet, pod) == "0"
        await console.press("s", "backspace", "backspace", "backspace", *"50", "enter")
        assert weight(fleet, pod) == "50"


async def test_a_weight_that_is_none_is_refused_in_the_dialog(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("colon", *"lb", "enter", "s", *"0", "enter")
        assert "is not a weight" in console.text()
        assert weight(fleet, first_pod(fleet)) is None


@pytest.mark.actions("endpoint.open")
async def test_enter_goes_to_the_pod_and_a_namespace_narrows(fleet: Fleet) -> None:
    async with running(fleet) as console:
        await console.press("colon", *"lb iot", "enter")
        assert "checkout-api" not in console.text()
        assert "mqtt-bridge" in console.text()
        await console.press("enter")
        assert "home-assistant" in console.text()


async def test_what_came_to_the_service_under_the_cursor_is_drawn_over_time(fleet: Fleet) -> None:
    rates = [None] * 90 + [round(40 + 30 * math.sin(point / 7), 2) for point in range(90)]
    path = kinds.SERVICE_SERIES.path("default", "checkout-api")
    waits = [None if rate is None else round(8 + rate / 9, 1) for rate in rates]
    fleet.gateway.series[path] = {"stepSeconds": 5, "of": "requests", "perSecond": rates, "latency": waits}
    async with running(fleet) as console:
        await console.press("colon", *"lb", "enter")
        assert console.text().count("15 min") == 2
        await portray(console, "balancer-trend")
        await console.press("G")
        assert "15 min" not in console.text(), "another Service, of which nothing is known"
