"""Having an image for a container: the pull policy, one pull per image at a time, and the failures' reasons."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from weakref import WeakValueDictionary

from common.api.meta import Object
from common.api.pods import default_pull_policy
from common.clock import Clock

from .environment import Lookup
from .pull_secrets import credentials
from .runtime.base import ImageInfo, Runtime, RuntimeFailure
from .state.events import ImageFailed, ImageReady


class Images:
    def __init__(self, runtime: Runtime, lookup: Lookup, clock: Clock) -> None:
        self._runtime = runtime
        self._lookup = lookup
        self._clock = clock
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def ensure(
        self, pod: Object, container: Object, image: str, pulling: Callable[[], None]
    ) -> ImageReady | ImageFailed:
        """Have the image by its imagePullPolicy; `pulling` is called when it has to be fetched."""
        name = str(container.get("name", ""))
        policy = str(container.get("imagePullPolicy") or default_pull_policy(image))
        began = self._clock.monotonic()
        try:
            found, pulled = await self._have(pod, image, policy, pulling)
        except RuntimeFailure as failure:
            return ImageFailed(name, image, failure.reason, failure.message)
        took = self._clock.monotonic() - began if pulled else None
        return ImageReady(name, image, found.id, took, found.size)

    async def _have(self, pod: Object, image: str, policy: str, pulling: Callable[[], None]) -> tuple[ImageInfo, bool]:
        # Asked for with every policy: that is how a name that is none is told from an image that cannot be had.
        found = await self._runtime.find_image(image)
        if found is not None and policy != "Always":
            return found, False
        if policy == "Never":
            raise RuntimeFailure(
                "ErrImageNeverPull", f'Container image "{image}" is not present with pull policy of Never'
            )
        pulling()
        lock = self._locks.setdefault(image, asyncio.Lock())
        async with lock:
            # Whoever waited for another's pull of the same image finds it here now.
            if policy != "Always" and (other := await self._runtime.find_image(image)) is not None:
                return other, True
            return await self._runtime.pull_image(image, credentials(pod, image, self._lookup)), True
