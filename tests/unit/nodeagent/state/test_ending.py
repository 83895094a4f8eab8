"""A pod's end: tables, connections, hooks, signals, and what is left."""

from __future__ import annotations

import pytest

from nodeagent.state.instructions import Drain, ReportGone, ReportStatus, RunHook, RunProbe, StopContainer, TearDown
from nodeagent.state.spec import grace_seconds

from .driver import Driver, container, events, pod


def test_the_order_of_an_end() -> None:
    driver = Driver(pod())
    driver.run()
    driver.delete(30)
    assert driver.said == []
    driver.tell(events.Released())
    assert driver.asked(Drain) == [Drain(("10.42.0.5", "fd00::5"), 10.0)]
    driver.tell(events.Drained())
    assert driver.asked(StopContainer) == [StopContainer("web", 0, "web-0")]
    assert driver.messages()[-1] == "Stopping container web"
    driver.die(code=143)
    assert driver.asked(TearDown) == [TearDown(keep_containers=False)]
    assert driver.phase == "Failed"
    driver.tell(events.TornDown())
    assert driver.said == [ReportGone()]
    assert driver.machine.gone


def test_a_clean_exit_at_the_end_is_a_success() -> None:
    driver = Driver(pod())
    driver.run()
    driver.delete()
    driver.tell(events.Released())
    driver.tell(events.Drained())
    driver.die(code=0)
    assert driver.phase == "Succeeded"


def test_without_a_console_the_release_is_waited_for_three_seconds() -> None:
    driver = Driver(pod())
    driver.run()
    driver.delete(30)
    driver.wait(2.9)
    assert driver.said == []
    driver.wait(0.2)
    assert driver.asked(Drain)


def test_connections_are_waited_for_a_third_of_the_grace_period() -> None:
    driver = Driver(pod())
    driver.run()
    driver.delete(30)
    driver.tell(events.Released())
    driver.wait(9.9)
    assert driver.asked(StopContainer) == []
    driver.wait(0.1)
    assert driver.asked(StopContainer)


def test_a_process_that_ignores_the_signal_is_killed_at_the_end_of_the_grace_period() -> None:
    driver = Driver(pod())
    driver.run()
    driver.delete(30)
    driver.tell(events.Released())
    driver.tell(events.Drained())
    driver.wait(29.9)
    assert driver.asked(StopContainer) == []
    driver.wait(0.1)
    assert driver.asked(StopContainer) == [StopContainer("web", 0, "web-0", kill=True)]
    driver.wait(5)
    assert driver.asked(StopContainer) == [StopContainer("web", 0, "web-0", kill=True)]


def test_the_hook_runs_before_the_signal() -> None:
    driver = Driver(pod(container(lifecycle={"preStop": {"exec": {}}})))
    driver.run()
    driver.delete(30)
    driver.tell(events.Released())
    driver.tell(events.Drained())
    assert driver.asked(RunHook) == [RunHook("web", 0, "web-0", "preStop", 30)]
    assert driver.asked(StopContainer) == []
    driver.tell(events.HookDone("web", 0, "preStop", "boom"))
    assert "FailedPreStopHook" in driver.reasons()
    assert driver.asked(StopContainer) == [StopContainer("web", 0, "web-0")]


def test_a_hook_that_takes_all_the_time_leaves_two_seconds() -> None:
    driver = Driver(pod(container(lifecycle={"preStop": {"exec": {}}})))
    driver.run()
    driver.delete(10)
    driver.tell(events.Released())
    driver.tell(events.Drained())
    driver.wait(10)
    assert driver.asked(StopContainer) == [StopContainer("web", 0, "web-0")]
    driver.wait(2)
    assert driver.asked(StopContainer) == [StopContainer("web", 0, "web-0", kill=True)]


def test_a_second_deletion_shortens_the_grace_period_and_never_lengthens_it() -> None:
    driver = Driver(pod())
    driver.run()
    driver.delete(30)
    driver.tell(events.Released())
    driver.tell(events.Drained())
    driver.delete(60)
    driver.delete(5)
    driver.wait(5)
    assert driver.asked(StopContainer) == [StopContainer("web", 0, "web-0", kill=True)]


def test_a_forced_deletion_kills_at_once() -> None:
    driver = Driver(pod())
    driver.run()
    driver.delete(0)
    assert driver.asked(StopContainer) == [StopContainer("web", 0, "web-0", kill=True)]


def test_a_pod_that_was_never_ready_waits_for_nobody() -> None:
    driver = Driver(pod(container(readinessProbe={"exec": {}})))
    driver.run()
    driver.delete(30)
    assert driver.asked(StopContainer)


def test_a_pod_that_never_ran_just_goes() -> None:
    driver = Driver(pod())
    driver.delete(30)
    assert driver.asked(TearDown) == [TearDown(keep_containers=False)]
    driver.tell(events.TornDown())
    assert driver.asked(ReportGone)


def test_a_start_in_flight_is_waited_for_and_then_stopped() -> None:
    driver = Driver(pod())
    driver.sandbox().image()
    driver.delete(30)
    assert driver.asked(TearDown) == []
    driver.started()
    assert driver.asked(StopContainer)
    driver.die(code=143)
    assert driver.asked(TearDown)


def test_a_sandbox_in_flight_is_waited_for() -> None:
    driver = Driver(pod())
    driver.tell(events.VolumesReady())
    driver.delete(30)
    assert driver.asked(TearDown) == []
    driver.tell(events.SandboxStarted("box", ("10.42.0.5",)))
    assert driver.asked(TearDown)


def test_a_container_that_dies_meanwhile_is_not_restarted() -> None:
    driver = Driver(pod(container("a"), container("b")))
    driver.run("a", "b")
    driver.delete(30)
    driver.die("a", 1)
    assert driver.said == [item for item in driver.said if isinstance(item, ReportStatus)]
    driver.tell(events.Released())
    driver.tell(events.Drained())
    assert driver.asked(StopContainer) == [StopContainer("b", 0, "b-0")]


def test_readiness_is_probed_to_the_end_and_liveness_is_not() -> None:
    probe = {"exec": {}, "periodSeconds": 1}
    driver = Driver(pod(container(readinessProbe=probe, livenessProbe=probe)))
    driver.run()
    driver.probe("readiness", True)
    driver.probe("liveness", True)
    driver.delete(30)
    driver.wait(1)
    assert {item.kind for item in driver.asked(RunProbe)} == {"readiness"}


def test_sidecars_go_last_and_in_reverse_order() -> None:
    sidecars = [container(name, restartPolicy="Always") for name in ("one", "two")]
    driver = Driver(pod(initContainers=sidecars))
    driver.sandbox().image("one").started("one").image("two").started("two").image().started()
    driver.delete(30)
    driver.tell(events.Released())
    driver.tell(events.Drained())
    order = []
    for name in ("web", "two", "one"):
        order += [item.container for item in driver.asked(StopContainer)]
        driver.die(name, 143)
    assert order == ["web", "two", "one"]
    assert driver.asked(TearDown)


def test_past_the_deadline_everything_is_killed_at_once() -> None:
    driver = Driver(pod(initContainers=[container("proxy", restartPolicy="Always")]))
    driver.sandbox().image("proxy").started("proxy").image().started()
    driver.delete(10)
    driver.tell(events.Released())
    driver.tell(events.Drained())
    driver.wait(10)
    killed = {item.container for item in driver.asked(StopContainer) if item.kill}
    assert killed == {"web", "proxy"}


def test_a_pod_that_the_api_no_longer_has_goes_without_a_word() -> None:
    driver = Driver(pod())
    driver.run()
    driver.tell(events.Unassigned())
    driver.tell(events.Drained())
    assert driver.asked(StopContainer)
    driver.die(code=143)
    assert driver.asked(ReportStatus) == []
    driver.tell(events.TornDown())
    assert driver.said == [ReportGone()]


def test_a_failing_tear_down_is_retried() -> None:
    driver = Driver(pod())
    driver.delete(0)
    driver.tell(events.TearDownFailed("device busy"))
    assert driver.messages() == ["error killing pod: device busy"]
    driver.wait(2)
    assert driver.asked(TearDown)


def test_deleted_while_it_is_torn_down_for_having_finished() -> None:
    driver = Driver(pod(restartPolicy="Never"))
    driver.run()
    driver.die(code=0)
    assert driver.asked(TearDown) == [TearDown(keep_containers=True)]
    driver.delete(30)
    driver.tell(events.TornDown())
    assert driver.asked(TearDown) == [TearDown(keep_containers=False)]
    driver.tell(events.TornDown())
    assert driver.asked(ReportGone)


def test_an_engine_that_refuses_a_stop_is_asked_again() -> None:
    driver = Driver(pod())
    driver.run()
    driver.delete(30)
    driver.tell(events.Released())
    driver.tell(events.Drained())
    driver.tell(events.StopFailed("web", 0, "engine busy"))
    driver.wait(1)
    assert driver.asked(StopContainer) == [StopContainer("web", 0, "web-0")]


def test_a_pod_over_its_active_deadline_fails() -> None:
    driver = Driver(pod(activeDeadlineSeconds=60))
    driver.run()
    driver.wait(59)
    assert driver.asked(StopContainer) == []
    driver.wait(1)
    assert driver.asked(StopContainer)
    assert driver.phase == "Running"
    driver.die(code=143)
    assert driver.phase == "Failed"
    assert driver.status["reason"] == "DeadlineExceeded"
    assert driver.asked(TearDown) == [TearDown(keep_containers=True)]


def test_a_pod_that_holds_more_than_it_may_is_evicted_within_a_second() -> None:
    driver = Driver(pod())
    driver.run()
    driver.tell(events.Evicted("too much"))
    assert driver.asked(StopContainer)
    driver.wait(1)
    assert driver.asked(StopContainer)[-1].kill
    driver.die(code=137)
    assert (driver.phase, driver.status["reason"], driver.status["message"]) == ("Failed", "Evicted", "too much")
    assert driver.tell(events.Evicted("too much again")) == []


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_ended_before_never_runs_again(phase: str) -> None:
    driver = Driver(pod(status={"phase": phase, "startTime": "2025-12-31T00:00:00Z"}))
    assert driver.said == [TearDown(keep_containers=True)]
    driver.tell(events.TornDown())
    assert driver.ever(ReportStatus) == []
    driver.delete()
    driver.tell(events.TornDown())
    assert driver.asked(ReportGone)


def test_a_fenced_pod_ends_within_seconds_whatever_grace_it_asks_for() -> None:
    driver = Driver(pod(terminationGracePeriodSeconds=600))
    driver.run()
    driver.tell(events.Fenced("cut off"))
    driver.wait(5.1)
    assert [stop.kill for stop in driver.ever(StopContainer)] == [False, True]
    driver.die(code=137)
    assert (driver.phase, driver.status["reason"]) == ("Failed", "Fenced")


def test_a_fence_shortens_an_end_that_has_begun() -> None:
    driver = Driver(pod(terminationGracePeriodSeconds=600))
    driver.run()
    driver.delete(600)
    driver.tell(events.Fenced("cut off"))
    driver.wait(5.1)
    assert any(stop.kill for stop in driver.ever(StopContainer))


def test_an_evicted_pod_says_that_it_was_disrupted() -> None:
    driver = Driver(pod()).run()
    driver.tell(events.Evicted("The node was low on resource: memory. "))
    driver.tell(events.ContainerDied("web-0", 137, driver.now.text))
    driver.tell(events.TornDown())
    assert (driver.phase, driver.status["reason"]) == ("Failed", "Evicted")
    found = driver.condition("DisruptionTarget")
    assert (found["status"], found["reason"]) == ("True", "TerminationByKubelet")
    assert found["message"] == "The node was low on resource: memory. "


def test_a_negative_grace_is_a_second() -> None:
    assert grace_seconds(pod(terminationGracePeriodSeconds=-600)) == 1
