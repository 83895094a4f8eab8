"""The event recorder: what becomes of repeats, floods and failures."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from common import events
from common.api.kinds import EVENTS, NODES, PODS
from common.api.meta import Object, name, namespace
from common.clock import FakeClock
from common.errors import Forbidden, ServiceUnavailable
from common.events import Recorder
from tests.fakes.api import FakeApi
from tests.fakes.cluster import quiet


class World:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.api = FakeApi(self.clock)
        self.recorder = Recorder(self.api.client(), self.clock, "scheduler")

    async def settle(self, seconds: float = 0.0) -> None:
        await quiet(self.api)
        await self.clock.advance(seconds)
        await quiet(self.api)

    def seen(self) -> list[tuple[str, int]]:
        return [(event["message"], event["count"]) for event in self.api.items(EVENTS)]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    world.recorder.start()
    yield world
    await world.recorder.close()


WEB: Object = {"metadata": {"name": "web", "namespace": "shop", "uid": "u"}}
NODE: Object = {"metadata": {"name": "n1", "uid": "n"}}


async def test_an_event_names_what_it_is_about(world: World) -> None:
    world.recorder.normal(PODS, WEB, "Scheduled", "to n1")
    world.recorder.warning(NODES, NODE, "NodeNotReady", "gone")
    await world.settle()
    about_node, about_pod = sorted(world.api.items(EVENTS), key=namespace)
    assert about_pod["involvedObject"] == {
        "apiVersion": "v1", "kind": "Pod", "namespace": "shop", "name": "web", "uid": "u"
    }  # fmt: skip
    assert (about_pod["type"], about_pod["source"]) == ("Normal", {"component": "scheduler"})
    assert (namespace(about_node), about_node["type"]) == ("default", "Warning")


async def test_repeats_raise_the_count_together_or_one_by_one(world: World) -> None:
    for _ in range(3):
        world.recorder.normal(PODS, WEB, "Pulled", "again")
    await world.settle(60)
    world.recorder.normal(PODS, WEB, "Pulled", "again")
    await world.settle()
    assert world.seen() == [("again", 4)]
    (event,) = world.api.items(EVENTS)
    assert (event["firstTimestamp"], event["lastTimestamp"]) == ("2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z")


async def test_many_similar_events_are_combined(world: World) -> None:
    for number in range(14):
        world.recorder.normal(PODS, WEB, "Created", f"pod {number}")
    await world.settle()
    assert len(world.seen()) == events.SIMILAR_LIMIT + 1
    assert ("(combined from similar events): pod 13", 4) in world.seen()


async def test_one_object_cannot_flood(world: World) -> None:
    for number in range(1000):
        world.recorder.warning(PODS, WEB, f"Reason{number}", "boom")
    await world.settle()
    assert len(world.seen()) == events.BURST
    await world.settle(events.REFILL_SECONDS)
    world.recorder.warning(PODS, WEB, "Later", "boom")
    await world.settle()
    assert len(world.seen()) == events.BURST + 1


async def test_a_count_for_an_event_that_is_gone_makes_it_anew(world: World) -> None:
    world.recorder.normal(PODS, WEB, "Pulled", "again")
    await world.settle()
    (event,) = world.api.items(EVENTS)
    await world.api.client().delete(EVENTS, name(event), "shop")
    world.recorder.normal(PODS, WEB, "Pulled", "again")
    await world.settle()
    assert world.seen() == [("again", 2)]


async def test_a_server_that_is_away_for_a_moment_gets_it_later(world: World) -> None:
    world.api.fail(ServiceUnavailable("restarting"), verb="create", times=2)
    world.recorder.normal(PODS, WEB, "Pulled", "once")
    await world.settle(10)
    assert world.seen() == [("once", 1)]


async def test_a_refused_event_is_dropped_and_the_next_one_starts_anew(world: World) -> None:
    world.api.fail(Forbidden("namespace ends"), verb="create")
    world.recorder.normal(PODS, WEB, "Pulled", "x")
    await world.settle()
    assert world.seen() == []
    world.recorder.normal(PODS, WEB, "Pulled", "x")
    await world.settle()
    assert world.seen() == [("x", 1)]


async def test_recording_never_waits_and_the_queue_is_bounded(world: World, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(events.QUEUE_LIMIT + 5):
        world.recorder.normal(PODS, WEB, "R", f"{number}")
    await world.settle()
    assert "5 events were dropped" in caplog.text
