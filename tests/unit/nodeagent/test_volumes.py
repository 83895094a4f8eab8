"""Volumes on disk: contents, their atomic change, and what is refused."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from common.api.meta import Object
from nodeagent.environment import Surroundings
from nodeagent.payload import DATA
from nodeagent.runtime.base import Mount
from nodeagent.storage.attachments import Staged, VolumeFailure
from nodeagent.volumes import Volumes

from .fakes import Mounter, Objects, config_map, pod, secret

AROUND = Surroundings("n1", (), (), {}, {("", 3600): "signed"})


class Disk:
    def __init__(self, folder: Path) -> None:
        self.mounter = Mounter()
        self.volumes = Volumes(folder, self.mounter)
        self.folder = folder / "pods" / "u1"

    def prepare(self, volume: Object, lookup: Objects | None = None, **spec: Any) -> Path:
        self.pod = pod(None, volumes=[{"name": "v", **volume}], **spec)
        self.volumes.prepare(self.pod, lookup or Objects(), AROUND)
        return self.folder / "volumes" / "v"

    def mounts(self, **entry: Any) -> list[Mount]:
        container = {"name": "web", "volumeMounts": [{"name": "v", "mountPath": "/v", **entry}]}
        return list(self.volumes.mounts(self.pod, container, {"POD": "web-1"}))


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


def contents(path: Path) -> dict[str, str]:
    return {item.name: item.read_text() for item in path.iterdir() if not item.name.startswith("..")}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_an_empty_dir_is_everybodys(disk: Disk) -> None:
    path = disk.prepare({"emptyDir": {}})
    assert mode(path) == 0o777
    (path / "x").write_text("kept")
    disk.prepare({"emptyDir": {}})
    assert (path / "x").read_text() == "kept"


def test_no_other_user_of_the_host_reaches_what_pods_may_read(disk: Disk) -> None:
    disk.folder.parent.mkdir(mode=0o755)
    path = disk.prepare({"secret": {"secretName": "s"}}, Objects(secrets=[secret("s", password="x")]))
    assert mode(path / "password") == 0o644
    assert mode(disk.folder.parent) == 0o700


def test_memory_backed_volumes_and_secrets_are_mounted(disk: Disk) -> None:
    path = disk.prepare({"emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}})
    assert disk.mounter.mounted == {path: 1024 * 1024}
    assert mode(path) == 0o1777
    other = Disk(disk.folder / "other")
    path = other.prepare(
        {"secret": {"secretName": "sec", "defaultMode": 0o400}}, Objects(secrets=[secret(p="hunter2")])
    )
    assert other.mounter.mounted == {path: None}
    assert contents(path) == {"p": "hunter2"}
    assert mode(path / "p") == 0o400


def test_contents_change_by_one_rename(disk: Disk) -> None:
    path = disk.prepare({"configMap": {"name": "cm"}}, Objects(configmaps=[config_map(a="1", b="2")]))
    assert contents(path) == {"a": "1", "b": "2"}
    before = os.readlink(path / DATA)
    with (path / "a").open() as held:
        disk.volumes.refresh(disk.pod, Objects(configmaps=[config_map(a="new", c="3")]), AROUND)
        assert held.read() == "1"
    assert contents(path) == {"a": "new", "c": "3"}
    assert os.readlink(path / DATA) != before
    assert not (path / before).exists()
    assert (path / "a").is_symlink()


def test_unchanged_contents_are_left_alone(disk: Disk) -> None:
    lookup = Objects(configmaps=[config_map(a="1")])
    path = disk.prepare({"configMap": {"name": "cm"}}, lookup)
    before = os.readlink(path / DATA)
    disk.volumes.refresh(disk.pod, lookup, AROUND)
    assert os.readlink(path / DATA) == before


def test_an_object_that_goes_leaves_the_old_contents(disk: Disk) -> None:
    path = disk.prepare({"configMap": {"name": "cm"}}, Objects(configmaps=[config_map(a="1")]))
    disk.volumes.refresh(disk.pod, Objects(), AROUND)
    assert contents(path) == {"a": "1"}


def test_chosen_keys_get_their_own_paths_and_modes(disk: Disk) -> None:
    items = [{"key": "a", "path": "deep/er/x", "mode": 0o600}]
    path = disk.prepare({"configMap": {"name": "cm", "items": items}}, Objects(configmaps=[config_map(a="1", b="2")]))
    assert (path / "deep" / "er" / "x").read_text() == "1"
    assert mode(path / "deep" / "er" / "x") == 0o600
    assert not (path / "b").exists()


def test_optional_objects_may_be_missing(disk: Disk) -> None:
    path = disk.prepare({"configMap": {"name": "cm", "optional": True}})
    assert contents(path) == {}


def test_a_projected_volume_gathers_its_sources(disk: Disk) -> None:
    sources = [
        {"configMap": {"name": "cm"}},
        {"secret": {"name": "sec", "items": [{"key": "p", "path": "password"}]}},
        {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}},
        {"serviceAccountToken": {"path": "token"}},
    ]
    lookup = Objects(configmaps=[config_map(**{"ca.crt": "PEM"})], secrets=[secret(p="hunter2")])
    path = disk.prepare({"projected": {"sources": sources}}, lookup)
    assert contents(path) == {"ca.crt": "PEM", "password": "hunter2", "name": "web-1", "token": "signed"}
    assert disk.mounter.mounted == {path: None}


def test_a_token_that_is_not_there_fails_the_volume(disk: Disk) -> None:
    source = {"serviceAccountToken": {"path": "token", "audience": "vault"}}
    with pytest.raises(VolumeFailure, match="there is no token for the audience 'vault' yet"):
        disk.prepare({"projected": {"sources": [source]}})


def test_a_renewed_token_takes_the_place_of_the_old_one(disk: Disk) -> None:
    path = disk.prepare({"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}})
    before = (path / "..data").readlink()
    disk.volumes.refresh(disk.pod, Objects(), Surroundings("n1", tokens={("", 3600): "newer"}))
    assert contents(path) == {"token": "newer"}
    assert (path / "..data").readlink() != before
    assert not (path / before).exists()
    disk.volumes.refresh(disk.pod, Objects(), Surroundings("n1"))
    assert contents(path) == {"token": "newer"}


def test_a_group_of_the_pod_alone_reads_its_token(disk: Disk) -> None:
    source = {"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
    assert mode(disk.prepare(source) / "token") == 0o644
    path = disk.prepare(source, securityContext={"fsGroup": os.getgid()})
    assert mode(path / "token") == 0o640
    before = (path / "..data").readlink()
    disk.volumes.refresh(disk.pod, Objects(), AROUND)
    assert (path / "..data").readlink() == before


def test_a_user_of_all_containers_alone_reads_their_token(disk: Disk) -> None:
    source = {"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
    me = {"runAsUser": os.getuid()}
    both = [{"name": "a"}, {"name": "b", "securityContext": me}]
    for spec, expected in (
        ({"securityContext": me, "containers": [{"name": "a"}]}, 0o600),
        ({"securityContext": me, "containers": both}, 0o600),
        ({"containers": both}, 0o644),
        ({"securityContext": {"runAsUser": 4242}, "containers": both}, 0o644),
        ({"securityContext": {**me, "fsGroup": os.getgid()}, "containers": [{"name": "a"}]}, 0o640),
    ):
        token = disk.prepare(source, **spec) / "token"
        assert (mode(token), token.stat().st_uid) == (expected, os.getuid())


def test_labels_in_a_downward_volume_follow_the_pod(disk: Disk) -> None:
    items = [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]
    path = disk.prepare({"downwardAPI": {"items": items}})
    changed = {**disk.pod, "metadata": {**disk.pod["metadata"], "labels": {"app": "new"}}}
    disk.volumes.refresh(changed, Objects(), AROUND)
    assert contents(path) == {"labels": 'app="new"'}


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        ({"configMap": {"name": "cm"}}, 'MountVolume.SetUp failed for volume "v" : configmap "cm" not found'),
        ({"secret": {"secretName": "no"}}, 'secret "no" not found'),
        ({"iscsi": {}}, "volumes of type iscsi are not supported"),
        (
            {"hostPath": {"path": "/nosuch", "type": "Directory"}},
            "hostPath type check failed: /nosuch is not a directory",
        ),
        ({"hostPath": {"path": "/etc", "type": "File"}}, "/etc is not a file"),
        ({"hostPath": {"path": "relative"}}, "is not an absolute path"),
        ({"hostPath": {"path": "/", "type": "Odd"}}, "type 'Odd' is unknown"),
        ({"downwardAPI": {"items": [{"path": "../x", "fieldRef": {"fieldPath": "metadata.name"}}]}}, "without '..'"),
    ],
)
def test_what_cannot_be_had_is_named(disk: Disk, volume: Object, message: str) -> None:
    with pytest.raises(VolumeFailure, match=message.replace(".", r"\.")):
        disk.prepare(volume)


def test_a_missing_key_is_named(disk: Disk) -> None:
    items = [{"key": "no", "path": "x"}]
    with pytest.raises(VolumeFailure, match="references non-existent configmap key: no"):
        disk.prepare({"configMap": {"name": "cm", "items": items}}, Objects(configmaps=[config_map(a="1")]))


def test_host_paths_are_made_when_they_may_be(disk: Disk, tmp_path: Path) -> None:
    disk.prepare({"hostPath": {"path": str(tmp_path / "made"), "type": "DirectoryOrCreate"}})
    disk.prepare({"hostPath": {"path": str(tmp_path / "a" / "b"), "type": ""}})
    assert (tmp_path / "a" / "b").is_dir()
    assert (tmp_path / "made").is_dir()
    disk.prepare({"hostPath": {"path": str(tmp_path / "file"), "type": "FileOrCreate"}})
    assert (tmp_path / "file").is_file()


def test_mounts_of_a_container(disk: Disk) -> None:
    path = disk.prepare({"emptyDir": {}})
    assert disk.mounts() == [Mount(str(path), "/v")]
    assert disk.mounts(readOnly=True, mountPropagation="HostToContainer") == [Mount(str(path), "/v", True, "rslave")]
    assert disk.mounts(subPathExpr="logs/$(POD)") == [Mount(str(path / "logs" / "web-1"), "/v")]
    assert (path / "logs" / "web-1").is_dir()


def test_object_volumes_are_read_only(disk: Disk) -> None:
    disk.prepare({"configMap": {"name": "cm"}}, Objects(configmaps=[config_map(a="1")]))
    assert disk.mounts()[0].read_only
    assert Path(disk.mounts(subPath="a")[0].source).read_text() == "1"
    with pytest.raises(VolumeFailure, match="does not exist"):
        disk.mounts(subPath="no")


def test_devices_and_folders_are_not_taken_for_each_other(tmp_path: Path) -> None:
    def staged(block: bool) -> dict[str, Staged]:
        return {"v": Staged("v", "data", "local.quarterdeck.io", "pv", "/dev/null", block=block)}

    subject = pod(None, volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}])
    device = {"name": "web", "volumeDevices": [{"name": "v", "devicePath": "/dev/own"}]}
    mount = {"name": "web", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    blocks = Volumes(tmp_path, Mounter(), lambda _uid: staged(True))
    assert list(blocks.devices(subject, device)) == [Mount("/dev/null", "/dev/own")]
    with pytest.raises(VolumeFailure, match="volumeMode Block, but is specified in volumeMounts"):
        list(blocks.mounts(subject, mount, {}))
    folders = Volumes(tmp_path, Mounter(), lambda _uid: staged(False))
    with pytest.raises(VolumeFailure, match="volumeMode Filesystem, but is specified in volumeDevices"):
        list(folders.devices(subject, device))


def test_a_sub_path_is_as_open_as_its_volume(disk: Disk) -> None:
    disk.prepare({"emptyDir": {}})
    made = Path(disk.mounts(subPath="a/b")[0].source)
    assert [path.stat().st_mode & 0o7777 for path in (made, made.parent)] == [0o777, 0o777]


def test_a_sub_path_cannot_leave_its_volume(disk: Disk) -> None:
    path = disk.prepare({"emptyDir": {}})
    (path / "link").symlink_to("/etc")
    for sub_path in ("../other", "/etc", "link/passwd"):
        with pytest.raises(VolumeFailure, match="subPath"):
            disk.mounts(subPath=sub_path)


def test_everything_goes_with_the_pod(disk: Disk) -> None:
    disk.prepare({"emptyDir": {}})
    disk.volumes.termination_file("u1", "web", 0).write_text("x" * 5000)
    assert len(disk.volumes.termination_message("u1", "web", 0)) == 4096
    disk.volumes.remove("u1")
    disk.volumes.remove("u1")
    assert disk.volumes.known_pods() == []
    assert disk.volumes.termination_message("u1", "web", 0) == ""


@pytest.mark.parametrize("uid", ["", "../x", "a/b", "."])
def test_a_uid_cannot_lead_elsewhere(disk: Disk, uid: str) -> None:
    with pytest.raises(VolumeFailure, match="uid"):
        disk.volumes.remove(uid)
