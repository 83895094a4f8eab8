"""Pods on a real engine: from assignment to container and back, through every kind of loss."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from common.api.meta import Object
from tests.integration.engine import TestEngine

from .node import SERVE, Node, pod, script, until

pytestmark = [pytest.mark.root, pytest.mark.engine]


def container_of(status: Object, name: str = "main") -> Object:
    entries = [*status["containerStatuses"], *status.get("initContainerStatuses", ())]
    return next(entry for entry in entries if entry["name"] == name)


async def test_a_pod_runs_and_goes_without_a_trace(node: Node, engine: TestEngine, tmp_path: Path) -> None:
    subject = pod("web", script(SERVE))
    node.sync(full=True, pods=[subject])
    status = await node.wait_ready("web")
    assert status["podIPs"] == [{"ip": "10.88.0.11"}, {"ip": "fd88::b"}]
    assert node.containers("web") == ["", "main"]
    assert {"Pulled", "Created", "Started"} <= set(node.reasons("web"))
    node.delete(subject)
    await node.wait_gone(subject)
    assert node.status("web")["phase"] == "Succeeded"
    assert engine.docker("ps", "-aq") == ""
    assert list((tmp_path / "pods").iterdir()) == []


async def test_volumes_environment_and_init_containers(node: Node) -> None:
    subject = pod(
        "full",
        script(
            "cat /data/made /etc/secret/p; echo $FROM_SECRET $NAME; echo last words > /dev/termination-log; hostname; "
            "cat /etc/hosts | grep -c alias.example",
            env=[
                {"name": "FROM_SECRET", "valueFrom": {"secretKeyRef": {"name": "sec", "key": "p"}}},
                {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            ],
            volumeMounts=[{"name": "data", "mountPath": "/data"}, {"name": "sec", "mountPath": "/etc/secret"}],
        ),
        restartPolicy="Never",
        initContainers=[
            script("echo made > /data/made", "init", volumeMounts=[{"name": "data", "mountPath": "/data"}])
        ],
        volumes=[{"name": "data", "emptyDir": {}}, {"name": "sec", "secret": {"secretName": "sec"}}],
        hostAliases=[{"ip": "192.0.2.7", "hostnames": ["alias.example"]}],
    )
    sealed = {
        "kind": "Secret",
        "metadata": {"name": "sec", "namespace": "default", "uid": "s"},
        "data": {"p": "aHVudGVyMg=="},
    }
    node.sync(full=True, pods=[subject])
    await until("the missing secret to be said", lambda: "FailedMount" in node.reasons("full"))
    node.sync(secrets=[sealed])
    status = await node.wait_phase("full", "Succeeded")
    main = container_of(status)
    assert main["state"]["terminated"]["message"] == "last words\n"
    assert await node.log(main["containerID"]) == "made\nhunter2hunter2 full\nfull\n1\n"
    assert container_of(status, "init")["state"]["terminated"]["reason"] == "Completed"
    assert not any("hunter2" in str(event) for event in node.events)


async def test_a_config_map_volume_follows_its_object(node: Node) -> None:
    def config(value: str) -> Object:
        return {
            "kind": "ConfigMap",
            "metadata": {"name": "cm", "namespace": "default", "uid": "c"},
            "data": {"k": value},
        }

    subject = pod(
        "follower",
        script(SERVE, volumeMounts=[{"name": "cm", "mountPath": "/cm"}]),
        volumes=[{"name": "cm", "configMap": {"name": "cm"}}],
    )
    node.sync(full=True, pods=[subject], configmaps=[config("old")])
    container_id = container_of(await node.wait_ready("follower"))["containerID"].removeprefix("docker://")
    assert await node.runtime.exec_probe(container_id, ["cat", "/cm/k"], 30) == (0, "old")
    node.sync(configmaps=[config("new")])

    async def reads_new() -> bool:
        return await node.runtime.exec_probe(container_id, ["cat", "/cm/k"], 30) == (0, "new")

    await until("the new contents", reads_new)


async def test_a_container_killed_outside_is_restarted(node: Node, engine: TestEngine) -> None:
    node.sync(full=True, pods=[pod("web", script(SERVE))])
    first = container_of(await node.wait_ready("web"))["containerID"]
    engine.docker("kill", first.removeprefix("docker://"))

    def restarted() -> bool:
        entry = container_of(node.status("web"))
        return bool(entry["ready"] and entry["restartCount"] == 1 and entry["containerID"] != first)

    await until("the restart", restarted, node.stories)
    assert container_of(node.status("web"))["lastState"]["terminated"]["exitCode"] == 137


async def test_a_sandbox_killed_outside_makes_all_anew(node: Node, engine: TestEngine) -> None:
    node.sync(full=True, pods=[pod("web", script(SERVE))])
    before = await node.wait_ready("web")
    label = "label=io.quarterdeck.container="
    engine.docker("kill", engine.docker("ps", "-q", "--filter", label).strip())

    def again() -> bool:
        status = node.status("web")
        ready = {item["type"]: item["status"] for item in status["conditions"]}["Ready"] == "True"
        return ready and status["podIP"] != before["podIP"]

    await until("a new sandbox", again, node.stories)
    assert "SandboxChanged" in node.reasons("web")
    assert node.containers("web") == ["", "main"]


async def test_a_restart_of_the_agent_touches_nothing(node: Node, engine: TestEngine) -> None:
    subject = pod("web", script(SERVE, readinessProbe={"exec": {"command": ["true"]}, "periodSeconds": 1}))
    node.sync(full=True, pods=[subject])
    status = await node.wait_ready("web")
    before = engine.docker("ps", "-q", "--no-trunc")
    node.sync(pods=[{**subject, "status": status}])
    await node.restart()
    again = await node.wait_ready("web")
    assert engine.docker("ps", "-q", "--no-trunc") == before
    assert container_of(again) == container_of(status)
    assert node.reasons("web").count("Started") == 1


async def test_what_happened_while_the_agent_was_away_is_made_good(node: Node, engine: TestEngine) -> None:
    node.sync(full=True, pods=[pod("web", script(SERVE))])
    first = container_of(await node.wait_ready("web"))["containerID"].removeprefix("docker://")
    node.drain()
    await node.stop()
    engine.docker("kill", first)
    node.make()
    await node.start()
    await until("the restart", lambda: node.status("web").get("containerStatuses", [{}])[0].get("restartCount") == 1)
    await node.wait_ready("web")


async def test_pods_that_nobody_wants_any_more_are_ended_after_a_restart(node: Node, engine: TestEngine) -> None:
    node.sync(full=True, pods=[pod("web", script(SERVE))])
    await node.wait_ready("web")
    node.sync(full=True)
    await node.assignment.save()
    await node.restart()
    await until("the containers to go", lambda: not engine.docker("ps", "-aq"), node.stories)


async def test_without_knowing_what_is_assigned_nothing_is_ended(
    node: Node, engine: TestEngine, tmp_path: Path
) -> None:
    subject = pod("web", script(SERVE))
    node.sync(full=True, pods=[subject])
    await node.wait_ready("web")
    before = engine.docker("ps", "-q")
    await node.stop()
    (tmp_path / "assignment" / "pods.json").write_bytes(b'[{"metadata"')
    node.make()
    await node.start()
    await until("a look at the engine", lambda: not node.pods.engine_error)
    assert engine.docker("ps", "-q") == before
    node.sync(full=True, pods=[subject])
    await node.wait_ready("web")
    assert engine.docker("ps", "-q") == before


async def test_an_engine_restart_is_recovered_from(node: Node, engine: TestEngine) -> None:
    node.sync(full=True, pods=[pod("web", script(SERVE))])
    await node.wait_ready("web")
    engine.stop()
    await until("the loss to be noticed", lambda: node.pods.engine_error)
    engine.start()
    await until("the engine to be found again", lambda: not node.pods.engine_error)
    await until("the pod to run again", lambda: node.containers("web") == ["", "main"], node.stories)
    await node.wait_ready("web")


async def test_bad_pods_say_what_is_wrong(node: Node, tmp_path: Path) -> None:
    node.sync(
        full=True,
        pods=[
            pod("noimage", {"name": "main", "image": "registry.invalid/x:1", "imagePullPolicy": "IfNotPresent"}),
            pod("never", {"name": "main", "image": "no/such:1", "imagePullPolicy": "Never"}),
            pod("nocommand", script("", command=["/nosuch"]), restartPolicy="Never"),
            pod("noconfig", script("", envFrom=[{"configMapRef": {"name": "absent"}}])),
            pod("noprofile", script("", securityContext=seccomp("absent.json"))),
            pod("apparmor", script("", securityContext={"appArmorProfile": {"type": "RuntimeDefault"}})),
        ],
    )

    def waiting(name: str) -> str:
        entries = node.status(name).get("containerStatuses") or [{}]
        return str(entries[0].get("state", {}).get("waiting", {}).get("reason", ""))

    await until("the pull to fail", lambda: waiting("noimage") in {"ErrImagePull", "ImagePullBackOff"}, node.stories)
    await until("the refusal to pull", lambda: waiting("never") == "ErrImageNeverPull", node.stories)
    await until("the missing reference", lambda: waiting("noconfig") == "CreateContainerConfigError", node.stories)
    await until("the missing profile", lambda: waiting("noprofile") == "CreateContainerError", node.stories)
    status = await node.wait_phase("apparmor", "Failed")
    assert (status["reason"], status["message"]) == (
        "AppArmor",
        "Pod was rejected: Cannot enforce AppArmor: AppArmor is not enabled on the host",
    )
    status = await node.wait_phase("nocommand", "Failed")
    assert container_of(status)["state"]["terminated"]["reason"] == "ContainerCannotRun"
    messages = [event["message"] for event in node.events]
    assert 'Error: configmap "absent" not found' in messages
    path = tmp_path / "seccomp/absent.json"
    assert f'Error: cannot load seccomp profile "{path}": open {path}: no such file or directory' in messages
    assert 'Container image "no/such:1" is not present with pull policy of Never' in messages


def seccomp(name: str) -> Object:
    return {"seccompProfile": {"type": "Localhost", "localhostProfile": name}}


async def test_a_container_has_the_profile_of_the_node_that_it_names(node: Node, tmp_path: Path) -> None:
    folder = tmp_path / "seccomp"
    folder.mkdir()
    denied = {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}
    profile = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [denied]}
    (folder / "no-mkdir.json").write_text(json.dumps(profile))
    text = "mkdir /a; exit $?"
    one = pod("bound", script(text, securityContext=seccomp("no-mkdir.json")), restartPolicy="Never")
    other = pod("free", script(text), restartPolicy="Never")
    node.sync(full=True, pods=[one, other])
    await node.wait_phase("bound", "Failed")
    await node.wait_phase("free", "Succeeded")


async def test_a_process_that_ignores_sigterm_is_killed(node: Node) -> None:
    subject = pod("deaf", script("trap '' TERM; while true; do sleep 0.1; done"))
    node.sync(full=True, pods=[subject])
    await node.wait_ready("deaf")
    node.delete(subject, grace=2)
    await node.wait_gone(subject)
    assert container_of(node.status("deaf"))["state"]["terminated"]["exitCode"] == 137


async def test_hooks_run_in_the_container(node: Node) -> None:
    hooks = {
        "postStart": {"exec": {"command": ["sh", "-c", "echo post >> /data/log"]}},
        "preStop": {"exec": {"command": ["sh", "-c", "echo pre >> /data/log; cat /data/log > /dev/termination-log"]}},
    }
    subject = pod(
        "hooked",
        script(SERVE, lifecycle=hooks, volumeMounts=[{"name": "data", "mountPath": "/data"}]),
        volumes=[{"name": "data", "emptyDir": {"medium": "Memory"}}],
    )
    node.sync(full=True, pods=[subject])
    await node.wait_ready("hooked")
    node.delete(subject)
    await node.wait_gone(subject)
    assert container_of(node.status("hooked"))["state"]["terminated"]["message"] == "post\npre\n"


async def test_an_image_is_a_volume_and_a_file_has_variables(node: Node, engine: TestEngine) -> None:
    engine.add_image("data:1", etc__greeting=b"from the image\n")
    subject = pod(
        "files",
        script(
            "cat /data/etc/greeting /part/greeting; echo $SAID; touch /data/x 2>/dev/null || echo sealed",
            env=[
                {
                    "name": "SAID",
                    "valueFrom": {"fileKeyRef": {"volumeName": "made", "path": "my.env", "key": "WORD"}},
                }
            ],
            volumeMounts=[
                {"name": "data", "mountPath": "/data"},
                {"name": "data", "mountPath": "/part", "subPath": "etc"},
            ],
        ),
        restartPolicy="Never",
        initContainers=[
            script("echo \"WORD='two words'\" > /made/my.env", "init", volumeMounts=[
                {"name": "made", "mountPath": "/made"}]),
        ],
        volumes=[
            {"name": "data", "image": {"reference": "data:1", "pullPolicy": "Never"}}, {"name": "made", "emptyDir": {}}
        ],
    )  # fmt: skip
    node.sync(full=True, pods=[subject])
    status = await node.wait_phase("files", "Succeeded")
    log = await node.log(container_of(status)["containerID"])
    assert log == "from the image\nfrom the image\ntwo words\nsealed\n"


async def test_whoever_mounts_an_image_that_is_not_there_waits_for_it(node: Node) -> None:
    subject = pod(
        "waits",
        script(SERVE, volumeMounts=[{"name": "data", "mountPath": "/data"}]),
        volumes=[{"name": "data", "image": {"reference": "nowhere:1", "pullPolicy": "Never"}}],
    )
    node.sync(full=True, pods=[subject])

    def reason() -> bool:
        entry = container_of(node.status("waits"))
        return bool(entry["state"].get("waiting", {}).get("reason") == "ErrImageNeverPull")

    await until("the missing image", lambda: "ErrImageNeverPull" in node.reasons("waits") and reason())
    node.delete(subject)
    await node.wait_gone(subject)


async def test_a_rule_restarts_the_whole_pod_in_place(node: Node) -> None:
    rule = {"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [88]}}
    shared = [{"name": "kept", "mountPath": "/kept"}]
    subject = pod(
        "whole",
        script(SERVE, "main"),
        restartPolicy="Never",
        initContainers=[
            script("echo again >> /kept/runs", "init", volumeMounts=shared),
            script(
                "[ $(wc -l < /kept/runs) = 1 ] && exit 88; sleep 1000", "watcher", volumeMounts=shared,
                restartPolicy="Always", restartPolicyRules=[rule],
            ),
        ],
        volumes=[{"name": "kept", "emptyDir": {}}],
    )  # fmt: skip
    node.sync(full=True, pods=[subject])

    def restarted() -> bool:
        entries = [container_of(node.status("whole"), name) for name in ("init", "watcher", "main")]
        counts = [entry["restartCount"] for entry in entries]
        return counts[:2] == [1, 1] and "running" in entries[2]["state"] and "running" in entries[1]["state"]

    await until("the restart", lambda: node.status("whole") and restarted(), lambda: node.status("whole"))
    assert node.status("whole")["podIPs"][0]["ip"].startswith("10.88.0.")
    node.delete(subject)
    await node.wait_gone(subject)


async def test_a_pod_that_claims_devices_does_not_run_without_them(node: Node) -> None:
    subject = pod("gpu", script(SERVE), resourceClaims=[{"name": "gpu", "resourceClaimName": "gpu"}])
    node.sync(full=True, pods=[subject])
    await until("the missing driver", lambda: "FailedPrepareDynamicResources" in node.reasons("gpu"))
    assert node.containers("gpu") == []
    assert node.status("gpu")["phase"] == "Pending"
    node.delete(subject)
    await node.wait_gone(subject)
