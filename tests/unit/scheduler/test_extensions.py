"""Filters and scores of plugins, good and broken ones."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from console.scheduler.core.evaluation import Evaluation, choose_naively
from console.scheduler.core.extensions import extend
from console.scheduler.core.model import Classes, NodeFacts
from console.scheduler.core.rows import Rows
from console.scheduler.core.scores import Profile, profile
from console.scheduler.core.state import ClusterState
from tests.fakes.objects import node, pod


class Plugin:
    def __init__(self, filter: Any = None, score: Any = None, weight: Any = 1) -> None:  # noqa: A002
        if filter is not None:
            self.filter = filter
        if score is not None:
            self.score = score
        self.weight = weight


def state() -> ClusterState:
    found = ClusterState()
    for name in ("a", "b"):
        found.set_node(NodeFacts.of(node(name, labels={"rack": name})))
    return found


def choices(chosen: Profile, **spec: Any) -> tuple[str | None, str | None]:
    kind = Classes(annotations=True).info(pod("web", cpu="1", **spec)).kind
    where = state()
    return Rows(where, chosen).choose(kind), choose_naively(where, chosen, kind)


def reasons(chosen: Profile) -> list[str]:
    where = state()
    evaluation = Evaluation(Classes().info(pod("web")).kind, where, chosen)
    return [reason for item in where.nodes() for no in evaluation.refusals(item) for reason in no.reasons]


def test_a_filter_refuses_in_its_own_words() -> None:
    only_b = Plugin(filter=lambda _pod, node: None if node.name == "b" else "wrong rack")
    chosen = extend(profile("pack"), [("Racks", only_b)])
    assert choices(chosen) == ("b", "b")
    assert reasons(chosen) == ["wrong rack"]


@pytest.mark.parametrize("scheduler", ["default-scheduler", "quarterdeck-spread"])
def test_a_score_counts_in_every_profile(scheduler: str) -> None:
    likes = Plugin(score=lambda _pod, node: 100 if node.labels["rack"] == "b" else 0, weight=3)
    assert choices(extend(profile("pack"), [("Racks", likes)]), schedulerName=scheduler) == ("b", "b")


def test_it_sees_the_pod_and_what_is_left_of_the_node() -> None:
    seen = []

    def score(asked: Any, at: Any) -> float:
        seen.append((asked.namespace, asked.requests["cpu"], asked.annotations.get("a"), at.free["cpu"], len(at.pods)))
        return 0

    classes, where = Classes(annotations=True), state()
    made = pod("web", cpu="1")
    made["metadata"] |= {"annotations": {"a": "b"}, "uid": "x"}
    info = classes.info(made)
    where.place(info, "a")
    Evaluation(info.kind, where, extend(profile("pack"), [("Looks", Plugin(score=score))])).scores()
    assert seen == [("default", 1000, "b", 3000, 1), ("default", 1000, "b", 4000, 0)]


def test_what_a_filter_raises_is_a_stated_reason(caplog: pytest.LogCaptureFixture) -> None:
    chosen = extend(profile("pack"), [("Broken", Plugin(filter=lambda _pod, _node: 1 / 0))])
    text = "scheduler plugin Broken failed: ZeroDivisionError: division by zero"
    with caplog.at_level(logging.WARNING):
        assert reasons(chosen) == [text, text]
    assert caplog.messages == [text]
    assert reasons(extend(profile("pack"), [("Odd", Plugin(filter=lambda _pod, _node: 7))])) == [
        "scheduler plugin Odd failed: filter returned int, not text or None"
    ] * 2  # fmt: skip


@pytest.mark.parametrize(
    "bad", [lambda _pod, _node: 1 / 0, lambda _pod, _node: "much", lambda _pod, _node: float("nan")]
)
def test_a_score_that_fails_counts_as_nothing(bad: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert choices(extend(profile("pack"), [("Broken", Plugin(score=bad))])) == ("a", "a")
    assert "scheduler plugin Broken failed" in caplog.text


@pytest.mark.parametrize("plugin", [object(), Plugin(score=lambda _pod, _node: 1, weight="heavy")])
def test_what_is_no_plugin_is_left_out(plugin: object, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert extend(profile("pack"), [("Odd", plugin)]) == profile("pack")
    assert "scheduler plugin Odd failed" in caplog.text
