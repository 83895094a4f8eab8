"""Devices of this host with a file system on them: a `local` volume that names a device and is no block volume.

As kubelet does it: a device on which there is nothing at all is formatted, one with a file system is checked, and it is
mounted once for all pods that use it. A device with anything else on it, such as partitions, is left alone.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from common.mounts import is_mounted

from .attachments import Attachment, VolumeFailure
from .commands import ToolFailure, Tools

log = logging.getLogger(__name__)
LOOK_SECONDS = 30.0
MOUNT_SECONDS = 60.0  # a journal may have to be played back
FORMAT_SECONDS = 600.0  # large disks; a check after a power loss reads all of them
_EMPTY, _UNREPAIRED = 2, 4  # exit codes of blkid and fsck
_FORMAT_OPTIONS = {"ext3": ("-F", "-m0"), "ext4": ("-F", "-m0"), "xfs": ("-f",)}


class Devices:
    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def stage(self, wanted: Attachment, mount: Path) -> None:
        """Have the device's file system mounted there. VolumeFailure in the words of the tool that could not do it."""
        if await asyncio.to_thread(is_mounted, mount):
            return
        device, kind = wanted.handle, wanted.attributes["fsType"]
        read_only = wanted.read_only or "ro" in wanted.options
        if await self._is_empty(device):
            if read_only:
                raise VolumeFailure(
                    f"cannot mount unformatted disk {device} as we are manipulating it in read-only mode"
                )
            log.info("%s is empty and gets the file system %s", device, kind)
            await self._tools.run(f"mkfs.{kind}", *_FORMAT_OPTIONS.get(kind, ()), device, seconds=FORMAT_SECONDS)
        elif not read_only:
            await self._check(device)
        await asyncio.to_thread(mount.mkdir, mode=0o700, parents=True, exist_ok=True)
        options = ",".join(["defaults", *wanted.options, *(["ro"] if wanted.read_only else [])])
        await self._tools.run("mount", "-t", kind, "-o", options, "--", device, str(mount), seconds=MOUNT_SECONDS)

    async def _is_empty(self, device: str) -> bool:
        words = ("blkid", "-p", "-s", "TYPE", "-s", "PTTYPE", "-o", "export", device)
        try:
            await self._tools.run(*words, seconds=LOOK_SECONDS)
        except ToolFailure as failure:
            if failure.code != _EMPTY:
                raise
            return True
        return False

    async def _check(self, device: str) -> None:
        """Only what cannot be repaired is in the way: the mount tells about the rest."""
        try:
            await self._tools.run("fsck", "-a", device, seconds=FORMAT_SECONDS)
        except ToolFailure as failure:
            if failure.code == _UNREPAIRED:
                raise VolumeFailure(
                    f"'fsck' found errors on device {device} but could not correct them: {failure}"
                ) from None
            log.info("%s was not checked, or repaired: %s", device, failure)
