"""Going from one cluster to another: what is listed, what enter returns, and a way that cannot be used."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from console.tui.app import QuarterdeckApp
from console.tui.clusters import Cluster
from console.tui.gateway import Connect
from tests.tui.conftest import SIZES, Console
from tests.tui.fleet import Fleet
from tests.tui.pictures import portray


def no_way() -> Connect:
    raise ValueError("the kubeconfig has neither client-key-data nor client-key")


def app_of(fleet: Fleet) -> QuarterdeckApp:
    def way() -> Connect:
        return lambda: fleet.gateway

    def cluster(name: str, server: str, user: str, reach: Callable[[], Connect] = way) -> Cluster:
        return Cluster(name, server, user, reach)

    found = [
        cluster("homelab", "/var/lib/quarterdeck/api.sock", "administrator"),
        cluster("workshop", "https://10.0.4.2:6443", "admin"),
        cluster("far", "https://k8s.example:6443", "jane", no_way),
    ]
    return QuarterdeckApp(way(), cluster="homelab", clock=fleet.clock, clusters=found)


async def test_pictures(fleet: Fleet) -> None:
    app = app_of(fleet)
    async with app.run_test(size=SIZES["120x36"]) as pilot:
        console = Console(app, pilot, fleet)
        await console.settle()
        await console.press("colon", *"ctx", "enter")
        await portray(console, "clusters")


@pytest.mark.actions("cluster.open")
async def test_enter_leaves_for_the_cluster(fleet: Fleet) -> None:
    app = app_of(fleet)
    async with app.run_test() as pilot:
        console = Console(app, pilot, fleet)
        await console.settle()
        await console.press("colon", *"ctx", "enter", "end", "enter")
    assert app.return_value is not None
    assert app.return_value.name == "workshop"


async def test_a_way_that_cannot_be_used_is_said_and_the_console_stays(fleet: Fleet) -> None:
    app = app_of(fleet)
    async with app.run_test() as pilot:
        console = Console(app, pilot, fleet)
        await console.settle()
        await console.press("colon", *"ctx", "enter", "home")
        await console.press("enter")
        assert "neither client-key-data nor client-key" in console.note()
    assert app.return_value is None
