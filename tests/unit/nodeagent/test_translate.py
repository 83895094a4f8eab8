"""From Kubernetes' words to the engine's."""

from __future__ import annotations

import json
import struct
import tarfile
from io import BytesIO
from typing import Any

import pytest

from common.api.meta import Object
from nodeagent.runtime import pause, translate
from nodeagent.runtime.base import ContainerSpec, ContainerState, Mount, RuntimeFailure, SandboxSpec

from .fakes import pod


def config(container: Object | None = None, environment: dict[str, str] | None = None, **spec: Any) -> Object:
    subject = pod(container, **spec)
    built = ContainerSpec(subject, subject["spec"]["containers"][0], "box", 2, environment or {}, (), "hash")
    return translate.container_config(built, "c1")


def sandbox(network: str = "quarterdeck", **spec: Any) -> Object:
    addresses = ("10.42.0.5", "fd00::5") if network else ()
    built = SandboxSpec(pod(**spec), network, addresses, "web-1", "", attempt=1)
    return translate.sandbox_config(built, "c1", "quarterdeck/sandbox:x")


def test_a_sandbox_gets_its_addresses_and_nothing_else() -> None:
    made = sandbox()
    assert made["Hostname"] == "web-1"
    assert made["NetworkingConfig"]["EndpointsConfig"]["quarterdeck"]["IPAMConfig"] == {
        "IPv4Address": "10.42.0.5", "IPv6Address": "fd00::5",
    }  # fmt: skip
    host = made["HostConfig"]
    assert (host["NetworkMode"], host["IpcMode"], host["CapDrop"]) == ("quarterdeck", "shareable", ["ALL"])
    assert made["Labels"]["io.quarterdeck"] == "c1"
    assert made["Labels"]["io.quarterdeck.attempt"] == "1"
    assert made["Labels"]["io.quarterdeck.container"] == ""


def test_a_runtime_is_the_sandboxs_and_its_containers() -> None:
    subject = pod()
    box = SandboxSpec(subject, "quarterdeck", (), "web-1", "", runtime="kata")
    inside = ContainerSpec(subject, subject["spec"]["containers"][0], "box", 2, {}, runtime="kata")
    assert translate.sandbox_config(box, "c1", "x")["HostConfig"]["Runtime"] == "kata"
    assert translate.container_config(inside, "c1")["HostConfig"]["Runtime"] == "kata"
    assert "Runtime" not in config()["HostConfig"]
    assert "Runtime" not in sandbox()["HostConfig"]


def test_a_host_network_sandbox_has_no_network_of_its_own() -> None:
    made = sandbox("", hostNetwork=True, hostIPC=True, hostPID=True)
    host = made["HostConfig"]
    assert (host["NetworkMode"], host["IpcMode"], host["PidMode"]) == ("host", "host", "host")
    assert "NetworkingConfig" not in made
    assert "Hostname" not in made


def test_host_ports_are_published_by_the_sandbox() -> None:
    ports = [{"containerPort": 80, "hostPort": 8080, "hostIP": "127.0.0.1"}, {"containerPort": 53, "protocol": "UDP"}]
    made = sandbox(containers=[{"name": "web", "ports": ports}])
    assert made["HostConfig"]["PortBindings"] == {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]}


def test_a_container_lives_in_its_sandbox() -> None:
    host = config()["HostConfig"]
    assert host["NetworkMode"] == host["IpcMode"] == "container:box"
    assert "PidMode" not in host
    assert config(shareProcessNamespace=True)["HostConfig"]["PidMode"] == "container:box"
    assert host["RestartPolicy"] == {"Name": "no"}
    assert host["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "5"}


def test_command_and_args_take_the_place_of_the_images() -> None:
    made = config({"command": ["sh"], "args": ["-c", "x"], "workingDir": "/w", "tty": True, "stdin": True})
    assert (made["Entrypoint"], made["Cmd"], made["WorkingDir"]) == (["sh"], ["-c", "x"], "/w")
    assert (made["Tty"], made["OpenStdin"]) == (True, True)
    assert not {"Entrypoint", "Cmd", "WorkingDir", "User"} & config().keys()


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({}, {"CpuShares": 2}),
        ({"requests": {"cpu": "500m"}}, {"CpuShares": 512}),
        ({"limits": {"cpu": "1500m"}}, {"CpuShares": 1536, "CpuPeriod": 100000, "CpuQuota": 150000}),
        ({"limits": {"cpu": "1m"}}, {"CpuShares": 2, "CpuPeriod": 100000, "CpuQuota": 1000}),
        ({"limits": {"memory": "64Mi"}}, {"CpuShares": 2, "Memory": 67108864, "MemorySwap": 67108864}),
    ],
)
def test_resources(resources: Object, expected: Object) -> None:
    host = config({"resources": resources})["HostConfig"]
    assert {key: host[key] for key in expected} == expected
    assert ("Memory" in host) is ("Memory" in expected)
    assert ("CpuQuota" in host) is ("CpuQuota" in expected)


def test_a_container_without_limits_has_those_of_its_pod_as_a_whole() -> None:
    whole = {"limits": {"cpu": "1", "memory": "64Mi"}}
    made = pod({"resources": {"limits": {"cpu": "500m"}}}, resources=whole)
    spec = ContainerSpec(made, made["spec"]["containers"][0], "box", 0, {})
    host = translate.container_config(spec, "c")["HostConfig"]
    assert (host["CpuQuota"], host["Memory"]) == (50_000, 64 << 20)


def test_devices_may_be_read_only() -> None:
    made = pod()
    devices = (Mount("/dev/loop0", "/dev/own"), Mount("/dev/loop1", "/dev/other", read_only=True))
    spec = ContainerSpec(made, made["spec"]["containers"][0], "box", 0, {}, devices=devices)
    assert translate.container_config(spec, "c")["HostConfig"]["Devices"] == [
        {"PathOnHost": "/dev/loop0", "PathInContainer": "/dev/own", "CgroupPermissions": "rwm"},
        {"PathOnHost": "/dev/loop1", "PathInContainer": "/dev/other", "CgroupPermissions": "rm"},
    ]


def test_the_containers_security_context_comes_before_the_pods() -> None:
    made = config(
        {"securityContext": {
            "runAsUser": 7, "privileged": True, "readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False,
            "capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]}, "seccompProfile": {"type": "Unconfined"},
        }},
        securityContext={"runAsUser": 5, "runAsGroup": 6, "supplementalGroups": [8], "fsGroup": 9},
    )  # fmt: skip
    host = made["HostConfig"]
    assert made["User"] == "7:6"
    assert host["GroupAdd"] == ["8", "9"]
    assert (host["Privileged"], host["ReadonlyRootfs"]) == (True, True)
    assert (host["CapAdd"], host["CapDrop"]) == (["NET_ADMIN"], ["ALL"])
    assert host["SecurityOpt"] == ["no-new-privileges", "seccomp=unconfined"]


def test_profiles_of_the_node() -> None:
    context = {
        "seccompProfile": {"type": "Localhost", "localhostProfile": "own.json"},
        "appArmorProfile": {"type": "Localhost", "localhostProfile": "deny-write"},
    }
    made = pod({"securityContext": context})
    spec = ContainerSpec(made, made["spec"]["containers"][0], "box", 0, {}, seccomp='{"defaultAction":"SCMP_ACT_LOG"}')
    options = translate.container_config(spec, "c")["HostConfig"]["SecurityOpt"]
    assert options == ['seccomp={"defaultAction":"SCMP_ACT_LOG"}', "apparmor=deny-write"]
    own = config({"securityContext": {"appArmorProfile": {"type": "Unconfined"}}}, securityContext=context)
    assert own["HostConfig"]["SecurityOpt"] == ["apparmor=unconfined"]
    default = config({"securityContext": {"appArmorProfile": {"type": "RuntimeDefault"}}})
    assert default["HostConfig"]["SecurityOpt"] == []


@pytest.mark.parametrize(
    ("context", "image_user", "message"),
    [
        ({"runAsNonRoot": True}, "", "image will run as root"),
        ({"runAsNonRoot": True}, "root", "image will run as root"),
        ({"runAsNonRoot": True, "runAsUser": 0}, "1000", "runAsUser breaks non-root policy"),
        ({"runAsNonRoot": True}, "www", "non-numeric user"),
    ],
)
def test_root_is_refused_where_it_must_not_be(context: Object, image_user: str, message: str) -> None:
    subject = pod({"securityContext": context})
    with pytest.raises(RuntimeFailure, match=message) as caught:
        translate.check_non_root(subject, subject["spec"]["containers"][0], image_user)
    assert caught.value.reason == "CreateContainerConfigError"


def test_a_numeric_user_is_no_root() -> None:
    subject = pod({"securityContext": {"runAsNonRoot": True}})
    translate.check_non_root(subject, subject["spec"]["containers"][0], "1000:1000")


def test_secrets_are_in_the_environment_only() -> None:
    made = config({}, {"PASSWORD": "hunter2"})
    assert made["Env"] == ["PASSWORD=hunter2"]
    made["Env"] = []
    assert "hunter2" not in json.dumps(made)


def test_mounts() -> None:
    subject = pod()
    mounts = (Mount("/a", "/b", True), Mount("/c", "/d", propagation="rslave"))
    built = ContainerSpec(subject, subject["spec"]["containers"][0], "box", 0, {}, mounts)
    assert translate.container_config(built, "c1")["HostConfig"]["Mounts"] == [
        {"Type": "bind", "Source": "/a", "Target": "/b", "ReadOnly": True},
        {"Type": "bind", "Source": "/c", "Target": "/d", "ReadOnly": False, "BindOptions": {"Propagation": "rslave"}},
    ]


def test_what_an_inspection_says() -> None:
    info = translate.info(
        {
            "Id": "abc",
            "Image": "sha256:1",
            "Config": {"Labels": translate.labels("c1", pod(), "web", 3, "hash"), "Image": "web:1"},
            "State": {
                "Status": "exited", "ExitCode": 137, "OOMKilled": True,
                "StartedAt": "2026-01-01T00:00:00.123456789Z", "FinishedAt": "0001-01-01T00:00:00Z",
            },
            "NetworkSettings": {"Networks": {"quarterdeck": {"IPAddress": "10.42.0.5", "GlobalIPv6Address": ""}}},
        }
    )  # fmt: skip
    assert (info.pod_uid, info.pod_namespace, info.pod_name) == ("u1", "default", "web-1")
    assert (info.container, info.attempt, info.spec_hash) == ("web", 3, "hash")
    assert (info.state, info.exit_code, info.oom_killed) == (ContainerState.EXITED, 137, True)
    assert (info.started_at, info.finished_at) == ("2026-01-01T00:00:00Z", "")
    assert info.addresses == ("10.42.0.5",)


def test_names_are_unique_by_attempt_and_short_enough() -> None:
    long = {"metadata": {"name": "n" * 253, "namespace": "s" * 63, "uid": "u1"}}
    assert len(translate.container_name(long, "c" * 63, 12)) < 200
    assert translate.container_name(pod(), "web", 0) != translate.container_name(pod(), "web", 1)


@pytest.mark.parametrize(("machine", "number"), [("x86_64", 62), ("aarch64", 183)])
def test_the_sandbox_program_is_a_small_static_elf_file(machine: str, number: int) -> None:
    content = pause.program(machine)
    assert content[:4] == b"\x7fELF"
    assert struct.unpack_from("<H", content, 18) == (number,)
    (size,) = struct.unpack_from("<Q", content, 64 + 32)
    assert size == len(content) < 400
    with tarfile.open(fileobj=BytesIO(pause.archive(machine))) as tar:
        assert [(entry.name, entry.mode) for entry in tar] == [("pause", 0o755)]


def test_other_machines_have_no_sandbox_program() -> None:
    with pytest.raises(ValueError, match="riscv64"):
        pause.program("riscv64")
