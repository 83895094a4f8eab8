"""Events in both groups: the same objects under two names for their fields."""

from __future__ import annotations

from typing import Any

import pytest

from .plane import STRATEGIC, Plane

MOMENT = "2017-09-19T13:49:16.000000Z"


def _event(space: str, name: str, label: str) -> Any:
    return {
        "metadata": {"name": name, "labels": {label: "true"}},
        "regarding": {"namespace": space.rpartition("/")[2]},
        "eventTime": MOMENT, "note": f"This is {name}", "action": "Do", "reason": "Test", "type": "Normal",
        "reportingController": "test-controller", "reportingInstance": "test-node",
    }  # fmt: skip


def _core_event(space: str, name: str, label: str) -> Any:
    return {
        "metadata": {"name": name, "labels": {label: "true"}},
        "involvedObject": {"namespace": space.rpartition("/")[2]},
        "message": f"This is {name}", "reason": "Test", "type": "Normal", "count": 1,
    }  # fmt: skip


def _names(plane: Plane, path: str, **query: object) -> list[str]:
    return [item["metadata"]["name"] for item in plane.get(path, **query)["items"]]


def _plain(event: Any) -> Any:
    hidden = {"resourceVersion", "managedFields"}
    return {**event, "metadata": {key: value for key, value in event["metadata"].items() if key not in hidden}}


def test_an_event_lives_in_the_newer_group(plane: Plane, space: str) -> None:
    path = f"{space.replace('/api/v1', '/apis/events.k8s.io/v1')}/events"
    everywhere, label = "/apis/events.k8s.io/v1/events", f"constant-{space.rpartition('/')[2]}"
    plane.create(path, _event(space, "event-test", label))
    for where in (everywhere, path):
        assert _names(plane, where, labelSelector=f"{label}=true") == ["event-test"]
    assert _names(plane, f"{space}/events", fieldSelector="source=test-controller") == ["event-test"]
    assert _names(plane, path, fieldSelector="reportingController=test-controller") == ["event-test"]
    assert _names(plane, path, fieldSelector="regarding.namespace=elsewhere") == []
    found = plane.get(f"{path}/event-test")
    assert found["eventTime"] == MOMENT
    found["series"] = {"count": 2, "lastObservedTime": MOMENT}
    plane.patch(f"{path}/event-test", {"series": found["series"]}, STRATEGIC)
    assert _plain(plane.get(f"{path}/event-test")) == _plain(found)
    del found["metadata"]["resourceVersion"]
    found["series"] = {"count": 100, "lastObservedTime": MOMENT}
    plane.update(f"{path}/event-test", found)
    assert _plain(plane.get(f"{path}/event-test")) == _plain(found)
    core = plane.get(f"{space}/events/event-test")
    assert (core["message"], core["reportingComponent"]) == (found["note"], "test-controller")
    assert core["series"] == {"count": 100, "lastObservedTime": MOMENT}
    plane.delete(f"{path}/event-test")
    assert _names(plane, everywhere, labelSelector=f"{label}=true") == []


@pytest.mark.parametrize("make", [_event, _core_event])
def test_events_are_deleted_by_label(plane: Plane, space: str, make: Any) -> None:
    home = space.replace("/api/v1", "/apis/events.k8s.io/v1") if make is _event else space
    path, names = f"{home}/events", ["test-event-1", "test-event-2", "test-event-3"]
    for name in names:
        plane.create(path, make(space, name, "testevent-set"))
    assert _names(plane, path, labelSelector="testevent-set=true") == names
    plane.delete(path, labelSelector="testevent-set=true")
    assert _names(plane, path, labelSelector="testevent-set=true") == []


def test_an_event_lives_in_the_core_group(plane: Plane, space: str) -> None:
    path, label = f"{space}/events", f"constant-{space.rpartition('/')[2]}"
    plane.create(path, _core_event(space, "event-test", label))
    assert _names(plane, "/api/v1/events", labelSelector=f"{label}=true") == ["event-test"]
    plane.patch(f"{path}/event-test", {"message": "This is a test event - patched"}, STRATEGIC)
    found = plane.get(f"{path}/event-test")
    assert found["message"] == "This is a test event - patched"
    found["series"] = {"count": 100, "lastObservedTime": MOMENT}
    plane.update(f"{path}/event-test", found)
    assert plane.get(f"{path}/event-test")["series"]["count"] == 100
    plane.delete(f"{path}/event-test")
    assert _names(plane, "/api/v1/events", labelSelector=f"{label}=true") == []


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("reportingController", "", "reportingController: Required value"),
        ("reportingController", "no/good/name", "reportingController: Invalid value"),
        ("reportingInstance", "", "reportingInstance: Required value"),
        ("reportingInstance", "x" * 129, 'reportingInstance: Invalid value: "": can have at most 128 characters'),
        ("action", "", "action: Required value"),
        ("reason", "", "reason: Required value"),
        ("note", "x" * 1025, 'message: Invalid value: "": can have at most 1024 characters'),
        ("regarding", {}, 'involvedObject.namespace: Invalid value: "": does not match event.namespace'),
    ],
)
def test_a_new_event_says_all_that_it_must(plane: Plane, space: str, field: str, value: Any, words: str) -> None:
    path = f"{space.replace('/api/v1', '/apis/events.k8s.io/v1')}/events"
    status = plane.create(path, {**_event(space, "wrong", "x"), field: value}, 422)
    assert words in status["message"]
