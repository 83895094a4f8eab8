"""How a rollout went: moments are kept where something changed, and shown in equal steps of time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from console.views.course import MOST, Course
from console.views.rollouts import Progress


def progress(ready: int, old: int) -> Progress:
    replicas: list[Any] = [SimpleNamespace(new=True, pod={})] * ready + [SimpleNamespace(new=False, pod={})] * old
    return cast("Progress", SimpleNamespace(ready_new=ready, replicas=tuple(replicas)))


def test_nothing_is_known_before_anybody_looked() -> None:
    assert Course().ready(3, 100.0) == [None, None, None]


def test_each_step_has_what_was_at_its_end() -> None:
    course = Course()
    for at, ready, old in ((0.0, 0, 4), (30.0, 1, 3), (31.0, 1, 3), (60.0, 2, 2), (119.0, 4, 0)):
        course.note(progress(ready, old), at)
    assert course.seconds(120.0) == 120.0
    assert course.ready(4, 120.0) == [1, 2, 2, 4]
    assert course.old(4, 120.0) == [3, 2, 2, None]


def test_what_was_seen_for_seconds_stands_at_the_end_of_the_first_minute() -> None:
    course = Course()
    course.note(progress(1, 1), 100.0)
    assert course.ready(6, 110.0) == [None, None, None, None, 1, 1]
    assert course.old(6, 110.0)[-1] == 1


def test_moments_are_bounded() -> None:
    course = Course()
    for at in range(2 * MOST):
        course.note(progress(at % 2, 0), float(at))
    assert course.seconds(float(2 * MOST)) == MOST
