"""A container whose end restarts the whole pod in place."""

from __future__ import annotations

from common.api.meta import Object
from nodeagent.state import events
from nodeagent.state.instructions import (
    EnsureImage,
    RemoveContainer,
    RunHook,
    StartContainer,
    StartSandbox,
    StopContainer,
    TearDown,
)
from nodeagent.state.spec import container_hash

from .driver import Driver, container, pod

RULE = {"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [88]}}
CONDITION = "AllContainersRestarting"


def _watched(**main: object) -> Object:
    watcher = container("watcher", restartPolicy="Always", restartPolicyRules=[RULE])
    return pod(
        container(**main), container("done"), initContainers=[container("setup"), watcher], restartPolicy="Never"
    )


def _running(**main: object) -> Driver:
    driver = Driver(_watched(**main)).sandbox()
    driver.image("setup").started("setup")
    driver.die("setup", 0)
    for name in ("watcher", "web", "done"):
        driver.image(name).started(name)
    driver.die("done", 0)
    return driver


def test_all_that_runs_is_killed_at_once() -> None:
    driver = _running(lifecycle={"preStop": {"exec": {}}})
    assert driver.condition(CONDITION)["status"] == "False"
    driver.die("watcher", 88)
    assert driver.asked(StopContainer) == [StopContainer("web", 0, "web-0", kill=True)]
    assert driver.ever(RunHook) == []
    found = driver.condition(CONDITION)
    assert (found["status"], found["reason"]) == ("True", "RestartAllContainersStarted")
    assert found["message"] == "container exited with restart policy rule"


def test_everything_begins_anew_in_the_same_sandbox() -> None:
    driver = _running()
    driver.die("watcher", 88)
    driver.die("web", 137)
    assert driver.asked(RemoveContainer) == [RemoveContainer("watcher-0")]
    assert driver.condition(CONDITION)["status"] == "False"
    assert [item.container for item in driver.asked(EnsureImage)] == ["setup"]
    driver.image("setup")
    assert driver.asked(StartContainer) == [StartContainer("setup", 1)]
    driver.started("setup")
    driver.die("setup", 0)
    for name in ("watcher", "web", "done"):
        driver.image(name).started(name)
    names = ("setup", "watcher", "web", "done")
    assert [driver.container_status(name)["restartCount"] for name in names] == [1] * 4
    assert (driver.phase, driver.ever(TearDown), len(driver.ever(StartSandbox))) == ("Running", [], 1)


def test_another_exit_code_is_left_to_the_policies() -> None:
    driver = _running()
    driver.die("watcher", 1)
    assert driver.asked(StopContainer) == []
    assert [item.container for item in driver.asked(EnsureImage)] == ["watcher"]


def test_a_pod_whose_containers_are_all_through_begins_anew_too() -> None:
    driver = Driver(pod(container(restartPolicy="Never", restartPolicyRules=[RULE]), restartPolicy="Never"))
    driver.run()
    driver.die(code=88)
    assert driver.asked(EnsureImage)
    driver.again()
    driver.die(code=0)
    assert driver.phase == "Succeeded"
    assert driver.condition(CONDITION)["reason"] == "PodCompleted"


def test_an_agent_that_comes_back_in_the_middle_begins_again() -> None:
    seen = tuple(
        events.Seen(
            f"{name}-0", name, 0, running=name == "web", exit_code=88 if name == "watcher" else 0,
            spec_hash=container_hash(container(name)),
        )
        for name in ("setup", "watcher", "web", "done")
    )  # fmt: skip
    box = events.Seen("box0", "", 0, running=True, addresses=("10.42.0.5",))
    driver = Driver(_watched(), observed=(box, *seen))
    assert driver.asked(StopContainer) == [StopContainer("web", 0, "web-0", kill=True)]
    assert driver.condition(CONDITION)["status"] == "True"


def test_a_deletion_in_the_middle_ends_the_pod() -> None:
    driver = _running()
    driver.die("watcher", 88)
    driver.delete(0)
    driver.die("web", 137)
    assert driver.asked(TearDown) == [TearDown(keep_containers=False)]
