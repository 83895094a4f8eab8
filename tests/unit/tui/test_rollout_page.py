"""The bars and the course of a rollout's page: what is full, and what is not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from common.api.meta import Object
from console.tui.palette import Look
from console.tui.screens.rollout import course_line, progress_lines
from console.tui.themes import NAVY
from console.views.course import Course
from console.views.rollouts import progress
from console.views.status import Tone

WIDTH = 120
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def kept(name: str, revision: int) -> Object:
    return {"metadata": {"name": name, "uid": name, "annotations": {"deployment.kubernetes.io/revision": str(revision)},
                         "ownerReferences": [{"uid": "web", "controller": True}]}}  # fmt: skip


def pods(name: str, count: int, *, ready: bool = True) -> list[Object]:
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    return [
        {"metadata": {"name": f"{name}-{number}", "ownerReferences": [{"uid": name, "controller": True}]},
         "spec": {}, "status": {"conditions": [condition]}}
        for number in range(count)
    ]  # fmt: skip


def rollout(wanted: int, new: int, old: int, available: int) -> tuple[Any, Object]:
    """A Deployment that may have a quarter more pods than it wants, and how far it is."""
    workload: Object = {
        "kind": "Deployment",
        "metadata": {"name": "web", "uid": "web", "annotations": {"deployment.kubernetes.io/revision": "2"}},
        "spec": {"replicas": wanted, "template": {"spec": {"containers": []}}},
        "status": {"availableReplicas": available},
    }
    found = progress(workload, [kept("a", 1), kept("b", 2)], [*pods("a", old), *pods("b", new)], NOW)
    return found, workload


def filled(wanted: int, new: int, old: int, available: int) -> dict[str, float]:
    """How much of each bar is."""
    found, workload = rollout(wanted, new, old, available)
    shares = {}
    for label, *cells in progress_lines(found, workload, WIDTH, Look(NAVY)):
        if label[0].strip() in {"New ready", "Available"}:
            full, empty = (len(text) for text, _ in cells[:2])
            shares[label[0].strip()] = full / (full + empty)
    return shares


@pytest.mark.parametrize(
    ("new", "old", "available", "shares"),
    [
        (3, 0, 3, {"New ready": 1, "Available": 1}),
        (3, 1, 4, {"New ready": 1, "Available": 1}),
        (0, 3, 3, {"New ready": 0, "Available": 1}),
    ],
    ids=["complete", "an old one is left", "just begun"],
)
def test_a_bar_is_full_when_all_that_are_wanted_are_there(
    new: int, old: int, available: int, shares: dict[str, float]
) -> None:
    assert filled(3, new, old, available) == shares


def test_a_bar_is_not_full_while_one_of_many_is_missing() -> None:
    assert 0.9 < filled(1000, 999, 1, 999)["New ready"] < 1


def test_nothing_is_full_of_what_is_scaled_to_nothing() -> None:
    assert filled(0, 0, 0, 0) == {"New ready": 0, "Available": 0}


def test_the_course_reaches_its_height_with_the_last_that_is_wanted() -> None:
    course = Course()
    found, _ = rollout(3, 3, 1, 4)
    course.note(found, 0.0)
    drawn = {tone: text for text, tone in course_line(course, found, 60.0, WIDTH, Look(NAVY))}
    assert set(drawn[Tone.OK].strip()) == {"█"}
    assert set(drawn[Tone.WARN].strip()) == {"▃"}
