"""What the console keeps of the objects that it follows."""

from __future__ import annotations

from common.api.kinds import CONFIGMAPS, EVENTS, PODS
from common.api.meta import Key, Object, metadata, uid
from common.clock import FakeClock
from console.tui.feeds import Feeds
from tests.fakes import objects
from tests.fakes.api import FakeApi

RECORD = [{"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:data": {}}}]


def recorded(obj: Object) -> Object:
    return {**obj, "metadata": {**metadata(obj), "managedFields": RECORD}}


async def test_no_record_of_managers_is_kept_and_pods_of_one_template_share_their_parts() -> None:
    clock = FakeClock()
    api = FakeApi(clock)
    names = ("a", "b", "c", "d")
    for name in names:
        api.seed(PODS, recorded(objects.pod(name)))
    api.seed(CONFIGMAPS, recorded({"metadata": {"name": "settings", "namespace": "default"}, "data": {"a": "b"}}))
    feeds = Feeds(api.client(), clock)
    pods, settings = feeds.open(PODS), feeds.open(CONFIGMAPS)
    await clock.advance(0.1)
    kept = [pods.get(Key("default", name)) for name in names]
    assert [metadata(pod)["name"] for pod in kept if pod is not None] == list(names)
    found = settings.get(Key("default", "settings"))
    assert found is not None
    assert found["data"] == {"a": "b"}
    assert all("managedFields" not in metadata(obj) for obj in (*filter(None, kept), found))
    last, before = kept[-1], kept[-2]
    assert last is not None
    assert before is not None
    assert last["spec"] is before["spec"]
    assert last["spec"] == objects.pod("d")["spec"]
    await feeds.close()


async def test_what_did_not_change_of_a_pod_is_the_same_object_as_before() -> None:
    clock = FakeClock()
    api = FakeApi(clock)
    api.seed(PODS, objects.pod("a"))
    feeds = Feeds(api.client(), clock)
    pods = feeds.open(PODS)
    await clock.advance(0.1)
    before = pods.get(Key("default", "a"))
    assert before is not None
    changed = api.get(PODS, Key("default", "a"))
    api.seed(PODS, {**changed, "status": {"phase": "Running", "startTime": "2026-01-01T00:00:00Z"}})
    await clock.advance(0.1)
    after = pods.get(Key("default", "a"))
    assert after is not None
    assert after["spec"] is before["spec"]
    assert after["status"]["phase"] == "Running"
    await feeds.close()


async def test_only_the_events_about_one_object_are_followed_with_it() -> None:
    clock = FakeClock()
    api = FakeApi(clock)
    pod = api.seed(PODS, objects.pod("a"))
    other = api.seed(PODS, objects.pod("b"))
    for number, about in enumerate((pod, other)):
        seen = {"metadata": {"name": f"e-{number}", "namespace": "default"}, "involvedObject": {"uid": uid(about)}}
        api.seed(EVENTS, seen)
    feeds = Feeds(api.client(), clock)
    events = feeds.events_about(pod)
    await clock.advance(0.1)
    assert [metadata(event)["name"] for event in events.items()] == ["e-0"]
    events.close()
    assert [metadata(event)["name"] for event in feeds.events_about(other).items()] == []
    await feeds.close()
