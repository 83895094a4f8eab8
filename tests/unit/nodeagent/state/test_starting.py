"""From assigned to running: the order of things, and what each obstacle looks like."""

from __future__ import annotations

import pytest

from nodeagent.state.instructions import (
    EnsureImage,
    PrepareVolumes,
    ReportStatus,
    RunHook,
    StartContainer,
    StartSandbox,
    StopContainer,
)

from .driver import Driver, container, events, pod


def test_a_running_container_tells_its_mounts_and_who_it_runs_as() -> None:
    mounts = [{"name": "a", "mountPath": "/a"}, {"name": "b", "mountPath": "/b", "readOnly": True}]
    driver = Driver(pod(container(volumeMounts=mounts))).sandbox().image()
    driver.tell(events.ContainerStarted("web", 0, "web-0", driver.now.text, identity=(1000, 2000, (2000, 3000))))
    status = driver.container_status()
    assert status["volumeMounts"] == [mounts[0], {**mounts[1], "recursiveReadOnly": "Disabled"}]
    assert status["user"] == {"linux": {"uid": 1000, "gid": 2000, "supplementalGroups": [2000, 3000]}}


def test_volumes_and_image_first_then_sandbox_then_container() -> None:
    driver = Driver(pod())
    assert driver.asked(PrepareVolumes)
    assert driver.asked(EnsureImage) == [EnsureImage("web", "web:1")]
    driver.tell(events.VolumesReady())
    assert driver.asked(StartSandbox) == [StartSandbox(0)]
    driver.image()
    assert driver.asked(StartContainer) == []
    driver.tell(events.SandboxStarted("box", ("10.42.0.5",)))
    assert driver.asked(StartContainer) == [StartContainer("web", 0)]
    driver.started()
    assert driver.phase == "Running"


def test_nothing_happens_before_the_engine_was_looked_at() -> None:
    from nodeagent.state.machine import PodMachine

    driver = Driver(pod())
    machine = PodMachine(pod(), (), driver.now)
    assert machine.handle(events.Assigned(pod()), driver.now) == []


def test_the_status_of_a_running_pod_is_complete() -> None:
    driver = Driver(pod(container(resources={"requests": {"cpu": "10m"}})))
    driver.run()
    status = driver.status
    assert (status["hostIP"], status["hostIPs"]) == ("192.0.2.1", [{"ip": "192.0.2.1"}, {"ip": "2001:db8::1"}])
    assert (status["podIP"], status["podIPs"]) == ("10.42.0.5", [{"ip": "10.42.0.5"}, {"ip": "fd00::5"}])
    assert status["startTime"] == "2026-01-01T00:00:00Z"
    assert status["qosClass"] == "Burstable"
    assert {c["type"]: c["status"] for c in status["conditions"]} == {
        "PodReadyToStartContainers": "True", "Initialized": "True", "Ready": "True", "ContainersReady": "True",
        "PodScheduled": "True",
    }  # fmt: skip
    assert driver.container_status() == {
        "name": "web",
        "image": "web:1",
        "imageID": "docker://sha256:web",
        "containerID": "docker://web-0",
        "restartCount": 0,
        "ready": True,
        "started": True,
        "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
        "lastState": {},
        "allocatedResources": {"cpu": "10m"},
        "resources": {"requests": {"cpu": "10m"}},
    }


def test_events_have_kubelets_reasons_in_its_order() -> None:
    driver = Driver(pod())
    driver.sandbox()
    driver.tell(events.ImagePulling("web", "web:1"))
    driver.tell(events.ImageReady("web", "web:1", "sha256:1", 1.5, 2048))
    driver.started()
    assert driver.reasons() == ["Pulling", "Pulled", "Created", "Started"]
    assert driver.messages()[1] == (
        'Successfully pulled image "web:1" in 1.500s (1.500s including waiting). Image size: 2048 bytes.'
    )


def test_conditions_of_others_are_kept() -> None:
    gate = {"type": "example.com/gate", "status": "True", "lastTransitionTime": "2025-12-31T00:00:00Z"}
    driver = Driver(pod(status={"conditions": [gate]}))
    driver.run()
    assert gate in driver.status["conditions"]


def test_a_pod_on_a_node_is_scheduled_since_it_was_bound() -> None:
    bound = {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2025-12-31T00:00:00Z"}
    driver = Driver(pod(status={"conditions": [bound]}))
    driver.run()
    assert driver.condition("PodScheduled") == {**bound, "lastProbeTime": None, "observedGeneration": 1}


def test_a_transition_time_moves_only_with_the_status() -> None:
    driver = Driver(pod())
    driver.wait(5)
    driver.run()
    first = driver.condition("Ready")["lastTransitionTime"]
    driver.wait(60)
    driver.tell(events.HostAddresses(("192.0.2.9",)))
    assert first == "2026-01-01T00:00:05Z"
    assert driver.condition("Ready")["lastTransitionTime"] == first
    driver.die()
    assert driver.condition("Ready")["lastTransitionTime"] == "2026-01-01T00:01:05Z"


def test_an_unchanged_status_is_not_said_again() -> None:
    driver = Driver(pod())
    driver.run()
    driver.tell(events.Assigned(driver.machine.pod))
    assert driver.asked(ReportStatus) == []


def test_init_containers_run_one_after_the_other() -> None:
    driver = Driver(pod(initContainers=[container("one"), container("two")]))
    driver.sandbox().image("one")
    assert driver.asked(StartContainer) == [StartContainer("one", 0)]
    assert driver.ever(EnsureImage) == [EnsureImage("one", "one:1")]
    driver.started("one")
    assert driver.condition("Initialized")["message"] == "containers with incomplete status: [one two]"
    assert driver.container_status()["state"] == {"waiting": {"reason": "PodInitializing"}}
    driver.die("one", 0)
    driver.image("two").started("two")
    assert driver.phase == "Pending"
    driver.die("two", 0)
    assert driver.asked(EnsureImage) == [EnsureImage("web", "web:1")]
    driver.image().started()
    assert driver.condition("Initialized")["status"] == "True"
    assert driver.container_status("one")["ready"] is True
    assert driver.phase == "Running"


def test_a_pod_runs_once_all_its_containers_have_been_started() -> None:
    driver = Driver(pod(container("one"), container("two")))
    driver.sandbox()
    driver.image("one").image("two").started("one")
    assert driver.container_status("two")["state"] == {"waiting": {"reason": "ContainerCreating"}}
    assert driver.phase == "Pending"
    driver.started("two")
    assert driver.phase == "Running"
    driver.die("two", 1)
    driver.image("two")
    assert driver.phase == "Running"


def test_a_failing_init_container_is_retried_with_back_off() -> None:
    driver = Driver(pod(initContainers=[container("one")]))
    driver.sandbox().image("one").started("one")
    driver.die("one", 1)
    driver.again("one")
    driver.die("one", 1)
    assert driver.container_status("one")["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert driver.phase == "Pending"
    driver.wait(10)
    driver.again("one")
    driver.die("one", 0)
    driver.image().started()
    assert driver.phase == "Running"


def test_a_failing_init_container_fails_a_pod_that_never_restarts() -> None:
    driver = Driver(pod(restartPolicy="Never", initContainers=[container("one")]))
    driver.sandbox().image("one").started("one")
    driver.die("one", 3)
    assert driver.phase == "Failed"
    assert driver.ever(StartContainer) == [StartContainer("one", 0)]


def test_a_sidecar_lets_the_next_one_start_once_it_has_started() -> None:
    sidecar = container("proxy", restartPolicy="Always", startupProbe={"exec": {}, "failureThreshold": 5})
    driver = Driver(pod(initContainers=[sidecar]))
    driver.sandbox().image("proxy").started("proxy")
    assert driver.ever(EnsureImage) == [EnsureImage("proxy", "proxy:1")]
    driver.probe("startup", True, "proxy")
    driver.image().started()
    assert driver.phase == "Running"
    assert driver.container_status("proxy")["state"].keys() == {"running"}


def test_a_sidecar_is_restarted_whatever_the_pods_policy() -> None:
    driver = Driver(pod(restartPolicy="Never", initContainers=[container("proxy", restartPolicy="Always")]))
    driver.sandbox().image("proxy").started("proxy").image().started()
    driver.die("proxy", 0)
    driver.image("proxy")
    assert driver.asked(StartContainer) == [StartContainer("proxy", 1)]


def test_a_post_start_hook_holds_back_the_containers_after_it() -> None:
    first = container("first", lifecycle={"postStart": {"exec": {}}})
    driver = Driver(pod(first, container("second")))
    driver.sandbox().image("first").image("second").started("first")
    assert driver.asked(RunHook) == [RunHook("first", 0, "first-0", "postStart", None)]
    assert driver.ever(StartContainer) == [StartContainer("first", 0)]
    driver.tell(events.HookDone("first", 0, "postStart"))
    assert driver.asked(StartContainer) == [StartContainer("second", 0)]


def test_a_failed_post_start_hook_kills_the_container() -> None:
    driver = Driver(pod(container(lifecycle={"postStart": {"exec": {}}})))
    driver.run()
    driver.tell(events.HookDone("web", 0, "postStart", "boom"))
    assert "FailedPostStartHook" in driver.reasons()
    assert driver.asked(StopContainer) == [StopContainer("web", 0, "web-0")]


def test_an_image_that_cannot_be_pulled_backs_off() -> None:
    driver = Driver(pod())
    driver.sandbox()
    driver.tell(events.ImageFailed("web", "web:1", "ErrImagePull", "no such host"))
    assert driver.container_status()["state"] == {"waiting": {"reason": "ErrImagePull", "message": "no such host"}}
    driver.wait(2)
    waiting = driver.container_status()["state"]["waiting"]
    assert waiting == {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "web:1": no such host'}
    assert driver.reasons() == ["Failed", "Failed", "BackOff", "Failed"]
    assert driver.messages()[0] == 'Failed to pull image "web:1": no such host'
    driver.wait(7.9)
    assert driver.asked(EnsureImage) == []
    driver.wait(0.1)
    assert driver.asked(EnsureImage) == [EnsureImage("web", "web:1")]


def test_pull_back_off_doubles_up_to_five_minutes() -> None:
    driver = Driver(pod())
    gaps = []
    for _ in range(7):
        driver.tell(events.ImageFailed("web", "web:1", "ErrImagePull", "no"))
        since = driver.mono
        while not driver.asked(EnsureImage):
            driver.wait(1)
        gaps.append(driver.mono - since)
    assert gaps == [10, 20, 40, 80, 160, 300, 300]


def test_an_image_that_may_not_be_pulled() -> None:
    driver = Driver(pod())
    driver.tell(events.ImageFailed("web", "web:1", "ErrImageNeverPull", "not present"))
    assert driver.container_status()["state"]["waiting"]["reason"] == "ErrImageNeverPull"
    assert driver.reasons() == ["ErrImageNeverPull", "Failed"]


def test_another_image_is_tried_at_once_and_the_old_result_ignored() -> None:
    driver = Driver(pod())
    driver.sandbox()
    driver.tell(events.Assigned(pod({"name": "web", "image": "web:2"})))
    assert driver.asked(EnsureImage) == [EnsureImage("web", "web:2")]
    driver.tell(events.ImageReady("web", "web:1", "sha256:old"))
    assert driver.asked(StartContainer) == []
    driver.tell(events.ImageReady("web", "web:2", "sha256:new"))
    assert driver.asked(StartContainer) == [StartContainer("web", 0)]


def test_a_failing_mount_is_said_and_retried() -> None:
    driver = Driver(pod())
    driver.tell(events.VolumesFailed('MountVolume.SetUp failed for volume "v" : configmap "c" not found'))
    assert driver.reasons() == ["FailedMount"]
    assert driver.container_status()["state"] == {"waiting": {"reason": "ContainerCreating"}}
    driver.wait(0.5)
    assert driver.asked(PrepareVolumes)


def test_what_fails_for_want_of_an_object_is_tried_when_it_comes() -> None:
    driver = Driver(pod())
    for _ in range(6):
        driver.tell(events.VolumesFailed("missing"))
        driver.wait(60)
    driver.tell(events.VolumesFailed("missing"))
    driver.tell(events.ReferencesChanged())
    assert driver.asked(PrepareVolumes)
    driver.sandbox().image()
    driver.tell(events.ContainerFailed("web", 0, "CreateContainerConfigError", 'secret "s" not found'))
    assert driver.container_status()["state"]["waiting"]["reason"] == "CreateContainerConfigError"
    driver.tell(events.ReferencesChanged())
    assert driver.asked(StartContainer) == [StartContainer("web", 0)]


@pytest.mark.parametrize("policy", ["Always", "Never"])
def test_a_container_that_cannot_be_made_is_retried_whatever_the_policy(policy: str) -> None:
    driver = Driver(pod(restartPolicy=policy))
    driver.sandbox().image()
    driver.tell(events.ContainerFailed("web", 0, "CreateContainerError", "invalid mount"))
    assert driver.container_status()["state"]["waiting"] == {
        "reason": "CreateContainerError", "message": "invalid mount",
    }  # fmt: skip
    driver.wait(1)
    assert driver.asked(StartContainer) == [StartContainer("web", 0)]


def test_a_container_that_cannot_run_counts_as_ended() -> None:
    driver = Driver(pod(restartPolicy="Never"))
    driver.sandbox().image()
    driver.tell(events.ContainerFailed("web", 0, "RunContainerError", "exec: no such file"))
    assert driver.phase == "Failed"
    ended = driver.container_status()["state"]["terminated"]
    assert (ended["reason"], ended["exitCode"], ended["message"]) == ("ContainerCannotRun", 128, "exec: no such file")
    assert "Error: exec: no such file" in driver.messages()


def test_a_sandbox_that_cannot_be_made_is_retried_with_growing_delay() -> None:
    driver = Driver(pod())
    driver.tell(events.VolumesReady())
    driver.tell(events.SandboxFailed("no address left"))
    assert driver.messages() == ["Failed to create pod sandbox: no address left"]
    driver.wait(1)
    assert driver.asked(StartSandbox) == [StartSandbox(0)]
    driver.tell(events.SandboxFailed("no address left"))
    driver.wait(1)
    assert driver.asked(StartSandbox) == []
    driver.wait(1)
    assert driver.asked(StartSandbox) == [StartSandbox(0)]


def test_a_rejected_pod_fails_and_nothing_is_started() -> None:
    from nodeagent.state.machine import PodMachine

    driver = Driver(pod())
    machine = PodMachine(pod(), (), driver.now)
    said = machine.handle(events.Rejected("OutOfcpu", "Node didn't have enough resource: cpu"), driver.now)
    statuses = [item.status for item in said if isinstance(item, ReportStatus)]
    assert statuses[0]["phase"] == "Failed"
    assert statuses[0]["reason"] == "OutOfcpu"
    assert statuses[0]["message"] == "Pod was rejected: Node didn't have enough resource: cpu"
    assert machine.handle(events.Observed(), driver.now) == []


def test_a_host_network_pod_has_the_hosts_addresses() -> None:
    driver = Driver(pod(hostNetwork=True))
    driver.tell(events.VolumesReady())
    driver.tell(events.SandboxStarted("box", ()))
    driver.image().started()
    assert driver.status["podIP"] == "192.0.2.1"


def test_readiness_gates_hold_back_ready() -> None:
    gates = [{"conditionType": "example.com/lb"}]
    driver = Driver(pod(readinessGates=gates))
    driver.run()
    assert driver.condition("ContainersReady")["status"] == "True"
    ready = driver.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("False", "ReadinessGatesNotReady")
    driver.tell(
        events.Assigned(
            pod(readinessGates=gates, status={"conditions": [{"type": "example.com/lb", "status": "True"}]})
        )
    )
    assert driver.condition("Ready")["status"] == "True"


def test_a_pod_without_its_devices_waits_and_says_so() -> None:
    driver = Driver(pod(resourceClaims=[{"name": "gpu", "resourceClaimName": "gpu"}]))
    driver.tell(events.VolumesReady())
    driver.tell(events.SandboxFailed("no driver of devices is registered on this node", devices=True))
    assert driver.reasons()[-1] == "FailedPrepareDynamicResources"
    assert driver.messages()[-1] == (
        "Failed to prepare dynamic resources: no driver of devices is registered on this node"
    )
    assert driver.phase == "Pending"
    driver.wait(1)
    assert driver.asked(StartSandbox)
