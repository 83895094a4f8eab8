"""After a restart of the agent or the engine: what is found is taken over, what was lost is noticed."""

from __future__ import annotations

from typing import Any

from nodeagent.state.instructions import (
    EnsureImage,
    ReportStatus,
    ResetSandbox,
    StartContainer,
    StartSandbox,
    StopContainer,
    TearDown,
)

from .driver import Driver, container, events, pod, seen


def test_a_running_pod_is_taken_over_untouched() -> None:
    driver = Driver(pod(), observed=(seen(""), seen("web", 2), seen("web", 1, running=False, exit_code=7)))
    assert driver.ever(StartContainer) == driver.ever(StartSandbox) == driver.ever(StopContainer) == []
    status = driver.container_status()
    assert status["restartCount"] == 2
    assert status["containerID"] == "docker://web-2"
    assert status["lastState"]["terminated"]["exitCode"] == 7
    assert driver.phase == "Running"


def test_readiness_is_remembered_until_a_probe_says_otherwise() -> None:
    def status(ready: bool) -> dict[str, Any]:
        return {
            "containerStatuses": [{"name": "web", "containerID": "docker://web-0", "ready": ready, "started": ready}]
        }

    probes = {"readinessProbe": {"exec": {}, "failureThreshold": 1}, "startupProbe": {"exec": {}}}
    for ready in (True, False):
        driver = Driver(pod(container(**probes), status=status(ready)), observed=(seen(""), seen("web")))
        assert driver.container_status()["ready"] is ready
    driver = Driver(pod(container(**probes), status=status(True)), observed=(seen(""), seen("web")))
    driver.probe("readiness", False)
    assert driver.container_status()["ready"] is False


def test_init_containers_do_not_run_again_after_a_restart_of_the_agent() -> None:
    spec = pod(initContainers=[container("one")])
    driver = Driver(spec, observed=(seen(""), seen("one", running=False), seen("web")))
    assert driver.ever(EnsureImage) == []
    assert driver.condition("Initialized")["status"] == "True"


def test_a_container_that_died_meanwhile_is_restarted() -> None:
    driver = Driver(pod(), observed=(seen(""), seen("web", running=False, exit_code=1)))
    assert driver.asked(EnsureImage)
    driver.tell(events.VolumesReady())
    driver.image()
    assert driver.asked(StartContainer) == [StartContainer("web", 1)]


def test_a_container_that_vanished_is_restarted() -> None:
    driver = Driver(pod())
    driver.run()
    driver.tell(events.Observed((seen(""),)))
    driver.image()
    assert driver.asked(StartContainer) == [StartContainer("web", 1)]
    ended = driver.container_status()["lastState"]["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("ContainerStatusUnknown", 137)


def test_an_outdated_container_is_replaced_after_a_restart_too() -> None:
    driver = Driver(pod({"name": "web", "image": "web:2"}), observed=(seen(""), seen("web")))
    assert driver.asked(StopContainer)


def test_a_dead_sandbox_means_all_again_with_new_addresses() -> None:
    driver = Driver(pod(initContainers=[container("one")]))
    driver.sandbox().image("one").started("one")
    driver.die("one", 0)
    driver.image().started()
    driver.tell(events.SandboxDied("box0"))
    assert driver.messages()[-2:] == [
        "Pod sandbox changed, it will be killed and re-created.",
        "Stopping container web",
    ]
    assert driver.condition("PodReadyToStartContainers")["status"] == "False"
    assert driver.condition("Ready")["status"] == "False"
    driver.die(code=137)
    assert driver.asked(ResetSandbox) == [ResetSandbox("box0")]
    driver.tell(events.SandboxGone())
    driver.tell(events.VolumesReady())
    assert driver.asked(StartSandbox) == [StartSandbox(1)]
    driver.tell(events.SandboxStarted("box1", ("10.42.0.9",)))
    driver.image("one").started("one")
    driver.die("one", 0)
    driver.image().started()
    assert driver.status["podIP"] == "10.42.0.9"
    assert driver.container_status()["restartCount"] == 1
    assert driver.phase == "Running"


def test_a_rebooted_host_starts_its_pods_again() -> None:
    dead = (seen("", running=False), seen("web", running=False, exit_code=255))
    driver = Driver(pod(status={"phase": "Running", "startTime": "2025-12-31T00:00:00Z"}), observed=dead)
    assert driver.asked(ResetSandbox) == [ResetSandbox("box-0")]
    driver.tell(events.SandboxGone())
    driver.sandbox().image()
    assert driver.asked(StartContainer) == [StartContainer("web", 1)]


def test_a_rebooted_host_does_not_repeat_what_must_run_once() -> None:
    dead = (seen("", running=False), seen("web", running=False, exit_code=255))
    driver = Driver(pod(restartPolicy="Never"), observed=dead)
    assert driver.phase == "Failed"
    assert driver.ever(StartSandbox) == []
    assert driver.asked(TearDown) == [TearDown(keep_containers=True)]


def test_an_engine_that_is_away_is_asked_for_nothing() -> None:
    driver = Driver(pod())
    driver.run()
    driver.tell(events.EngineLost())
    driver.delete(5)
    driver.wait(30)
    assert driver.ever(StopContainer) == []
    driver.tell(events.Observed((seen("", id="box0"), seen("web"))))
    assert driver.asked(StopContainer)


def test_a_start_that_failed_only_in_its_answer_is_found() -> None:
    driver = Driver(pod())
    driver.sandbox().image()
    driver.tell(events.EngineLost())
    driver.tell(events.ContainerFailed("web", 0, "EngineUnavailable", "gone"))
    assert driver.reasons() == ["Pulled"]
    driver.tell(events.Observed((seen("", id="box0"), seen("web"))))
    assert driver.asked(StartContainer) == []
    assert driver.phase == "Running"


def test_an_image_that_could_not_be_asked_for_is_no_pull_error() -> None:
    driver = Driver(pod())
    driver.sandbox()
    driver.tell(events.EngineLost())
    driver.tell(events.ImageFailed("web", "web:1", "EngineUnavailable", "gone"))
    assert driver.reasons() == []
    driver.tell(events.Observed((seen("", id="box0"),)))
    assert driver.asked(EnsureImage) == [EnsureImage("web", "web:1")]


def test_a_container_killed_with_its_sandbox_does_not_back_off() -> None:
    driver = Driver(pod())
    driver.run()
    driver.die()
    driver.again()
    driver.tell(events.SandboxDied("box0"))
    driver.die(code=137)
    driver.tell(events.SandboxGone())
    assert driver.asked(EnsureImage) == [EnsureImage("web", "web:1")]


def test_a_finished_pod_keeps_its_address_in_the_status() -> None:
    driver = Driver(pod(restartPolicy="Never"))
    driver.run()
    driver.die(code=0)
    driver.tell(events.SandboxDied("box0"))
    assert driver.status["podIP"] == "10.42.0.5"


def test_an_engine_restart_that_killed_everything_is_recovered_from() -> None:
    driver = Driver(pod())
    driver.run()
    driver.tell(events.EngineLost())
    driver.tell(events.Observed((seen("", id="box0", running=False), seen("web", running=False, exit_code=255))))
    assert driver.asked(ResetSandbox) == [ResetSandbox("box0")]


def test_a_container_that_was_made_but_never_started_is_made_again() -> None:
    driver = Driver(pod(), observed=(seen(""), seen("web", 3, running=False, created_only=True)))
    driver.tell(events.VolumesReady())
    driver.image()
    assert driver.asked(StartContainer) == [StartContainer("web", 3)]


def test_a_deletion_that_a_restart_interrupted_goes_on() -> None:
    spec = pod(meta={"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 5})
    driver = Driver(spec, observed=(seen(""), seen("web")))
    assert driver.asked(StopContainer)
    gone = Driver(spec)
    assert gone.asked(TearDown)


def test_the_story_tells_what_happened() -> None:
    driver = Driver(pod())
    driver.run()
    story = driver.machine.story()
    assert story[0].startswith("2026-01-01T00:00:00Z Assigned")
    assert any("SandboxStarted" in line and "StartContainer" not in line for line in story)
    assert len([line for line in story if "ReportStatus" in line]) == len(driver.ever(ReportStatus))
