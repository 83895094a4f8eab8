"""A `Runtime` without containers: what a node would do, in memory and after plausible delays.

For nodes that only exist to load the control plane. Nothing is executed; images are always there; a container whose
command is `sleep SECONDS` ends after that time, one of `talk RATE` says that many lines a second to whoever follows it,
the others run for ever; a test can make containers end (`finish`) and
the engine go away (`fail`).
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import math
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from aiohttp import web

from common.aio import Tasks
from common.api import meta
from common.api.meta import Object, format_micro_time, format_time
from common.api.resizing import Figures
from common.clock import Clock

from . import streams
from .base import ContainerInfo, ContainerSpec, ContainerState, EngineEvent, ImageInfo, RuntimeFailure, SandboxSpec

VERSION = "hollow"
MAX_EVENTS = 10_000
TALK_SECONDS = 0.002  # between the lines of a container that talks: as busy as a real one is for its reader


@dataclass(frozen=True, slots=True)
class Delays:
    """Seconds; the defaults are what a quiet Docker Engine takes."""

    sandbox: float = 0.25
    container: float = 0.2
    stop: float = 0.1


class HollowRuntime:
    def __init__(self, clock: Clock, delays: Delays | None = None) -> None:
        self._clock = clock
        self._delays = delays or Delays()
        self._containers: dict[str, ContainerInfo] = {}
        self._rates: dict[str, float] = {}  # lines a second, by container
        self._numbers = itertools.count(1)
        self._events: asyncio.Queue[EngineEvent] = asyncio.Queue(MAX_EVENTS)
        self._error = ""
        self._tasks = Tasks("hollow")

    # For scripts

    def finish(self, container_id: str, exit_code: int) -> None:
        """Let a container end by itself."""
        info = self._containers[container_id]
        self._containers[container_id] = replace(
            info, state=ContainerState.EXITED, exit_code=exit_code, finished_at=format_time(self._clock.now())
        )
        self._events.put_nowait(EngineEvent("die", container_id, exit_code))

    def fail(self, error: str) -> None:
        """Let the engine be away with that error, or, with an empty one, be back."""
        self._error = error
        self._events.put_nowait(EngineEvent("lost" if error else "reconnected"))

    def _check(self) -> None:
        if self._error:
            raise RuntimeFailure("EngineUnavailable", self._error)

    # The protocol

    async def ping(self) -> str:
        self._check()
        return VERSION

    async def list_containers(self, pod_uid: str = "") -> list[ContainerInfo]:
        self._check()
        return [info for info in self._containers.values() if pod_uid in {"", info.pod_uid}]

    async def inspect(self, container_id: str) -> ContainerInfo | None:
        self._check()
        return self._containers.get(container_id)

    async def events(self) -> AsyncIterator[EngineEvent]:
        yield EngineEvent("reconnected")
        while True:
            yield await self._events.get()

    async def find_image(self, image: str) -> ImageInfo | None:
        self._check()
        digest = hashlib.sha256(image.encode()).hexdigest()
        return ImageInfo(f"sha256:{digest}", (image,), 0)

    async def pull_image(self, image: str, auth: Object | None) -> ImageInfo:
        found = await self.find_image(image)
        if found is None:
            raise RuntimeFailure("ErrImagePull", image)
        return found

    async def list_images(self) -> list[ImageInfo]:
        return []

    async def load_images(self, chunks: AsyncIterator[bytes]) -> list[str]:
        async for _ in chunks:
            continue
        return []

    async def export_image(self, image: str) -> AsyncIterator[bytes]:
        if image:
            raise RuntimeFailure("EngineRefused", "a simulated node has no images")
        yield b""

    async def start_sandbox(self, spec: SandboxSpec) -> str:
        await self._clock.sleep(self._delays.sandbox)
        return self._run(spec.pod, "", spec.attempt, spec.addresses).id

    async def start_container(self, spec: ContainerSpec) -> ContainerInfo:
        await self._clock.sleep(self._delays.container)
        info = self._run(spec.pod, str(spec.container.get("name")), spec.attempt, (), spec.spec_hash)
        self._rates[info.id] = _number_of(spec.container, "talk") or 0.0
        seconds = _number_of(spec.container, "sleep")
        if seconds is not None:
            self._tasks.start(info.id, self._end(info.id, seconds))
        return info

    async def _end(self, container_id: str, seconds: float) -> None:
        await self._clock.sleep(seconds)
        info = self._containers.get(container_id)
        if info is not None and info.state is ContainerState.RUNNING:
            self.finish(container_id, 0)

    def _run(
        self, pod: Object, container: str, attempt: int, addresses: tuple[str, ...], spec_hash: str = ""
    ) -> ContainerInfo:
        self._check()
        info = ContainerInfo(
            id=f"{next(self._numbers):064x}",
            pod_uid=meta.uid(pod),
            pod_namespace=meta.namespace(pod),
            pod_name=meta.name(pod),
            container=container,
            attempt=attempt,
            state=ContainerState.RUNNING,
            started_at=format_time(self._clock.now()),
            spec_hash=spec_hash,
            addresses=addresses,
        )
        self._containers[info.id] = info
        return info

    async def stop(self, container_id: str, signal: str = "") -> bool:
        self._check()
        await self._clock.sleep(self._delays.stop)
        info = self._containers.get(container_id)
        if info is None or info.state is not ContainerState.RUNNING:
            return False
        self.finish(container_id, 137 if signal == "SIGKILL" else 143)
        return True

    async def update(self, container_id: str, has: Figures, wanted: Figures) -> None:
        self._check()
        info = self._containers[container_id]
        self._containers[container_id] = replace(info, figures=wanted)

    async def remove(self, container_id: str) -> None:
        self._check()
        self._containers.pop(container_id, None)
        self._rates.pop(container_id, None)

    async def ensure_volume(self, name: str, driver: str, options: dict[str, str]) -> None:
        """Simulated pods have no volumes."""

    async def remove_volume(self, name: str) -> None:
        """Simulated pods have no volumes."""

    async def exec_probe(self, container_id: str, command: list[str], seconds: float) -> tuple[int, str]:
        self._check()
        return 0, ""

    async def logs(
        self, container_id: str, *, follow: bool, tail: int | None, since: float | None, timestamps: bool
    ) -> AsyncIterator[bytes]:
        yield b"This is a simulated node: nothing runs here, so nothing is logged.\n"
        rate = self._rates.get(container_id, 0.0)
        began, said = self._clock.monotonic(), 0
        while follow and rate and container_id in self._containers:
            await self._clock.sleep(TALK_SECONDS)
            due = int((self._clock.monotonic() - began) * rate)
            moment = f"{format_micro_time(self._clock.now())[:-1]}000Z " if timestamps else ""
            yield "".join(f"{moment}INFO  {number} all is well aboard\n" for number in range(said, due)).encode()
            said = due

    async def exec_stream(
        self, container_id: str, command: list[str], socket: web.WebSocketResponse, *, stdin: bool, tty: bool
    ) -> None:
        await streams.finish(socket, streams.failure_status("this is a simulated node: nothing can be executed here"))

    async def attach_stream(self, container_id: str, socket: web.WebSocketResponse, *, stdin: bool, tty: bool) -> None:
        await self.exec_stream(container_id, [], socket, stdin=stdin, tty=tty)

    async def network_namespace(self, container_id: str) -> str:
        raise RuntimeFailure("NotFound", "this is a simulated node: nothing listens here")

    async def close(self) -> None:
        await self._tasks.close()


def _number_of(container: Object, program: str) -> float | None:
    """The one argument of a container that runs `program`; None for all others."""
    words = [*(container.get("command") or ()), *(container.get("args") or ())]
    if len(words) != 2 or words[0] != program:
        return None
    try:
        number = float(words[1])
    except ValueError:
        return None
    return number if math.isfinite(number) else None


class HollowProber:
    """Everything is healthy from the first probe on."""

    async def probe(
        self, spec: Object, container: Object, container_id: str, address: str
    ) -> tuple[bool | None, str, bool]:
        return True, "", False

    async def hook(
        self, handler: Object, container: Object, container_id: str, address: str, seconds: float | None
    ) -> str:
        return ""

    async def close(self) -> None:
        """There is nothing to let go of."""
