"""Releases: SIGTERM may come once no table leads to the pod, or when the deadline passed."""

from __future__ import annotations

from typing import Any

from common.api.meta import Object
from console.nodes.release import RELEASE_SECONDS, Releases
from tests.fakes import objects


def pod(uid: str, *, ending: bool = False, **more: Any) -> Object:
    made = objects.pod(uid, node="n1", **more)
    made["metadata"]["uid"] = uid
    if ending:
        made["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return made


def endpoint_slice(*ready: str, unready: tuple[str, ...] = ()) -> Object:
    endpoints = [{"targetRef": {"uid": uid}, "conditions": {"ready": True}} for uid in ready]
    endpoints += [{"targetRef": {"uid": uid}, "conditions": {"ready": False}} for uid in unready]
    return {"metadata": {"name": "s", "uid": "slice"}, "endpoints": endpoints}


def applied(_version: int) -> bool:
    return True


def not_applied(_version: int) -> bool:
    return False


def test_a_pod_of_no_service_is_released_at_once() -> None:
    releases = Releases()
    releases.change_pod(None, pod("a", ending=True), 0.0)
    assert releases.due(0.0, 7, applied) == {"n1": ["a"]}
    assert releases.due(9.0, 7, applied) == {}


def test_a_pod_waits_until_its_slice_lets_go_and_all_nodes_applied_it() -> None:
    releases = Releases()
    before = endpoint_slice("a", "b")
    releases.change_slice(None, before)
    releases.change_pod(None, pod("a", ending=True), 0.0)
    assert releases.due(0.1, 7, applied) == {}
    after = endpoint_slice("b", unready=("a",))
    releases.change_slice(before, after)
    asked: list[int] = []
    assert releases.due(0.2, 8, lambda version: bool(asked.append(version))) == {}
    assert releases.due(0.3, 9, applied) == {"n1": ["a"]}
    assert asked == [8]


def test_a_table_that_stands_still_delays_it_no_longer_than_the_deadline() -> None:
    releases = Releases()
    releases.change_pod(None, pod("a", ending=True), 1.0)
    assert releases.due(1.0, 7, not_applied) == {}
    assert releases.next_deadline() == 1.0 + RELEASE_SECONDS
    assert releases.due(1.0 + RELEASE_SECONDS, 7, not_applied) == {"n1": ["a"]}
    assert releases.next_deadline() is None


def test_a_slice_that_is_never_changed_delays_it_no_longer_either() -> None:
    releases = Releases()
    releases.change_slice(None, endpoint_slice("a"))
    releases.change_pod(None, pod("a", ending=True), 0.0)
    assert releases.due(RELEASE_SECONDS, 7, applied) == {"n1": ["a"]}


def test_a_release_is_repeated_to_a_node_that_comes_back_until_the_pod_is_gone() -> None:
    releases = Releases()
    ending = pod("a", ending=True)
    releases.change_pod(None, ending, 0.0)
    releases.due(0.0, 7, applied)
    assert releases.released_on("n1") == ["a"]
    assert releases.released_on("n2") == []
    releases.change_pod(ending, None, 1.0)
    assert releases.released_on("n1") == []


def test_pods_that_are_not_being_deleted_or_have_ended_are_nobodys_matter() -> None:
    releases = Releases()
    releases.change_pod(None, pod("a"), 0.0)
    releases.change_pod(None, pod("b", ending=True, phase="Succeeded"), 0.0)
    assert releases.due(9.0, 7, applied) == {}


def test_a_deleted_slice_lets_go_of_its_pods() -> None:
    releases = Releases()
    gone = endpoint_slice("a")
    releases.change_slice(None, gone)
    releases.change_pod(None, pod("a", ending=True), 0.0)
    releases.change_slice(gone, None)
    assert releases.due(0.0, 7, applied) == {"n1": ["a"]}
