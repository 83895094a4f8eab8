"""Figures that a table asks for every few seconds."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, cast

from common.api.kinds import NAMESPACES, PODS
from common.api.meta import Key, Object
from common.client import ObjectList
from common.clock import FakeClock
from console.tui.gateway import Gateway
from console.tui.usage import SECONDS, Usages
from console.views.usage import Use

COUNT = 250


class Metrics:
    """An API that knows what pods use."""

    def __init__(self) -> None:
        self.used = dict.fromkeys((f"pod-{number}" for number in range(COUNT)), "5m")

    async def list(self, *_about: Any) -> ObjectList:
        return ObjectList([_measured(name, cpu) for name, cpu in self.used.items()], "1")


def _measured(name: str, cpu: str) -> Object:
    containers = [{"name": part, "usage": {"cpu": cpu, "memory": "1Mi"}} for part in ("app", "proxy")]
    return {"metadata": {"name": name, "namespace": "default"}, "containers": containers}


async def test_only_figures_that_changed_are_fresh() -> None:
    clock, metrics = FakeClock(), Metrics()
    usages = Usages(cast("Gateway", metrics), clock)
    usages.follow(PODS)
    assert usages.due
    await usages.ask()
    assert (len(usages.fresh), usages.due) == (COUNT, False)
    assert usages.of(Key("default", "pod-7")) == Use(Fraction(1, 100), Fraction(2 * 2**20))
    usages.fresh.clear()
    await clock.advance(SECONDS)
    metrics.used["pod-7"] = "6m"
    del metrics.used["pod-8"]
    await usages.ask()
    assert usages.fresh == {Key("default", "pod-7"), Key("default", "pod-8")}
    assert usages.of(Key("default", "pod-8")) is None


async def test_what_has_no_figures_is_not_asked_for() -> None:
    usages = Usages(cast("Gateway", Metrics()), FakeClock())
    usages.follow(NAMESPACES)
    assert not usages.due
    await usages.ask()
    assert usages.fresh == set()
