"""The STATUS column says what `kubectl get` says, and how serious it is."""

from __future__ import annotations

from typing import Any

import pytest

from common.api.podstate import ready_containers
from console.views.status import Tone, container_status, node_status, pod_status, workload_status

READY = {"type": "Ready", "status": "True"}


def pod(
    *states: dict[str, Any], phase: str = "Running", conditions: tuple[Any, ...] = (), **rest: Any
) -> dict[str, Any]:
    statuses = [
        {"name": f"c{index}", "state": state, "ready": "running" in state} for index, state in enumerate(states)
    ]
    return {
        "metadata": rest.pop("metadata", {}),
        "spec": {"containers": [{"name": status["name"]} for status in statuses], **rest.pop("spec", {})},
        "status": {"phase": phase, "containerStatuses": statuses, "conditions": list(conditions), **rest},
    }


RUNNING = {"running": {}}
CRASHED = {"waiting": {"reason": "CrashLoopBackOff"}}
ENDED = {"terminated": {"exitCode": 0, "reason": "Completed"}}


@pytest.mark.parametrize(
    ("obj", "word", "tone"),
    [
        (pod(RUNNING, conditions=(READY,)), "Running", Tone.OK),
        (pod(RUNNING), "Running", Tone.BUSY),
        (pod(RUNNING, CRASHED), "CrashLoopBackOff", Tone.BAD),
        (pod(RUNNING, ENDED, conditions=(READY,)), "Running", Tone.OK),
        (pod(ENDED, RUNNING), "NotReady", Tone.WARN),
        (pod({"terminated": {"exitCode": 3}}), "ExitCode:3", Tone.BAD),
        (pod({"terminated": {"exitCode": 137, "signal": 9}}), "Signal:9", Tone.BAD),
        (pod({"waiting": {"reason": "ContainerCreating"}}, phase="Pending"), "ContainerCreating", Tone.BUSY),
        (pod(phase="Pending"), "Pending", Tone.BUSY),
        (pod(phase="Pending", conditions=({"type": "PodScheduled", "status": "False"},)), "Pending", Tone.WARN),
        (pod(RUNNING, metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}), "Terminating", Tone.LEAVING),
        (pod(phase="Failed", reason="Evicted"), "Evicted", Tone.BAD),
    ],
)
def test_pods(obj: dict[str, Any], word: str, tone: Tone) -> None:
    status = pod_status(obj)
    assert (status.word, status.tone) == (word, tone)


def test_a_pod_that_initializes_counts_its_init_containers() -> None:
    obj = pod(phase="Pending", spec={"initContainers": [{"name": "a"}, {"name": "b"}]})
    obj["status"]["initContainerStatuses"] = [{"name": "a", "state": ENDED}, {"name": "b", "state": RUNNING}]
    assert pod_status(obj).word == "Init:1/2"


def test_a_started_sidecar_does_not_hold_the_status_and_counts_as_ready() -> None:
    obj = pod(RUNNING, conditions=(READY,), spec={"initContainers": [{"name": "s", "restartPolicy": "Always"}]})
    obj["status"]["initContainerStatuses"] = [{"name": "s", "state": RUNNING, "started": True, "ready": True}]
    assert pod_status(obj).word == "Running"
    assert ready_containers(obj) == (2, 2)


def test_a_cordoned_node_says_so() -> None:
    node = {"spec": {"unschedulable": True}, "status": {"conditions": [READY]}}
    assert node_status(node).word == "Ready,SchedulingDisabled"


def test_a_node_that_nobody_hears_is_unknown_and_bad() -> None:
    node = {"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}
    assert (node_status(node).word, node_status(node).tone) == ("Unknown", Tone.BAD)


def test_a_workload_past_its_deadline_is_bad_with_the_reason() -> None:
    condition = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    status = workload_status({"kind": "Deployment", "spec": {"replicas": 1}, "status": {"conditions": [condition]}})
    assert (status.word, status.tone) == ("ProgressDeadlineExceeded", Tone.BAD)


def test_a_container_that_waits_for_its_image_is_bad() -> None:
    assert container_status({"waiting": {"reason": "ImagePullBackOff"}}).tone is Tone.BAD
