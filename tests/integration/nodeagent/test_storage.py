"""Claims on a real engine: folders, Docker volume drivers, read-only mounts, sub-paths, over restarts of the agent."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from common.api.meta import Object
from common.clock import SystemClock
from nodeagent.mounts import SystemMounter
from nodeagent.runtime.base import RuntimeFailure
from nodeagent.storage.watch import Fleet, VolumeWatch
from nodeagent.volumes import Volumes
from tests.fakes import objects
from tests.integration.engine import TestEngine

from .node import SERVE, Node, pod, script, until

pytestmark = [pytest.mark.root, pytest.mark.engine]


def bound(csi: str, /, **attributes: str) -> dict[str, list[Object]]:
    """The claim `data` and its volume, as the control plane sends them."""
    found = objects.claim("data", volume="pv", uid="claim-1")
    held = objects.volume("pv", claim="default/data", phase="Bound")
    held["metadata"]["uid"] = "volume-1"
    del held["spec"]["hostPath"]
    held["spec"]["csi"] = {"driver": csi, "volumeHandle": "pvc-1", "volumeAttributes": attributes}
    held["spec"]["claimRef"]["uid"] = "claim-1"
    return {"persistentvolumeclaims": [found], "persistentvolumes": [held]}


def user(name: str, command: str, mount: Object | None = None, **spec: Any) -> Object:
    mounts = [{"name": "data", "mountPath": "/data", **(mount or {})}]
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    return pod(name, script(command, volumeMounts=mounts), restartPolicy="Never", volumes=volumes, **spec)


async def test_a_folder_keeps_its_content_over_pods_and_agents(node: Node, tmp_path: Path) -> None:
    writer = user("writer", "echo kept > /data/file")
    node.sync(full=True, pods=[writer], **bound("local.quarterdeck.io"))
    await node.wait_phase("writer", "Succeeded")
    node.delete(writer)
    await node.wait_gone(writer)
    await node.restart()
    reader = user("reader", "cat /data/file && ! touch /data/other 2> /dev/null", {"readOnly": True})
    node.sync(full=True, pods=[reader], **bound("local.quarterdeck.io"))
    status = await node.wait_phase("reader", "Succeeded")
    assert await node.log(status["containerStatuses"][0]["containerID"]) == "kept\n"
    assert (tmp_path / "volumes" / "pvc-1" / "file").read_text() == "kept\n"


async def test_a_device_keeps_what_is_written_and_goes_with_its_last_pod(node: Node, tmp_path: Path) -> None:
    def on(name: str, command: str) -> Object:
        subject = user(name, command)
        container = subject["spec"]["containers"][0]
        container["volumeDevices"] = [{"name": "data", "devicePath": "/dev/own"}]
        del container["volumeMounts"]
        return subject

    held = bound("local.quarterdeck.io")
    held["persistentvolumes"][0]["spec"] |= {"volumeMode": "Block", "capacity": {"storage": "8Mi"}}
    writer = on("writer", "busybox blockdev --getsize64 /dev/own && echo kept | dd of=/dev/own conv=fsync 2> /dev/null")
    node.sync(full=True, pods=[writer], **held)
    status = await node.wait_phase("writer", "Succeeded")
    assert await node.log(status["containerStatuses"][0]["containerID"]) == f"{8 << 20}\n"
    node.delete(writer)
    await node.wait_gone(writer)
    listing = subprocess.run(
        ["losetup", "--list", "--noheadings", "--output", "BACK-FILE"], capture_output=True, check=True
    )
    assert str(tmp_path) not in listing.stdout.decode()
    await node.restart()
    reader = on("reader", "dd if=/dev/own bs=5 count=1")
    node.sync(full=True, pods=[reader], **held)
    status = await node.wait_phase("reader", "Succeeded")
    assert "kept" in await node.log(status["containerStatuses"][0]["containerID"])
    node.delete(reader)
    await node.wait_gone(reader)


@pytest.fixture
def device(tmp_path: Path) -> Iterator[str]:
    """An empty loop device."""
    with (tmp_path / "disk").open("wb") as file:
        file.truncate(32 << 20)
    found = _losetup("--find", "--show", str(tmp_path / "disk"))
    yield found
    subprocess.run(["umount", found], check=False, capture_output=True)
    _losetup("--detach", found)


def _losetup(*words: str) -> str:
    return subprocess.run(["losetup", *words], capture_output=True, check=True, text=True).stdout.strip()


async def test_a_device_gets_a_file_system_once_and_pods_share_it(node: Node, device: str, tmp_path: Path) -> None:
    held = bound("local.quarterdeck.io")
    del held["persistentvolumes"][0]["spec"]["csi"]
    held["persistentvolumes"][0]["spec"]["local"] = {"path": device}
    group = {"securityContext": {"fsGroup": 1234}}
    writer = user("writer", "echo kept > /data/file; busybox stat -c %g /data/file; " + SERVE, **group)
    reader = user("reader", "until cat /data/file; do busybox sleep 0.1; done")
    node.sync(full=True, pods=[writer], **held)
    await node.wait_phase("writer", "Running")
    await until("the group of the file", lambda: _logged(node, "writer", "1234"))
    node.sync(full=True, pods=[writer, reader], **held)
    await node.wait_phase("reader", "Succeeded")
    for subject in (writer, reader):
        node.delete(subject)
        await node.wait_gone(subject)
    assert not (tmp_path / "mounts" / "pv").exists()
    again = user("again", "cat /data/file && busybox ls -d /data/lost+found")
    node.sync(full=True, pods=[again], **held)
    status = await node.wait_phase("again", "Succeeded")
    assert "kept" in await node.log(status["containerStatuses"][0]["containerID"])
    node.delete(again)
    await node.wait_gone(again)


async def test_a_sub_path_is_made_in_the_folder(node: Node, tmp_path: Path) -> None:
    subject = user("sub", "echo x > /data/file", {"subPathExpr": "$(WHO)/inner"})
    subject["spec"]["containers"][0]["env"] = [{"name": "WHO", "value": "me"}]
    node.sync(full=True, pods=[subject], **bound("local.quarterdeck.io"))
    await node.wait_phase("sub", "Succeeded")
    assert (tmp_path / "volumes" / "pvc-1" / "me" / "inner" / "file").exists()


async def test_a_pod_waits_for_its_claim_and_goes_on_when_it_comes(node: Node) -> None:
    subject = user("early", SERVE)
    node.sync(full=True, pods=[subject])
    await until("the pod to say what it waits for", lambda: "FailedMount" in node.reasons("early"))
    assert any('persistentvolumeclaim "data" not found' in event["message"] for event in node.events)
    node.sync(**bound("local.quarterdeck.io"))
    await node.wait_ready("early")


async def test_a_docker_driver_with_options_is_mounted_and_removed(node: Node, engine: TestEngine) -> None:
    # The local driver with options mounts a file system of its own: here one of a megabyte.
    options = {"driver": "local", "type": "tmpfs", "device": "tmpfs", "o": "size=1m"}
    sent = bound("docker.quarterdeck.io", **options)
    filler = "i=0; while echo 0123456789abcdef0123456789abcdef >> /data/file; do i=1; done; echo full; " + SERVE
    subject = user("docker", filler)
    node.sync(full=True, pods=[subject], **sent)
    await node.wait_ready("docker")
    await until("the volume to be full", lambda: _logged(node, "docker", "full"))
    found = engine.docker("volume", "inspect", "pvc-1", "--format", "{{.Driver}} {{.Options.o}} {{.Labels}}")
    assert found.startswith("local size=1m map[io.quarterdeck:c1]")
    with pytest.raises(RuntimeFailure, match="volume is in use"):
        await node.runtime.remove_volume("pvc-1")
    node.delete(subject)
    await node.wait_gone(subject)
    await node.stager.reclaim(sent["persistentvolumes"][0], {})
    assert engine.docker("volume", "ls", "-q") == ""


async def _logged(node: Node, name: str, text: str) -> bool:
    status = node.status(name)
    return text in await node.log(status["containerStatuses"][0]["containerID"])


async def test_a_driver_that_is_not_installed_is_named(node: Node) -> None:
    node.sync(full=True, pods=[user("odd", SERVE)], **bound("docker.quarterdeck.io", driver="nosuch"))
    await until("the pod to say what is missing", lambda: "FailedMount" in node.reasons("odd"))
    assert any("nosuch" in event["message"] for event in node.events if event["reason"] == "FailedMount")


async def test_a_pod_that_fills_its_scratch_space_is_evicted_and_figures_are_taken(node: Node, tmp_path: Path) -> None:
    volumes = Volumes(tmp_path, SystemMounter(), node.stager.staged)
    fleet = Fleet(node.pods.with_volumes, volumes.pod_folder, node.pods.say_of, node.pods.evict)
    watch = VolumeWatch(node.stager, SystemClock(), fleet)
    fills = "i=0; while [ $i -lt 2000 ]; do echo 0123456789abcdef0123456789abcdef >> /scratch/file; i=$((i+1)); done; "
    greedy = user("greedy", fills + SERVE)
    greedy["spec"]["containers"][0]["volumeMounts"].append({"name": "scratch", "mountPath": "/scratch"})
    greedy["spec"]["volumes"].append({"name": "scratch", "emptyDir": {"sizeLimit": "10Ki"}})
    modest = pod("modest", script(SERVE), volumes=[{"name": "scratch", "emptyDir": {"sizeLimit": "10Mi"}}])
    node.sync(full=True, pods=[greedy, modest], **bound("local.quarterdeck.io"))
    await node.wait_ready("modest")
    watch.start()
    try:
        status = await node.wait_phase("greedy", "Failed")
        assert status["reason"] == "Evicted"
        assert status["message"] == 'Usage of EmptyDir volume "scratch" exceeds the limit "10Ki". '
        claim, figures = await until("figures", lambda: watch.figures(modest).get("scratch"))
        assert (claim, figures.used < 10 * 2**20, figures.capacity > figures.available) == ("", True, True)
    finally:
        await watch.close()


# A disk that is full


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
async def small_node(engine: TestEngine, small_disk: Path) -> AsyncIterator[Node]:
    node = Node(engine, small_disk)
    await node.start()
    yield node
    (small_disk / "filler").unlink(missing_ok=True)
    await node.end()


async def test_a_full_disk_is_said_and_room_mends_it(small_node: Node, small_disk: Path) -> None:
    node = small_node
    await until("a look at the engine", lambda: not node.pods.engine_error)
    with (small_disk / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    node.sync(full=True, pods=[user("full", SERVE)], **bound("local.quarterdeck.io"))

    def told() -> bool:
        node.drain()
        return any("No space left on device" in event["message"] for event in node.events)

    await until("the full disk to be told", told, node.stories)
    assert node.containers("full") == []
    (small_disk / "filler").unlink()
    await node.wait_ready("full")
    assert (small_disk / "volumes" / "pvc-1").is_dir()
