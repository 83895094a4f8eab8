"""How far an ephemeral container is, and when it is no use to wait for it."""

from __future__ import annotations

from typing import Any

import pytest

from common.api import debugging
from common.api.debugging import Standing


def pod(phase: str = "Running", **state: Any) -> dict[str, Any]:
    statuses = [{"name": "other", "state": {"running": {}}}, {"name": "debugger-x", "state": state}]
    return {"status": {"phase": phase, "ephemeralContainerStatuses": statuses}}


@pytest.mark.parametrize(
    ("found", "standing"),
    [
        ({"status": {"phase": "Running"}}, Standing(waits="not begun")),
        ({}, Standing(waits="not begun")),
        ({"status": {"phase": "Failed"}}, Standing(problem="the pod has ended, so nothing starts in it any more")),
        (pod(waiting={"reason": "ContainerCreating"}), Standing(waits="ContainerCreating")),
        (pod(running={}), Standing(running=True)),
        (pod(terminated={"exitCode": 127, "message": "no such file"}),
         Standing(problem="debugger-x ended with exit code 127 no such file")),
        (pod(terminated={"exitCode": 0}), Standing(problem="debugger-x ended with exit code 0")),
        (pod(waiting={"reason": "ImagePullBackOff", "message": "back-off"}),
         Standing(problem="debugger-x: ImagePullBackOff: back-off")),
        (pod(waiting={"reason": "ErrImagePull"}), Standing(problem="debugger-x: ErrImagePull")),
    ],
)  # fmt: skip
def test_how_far_it_is(found: Any, standing: Standing) -> None:
    assert debugging.standing(found, "debugger-x") == standing


def test_each_gets_a_name_of_its_own_unless_it_has_one() -> None:
    first, second = (debugging.container("busybox", "app") for _ in range(2))
    assert first["name"].startswith("debugger-")
    assert first["name"] != second["name"]
    named = debugging.container("busybox", "", name="look", command=["top"])
    assert (named["name"], named["command"]) == ("look", ["top"])
    assert "targetContainerName" not in named
