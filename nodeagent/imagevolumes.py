"""Volumes of a pod that are the files of an image: fetched like a container's image, then unpacked.

They are had before the first container that mounts them, by the rules and with the words of images: whoever mounts an
image that cannot be had waits with ErrImagePull and ImagePullBackOff, as for its own.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path

from common.api.meta import Object

from .images import Images
from .layers import BadImage, unpack
from .runtime.base import Runtime, RuntimeFailure
from .state.events import ImageFailed
from .volumes import Volumes


def mounted_images(pod: Object, container: Object) -> list[Object]:
    """The volumes of this kind that the container mounts."""
    names = {entry.get("name") for entry in container.get("volumeMounts") or ()}
    volumes = (pod.get("spec") or {}).get("volumes") or ()
    return [volume for volume in volumes if volume.get("image") is not None and volume.get("name") in names]


class ImageVolumes:
    """For one pod."""

    def __init__(self, runtime: Runtime, images: Images, volumes: Volumes) -> None:
        self._runtime = runtime
        self._images = images
        self._volumes = volumes
        self._lock = asyncio.Lock()  # containers that mount the same volume begin together

    async def have(
        self, pod: Object, container: Object, image: str, pulling: Callable[[str], None]
    ) -> ImageFailed | None:
        """Have all that the container mounts; what went wrong counts as the failure of its own `image`."""
        async with self._lock:
            for volume in mounted_images(pod, container):
                failure = await self._fill(pod, container, volume, pulling)
                if failure is not None:
                    wanted = str(volume["image"].get("reference") or "")
                    return ImageFailed(str(container.get("name")), image, *failure, wanted)
        return None

    async def _fill(
        self, pod: Object, container: Object, volume: Object, pulling: Callable[[str], None]
    ) -> tuple[str, str] | None:
        folder = self._volumes.image_folder(pod, volume)
        if await asyncio.to_thread(folder.is_dir):
            return None
        wanted = str(volume["image"].get("reference") or "")
        asked = {"name": container.get("name"), "imagePullPolicy": volume["image"].get("pullPolicy")}
        answer = await self._images.ensure(pod, asked, wanted, lambda: pulling(wanted))
        if isinstance(answer, ImageFailed):
            return answer.reason, answer.message
        try:
            await self._unpack(wanted, folder)
        except (BadImage, OSError, RuntimeFailure) as error:
            return "ErrImagePull", f"failed to unpack image {wanted}: {error}"
        return None

    async def _unpack(self, image: str, folder: Path) -> None:
        with tempfile.NamedTemporaryFile(dir=await asyncio.to_thread(_parent, folder)) as archive:
            async for chunk in self._runtime.export_image(image):
                await asyncio.to_thread(archive.write, chunk)
            await asyncio.to_thread(archive.flush)
            await asyncio.to_thread(unpack, Path(archive.name), folder)


def _parent(folder: Path) -> Path:
    folder.parent.mkdir(parents=True, exist_ok=True)
    return folder.parent
