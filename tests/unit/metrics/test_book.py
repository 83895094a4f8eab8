"""From messages of agents to the figures of now: rates, restarts, gaps, nodes that go, and nonsense."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.session import Usage
from console.metrics.book import KEEP, MAX_AGE, Book
from console.metrics.readings import NodeReading, parse

POD = ("default", "web")


def message(at: float, node_cpu: int = 0, **containers: tuple[str, int]) -> NodeReading:
    found = [
        {"name": name, "started": run, "cpu": int(cpu * 1e9), "memory": 100 << 20}
        for name, (run, cpu) in containers.items()
    ]
    pods = [{"namespace": "default", "name": "web", "uid": "u1", "containers": found}]
    parsed = parse(Usage(at, {"cpu": int(node_cpu * 1e9), "memory": 1 << 30}, pods))
    assert parsed is not None
    return parsed


def cpu(book: Book, moment: float, uid: str = "u1") -> float | None:
    track = book.pod(POD, uid, moment)
    return None if track is None else round(track.total.cpu / 1e9, 3)


def test_two_messages_make_a_rate() -> None:
    book = Book()
    book.take("n1", message(100.0, 10, app=("a", 10), log=("a", 1)), 1000.0)
    assert book.node("n1", 1000.0) is None
    book.take("n1", message(105.0, 15, app=("a", 12), log=("a", 2)), 1005.0)
    node = book.node("n1", 1005.0)
    assert node is not None
    assert (node.total.cpu, node.total.memory, node.window) == (1e9, 1 << 30, 5.0)
    assert cpu(book, 1005.0) == 0.6


def test_a_lost_message_costs_resolution_only() -> None:
    book = Book()
    book.take("n1", message(100.0, 10, app=("a", 10)), 1000.0)
    book.take("n1", message(130.0, 10, app=("a", 25)), 1030.0)
    assert cpu(book, 1030.0) == 0.5


def test_a_container_that_started_anew_has_no_rate_yet() -> None:
    book = Book()
    book.take("n1", message(100.0, 10, app=("a", 10), log=("a", 0)), 1000.0)
    book.take("n1", message(105.0, 10, app=("a", 11), log=("a", 1)), 1005.0)
    book.take("n1", message(110.0, 10, app=("b", 0), log=("a", 2)), 1010.0)
    assert cpu(book, 1010.0) == 0.4  # as it was: half a pod would look idle
    book.take("n1", message(115.0, 10, app=("b", 3), log=("a", 3)), 1015.0)
    assert cpu(book, 1015.0) == 0.8


def test_a_counter_that_falls_is_a_new_one() -> None:
    book = Book()
    for at, count in ((100.0, 500), (105.0, 1), (110.0, 2)):
        book.take("n1", message(at, count), 900 + at)
    node = book.node("n1", 1010.0)
    assert node is not None
    assert node.total.cpu == pytest.approx(2e8)


def test_figures_of_a_silent_node_age_out() -> None:
    book = Book()
    book.take("n1", message(100.0, 10, app=("a", 10)), 1000.0)
    book.take("n1", message(105.0, 11, app=("a", 11)), 1005.0)
    assert book.node("n1", 1005.0 + MAX_AGE) is not None
    assert book.node("n1", 1005.1 + MAX_AGE) is None
    assert cpu(book, 1005.1 + MAX_AGE) is None
    assert book.node_series("n1", 1005.1 + MAX_AGE, 60) is not None
    book.take("n2", message(1.0), 1006.0 + KEEP)
    assert book.node_names == []
    assert book.pod_names == []


def test_a_namesake_inherits_nothing() -> None:
    book = Book()
    book.take("n1", message(100.0, 10, app=("a", 10)), 1000.0)
    book.take("n1", message(105.0, 11, app=("a", 11)), 1005.0)
    assert cpu(book, 1005.0, "u2") is None


def lively(pods: int) -> NodeReading:
    """A message of many pods."""
    found = [
        {"namespace": "default", "name": f"p{index}", "uid": f"u{index}",
         "containers": [{"name": "app", "started": "a", "cpu": 0, "memory": 1 << 20}]}
        for index in range(pods)
    ]  # fmt: skip
    parsed = parse(Usage(0.0, {"cpu": 0, "memory": 1 << 30}, found))
    assert parsed is not None
    return parsed


def test_series_of_pods_that_are_gone_are_not_kept_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.metrics.book.MAX_GONE", 3)
    book = Book()
    everybody = lively(10)
    for step in range(10):
        reading = replace(everybody, at=100.0 + 60 * step, pods=everybody.pods[step:])
        book.take("n1", reading, 1000.0 + 60 * step)
    assert [name for _, name in book.pod_names] == ["p6", "p7", "p8", "p9"]


def test_too_much_history_begins_later_for_all_pods_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.metrics.book.MAX_BYTES", 10_000)
    book = Book()
    everybody = lively(10)
    for minute in range(24 * 60):
        book.take("n1", replace(everybody, at=60.0 * minute), 60.0 * minute)
    now = 60.0 * (24 * 60 - 1)
    starts = set()
    for name in book.pod_names:
        found = book.pod_series(name, now, 86_400)
        assert found is not None
        known = [place for place, value in enumerate(found.memory) if value is not None]
        starts.add(known[0])
        assert known == list(range(known[0], 24 * 60)), "what is left has no hole"
    assert len(starts) == 1
    assert 0 < starts.pop() < 23 * 60, "the last hours are there"
    node = book.node_series("n1", now, 86_400)
    assert node is not None
    assert node.memory[1] is not None, "nodes keep all"


def test_the_cluster_is_the_sum_of_its_nodes() -> None:
    book = Book()
    for index in range(4):
        for node in ("n1", "n2"):
            book.take(node, message(100.0 + 5 * index, 10 + 5 * index), 1000.0 + 5 * index)
    points = [round(point / 1e9, 2) for point in book.cluster.window(1015.0, 60).cpu if point]
    assert points[-1] == 2.0


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)
_POD = st.fixed_dictionaries(
    {},
    optional={
        "namespace": st.just("default") | _ANY,
        "name": st.just("web") | _ANY,
        "uid": st.just("u1") | _ANY,
        "containers": st.lists(
            st.fixed_dictionaries({}, optional={"name": _ANY, "cpu": _ANY, "memory": _ANY}) | _ANY, max_size=3
        )
        | _ANY,
    },
)


@given(_ANY, st.lists(_POD | _ANY, max_size=4))
def test_nothing_that_an_agent_sends_does_harm(node: Any, pods: list[Any]) -> None:
    book = Book()
    for moment in (1.0, 6.0):
        reading = parse(Usage(moment, node if isinstance(node, dict) else {"cpu": node, "memory": 1}, pods))
        if reading is not None:
            book.take("n1", reading, moment)
    track = book.node("n1", 6.0)
    assert track is None or track.total.cpu >= 0


def test_the_whole_has_no_dip_while_a_node_is_heard_for_the_first_time() -> None:
    book = Book()
    for at in range(100, 130, 5):
        book.take("n1", message(at, at), 1000.0 + at)
        if at >= 110:
            book.take("n2", message(at, at), 1001.0 + at)
    found = book.cluster.window(1130.0, 40).cpu
    assert [None if value is None else round(value / 1e9) for value in found] == [None, None, 1, 1, None, 2, 2, None]
