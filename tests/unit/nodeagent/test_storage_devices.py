"""What is done with a device that a local volume names: formatted when nothing is on it, checked, mounted."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodeagent.storage.attachments import PATH, Attachment, VolumeFailure, attachments
from nodeagent.storage.commands import ToolFailure, Tools
from nodeagent.storage.devices import Devices
from tests.unit.nodeagent.test_storage import user, world


class Scripted(Tools):
    """Tools that end with the codes that are told, and otherwise well."""

    def __init__(self, **codes: int | None) -> None:
        super().__init__()
        self.codes = codes
        self.ran: list[str] = []

    async def run(self, *command: str, seconds: float, check: bool = True) -> str:
        self.ran.append(" ".join(command))
        code = self.codes.get(command[0], 0)
        if code != 0:
            raise ToolFailure(f"{command[0]} failed", code)
        return ""


def wanted(*, read_only: bool = False, options: tuple[str, ...] = (), kind: str = "ext4") -> Attachment:
    return Attachment(
        "data", "data", PATH, "pv", "/dev/sdx", {"fsType": kind}, options=options, read_only=read_only
    )  # fmt: skip


LOOK = "blkid -p -s TYPE -s PTTYPE -o export /dev/sdx"


@pytest.mark.parametrize(
    ("kind", "made"),
    [("ext4", "mkfs.ext4 -F -m0 /dev/sdx"), ("xfs", "mkfs.xfs -f /dev/sdx"), ("btrfs", "mkfs.btrfs /dev/sdx")],
)
async def test_an_empty_device_gets_a_file_system(tmp_path: Path, kind: str, made: str) -> None:
    tools, mount = Scripted(blkid=2), tmp_path / "mounts" / "pv"
    await Devices(tools).stage(wanted(kind=kind), mount)
    assert tools.ran == [LOOK, made, f"mount -t {kind} -o defaults -- /dev/sdx {mount}"]
    assert mount.stat().st_mode & 0o777 == 0o700


async def test_what_has_a_file_system_is_checked_and_never_formatted(tmp_path: Path) -> None:
    for code in (0, 1, 8, None):  # well, repaired, not to be checked, no tool for it
        tools = Scripted(fsck=code)
        await Devices(tools).stage(wanted(options=("noatime",)), tmp_path)
        assert tools.ran == [LOOK, "fsck -a /dev/sdx", f"mount -t ext4 -o defaults,noatime -- /dev/sdx {tmp_path}"]
    tools = Scripted(fsck=4)
    with pytest.raises(VolumeFailure, match="'fsck' found errors on device /dev/sdx but could not correct them"):
        await Devices(tools).stage(wanted(), tmp_path)


async def test_what_is_only_read_is_left_as_it_is(tmp_path: Path) -> None:
    tools = Scripted()
    await Devices(tools).stage(wanted(read_only=True), tmp_path)
    assert tools.ran == [LOOK, f"mount -t ext4 -o defaults,ro -- /dev/sdx {tmp_path}"]
    for subject in (wanted(read_only=True), wanted(options=("ro",))):
        empty = Scripted(blkid=2)
        with pytest.raises(VolumeFailure, match="cannot mount unformatted disk /dev/sdx"):
            await Devices(empty).stage(subject, tmp_path)
        assert empty.ran == [LOOK]


@pytest.mark.parametrize("code", [4, 8, None])
async def test_a_device_that_cannot_be_told_is_left_alone(tmp_path: Path, code: int | None) -> None:
    tools = Scripted(blkid=code)
    with pytest.raises(VolumeFailure, match="blkid failed"):
        await Devices(tools).stage(wanted(), tmp_path)
    assert tools.ran == [LOOK]


async def test_what_is_mounted_is_not_mounted_again() -> None:
    tools = Scripted()
    await Devices(tools).stage(wanted(), Path("/proc"))
    assert tools.ran == []


def test_the_volume_says_how_its_device_is_mounted() -> None:
    plain = attachments(user(), world({"local": {"path": "/dev/sdx"}}))[0]
    assert plain.attributes == {"type": "Directory", "fsType": "ext4"}
    source = {"local": {"path": "/dev/sdx", "fsType": "xfs"}}
    named = attachments(user(), world(source, mountOptions=["noatime"]))[0]
    assert (named.attributes["fsType"], named.options) == ("xfs", ("noatime",))
    assert "fsType" not in attachments(user(), world(source, volumeMode="Block"))[0].attributes
