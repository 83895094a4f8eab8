"""Block volumes: files of our own behind loop devices.

The device has another name after each start of the machine, so that pods are led to it by a link beside the file.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from .commands import Tools

IMAGE, DEVICE = "disk.img", "device"
_SECONDS = 10.0  # losetup asks the kernel alone, which answers at once


class Loops:
    """The folder of a volume has its file and, while it is attached, the link to its device."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def attach(self, folder: Path, size: int) -> None:
        """Have a device of that many bytes. VolumeFailure with the tool's complaint, OSError when there is no room."""
        image = folder / IMAGE
        await asyncio.to_thread(_make_image, image, size)
        device = await self._device_of(image)
        if not device:
            device = (await self._tools.run("losetup", "--find", "--show", str(image), seconds=_SECONDS)).strip()
        await asyncio.to_thread(_lead_to, folder / DEVICE, device)

    async def detach(self, folder: Path) -> None:
        """Give the device back; what is stored stays."""
        device = await self._device_of(folder / IMAGE)
        if device:
            await self._tools.run("losetup", "--detach", device, seconds=_SECONDS)
        await asyncio.to_thread((folder / DEVICE).unlink, missing_ok=True)

    async def _device_of(self, image: Path) -> str:
        words = ("losetup", "--associated", str(image), "--noheadings", "--output", "NAME")
        return (await self._tools.run(*words, seconds=_SECONDS)).strip().partition("\n")[0]


def _make_image(image: Path, size: int) -> None:
    # Unlike the files in folders, which have users of their own, what is stored here is nobody's on this host.
    image.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    image.parent.chmod(0o700)
    with image.open("ab") as file:
        if file.tell() < size:
            file.truncate(size)


def _lead_to(link: Path, device: str) -> None:
    fresh = link.with_name(f".new-{link.name}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(device)
    fresh.rename(link)
