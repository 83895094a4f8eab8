"""Lists, pages, selectors, watches, and the informer on top of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from common.api.kinds import CONFIGMAPS, HOSTS, PODS
from common.api.meta import Key, Object, name, resource_version
from common.client.base import Client, WatchEvent
from common.client.informer import Informer
from common.clock import SystemClock
from common.errors import BadRequest, Expired, NotFound

from .conftest import Api
from .objects import configmap, pod


async def _names(client: Client, **options: str) -> list[str]:
    return [name(obj) for obj in (await client.list(CONFIGMAPS, "default", **options)).items]  # type: ignore[arg-type]


async def _labelled(client: Client, name: str, **labels: str) -> None:
    obj = configmap(name)
    obj["metadata"]["labels"] = labels
    await client.create(CONFIGMAPS, obj)


async def test_a_list_is_in_order_and_of_one_namespace_or_all(client: Client) -> None:
    for key in (("b", "default"), ("a", "kube-system"), ("a", "default")):
        await client.create(CONFIGMAPS, configmap(*key))
    assert await _names(client) == ["a", "b"]
    everywhere = await client.list(CONFIGMAPS)
    assert [(obj["metadata"]["namespace"], name(obj)) for obj in everywhere.items] == [
        ("default", "a"), ("default", "b"), ("kube-system", "a"),
    ]  # fmt: skip
    assert all(obj["kind"] == "ConfigMap" for obj in everywhere.items)


async def test_label_selectors_choose(client: Client) -> None:
    await _labelled(client, "a", tier="front", env="test")
    await _labelled(client, "b", tier="back")
    await _labelled(client, "c")
    assert await _names(client, label_selector="tier") == ["a", "b"]
    assert await _names(client, label_selector="tier in (front, back),env!=test") == ["b"]
    assert await _names(client, label_selector="!tier") == ["c"]
    with pytest.raises(BadRequest, match="unable to parse requirement"):
        await _names(client, label_selector="tier=(")


async def test_field_selectors_choose(client: Client) -> None:
    await client.create(PODS, pod("a"))
    await client.create(PODS, pod("b"))
    await client.post(PODS, "b", "binding", {"target": {"name": "node-1"}}, "default")
    found = await client.list(PODS, field_selector="spec.nodeName=node-1")
    assert [name(obj) for obj in found.items] == ["b"]
    found = await client.list(PODS, field_selector="spec.nodeName!=node-1,status.phase=Pending")
    assert [name(obj) for obj in found.items] == ["a"]
    with pytest.raises(BadRequest, match=r"field label not supported: spec\.containers"):
        await client.list(PODS, field_selector="spec.containers=x")


async def test_pages_show_one_snapshot(client: Client) -> None:
    for letter in "abcde":
        await client.create(CONFIGMAPS, configmap(letter))
    first = await client.list(CONFIGMAPS, "default", limit=2)
    await client.delete(CONFIGMAPS, "d", "default")
    await client.create(CONFIGMAPS, configmap("bb"))
    second = await client.list(CONFIGMAPS, "default", limit=2, page=first.next_page)
    third = await client.list(CONFIGMAPS, "default", limit=2, page=second.next_page)
    pages = [[name(obj) for obj in page.items] for page in (first, second, third)]
    assert pages == [["a", "b"], ["c", "d"], ["e"]]
    assert not third.next_page
    assert {page.resource_version for page in (first, second, third)} == {first.resource_version}
    with pytest.raises(BadRequest, match="continue key is not valid"):
        await client.list(CONFIGMAPS, "default", limit=2, page="nonsense")


async def _take(events: AsyncIterator[WatchEvent], count: int) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    async with asyncio.timeout(60):
        async for event in events:
            found.append((event.type, name(event.object)))
            if len(found) == count:
                break
    await events.aclose()  # type: ignore[attr-defined]
    return found


async def test_a_watch_tells_what_changed_since_the_list(client: Client) -> None:
    start = (await client.list(CONFIGMAPS, "default")).resource_version
    made = await client.create(CONFIGMAPS, configmap("a"))
    await client.create(CONFIGMAPS, configmap("b", "kube-system"))
    await client.patch(CONFIGMAPS, "a", {"data": {"x": "1"}}, "default")
    await client.delete(CONFIGMAPS, "a", "default")
    events = client.watch(CONFIGMAPS, "default", resource_version=start)
    assert await _take(events, 3) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
    events = client.watch(CONFIGMAPS, "default", resource_version=resource_version(made))
    assert await _take(events, 2) == [("MODIFIED", "a"), ("DELETED", "a")]


async def test_a_watch_with_a_selector_sees_objects_come_and_go(client: Client) -> None:
    start = (await client.list(CONFIGMAPS, "default")).resource_version
    events = client.watch(CONFIGMAPS, "default", resource_version=start, label_selector="watched")
    taking = asyncio.gather(_take(events, 4))
    await _labelled(client, "a")
    await _labelled(client, "b", watched="yes")
    await client.patch(CONFIGMAPS, "a", {"metadata": {"labels": {"watched": "yes"}}}, "default")
    await client.patch(CONFIGMAPS, "a", {"data": {"x": "1"}}, "default")
    await client.patch(CONFIGMAPS, "a", {"metadata": {"labels": {"watched": None}}}, "default")
    await client.patch(CONFIGMAPS, "a", {"data": {"x": "2"}}, "default")
    assert await taking == [[("ADDED", "b"), ("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]]


async def test_a_watch_from_an_unknown_revision_is_expired(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Expired):
        await _take(client.watch(CONFIGMAPS, resource_version="999999"), 1)
    monkeypatch.setattr("console.store.table.HISTORY", 5)
    for index in range(8):
        await client.create(CONFIGMAPS, configmap(f"cm-{index}"))
    with pytest.raises(Expired, match="too old resource version"):
        await _take(client.watch(CONFIGMAPS, resource_version="1"), 1)
    with pytest.raises(BadRequest, match='resourceVersion: Invalid value: "x"'):
        await _take(client.watch(CONFIGMAPS, resource_version="x"), 1)


async def test_a_closing_server_ends_watches_without_error(client: Client, api: Api) -> None:
    start = (await client.list(CONFIGMAPS)).resource_version
    seen: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    async def watch() -> None:
        async for event in client.watch(CONFIGMAPS, resource_version=start):
            seen.put_nowait((event.type, name(event.object)))

    watching = asyncio.ensure_future(watch())
    await client.create(CONFIGMAPS, configmap("a"))
    async with asyncio.timeout(60):
        assert await seen.get() == ("ADDED", "a")
        await api.server.close()
        await api.store.close()
        await watching
    assert seen.empty()


async def test_an_informer_follows_and_recovers(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.store.watch.LIMIT", 4)
    await client.create(CONFIGMAPS, configmap("before"))
    informer = Informer(client, CONFIGMAPS, SystemClock(), namespace="default")
    complete = asyncio.Event()

    def check(_old: Object | None, _new: Object | None) -> None:
        if len(informer) == 40 and not informer.get(Key("default", "before")):
            complete.set()

    informer.listen(check)
    informer.start()
    try:
        await informer.synced.wait()
        assert informer.get(Key("default", "before"))
        # More at once than a watcher may have waiting: it is ended, and the informer goes on from where it was.
        await asyncio.gather(*(client.create(CONFIGMAPS, configmap(f"cm-{index}")) for index in range(40)))
        await client.delete(CONFIGMAPS, "before", "default")
        async with asyncio.timeout(60):
            await complete.wait()
    finally:
        await informer.close()


async def test_hosts_live_in_memory_with_the_same_revisions(client: Client, api: Api) -> None:
    start = (await client.list(HOSTS)).resource_version
    await client.create(HOSTS, {"metadata": {"name": "machine"}})
    await client.patch(HOSTS, "machine", {"status": {"phase": "Discovered"}})
    assert await _take(client.watch(HOSTS, resource_version=start), 2) == [
        ("ADDED", "machine"),
        ("MODIFIED", "machine"),
    ]
    assert (await client.get(HOSTS, "machine"))["status"]["phase"] == "Discovered"
    with pytest.raises(NotFound):
        await client.get(HOSTS, "other")
