"""Containers that end: policies, back-off, probes that kill, changed definitions."""

from __future__ import annotations

import pytest

from common.api.meta import Object
from nodeagent.state.instructions import EnsureImage, RemoveContainer, RunProbe, StartContainer, StopContainer

from .driver import Driver, container, events, instructions, pod


@pytest.mark.parametrize(
    ("policy", "code", "restarts", "phase"),
    [
        ("Always", 0, True, "Running"),
        ("Always", 1, True, "Running"),
        ("OnFailure", 0, False, "Succeeded"),
        ("OnFailure", 1, True, "Running"),
        ("Never", 0, False, "Succeeded"),
        ("Never", 1, False, "Failed"),
    ],
)
def test_the_restart_policy(policy: str, code: int, restarts: bool, phase: str) -> None:
    driver = Driver(pod(restartPolicy=policy))
    driver.run()
    driver.die(code=code)
    assert bool(driver.asked(EnsureImage)) is restarts
    assert driver.phase == phase


def test_a_containers_own_rules_come_before_the_pods_policy() -> None:
    rules = [{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}]
    driver = Driver(pod(container(restartPolicy="Never", restartPolicyRules=rules), restartPolicy="Never"))
    driver.run()
    driver.die(code=42)
    assert driver.asked(EnsureImage)
    driver.again()
    driver.die(code=1)
    assert driver.phase == "Failed"


def test_a_crash_loop_backs_off_ten_seconds_doubling_to_five_minutes() -> None:
    driver = Driver(pod())
    driver.run()
    gaps = []
    for _ in range(8):
        driver.die()
        since = driver.mono
        while not driver.asked(EnsureImage):
            driver.wait(1)
        gaps.append(driver.mono - since)
        driver.again()
    assert gaps == [0, 10, 20, 40, 80, 160, 300, 300]


def test_ten_peaceful_minutes_forget_the_back_off() -> None:
    driver = Driver(pod())
    driver.run()
    for _ in range(3):
        driver.die()
        driver.wait(30)
        driver.again()
    driver.wait(601)
    driver.die()
    assert driver.asked(EnsureImage)


def test_the_status_of_a_crash_loop() -> None:
    driver = Driver(pod())
    driver.run()
    driver.die(code=1)
    driver.again()
    driver.die(code=3, message="last words")
    status = driver.container_status()
    assert status["restartCount"] == 1
    assert status["state"]["waiting"] == {
        "reason": "CrashLoopBackOff",
        "message": "back-off 10s restarting failed container=web pod=web-1_default(u1)",
    }
    ended = status["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"], ended["message"]) == (3, "Error", "last words")
    assert driver.reasons()[-1] == "BackOff"
    assert driver.messages()[-1] == "Back-off restarting failed container web in pod web-1_default(u1)"
    assert driver.phase == "Running"
    assert driver.condition("Ready")["message"] == "containers with unready status: [web]"


def test_only_the_last_dead_container_is_kept() -> None:
    driver = Driver(pod())
    driver.run()
    driver.die()
    driver.again()
    driver.die()
    driver.wait(10)
    assert driver.asked(RemoveContainer) == [RemoveContainer("web-0")]


@pytest.mark.parametrize(
    ("code", "oom", "reason"), [(0, False, "Completed"), (1, False, "Error"), (137, True, "OOMKilled")]
)
def test_reasons_of_an_end(code: int, oom: bool, reason: str) -> None:
    driver = Driver(pod(restartPolicy="Never"))
    driver.run()
    driver.die(code=code, oom_killed=oom)
    assert driver.container_status()["state"]["terminated"]["reason"] == reason


def test_a_pod_is_over_only_when_all_its_containers_are() -> None:
    driver = Driver(pod(container("a"), container("b"), restartPolicy="Never"))
    driver.run("a", "b")
    driver.die("a", 0)
    assert driver.phase == "Running"
    driver.die("b", 0)
    assert driver.phase == "Succeeded"
    assert driver.condition("Ready")["reason"] == "PodCompleted"


def test_a_finished_pod_keeps_its_containers_and_stops_its_sidecars() -> None:
    from nodeagent.state.instructions import ReportGone, TearDown

    driver = Driver(pod(restartPolicy="Never", initContainers=[container("proxy", restartPolicy="Always")]))
    driver.sandbox().image("proxy").started("proxy").image().started()
    driver.die(code=0)
    assert driver.asked(StopContainer) == [StopContainer("proxy", 0, "proxy-0")]
    assert driver.phase == "Running"
    driver.die("proxy", 143)
    assert driver.asked(TearDown) == [TearDown(keep_containers=True)]
    assert driver.phase == "Succeeded"
    driver.tell(events.TornDown())
    assert driver.ever(ReportGone) == []
    driver.delete()
    assert driver.asked(TearDown) == [TearDown(keep_containers=False)]
    driver.tell(events.TornDown())
    assert driver.asked(ReportGone)


def test_another_image_does_not_wait_for_the_back_off_of_the_one_before() -> None:
    driver = Driver(pod()).run()
    driver.die()
    driver.again()
    driver.die()
    assert driver.container_status()["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    driver.tell(events.Assigned(pod({"name": "web", "image": "web:2"}, meta={"generation": 2})))
    assert [item.image for item in driver.asked(instructions.EnsureImage)] == ["web:2"]


def test_a_changed_image_replaces_the_container_whatever_the_policy() -> None:
    driver = Driver(pod(restartPolicy="Never"))
    driver.run()
    changed = pod({"name": "web", "image": "web:2"}, restartPolicy="Never")
    driver.tell(events.Assigned(changed))
    assert driver.asked(StopContainer)
    assert driver.messages()[-1] == "Container web definition changed, will be restarted"
    driver.die(code=143)
    assert driver.asked(EnsureImage) == [EnsureImage("web", "web:2")]
    driver.again()
    assert driver.container_status()["restartCount"] == 1
    assert driver.phase == "Running"


def test_a_pod_whose_image_changes_stays_ready_until_the_new_run_fails() -> None:
    driver = Driver(pod()).run()
    before = driver.container_status()
    driver.tell(events.Assigned(pod({"name": "web", "image": "web:2"}, meta={"generation": 2})))
    driver.die(code=137)
    assert (driver.condition("Ready")["status"], driver.container_status()["ready"]) == ("True", True)
    assert driver.container_status()["containerID"] == before["containerID"]
    driver.again()
    assert (driver.condition("Ready")["status"], driver.container_status()["restartCount"]) == ("True", 1)
    driver.tell(events.Assigned(pod({"name": "web", "image": "web:3"}, meta={"generation": 3})))
    driver.die(code=137)
    driver.tell(events.ImageFailed("web", "web:3", "ErrImagePull", "no such image"))
    assert driver.condition("Ready")["status"] == "False"
    assert driver.container_status()["state"]["waiting"]["reason"] == "ErrImagePull"


PROBE = {"exec": {"command": ["true"]}, "periodSeconds": 5, "failureThreshold": 2, "initialDelaySeconds": 3}


def test_a_probe_waits_for_its_initial_delay_then_comes_every_period() -> None:
    driver = Driver(pod(container(livenessProbe=PROBE)))
    driver.run()
    driver.wait(2.9)
    assert driver.asked(RunProbe) == []
    driver.wait(0.1)
    assert driver.asked(RunProbe) == [RunProbe("web", 0, "web-0", "liveness")]
    driver.wait(10)
    assert driver.asked(RunProbe) == []  # the one in flight was not answered yet
    driver.probe("liveness", True)
    assert len(driver.asked(RunProbe)) == 1


def test_readiness_follows_its_thresholds() -> None:
    probe = {"exec": {}, "periodSeconds": 1, "failureThreshold": 2, "successThreshold": 2}
    driver = Driver(pod(container(readinessProbe=probe)))
    driver.run()
    assert driver.condition("Ready")["status"] == "False"
    results = [True, True, False, True, False, False]
    ready = []
    for result in results:
        driver.probe("readiness", result, message="HTTP probe failed with statuscode: 500")
        ready.append(driver.condition("Ready")["status"] == "True")
        driver.wait(1)
    assert ready == [False, True, True, True, True, False]
    assert driver.messages().count("Readiness probe failed: HTTP probe failed with statuscode: 500") == 3


def test_a_doubtful_success_is_told_of() -> None:
    driver = Driver(pod(container(livenessProbe={"exec": {}, "periodSeconds": 1, "failureThreshold": 1})))
    driver.run()
    attempt = driver.track("web").attempt
    driver.tell(events.ProbeDone("web", attempt, "liveness", True, "Probe terminated redirects", doubtful=True))
    said = zip(driver.reasons(), driver.messages(), strict=True)
    assert ("ProbeWarning", "Liveness probe warning: Probe terminated redirects") in said
    assert driver.track("web").attempt == attempt


def test_a_container_that_is_not_ready_yet_is_looked_at_more_often() -> None:
    driver = Driver(pod(container(readinessProbe={"exec": {}, "periodSeconds": 5})))
    driver.run()
    for pause in (0.1, 0.2, 0.4, 0.8, 1.6, 3.2):
        driver.asked(RunProbe)
        driver.probe("readiness", False)
        driver.wait(pause * 0.9)
        assert not driver.asked(RunProbe)
        driver.wait(pause * 0.2)
        assert len(driver.asked(RunProbe)) == 1
    driver.probe("readiness", True)
    driver.wait(4)
    assert not driver.asked(RunProbe)


def test_a_probe_that_could_not_be_made_changes_nothing() -> None:
    driver = Driver(pod(container(readinessProbe={"exec": {}, "failureThreshold": 1})))
    driver.run()
    driver.probe("readiness", True)
    driver.wait(10)
    driver.probe("readiness", None, message="engine away")
    assert driver.condition("Ready")["status"] == "True"
    assert driver.messages()[-1] == "Readiness probe errored and resulted in unknown state: engine away"


def test_liveness_kills_and_the_container_starts_again() -> None:
    driver = Driver(pod(container(livenessProbe=PROBE)))
    driver.run()
    driver.wait(3)
    driver.probe("liveness", False, message="dead")
    driver.wait(5)
    driver.probe("liveness", False, message="dead")
    assert driver.asked(StopContainer) == [StopContainer("web", 0, "web-0")]
    assert driver.messages()[-2:] == [
        "Liveness probe failed: dead",
        "Container web failed liveness probe, will be restarted",
    ]
    driver.die(code=137)
    driver.again()
    assert driver.container_status()["restartCount"] == 1
    driver.wait(3)
    assert driver.asked(RunProbe) == [RunProbe("web", 1, "web-1", "liveness")]


def test_liveness_of_a_pod_that_never_restarts_fails_it() -> None:
    driver = Driver(pod(container(livenessProbe={**PROBE, "failureThreshold": 1}), restartPolicy="Never"))
    driver.run()
    driver.wait(3)
    driver.probe("liveness", False)
    driver.die(code=137)
    assert driver.phase == "Failed"


def test_the_startup_probe_holds_back_the_others() -> None:
    driver = Driver(
        pod(container(startupProbe={"exec": {}, "failureThreshold": 3}, livenessProbe=PROBE, readinessProbe=PROBE))
    )
    driver.run()
    assert driver.asked(RunProbe) == [RunProbe("web", 0, "web-0", "startup")]
    assert driver.container_status()["started"] is False
    driver.wait(10)
    driver.probe("startup", True)
    assert driver.container_status()["started"] is True
    assert {probe.kind for probe in driver.asked(RunProbe)} == {"liveness", "readiness"}


def test_a_container_that_never_starts_up_is_killed() -> None:
    driver = Driver(pod(container(startupProbe={"exec": {}, "failureThreshold": 2, "periodSeconds": 1})))
    driver.run()
    driver.probe("startup", False)
    driver.wait(1)
    driver.probe("startup", False)
    assert driver.asked(StopContainer)
    assert driver.messages()[-1] == "Container web failed startup probe, will be restarted"


def test_a_probe_may_have_a_grace_period_of_its_own() -> None:
    driver = Driver(pod(container(livenessProbe={**PROBE, "failureThreshold": 1, "terminationGracePeriodSeconds": 2})))
    driver.run()
    driver.wait(3)
    driver.probe("liveness", False)
    driver.wait(2)
    assert driver.asked(StopContainer) == [StopContainer("web", 0, "web-0", kill=True)]


def test_results_of_an_older_run_are_ignored() -> None:
    driver = Driver(pod(container(readinessProbe={"exec": {}, "failureThreshold": 1})))
    driver.run()
    driver.die()
    driver.again()
    driver.tell(events.ProbeDone("web", 0, "readiness", True))
    assert driver.condition("Ready")["status"] == "False"
    driver.tell(events.ContainerDied("web-0", 1, ""))
    assert driver.phase == "Running"
    assert driver.asked(StartContainer) == []


# Ephemeral containers


def visited(*visitors: Object) -> Object:
    return pod(container("web"), ephemeralContainers=list(visitors))


def visitor_status(driver: Driver) -> Object:
    (found,) = driver.status["ephemeralContainerStatuses"]
    return dict(found)


def test_a_visitor_of_a_running_pod_starts_runs_once_and_changes_nothing_else() -> None:
    driver = Driver(pod(container("web"))).run("web")
    driver.tell(events.Assigned(visited(container("debug", targetContainerName="web"))))
    assert [item.container for item in driver.asked(EnsureImage)] == ["debug"]
    driver.image("debug").started("debug")
    assert "running" in visitor_status(driver)["state"]
    assert visitor_status(driver)["ready"] is False
    assert driver.condition("Ready")["status"] == "True"
    driver.tell(events.ContainerDied("debug-0", 3, driver.now.text))
    driver.wait(1000)
    assert visitor_status(driver)["state"]["terminated"]["exitCode"] == 3
    assert visitor_status(driver)["restartCount"] == 0
    assert driver.phase == "Running"


def test_a_visitor_may_look_while_init_containers_run() -> None:
    driver = Driver(
        pod(container("web"), initContainers=[container("first")], ephemeralContainers=[container("debug")])
    )
    driver.sandbox().image("debug")
    assert [item.container for item in driver.asked(StartContainer)] == ["debug"]


def test_a_visitor_goes_with_the_pod() -> None:
    driver = Driver(visited(container("debug"))).run("web")
    driver.image("debug").started("debug")
    deleted = visited(container("debug"))
    deleted["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:30Z", "deletionGracePeriodSeconds": 0}
    driver.tell(events.Assigned(deleted))
    assert {item.container for item in driver.ever(StopContainer)} == {"web", "debug"}
