"""When the console collects garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from common.clock import FakeClock
from console.tui import tidying
from console.tui.tidying import DEEP_SECONDS, LONG_REST_SECONDS, REST_SECONDS, Tidying


class Collector:
    """What was asked of the garbage collector, instead of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def collect(self) -> None:
        self.asked.append("collect")

    def freeze(self) -> None:
        self.asked.append("freeze")

    def unfreeze(self) -> None:
        self.asked.append("unfreeze")

    def taken(self) -> list[str]:
        asked, self.asked = self.asked, []
        return asked


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    found = Collector()
    monkeypatch.setattr(tidying, "gc", found)
    yield found
    assert gc.isenabled()


async def test_nothing_is_collected_while_somebody_types(collector: Collector) -> None:
    clock = FakeClock()
    found = Tidying(clock)
    for _ in range(100):
        await clock.advance(REST_SECONDS / 2)
        found.touched()
        found.look()
    assert collector.taken() == []
    await clock.advance(REST_SECONDS)
    found.look()
    assert collector.taken() == ["collect", "freeze"]


async def test_what_was_kept_is_looked_through_now_and_then_after_a_long_rest(collector: Collector) -> None:
    clock = FakeClock()
    found = Tidying(clock)
    await clock.advance(DEEP_SECONDS)
    found.touched()
    await clock.advance(LONG_REST_SECONDS - 1)
    found.look()
    assert collector.taken() == ["collect", "freeze"]
    await clock.advance(1)
    found.look()
    assert collector.taken() == ["unfreeze", "collect", "freeze"]
    found.look()
    assert collector.taken() == ["collect", "freeze"]
