"""The fake API keeps the rules that components rely on."""

from __future__ import annotations

import asyncio

import pytest

from common.api.kinds import DEPLOYMENTS, NAMESPACES, PODS
from common.api.meta import Key, is_deleting, metadata
from common.api.pods import node_name
from common.client import Informer, WatchEvent
from common.clock import FakeClock
from common.errors import AlreadyExists, Conflict, Expired, Forbidden, NotFound, ServiceUnavailable
from tests.fakes.api import FakeApi, copy
from tests.fakes.loop import settled
from tests.fakes.objects import deployment, pod

WEB = Key("default", "web")


async def test_update_with_an_old_revision_conflicts() -> None:
    client = FakeApi().client()
    created = await client.create(PODS, pod("web"))
    await client.update(PODS, {**copy(created), "metadata": {**created["metadata"], "labels": {"a": "b"}}})
    with pytest.raises(Conflict):
        await client.update(PODS, copy(created))
    with pytest.raises(AlreadyExists):
        await client.create(PODS, pod("web"))


async def test_status_and_spec_are_written_apart() -> None:
    client = FakeApi().client()
    created = await client.create(DEPLOYMENTS, deployment("web", 1))
    changed = copy(created) | {"status": {"replicas": 5}}
    changed["spec"]["replicas"] = 2
    first = await client.update(DEPLOYMENTS, changed)
    assert (first["spec"]["replicas"], first.get("status"), first["metadata"]["generation"]) == (2, None, 2)
    changed["metadata"].pop("resourceVersion")
    changed["spec"]["replicas"] = 9
    second = await client.update(DEPLOYMENTS, changed, subresource="status")
    assert (second["spec"]["replicas"], second["status"], second["metadata"]["generation"]) == (2, {"replicas": 5}, 2)


async def test_a_bound_pod_ends_in_two_steps_and_a_pending_one_in_one() -> None:
    api = FakeApi()
    client = api.client()
    api.seed(PODS, pod("web", node="n1"))
    await client.create(PODS, pod("pending"))
    await client.delete(PODS, "pending", "default")
    assert is_deleting(await client.delete(PODS, "web", "default"))
    assert [metadata(obj)["name"] for obj in api.items(PODS)] == ["web"]
    with pytest.raises(Conflict):
        await client.delete(PODS, "web", "default", uid="other", grace_period_seconds=0)
    await client.delete(PODS, "web", "default", grace_period_seconds=0)
    assert api.items(PODS) == []


async def test_finalizers_hold_an_object_until_the_last_is_removed() -> None:
    api = FakeApi()
    client = api.client()
    await client.create(DEPLOYMENTS, deployment("web"))
    held = await client.delete(DEPLOYMENTS, "web", "default", propagation_policy="Foreground")
    assert metadata(held)["finalizers"] == ["foregroundDeletion"]
    await client.patch(DEPLOYMENTS, "web", {"metadata": {"finalizers": None}}, "default")
    with pytest.raises(NotFound):
        await client.get(DEPLOYMENTS, "web", "default")


async def test_a_terminating_namespace_takes_nothing_new_and_goes_when_finalized() -> None:
    api = FakeApi()
    client = api.client()
    await client.create(NAMESPACES, {"metadata": {"name": "shop"}})
    ending = await client.delete(NAMESPACES, "shop")
    assert ending["status"]["phase"] == "Terminating"
    with pytest.raises(Forbidden):
        await client.create(PODS, pod("late", namespace="shop"))
    await client.update(NAMESPACES, {**copy(ending), "spec": {"finalizers": []}}, subresource="finalize")
    assert api.items(NAMESPACES) == []


async def test_a_pod_is_bound_once() -> None:
    api = FakeApi()
    client = api.client()
    await client.create(PODS, pod("web"))
    body = {"metadata": {"name": "web"}, "target": {"kind": "Node", "name": "n1"}}
    await client.post(PODS, "web", "binding", body, "default")
    assert node_name(api.get(PODS, WEB)) == "n1"
    with pytest.raises(Conflict):
        await client.post(PODS, "web", "binding", body, "default")


async def test_failures_are_scripted_before_or_after_the_effect() -> None:
    api = FakeApi()
    client = api.client()
    api.fail(ServiceUnavailable("down"), verb="create", resource=PODS)
    with pytest.raises(ServiceUnavailable, match="down"):
        await client.create(PODS, pod("web"))
    assert api.items(PODS) == []
    api.fail(TimeoutError, verb="create", after=True)
    with pytest.raises(TimeoutError):
        await client.create(PODS, pod("web"))
    assert len(api.items(PODS)) == 1


async def test_watches_are_held_repeated_cut_and_expired() -> None:
    api = FakeApi()
    client = api.client()
    seen: list[tuple[str, str]] = []

    async def follow(since: int) -> None:
        async for event in client.watch(PODS, resource_version=str(since), label_selector="app=web"):
            note(event)

    def note(event: WatchEvent) -> None:
        seen.append((event.type, metadata(event.object)["name"]))

    watching = asyncio.get_running_loop().create_task(follow(api.revision))
    await settled()
    api.hold(PODS)
    api.seed(PODS, pod("a", labels={"app": "web"}), pod("b"))
    await settled()
    assert seen == []
    api.release()
    await client.patch(PODS, "a", {"metadata": {"labels": {"app": "db"}}}, "default")
    await settled()
    assert seen == [("ADDED", "a"), ("DELETED", "a")]
    api.repeat(1)
    await settled()
    assert seen[2:] == [("DELETED", "a")]
    api.expire()
    await watching
    with pytest.raises(Expired):
        await follow(1)
    api.assert_untouched()


async def test_an_informer_follows_through_cut_and_expired_watches() -> None:
    clock = FakeClock()
    api = FakeApi(clock)
    informer = Informer(api.client(), PODS, clock)
    informer.start()
    await informer.synced.wait()
    for step in (api.cut, api.expire):
        api.seed(PODS, pod(f"after-{step.__name__}"))
        step()
        await clock.advance(5)
    assert len(informer) == 2
    await informer.close()


def test_a_change_to_a_shared_object_is_found() -> None:
    api = FakeApi()
    api.seed(PODS, pod("web"))["metadata"]["labels"] = {"oops": "changed"}
    with pytest.raises(AssertionError):
        api.assert_untouched()
