"""What a pod's claims come down to on its node: resolved, placed, made whole, and removed."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path
from typing import Any

import orjson
import pytest

from common.api.meta import Object
from common.files import write_atomic
from nodeagent.storage.attachments import Staged, VolumeFailure, attachments
from nodeagent.storage.paths import make_folder, own_by_group, remove_folder
from nodeagent.storage.stager import InUse, Stager
from tests.fakes.objects import claim, pod, volume, with_claims
from tests.unit.nodeagent.fakes import Objects


class Engine:
    """Docker volumes by name."""

    def __init__(self) -> None:
        self.volumes: dict[str, tuple[str, dict[str, str]]] = {}

    async def ensure_volume(self, name: str, driver: str, options: dict[str, str]) -> None:
        self.volumes.setdefault(name, (driver, options))

    async def remove_volume(self, name: str) -> None:
        self.volumes.pop(name, None)


GROUP = os.getgid() + 1 if os.getuid() == 0 else os.getgid()


class NoMounts:
    def tmpfs(self, path: Path, size: int | None) -> None:
        raise AssertionError("nothing here is in memory")

    def unmount(self, path: Path) -> None:
        raise AssertionError("nothing here is mounted")


def world(source: Object, **spec: Any) -> Objects:
    """A claim `data` bound to a volume `pv` with that source."""
    found = claim("data", volume="pv", uid="c1")
    held = volume("pv", claim="default/data")
    del held["spec"]["hostPath"]
    held["spec"] |= {**source, **spec}
    held["spec"]["claimRef"]["uid"] = "c1"
    return Objects(persistentvolumeclaims=[found], persistentvolumes=[held])


def user(uid: str = "p1") -> Object:
    made = with_claims(pod("web"), "data")
    made["metadata"]["uid"] = uid
    return made


def local(**more: Any) -> Objects:
    return world({"csi": {"driver": "local.quarterdeck.io", "volumeHandle": "pvc-1"}}, **more)


@pytest.fixture
def stager(tmp_path: Path) -> Stager:
    return Stager(tmp_path, NoMounts(), Engine())


def test_a_claim_leads_to_its_volume_and_the_key_to_its_server() -> None:
    ref = {"name": "key", "namespace": "default"}
    csi = {"driver": "sshfs.quarterdeck.io", "volumeHandle": "h", "volumeAttributes": {"server": "s"}}
    lookup = world({"csi": {**csi, "nodePublishSecretRef": ref}}, mountOptions=["compression=no"])
    lookup.all["secrets"] = [{"kind": "Secret", "metadata": ref, "data": {"ssh-privatekey": "a2V5"}}]
    found = attachments(user(), lookup)[0]
    assert (found.driver, found.attributes, found.secret) == (
        "sshfs.quarterdeck.io", {"server": "s"}, {"ssh-privatekey": b"key"},
    )  # fmt: skip
    assert found.options == ("compression=no",)
    assert "b'key'" not in repr(found)


@pytest.mark.parametrize(
    ("lookup", "why"),
    [
        (Objects(), 'persistentvolumeclaim "data" not found'),
        (Objects(persistentvolumeclaims=[claim("data")]), "PVC default/data is not bound"),
        (Objects(persistentvolumeclaims=[claim("data", volume="pv")]), 'persistentvolume "pv" not found'),
        (
            Objects(
                persistentvolumeclaims=[claim("data", volume="pv", uid="c1")],
                persistentvolumes=[volume("pv", claim="other/data")],
            ),
            'persistentvolume "pv" is not bound to claim default/data',
        ),
        (world({"csi": {"driver": "far.example.com"}}), "driver name far.example.com not found in the list"),
        (world({"iscsi": {}}), "volumes of type iscsi are not supported"),
        (
            world({"csi": {"driver": "sshfs.quarterdeck.io", "volumeHandle": "h"}}, volumeMode="Block"),
            "volumeMode Block is not supported by sshfs.quarterdeck.io",
        ),
    ],
)
def test_claims_that_cannot_be_resolved_say_why(lookup: Objects, why: str) -> None:
    with pytest.raises(VolumeFailure, match=f'^MountVolume.SetUp failed for volume "data" : .*{why}'):
        attachments(user(), lookup)


def test_a_device_of_the_host_has_to_be_one() -> None:
    found = attachments(user(), world({"local": {"path": "/dev/sdx"}}, volumeMode="Block"))[0]
    assert (found.block, found.handle, found.attributes) == (True, "/dev/sdx", {"type": "BlockDevice"})


async def test_a_folder_is_made_for_the_first_pod_and_stays_for_the_next(stager: Stager, tmp_path: Path) -> None:
    await stager.stage(user(), local())
    folder = tmp_path / "volumes" / "pvc-1"
    assert folder.stat().st_mode & 0o777 == 0o777
    (folder / "kept").write_text("data")
    await stager.unstage("p1")
    await stager.stage(user("p2"), local())
    assert (folder / "kept").read_text() == "data"
    assert stager.staged("p2")["data"].source == str(folder)


@pytest.mark.parametrize("read_only", [False, True])
async def test_a_folder_of_the_host_is_given_to_the_group_of_its_first_pod(
    stager: Stager, tmp_path: Path, read_only: bool
) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "file").touch(mode=0o600)
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    lookup = world({"local": {"path": str(tmp_path / "link")}, "accessModes": ["ReadOnlyMany"] if read_only else []})
    first, second = user("p1"), user("p2")
    first["spec"]["securityContext"], second["spec"]["securityContext"] = {"fsGroup": GROUP}, {"fsGroup": os.getgid()}
    before = (tmp_path / "disk").stat().st_gid
    await stager.stage(first, lookup)
    await stager.stage(second, lookup)
    found = [(path.stat().st_gid, path.stat().st_mode & 0o060) for path in (tmp_path / "disk", tmp_path / "disk/file")]
    assert [group for group, _ in found] == [before if read_only else GROUP] * 2
    assert (found[1][1] == 0o060) is not read_only
    await stager.unstage("p1")
    await stager.unstage("p2")
    await stager.stage(user("p3") | {"spec": second["spec"]}, lookup)
    assert (tmp_path / "disk").stat().st_gid == (before if read_only else os.getgid())


async def test_what_a_pod_uses_is_known_to_an_agent_that_starts_again(stager: Stager, tmp_path: Path) -> None:
    await stager.stage(user(), local())
    again = Stager(tmp_path, NoMounts(), Engine())
    assert again.staged("p1") == stager.staged("p1")
    with pytest.raises(InUse):
        await again.reclaim(local().find("persistentvolumes", "", "pv") or {}, {})


async def test_a_released_folder_is_removed_with_what_a_crash_left_of_it(stager: Stager, tmp_path: Path) -> None:
    await stager.stage(user(), local())
    await stager.unstage("p1")
    half_gone = tmp_path / "volumes" / ".gone-pvc-1"
    half_gone.mkdir()
    await stager.reclaim(local().find("persistentvolumes", "", "pv") or {}, {})
    await stager.reclaim(local().find("persistentvolumes", "", "pv") or {}, {})
    assert list((tmp_path / "volumes").iterdir()) == []


async def test_a_damaged_record_is_not_a_reason_to_stop(stager: Stager, tmp_path: Path) -> None:
    await stager.stage(user(), local())
    (tmp_path / "pods" / "p1" / "storage.json").write_text("[{")
    again = Stager(tmp_path, NoMounts(), Engine())
    assert again.staged("p1") == {}
    await again.stage(user(), local())
    assert again.staged("p1")["data"].driver == "local.quarterdeck.io"


async def test_a_handle_cannot_lead_out_of_the_folder(stager: Stager) -> None:
    source = {"csi": {"driver": "local.quarterdeck.io", "volumeHandle": "../../etc"}}
    with pytest.raises(VolumeFailure, match="cannot be the name of a folder"):
        await stager.stage(user(), world(source))


async def test_a_docker_volume_is_made_with_its_driver_and_options(tmp_path: Path) -> None:
    engine = Engine()
    stager = Stager(tmp_path, NoMounts(), engine)
    attributes = {"driver": "local", "type": "tmpfs", "device": "tmpfs"}
    csi = {"driver": "docker.quarterdeck.io", "volumeHandle": "pvc-2", "volumeAttributes": attributes}
    await stager.stage(user(), world({"csi": csi}))
    assert engine.volumes == {"pvc-2": ("local", {"type": "tmpfs", "device": "tmpfs"})}
    assert stager.staged("p1")["data"].is_docker
    await stager.unstage("p1")
    await stager.reclaim(world({"csi": csi}).find("persistentvolumes", "", "pv") or {}, {})
    assert engine.volumes == {}


async def test_a_local_path_has_to_be_there(stager: Stager, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with pytest.raises(VolumeFailure, match="is not a directory"):
        await stager.stage(user(), world({"local": {"path": str(disk)}}))
    disk.mkdir()
    await stager.stage(user(), world({"local": {"path": str(disk)}}, accessModes=["ReadOnlyMany"]))
    staged = stager.staged("p1")["data"]
    assert (staged.source, staged.read_only) == (str(disk), True)


async def test_a_server_that_is_no_host_name_never_reaches_a_command(stager: Stager) -> None:
    csi = {"driver": "sshfs.quarterdeck.io", "volumeHandle": "h", "volumeAttributes": {"server": "-oX=y", "path": "/"}}
    with pytest.raises(VolumeFailure, match="is not of the form HOST or USER@HOST"):
        await stager.stage(user(), world({"csi": csi}))


def test_a_half_made_folder_is_made_anew(tmp_path: Path) -> None:
    target = tmp_path / "volumes" / "pvc-1"
    (tmp_path / "volumes").mkdir()
    (tmp_path / "volumes" / ".new-pvc-1").mkdir(mode=0o700)
    make_folder(target, None)
    assert [path.name for path in target.parent.iterdir()] == ["pvc-1"]
    assert target.stat().st_mode & 0o777 == 0o777


def test_all_of_a_folder_belongs_to_the_group_of_the_pod(tmp_path: Path) -> None:
    target = tmp_path / "pvc-1"
    make_folder(target, None)
    (target / "file").write_text("x")
    (target / "link").symlink_to("/etc/passwd")
    make_folder(target, GROUP)
    assert ((target / "file").stat().st_gid, (target / "file").stat().st_mode & 0o060) == (GROUP, 0o060)
    assert Path("/etc/passwd").stat().st_gid != GROUP or os.getuid() != 0


def test_removing_what_is_not_there_is_harmless(tmp_path: Path) -> None:
    remove_folder(tmp_path / "volumes" / "pvc-1")
    assert list(tmp_path.iterdir()) == []


def test_what_links_lead_to_is_not_given_to_the_group(tmp_path: Path) -> None:
    host = tmp_path / "host"
    host.mkdir()
    (host / "secret").write_text("the host's")
    (host / "secret").chmod(0o600)
    volume = tmp_path / "volume"
    (volume / "inner").mkdir(parents=True)
    (volume / "inner" / "file").write_text("the pod's")
    (volume / "inner" / "file").chmod(0o600)
    (volume / "to-file").symlink_to(host / "secret")
    (volume / "to-folder").symlink_to(host)
    os.mkfifo(volume / "pipe")
    own_by_group(volume, os.getgid())
    assert stat.S_IMODE((host / "secret").stat().st_mode) == 0o600
    assert stat.S_IMODE((volume / "inner" / "file").stat().st_mode) == 0o660
    assert stat.S_IMODE((volume / "pipe").stat().st_mode) & 0o660 == 0o660
    assert stat.S_IMODE((volume / "inner").stat().st_mode) & 0o2770 == 0o2770


class Devices:
    """Gives the devices of folders back, that of `slow` when it is told to."""

    def __init__(self) -> None:
        self.given_back: list[str] = []
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    async def detach(self, folder: Path) -> None:
        if folder.name == "slow":
            self.asked.set()
            await self.go.wait()
        self.given_back.append(folder.name)


async def test_two_pods_that_go_at_once_do_not_leave_a_device_to_each_other(
    stager: Stager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices = Devices()
    monkeypatch.setattr(stager, "_loops", devices)
    for uid, volumes in (("p1", ["shared", "slow"]), ("p2", ["shared"]), ("p3", ["other"])):
        used = [
            Staged(name, name, "local.quarterdeck.io", name, str(tmp_path / name / "device"), block=True).to_json()
            for name in volumes
        ]
        write_atomic(tmp_path / "pods" / uid / "storage.json", orjson.dumps(used))
    first = asyncio.ensure_future(stager.unstage("p1"))
    async with asyncio.timeout(10):
        await devices.asked.wait()
        await stager.unstage("p2")
        devices.go.set()
        await first
    assert {*devices.given_back} == {"shared", "slow"}
