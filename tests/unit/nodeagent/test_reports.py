"""What the node says, and what it says again until somebody heard it."""

from __future__ import annotations

import asyncio

from common.api.meta import Object
from nodeagent.reports import MAX_EVENTS, MAX_PODS_A_REPORT, Reports


def test_only_the_latest_status_goes_out() -> None:
    reports = Reports()
    reports.pod("default", "web", "u1", {"phase": "Pending"})
    reports.pod("default", "web", "u1", {"phase": "Running"})
    report = reports.take()
    assert report is not None
    assert report.pods == [{"namespace": "default", "name": "web", "uid": "u1", "status": {"phase": "Running"}}]
    reports.pod("default", "web", "u1", {"phase": "Running"})
    assert reports.take() is None


def test_a_status_that_others_wrote_over_is_said_again() -> None:
    ready: Object = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    said: Object = {"phase": "Running", "conditions": [ready]}
    reports = Reports()
    reports.pod("default", "web", "u1", said)
    assert reports.take() is not None
    reports.ack(1)

    def told(**status: Object | list[Object] | str) -> bool:
        reports.contradict({"metadata": {"uid": "u1"}, "status": status})
        report = reports.take()
        if report is None:
            return False
        assert [pod["status"] for pod in report.pods] == [said]
        reports.ack(report.seq)
        return True

    kept = {**ready, "lastTransitionTime": "2025-01-01T00:00:00Z"}
    assert not told(
        phase="Running", conditions=[{"type": "example.com/gate", "status": "True"}, kept], qosClass="Burstable"
    )
    assert told(phase="Pending", conditions=[ready])
    assert told(phase="Running", conditions=[{**ready, "status": "False"}])
    assert told(phase="Running", conditions=[{**ready, "message": "mine"}])
    assert told(phase="Running", conditions=[])
    assert told()
    reports.contradict({"metadata": {"uid": "u2"}, "status": {}})
    assert reports.take() is None


def test_after_a_reconnect_everything_is_said_again() -> None:
    reports = Reports()
    reports.pod("default", "web", "u1", {"phase": "Running"})
    reports.node({"conditions": []})
    reports.gone("u0")
    reports.event({"reason": "Killing"})
    first = reports.take()
    assert first is not None
    reports.reconnected()
    second = reports.take()
    assert second is not None
    assert second.seq > first.seq
    assert (second.pods, second.node, second.gone, second.events) == (
        first.pods, first.node, first.gone, first.events,
    )  # fmt: skip


def test_acknowledged_events_and_ends_are_not_repeated() -> None:
    reports = Reports()
    reports.gone("u0")
    reports.event({"reason": "Killing"})
    first = reports.take()
    assert first is not None
    reports.ack(first.seq)
    reports.reconnected()
    assert reports.take() is None


def test_what_happens_before_an_acknowledgement_is_said_together_after_it() -> None:
    reports = Reports()
    reports.pod("default", "web", "u1", {"phase": "Pending"})
    first = reports.take()
    assert first is not None
    reports.pod("default", "web", "u1", {"phase": "Running", "ready": False})
    reports.gone("u0")
    reports.pod("default", "web", "u1", {"phase": "Running", "ready": True})
    assert reports.take() is None
    reports.ack(first.seq - 1)
    assert reports.take() is None
    reports.ack(first.seq)
    second = reports.take()
    assert second is not None
    assert [pod["status"] for pod in second.pods] == [{"phase": "Running", "ready": True}]
    assert second.gone == ["u0"]


async def test_who_waits_for_something_to_say_goes_on_with_the_acknowledgement() -> None:
    reports = Reports()
    reports.gone("u0")
    first = reports.take()
    assert first is not None
    reports.gone("u1")
    assert reports.take() is None
    waiting = asyncio.ensure_future(reports.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    reports.ack(first.seq)
    await waiting
    second = reports.take()
    assert second is not None
    assert second.gone == ["u1"]


def test_events_are_bounded_and_the_newest_stay() -> None:
    reports = Reports()
    for number in range(MAX_EVENTS + 5):
        reports.event({"n": number})
    report = reports.take()
    assert report is not None
    assert [event["n"] for event in report.events] == list(range(5, MAX_EVENTS + 5))


def test_a_pod_is_gone_only_after_its_last_status() -> None:
    reports = Reports()
    for number in range(MAX_PODS_A_REPORT + 1):
        reports.pod("default", f"p{number}", f"u{number}", {"phase": "Failed"})
    last = f"u{MAX_PODS_A_REPORT}"
    reports.gone(last)
    first = reports.take()
    assert first is not None
    reports.ack(first.seq)
    second = reports.take()
    assert second is not None
    assert (first.gone, second.gone) == ([], [last])
    assert [pod["uid"] for pod in second.pods] == [last]


def test_a_forgotten_pod_is_never_mentioned() -> None:
    reports = Reports()
    reports.pod("default", "web", "u1", {})
    reports.gone("u1")
    reports.forget("u1")
    reports.reconnected()
    assert reports.take() is None


async def test_wait_returns_when_there_is_something() -> None:
    reports = Reports()
    reports.node({"conditions": []})
    await reports.wait()
    assert reports.take() is not None
