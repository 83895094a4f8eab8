"""The informer shows every listener each object's latest state, whatever happened to its watch."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from common.api.kinds import CONFIGMAPS
from common.api.meta import Key, Object, name
from common.api.selectors import parse
from common.client import Informer, ObjectList
from common.client.informer import PAGE
from common.clock import FakeClock
from common.errors import Forbidden, ServiceUnavailable
from tests.fakes.api import FakeApi

A, B = Key("default", "a"), Key("default", "b")


def config(key: Key, value: str) -> Object:
    return {
        "metadata": {"name": key.name, "namespace": key.namespace, "labels": {"value": value}},
        "data": {"v": value},
    }


class Log:
    """What a listener was told: name, old value, new value."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str | None, str | None]] = []

    def __call__(self, old: Object | None, new: Object | None) -> None:
        self.entries.append((name(new or old or {}), old and old["data"]["v"], new and new["data"]["v"]))


async def settle(clock: FakeClock) -> None:
    for _ in range(5):
        await clock.advance(1)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def api(clock: FakeClock) -> FakeApi:
    return FakeApi(clock)


@pytest.fixture
async def informer(api: FakeApi, clock: FakeClock):  # type: ignore[no-untyped-def]
    informer = Informer(api.client(), CONFIGMAPS, clock)
    yield informer
    await informer.close()
    api.assert_untouched()


async def test_it_mirrors_what_is_there_and_what_follows(informer: Informer, api: FakeApi, clock: FakeClock) -> None:
    api.seed(CONFIGMAPS, config(A, "1"))
    log = Log()
    informer.listen(log)
    informer.start()
    await asyncio.wait_for(informer.synced.wait(), 60)
    client = api.client()
    await client.create(CONFIGMAPS, config(B, "1"))
    await client.patch(CONFIGMAPS, "a", {"data": {"v": "2"}}, "default")
    await client.delete(CONFIGMAPS, "b", "default")
    await settle(clock)
    assert log.entries == [("a", None, "1"), ("b", None, "1"), ("a", "1", "2"), ("b", "1", None)]
    assert [obj["data"]["v"] for obj in informer.items()] == ["2"]
    assert informer.connected


def cut(api: FakeApi) -> None:
    api.cut()


def expire(api: FakeApi) -> None:
    api.expire()
    api.cut()


@pytest.mark.parametrize("disturb", [cut, expire])
async def test_changes_during_a_gap_are_told_as_one_difference(
    informer: Informer, api: FakeApi, clock: FakeClock, disturb: Callable[[FakeApi], None]
) -> None:
    api.seed(CONFIGMAPS, config(A, "1"), config(B, "1"))
    informer.start()
    await asyncio.wait_for(informer.synced.wait(), 60)
    log = Log()
    informer.listen(log)
    api.hold(CONFIGMAPS)
    client = api.client()
    await client.patch(CONFIGMAPS, "a", {"data": {"v": "2"}}, "default")
    await client.delete(CONFIGMAPS, "b", "default")
    disturb(api)
    api.release()
    await settle(clock)
    assert sorted(log.entries[2:], key=str) == [("a", "1", "2"), ("b", "1", None)]
    assert [obj["data"]["v"] for obj in informer.items()] == ["2"]


async def test_a_server_that_is_down_is_asked_again(informer: Informer, api: FakeApi, clock: FakeClock) -> None:
    api.seed(CONFIGMAPS, config(A, "1"))
    api.fail(ServiceUnavailable("restarting"), verb="list", resource=CONFIGMAPS, times=3)
    informer.start()
    await asyncio.sleep(0.01)
    assert not informer.synced.is_set()
    assert not informer.connected
    await settle(clock)
    assert informer.synced.is_set()
    assert informer.get(A) is not None


async def test_a_late_listener_and_an_index_see_what_is_known(
    informer: Informer, api: FakeApi, clock: FakeClock
) -> None:
    api.seed(CONFIGMAPS, config(A, "1"), config(B, "2"))
    informer.start()
    await asyncio.wait_for(informer.synced.wait(), 60)
    log = Log()
    informer.listen(log)
    informer.add_index("value", lambda obj: [obj["data"]["v"]])
    assert {entry[0] for entry in log.entries} == {"a", "b"}
    assert [name(obj) for obj in informer.by_index("value", "2")] == ["b"]
    await api.client().patch(CONFIGMAPS, "b", {"data": {"v": "1"}}, "default")
    await settle(clock)
    assert {name(obj) for obj in informer.by_index("value", "1")} == {"a", "b"}
    assert informer.by_index("value", "2") == []
    assert [name(obj) for obj in informer.select(parse("value=1"), "default")] == ["a"]
    assert informer.select(parse("value=1"), "other") == []


async def test_a_refusal_is_told_while_it_lasts() -> None:
    clock = FakeClock()
    api = FakeApi(clock)
    api.fail(Forbidden("configmaps is forbidden: not you"), verb="list", times=2)
    informer = Informer(api.client(), CONFIGMAPS, clock)
    informer.start()
    await clock.advance(0.05)
    assert (informer.refusal, informer.synced.is_set()) == ("configmaps is forbidden: not you", False)
    await settle(clock)
    assert (informer.refusal, informer.connected) == ("", True)
    await informer.close()


async def test_the_first_page_of_a_list_is_known_while_the_next_one_is_read(api: FakeApi, clock: FakeClock) -> None:
    for number in range(PAGE + 1):
        api.seed(CONFIGMAPS, config(Key("default", f"c-{number:04}"), "1"))
    client, more = api.client(), asyncio.Event()
    listed = client.list

    async def slowly(*args: Any, page: str = "", **rest: Any) -> ObjectList:
        if page:
            await more.wait()
        return await listed(*args, page=page, **rest)

    client.list = slowly  # type: ignore[method-assign]
    informer = Informer(client, CONFIGMAPS, clock, transform=lambda obj: obj)
    informer.start()
    await settle(clock)
    assert (len(informer), informer.synced.is_set()) == (PAGE, False)
    more.set()
    await asyncio.wait_for(informer.synced.wait(), 60)
    assert len(informer) == PAGE + 1
    await informer.close()


async def test_what_is_left_out_of_objects_is_left_out_of_lists_and_events_alike(
    api: FakeApi, clock: FakeClock
) -> None:
    def without_labels(obj: Object) -> Object:
        return {**obj, "metadata": {field: value for field, value in obj["metadata"].items() if field != "labels"}}

    for number in range(PAGE + 1):
        api.seed(CONFIGMAPS, config(Key("default", f"c-{number:04}"), "1"))
    informer = Informer(api.client(), CONFIGMAPS, clock, transform=without_labels)
    log = Log()
    informer.listen(log)
    informer.start()
    await asyncio.wait_for(informer.synced.wait(), 60)
    assert len(informer) == PAGE + 1
    await api.client().patch(CONFIGMAPS, "c-0000", {"data": {"v": "2"}}, "default")
    await api.client().delete(CONFIGMAPS, "c-0001", "default")
    await settle(clock)
    assert log.entries[PAGE + 1 :] == [("c-0000", "1", "2"), ("c-0001", "1", None)]
    assert len(informer) == PAGE
    assert all("labels" not in obj["metadata"] for obj in informer.items())
    await informer.close()
