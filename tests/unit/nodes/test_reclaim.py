"""Released volumes: removed by their nodes, then gone; kept while a node is away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson
import pytest

from common.api import storage
from common.api.kinds import EVENTS, NODES, PERSISTENTVOLUMES
from common.api.meta import Key, Object
from common.client import SharedInformers
from common.clock import FakeClock
from common.errors import ServiceUnavailable
from common.events import Recorder
from console.nodes.reclaim import Reclaimer
from tests.fakes.api import FakeApi, copy
from tests.fakes.cluster import quiet
from tests.fakes.objects import node, volume


class Answer:
    def __init__(self, status: int, text: str) -> None:
        self.status = status
        self.content = self
        self._text = text

    async def read(self, _limit: int = -1) -> bytes:
        return self._text.encode()

    async def __aenter__(self) -> Answer:
        return self

    async def __aexit__(self, *_: object) -> None: ...


class Agents:
    """What nodes were asked to remove, and what they say to that."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.answers: dict[str, list[Answer | Exception]] = {}

    async def request(self, node: str, method: str, path: str, params: Mapping[str, str], data: bytes | None) -> Any:
        assert (method, path) == ("POST", "/volumes/reclaim")
        self.asked.append((node, orjson.loads(data or b"")["volume"]["metadata"]["name"]))
        queue = self.answers.get(node) or [Answer(200, "{}")]
        found = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(found, Exception):
            raise found
        return found


class World:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.api = FakeApi(self.clock)
        self.agents = Agents()
        client = self.api.client()
        self.informers = SharedInformers(client, self.clock)
        self.recorder = Recorder(client, self.clock, "test")
        volumes, nodes = self.informers.get(PERSISTENTVOLUMES), self.informers.get(NODES)
        self.reclaimer = Reclaimer(client, self.clock, volumes, nodes, self.agents, self.recorder)  # type: ignore[arg-type]

    async def settle(self, seconds: float = 0.5) -> None:
        await quiet(self.api)
        await self.clock.advance(seconds)
        await quiet(self.api)

    def left(self) -> list[str]:
        return [obj["metadata"]["name"] for obj in self.api.items(PERSISTENTVOLUMES)]

    def said(self) -> list[str]:
        return [event["message"] for event in self.api.items(EVENTS) if event["reason"] == "VolumeFailedDelete"]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    world.recorder.start()
    world.informers.start()
    world.reclaimer.start()
    yield world
    await world.reclaimer.close()
    await world.informers.close()
    await world.recorder.close()
    world.api.assert_untouched()


def released(driver: str = storage.LOCAL, **more: Any) -> Object:
    made = volume("pv", phase="Released", policy=more.pop("policy", "Delete"), **more)
    made["spec"]["csi"] = {"driver": storage.DRIVERS[driver], "volumeHandle": "pv"}
    made["metadata"]["finalizers"] = [storage.DELETION_FINALIZER]
    return made


async def test_the_node_removes_what_is_stored_then_the_object_goes(world: World) -> None:
    world.api.seed(NODES, node("n1"), node("n2"))
    world.api.seed(PERSISTENTVOLUMES, released(node="n2"))
    await world.settle()
    assert (world.agents.asked, world.left()) == ([("n2", "pv")], [])


async def test_it_waits_for_its_node_and_says_so(world: World) -> None:
    world.api.seed(NODES, node("n1", ready=False))
    world.api.seed(PERSISTENTVOLUMES, released(node="n1"))
    await world.settle()
    assert (world.left(), world.said()) == (["pv"], ["no node that can remove it is ready"])
    back = copy(world.api.find(NODES, Key("", "n1")))
    back["status"]["conditions"][0]["status"] = "True"
    world.api.update(NODES, back, "status")
    await world.settle()
    assert world.left() == []


async def test_a_node_that_was_removed_is_waited_for_until_the_object_is_deleted(world: World) -> None:
    world.api.seed(NODES, node("n1"))
    world.api.seed(PERSISTENTVOLUMES, released(node="gone"))
    await world.settle()
    assert world.left() == ["pv"]
    await world.api.client().delete(PERSISTENTVOLUMES, "pv")
    await world.settle(90)
    assert (world.left(), world.agents.asked) == ([], [])


async def test_a_pod_that_is_just_leaving_is_no_trouble(world: World) -> None:
    world.api.seed(NODES, node("n1"))
    world.agents.answers["n1"] = [Answer(409, "still in use"), Answer(200, "{}")]
    world.api.seed(PERSISTENTVOLUMES, released(node="n1"))
    await world.settle(2)
    assert (world.left(), world.said()) == ([], [])


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Answer(503, "disk on fire"), "node n1 cannot remove it: disk on fire"),
        (ServiceUnavailable("the agent of node n1 cannot be reached"), "the agent of node n1 cannot be reached"),
    ],
)
async def test_what_cannot_be_removed_stays_and_is_tried_again(world: World, answer: Any, text: str) -> None:
    world.api.seed(NODES, node("n1"))
    world.agents.answers["n1"] = [answer, Answer(200, "{}")]
    world.api.seed(PERSISTENTVOLUMES, released(node="n1"))
    await world.settle()
    assert (world.left(), world.said()) == (["pv"], [text])
    await world.settle(61)
    assert world.left() == []


async def test_docker_volumes_are_removed_on_every_node_and_shared_ones_by_one(world: World) -> None:
    world.api.seed(NODES, node("n1"), node("n2"))
    world.api.seed(PERSISTENTVOLUMES, released(storage.DOCKER))
    await world.settle()
    world.api.seed(PERSISTENTVOLUMES, released(storage.SSHFS))
    await world.settle()
    assert world.agents.asked == [("n1", "pv"), ("n2", "pv"), ("n1", "pv")]


async def test_what_is_to_be_kept_is_kept(world: World) -> None:
    world.api.seed(NODES, node("n1"))
    world.api.seed(PERSISTENTVOLUMES, released(node="n1", policy="Retain"))
    await world.settle()
    assert world.left() == ["pv"]
    await world.api.client().delete(PERSISTENTVOLUMES, "pv")
    await world.settle()
    assert (world.left(), world.agents.asked) == ([], [])
