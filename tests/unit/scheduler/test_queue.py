"""Order, parking and waking of waiting pods."""

from __future__ import annotations

from common.api.meta import Key
from console.scheduler.core.model import Classes, PodClass, PodInfo
from console.scheduler.core.queue import SchedulingQueue
from tests.fakes.objects import pod

CLASSES = Classes()


def kind(cpu: str) -> PodClass:
    return CLASSES.info(pod("any", cpu=cpu, owner={"uid": "w", "controller": True})).kind


SMALL, LARGE = kind("1"), kind("2")


def info(uid: str, priority: int = 0, pod_kind: PodClass = SMALL) -> PodInfo:
    return PodInfo(uid, Key("default", uid), priority, gated=False, kind=pod_kind)


def drain(queue: SchedulingQueue) -> list[str]:
    order = []
    while (found := queue.pop()) is not None:
        order.append(found.uid)
    return order


def test_priority_then_arrival() -> None:
    queue = SchedulingQueue()
    for entry in (info("a"), info("b", 5), info("c"), info("d", 5)):
        queue.add(entry)
    assert drain(queue) == ["b", "d", "a", "c"]


def test_a_pod_that_changes_keeps_its_place_and_moves_with_its_priority() -> None:
    queue = SchedulingQueue()
    for entry in (info("a"), info("b"), info("c")):
        queue.add(entry)
    queue.add(info("a", pod_kind=LARGE))
    queue.add(info("c", 1))
    assert drain(queue) == ["c", "a", "b"]


def test_parked_pods_wait_for_their_class_and_keep_their_place() -> None:
    queue = SchedulingQueue()
    for entry in (info("a", pod_kind=LARGE), info("b"), info("c", pod_kind=LARGE)):
        queue.add(entry)
    while (found := queue.pop()) is not None:
        queue.park(found)
    queue.add(info("a", pod_kind=LARGE))
    assert (drain(queue), len(queue)) == ([], 3)
    queue.wake(LARGE)
    queue.add(info("late"))
    assert drain(queue) == ["a", "c", "late"]


def test_a_parked_pod_with_new_needs_is_tried_again() -> None:
    queue = SchedulingQueue()
    queue.park(info("a", pod_kind=LARGE))
    queue.add(info("a", pod_kind=SMALL))
    assert drain(queue) == ["a"]
    assert queue.parked_classes() == []


def test_a_removed_pod_is_forgotten_wherever_it_was() -> None:
    queue = SchedulingQueue()
    queue.add(info("a"))
    queue.park(info("b"))
    for uid in ("a", "b", "never"):
        queue.remove(uid)
    assert (len(queue), drain(queue), queue.parked_classes()) == (0, [], [])


def test_the_same_message_is_told_once() -> None:
    queue = SchedulingQueue()
    queue.park(info("a"))
    assert queue.tell("a", "no room")
    assert not queue.tell("a", "no room")
    assert queue.tell("a", "still no room")
    queue.remove("a")
    assert queue.tell("a", "still no room")


def test_one_parked_pod_can_be_woken_alone() -> None:
    queue = SchedulingQueue()
    for entry in (info("a"), info("b")):
        queue.add(entry)
    while (found := queue.pop()) is not None:
        queue.park(found)
    queue.wake_one("b")
    queue.wake_one("never")
    assert (drain(queue), [entry.uid for entry in queue]) == (["b"], ["a"])
