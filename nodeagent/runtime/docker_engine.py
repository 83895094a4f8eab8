"""The `Runtime` protocol on a Docker Engine.

Calls go through the docker package in a bounded thread pool (an inspect right after a death blocks for 0.3 s), streams
through `engine_http`. Starts in flight are bounded by the CPUs: with more of them each start gets slower and the
whole takes longer. Everything is found again by labels, so a call that is repeated after a crash finds its own work.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import random
import socket
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import docker
import docker.errors
import orjson
import requests.exceptions
from aiohttp import web

from common.api.meta import Object
from common.api.resizing import Figures

from . import pause, streams, translate
from .base import ContainerInfo, ContainerSpec, EngineEvent, ImageInfo, RuntimeFailure, SandboxSpec
from .engine_http import EngineHttp, unavailable
from .slots import Slots

log = logging.getLogger(__name__)
T = TypeVar("T")

DEFAULT_ENGINE = "unix:///var/run/docker.sock"
WORKERS = 16  # threads for engine calls; they wait for dockerd, they do not compute
PULLS = 4  # images fetched at a time, in threads of their own: a slow registry must not hold up a stop
CONNECT_TIMEOUT = 5  # seconds; a local socket answers at once or not at all
CALL_TIMEOUT = 120  # seconds; loading an image or removing a large container may take a while
ENDED_SECONDS = 2.0  # for what a container wrote that ended while somebody attached to it
EVENT_KINDS = ("start", "die", "oom", "destroy")
CONTAINER, SANDBOX = 0, 1  # urgency of a start
RECONNECT_MIN, RECONNECT_MAX = 0.2, 5.0


class DockerRuntime:
    """One engine. `cluster` (the label value of all we make) is set when the node has joined one."""

    def __init__(self, engine: str = DEFAULT_ENGINE, *, cluster: str = "", cpus: int | None = None) -> None:
        """ValueError when `engine` is not a Unix socket: volumes need the engine on this very host."""
        scheme, _, path = engine.partition("://")
        if scheme != "unix" or not path.startswith("/"):
            raise ValueError(f"engine {engine!r} is not of the form unix:///PATH: the engine has to be on this host")
        self.cluster = cluster
        self._path = path
        self._http = EngineHttp(path)
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="engine")
        self._pulls = ThreadPoolExecutor(PULLS, thread_name_prefix="pull")
        self._starts = Slots(cpus or os.cpu_count() or 1)
        self._api: docker.APIClient | None = None
        self._images: dict[str, ImageInfo] = {}
        self._pause_lock = asyncio.Lock()
        self._has_pause = False

    async def close(self) -> None:
        await self._http.close()
        if self._api is not None:
            self._api.close()
        for pool in (self._pool, self._pulls):
            pool.shutdown(wait=False, cancel_futures=True)

    # Calls

    def _client(self) -> docker.APIClient:
        if self._api is None:
            self._api = docker.APIClient(
                base_url=f"unix://{self._path}", version="auto", timeout=CALL_TIMEOUT, max_pool_size=WORKERS
            )
        return self._api

    async def call(self, work: Callable[[Any], T], reason: str = "EngineRefused") -> T:
        """Run `work` with the engine's client in a thread; whatever goes wrong becomes a RuntimeFailure."""
        return await self._run(self._pool, work, reason)

    async def _run(self, pool: ThreadPoolExecutor, work: Callable[[Any], T], reason: str) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(pool, functools.partial(self._guarded, work, reason))

    def _guarded(self, work: Callable[[Any], T], reason: str) -> T:
        try:
            # A connection that fails inside the package leaves its socket open.
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(CONNECT_TIMEOUT)
                probe.connect(self._path)
            return work(self._client())
        except docker.errors.NotFound as error:
            raise RuntimeFailure("NotFound", _explain(error)) from error
        except docker.errors.APIError as error:
            raise RuntimeFailure(reason, _explain(error)) from error
        except (docker.errors.DockerException, requests.exceptions.RequestException, OSError) as error:
            raise unavailable(self._path, error) from error

    async def ping(self) -> str:
        version: dict[str, Any] = await self.call(lambda api: api.version())
        return str(version.get("Version", ""))

    async def list_containers(self, pod_uid: str = "") -> list[ContainerInfo]:
        """Containers of this cluster; those that vanish meanwhile are left out."""
        filters = {"label": [f"{translate.LABEL}={self.cluster}"]}
        if pod_uid:
            filters["label"].append(f"{translate.LABEL}.pod.uid={pod_uid}")
        found = await self.call(lambda api: api.containers(all=True, filters=filters))
        infos = await asyncio.gather(*(self.inspect(entry["Id"]) for entry in found))
        return [info for info in infos if info is not None]

    async def inspect(self, container_id: str) -> ContainerInfo | None:
        try:
            data, identity = await self.call(functools.partial(_inspect, container_id))
        except RuntimeFailure as failure:
            if failure.reason == "NotFound":
                return None
            raise
        return replace(translate.info(data), identity=identity)

    async def stop(self, container_id: str, signal: str = "") -> bool:
        def send(api: Any) -> bool:
            data = api.inspect_container(container_id)
            if not data["State"].get("Running"):
                return False
            api.kill(container_id, signal or data["Config"].get("StopSignal") or "SIGTERM")
            return True

        try:
            return await self.call(send)
        except RuntimeFailure as failure:
            if failure.reason == "NotFound" or "is not running" in failure.message:
                return False
            raise

    async def update(self, container_id: str, has: Figures, wanted: Figures) -> None:
        if wanted.memory and (wanted.memory < has.memory or not has.memory):
            used = await self._memory_used(container_id)
            if used > wanted.memory:
                raise RuntimeFailure("ResizeError", f"memory limit ({wanted.memory}) below current usage ({used})")
        body = translate.limits(wanted)
        await self._http.call("POST", f"/containers/{container_id}/update", body=body)

    async def _memory_used(self, container_id: str) -> int:
        found = await self._http.call(
            "GET", f"/containers/{container_id}/stats", params={"stream": "0", "one-shot": "1"}
        )
        return int((found.get("memory_stats") or {}).get("usage") or 0)

    async def remove(self, container_id: str) -> None:
        try:
            await self.call(lambda api: api.remove_container(container_id, force=True, v=True))
        except RuntimeFailure as failure:
            # 409: another removal is under way; it ends the same.
            if failure.reason != "NotFound" and "already in progress" not in failure.message:
                raise

    # Events

    async def events(self) -> AsyncIterator[EngineEvent]:
        """Deaths and starts of our containers, for ever; `lost` when the engine does not answer, `reconnected` after
        each gap and at the beginning."""
        delay = RECONNECT_MIN
        while True:
            try:
                await self.ping()
                async for event in self._event_stream():
                    delay = RECONNECT_MIN
                    yield event
            except RuntimeFailure as failure:
                log.debug("the engine's event stream ended: %s", failure.message)
                yield EngineEvent("lost")
            await asyncio.sleep(delay * random.uniform(0.8, 1.2))  # noqa: S311 - spreads load, keeps no secret
            delay = min(delay * 2, RECONNECT_MAX)

    async def _event_stream(self) -> AsyncIterator[EngineEvent]:
        filters = {
            "type": ["container"],
            "event": list(EVENT_KINDS),
            "label": [translate.LABEL],
        }
        buffer = b""
        async for chunk in self._http.stream("/events", {"filters": orjson.dumps(filters).decode()}):
            if not chunk:
                # Subscribed: from here nothing is missed, so now is the moment to look at everything.
                yield EngineEvent("reconnected")
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                if line.strip():
                    yield _event(line)

    # Images

    async def find_image(self, image: str) -> ImageInfo | None:
        try:
            data = await self.call(lambda api: api.inspect_image(image), reason="InvalidImageName")
        except RuntimeFailure as failure:
            if failure.reason == "NotFound":
                return None
            raise
        return _image(data)

    async def pull_image(self, image: str, auth: Object | None) -> ImageInfo:
        repository, tag = _split(image)

        def pull(api: Any) -> None:
            credentials = {"username": auth["username"], "password": auth["password"]} if auth else None
            for line in api.pull(repository, tag=tag, stream=True, decode=True, auth_config=credentials):
                if "error" in line:
                    raise RuntimeFailure("ErrImagePull", str(line["error"]))

        await self._run(self._pulls, pull, "ErrImagePull")
        found = await self.find_image(image)
        if found is None:
            raise RuntimeFailure("ErrImagePull", f"{image} was pulled and is not there")
        return found

    async def list_images(self) -> list[ImageInfo]:
        """Asked every few seconds: only images that were not seen before are inspected."""
        entries = {str(entry["Id"]): entry for entry in await self.call(lambda api: api.images())}
        unknown = [image_id for image_id in entries if image_id not in self._images]
        found = await asyncio.gather(*(self.find_image(image_id) for image_id in unknown))
        known = {**self._images, **{image.id: image for image in found if image is not None}}
        self._images = {image_id: image for image_id, image in known.items() if image_id in entries}
        tags = {image_id: tuple(entry.get("RepoTags") or ()) for image_id, entry in entries.items()}
        return [replace(image, tags=tags[image_id]) for image_id, image in self._images.items()]

    async def load_images(self, chunks: AsyncIterator[bytes]) -> list[str]:
        lines = await self._http.upload("/images/load", chunks)
        for line in lines:
            if "error" in line:
                raise RuntimeFailure("ImageLoadFailed", str(line["error"]))
        messages = [str(line.get("stream", "")).strip() for line in lines]
        return [text.partition(": ")[2] for text in messages if text.startswith("Loaded image")]

    async def export_image(self, image: str) -> AsyncIterator[bytes]:
        async for chunk in self._http.stream("/images/get", {"names": image}):
            if chunk:
                yield chunk

    async def _ensure_pause(self) -> str:
        """The name of the sandbox image, which is imported when the engine does not have it. Looked for once: all
        sandboxes that start together would wait here in a row."""
        repository, tag = pause.image_name()
        name = f"{repository}:{tag}"
        async with self._pause_lock:
            if not self._has_pause and await self.find_image(name) is None:
                await self.call(
                    lambda api: api.import_image_from_data(
                        pause.archive(), repository=repository, tag=tag, changes=[f"LABEL {translate.LABEL}=sandbox"]
                    )
                )
            self._has_pause = True
        return name

    async def remove_sandbox_images(self) -> None:
        """The images that this or an older agent imported; one that a container uses stays."""
        filters = {"label": [f"{translate.LABEL}=sandbox"]}
        for entry in await self.call(lambda api: api.images(filters=filters)):
            await self.call(functools.partial(_remove_image, str(entry["Id"])))

    # Containers

    async def start_sandbox(self, spec: SandboxSpec) -> str:
        image = await self._ensure_pause()
        config = translate.sandbox_config(spec, self.cluster, image)
        name = translate.container_name(spec.pod, "", spec.attempt)
        try:
            return await self._start(config, name, "FailedCreatePodSandBox", SANDBOX)
        except RuntimeFailure:
            self._has_pause = False  # somebody may have removed it: the next attempt looks again
            raise

    async def start_container(self, spec: ContainerSpec) -> ContainerInfo:
        if translate.security(spec.pod, spec.container, "runAsNonRoot"):
            image = await self.find_image(str(spec.container.get("image", "")))
            translate.check_non_root(spec.pod, spec.container, image.user if image is not None else "")
        config = translate.container_config(spec, self.cluster)
        name = translate.container_name(spec.pod, str(spec.container.get("name", "")), spec.attempt)
        info = await self.inspect(await self._start(config, name, "RunContainerError", CONTAINER))
        if info is None:
            raise RuntimeFailure("RunContainerError", f"container {name} vanished while it was started")
        return info

    async def _start(self, config: Object, name: str, start_reason: str, urgency: int) -> str:
        async with self._starts.take(urgency):
            container_id, running = await self.call(lambda api: _create(api, config, name), "CreateContainerError")
            if not running:
                try:
                    await self.call(lambda api: api.start(container_id), start_reason)
                except RuntimeFailure as failure:
                    if failure.reason != "EngineUnavailable":
                        await self.remove(container_id)
                    raise RuntimeFailure(
                        start_reason if failure.reason == "NotFound" else failure.reason, failure.message
                    ) from failure
        return container_id

    async def ensure_volume(self, name: str, driver: str, options: dict[str, str]) -> None:
        labels = {translate.LABEL: self.cluster}
        await self.call(
            lambda api: api.create_volume(name, driver=driver, driver_opts=options, labels=labels), "FailedMount"
        )

    async def remove_volume(self, name: str) -> None:
        try:
            await self.call(lambda api: api.remove_volume(name), "VolumeFailedDelete")
        except RuntimeFailure as failure:
            if failure.reason != "NotFound":
                raise

    # Streams

    async def exec_probe(self, container_id: str, command: list[str], seconds: float) -> tuple[int, str]:
        async with asyncio.timeout(seconds):
            exec_id, reader, writer = await self._exec(container_id, command, stdin=False, tty=False)
            try:
                splitter = streams.Demultiplexer()
                output = b""
                while data := await reader.read(streams.CHUNK):
                    if len(output) < streams.CHUNK:
                        output += b"".join(part for _, part in splitter.feed(data))
            finally:
                writer.close()
            code = await self._exit_code(exec_id)
        return code, output[: streams.CHUNK].decode(errors="replace")

    async def _exec(
        self, container_id: str, command: list[str], *, stdin: bool, tty: bool
    ) -> tuple[str, asyncio.StreamReader, asyncio.StreamWriter]:
        body = {"AttachStdin": stdin, "AttachStdout": True, "AttachStderr": not tty, "Tty": tty, "Cmd": command}
        made = await self._http.call("POST", f"/containers/{container_id}/exec", body=body)
        exec_id = str(made["Id"])
        reader, writer = await self._http.take_over(f"/exec/{exec_id}/start", {"Detach": False, "Tty": tty})
        return exec_id, reader, writer

    async def _exit_code(self, exec_id: str) -> int:
        # The stream may end a moment before the engine has noted the exit.
        for _ in range(50):
            state = await self._http.call("GET", f"/exec/{exec_id}/json")
            if not state.get("Running") and state.get("ExitCode") is not None:
                return int(state["ExitCode"])
            await asyncio.sleep(0.02)
        raise RuntimeFailure("EngineRefused", "the engine does not say how the command ended")

    async def exec_stream(
        self, container_id: str, command: list[str], socket: web.WebSocketResponse, *, stdin: bool, tty: bool
    ) -> None:
        try:
            exec_id, reader, writer = await self._exec(container_id, command, stdin=stdin, tty=tty)
            await streams.bridge(
                socket, reader, writer, stdin=stdin, tty=tty, resize=functools.partial(self._resize, f"/exec/{exec_id}")
            )
            status = streams.exit_status(await self._exit_code(exec_id)) if not socket.closed else {}
        except RuntimeFailure as failure:
            status = streams.failure_status(failure.message)
        await streams.finish(socket, status)

    async def attach_stream(self, container_id: str, socket: web.WebSocketResponse, *, stdin: bool, tty: bool) -> None:
        try:
            await self._attach(f"/containers/{container_id}", socket, stdin=stdin, tty=tty)
            status = streams.exit_status(0)
        except TimeoutError:
            status = streams.failure_status(f"container {container_id[:12]} does not run")
        except RuntimeFailure as failure:
            status = streams.failure_status(failure.message)
        await streams.finish(socket, status)

    async def _attach(self, path: str, socket: web.WebSocketResponse, *, stdin: bool, tty: bool) -> None:
        query = f"stream=1&stdout=1&stderr=1&stdin={int(stdin)}"
        reader, writer = await self._http.take_over(f"{path}/attach?{query}", None)
        try:
            found = await self._http.call("GET", f"{path}/json")
            resize = functools.partial(self._resize, path)
            # The engine cuts the output, too, when the input ends of a process whose input goes on (no stdinOnce).
            once = bool(found["Config"].get("StdinOnce"))
            # The engine never ends the stream of a container that had ended when it was asked for.
            async with asyncio.timeout(None if found["State"]["Running"] else ENDED_SECONDS):
                await streams.bridge(socket, reader, writer, stdin=stdin, tty=tty, resize=resize, ends_input=once)
        finally:
            writer.close()

    async def network_namespace(self, container_id: str) -> str:
        data = await self._http.call("GET", f"/containers/{container_id}/json")
        if data["HostConfig"].get("NetworkMode") == "host":
            return ""
        if not data["State"].get("Pid"):
            raise RuntimeFailure("NotFound", f"container {container_id[:12]} does not run")
        return f"/proc/{data['State']['Pid']}/ns/net"

    async def _resize(self, path: str, width: int, height: int) -> None:
        try:
            await self._http.call("POST", f"{path}/resize", params={"w": str(width), "h": str(height)})
        except RuntimeFailure as failure:
            log.debug("resizing a terminal failed: %s", failure.message)  # it may have ended a moment ago

    async def logs(
        self, container_id: str, *, follow: bool, tail: int | None, since: float | None, timestamps: bool
    ) -> AsyncIterator[bytes]:
        data = await self._http.call("GET", f"/containers/{container_id}/json")
        params = {
            "stdout": "1",
            "stderr": "1",
            "follow": str(int(follow)),
            "timestamps": str(int(timestamps)),
            "tail": "all" if tail is None else str(tail),
        }
        if since is not None:
            params["since"] = f"{since:.9f}"
        raw = self._http.stream(f"/containers/{container_id}/logs", params)
        async for chunk in raw if data["Config"].get("Tty") else streams.demultiplexed(raw):
            if chunk:
                yield chunk


def _inspect(container_id: str, api: Any) -> tuple[Any, tuple[int, int, tuple[int, ...]] | None]:
    data = api.inspect_container(container_id)
    pid = data["State"].get("Pid")
    return data, process_identity(Path(f"/proc/{pid}/status")) if pid else None


def process_identity(status: Path) -> tuple[int, int, tuple[int, ...]] | None:
    """Effective user and group, and all groups, of a process by its file in /proc; None when it has ended."""
    try:
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    except OSError:
        return None
    groups = sorted({int(group) for group in lines["Groups"].split()} | {int(lines["Gid"].split()[1])})
    return int(lines["Uid"].split()[1]), int(lines["Gid"].split()[1]), tuple(groups)


def _create(api: Any, config: Object, name: str) -> tuple[str, bool]:
    """Create the container, or find the one that an earlier call made: (id, whether it runs already)."""
    try:
        return str(api.create_container_from_config(config, name)["Id"]), False
    except docker.errors.APIError as error:
        if error.status_code != 409:
            raise
    found = api.inspect_container(name)
    if found["State"].get("Running"):
        return str(found["Id"]), True
    api.remove_container(found["Id"], force=True, v=True)
    return str(api.create_container_from_config(config, name)["Id"]), False


def _remove_image(image_id: str, api: Any) -> None:
    api.remove_image(image_id, force=True)


def _event(line: bytes) -> EngineEvent:
    data = orjson.loads(line)
    actor = data.get("Actor") or {}
    code = (actor.get("Attributes") or {}).get("exitCode", "0")
    return EngineEvent(str(data.get("Action", "")), str(actor.get("ID", "")), int(code))


def _image(data: Object) -> ImageInfo:
    return ImageInfo(
        id=str(data["Id"]),
        tags=tuple(data.get("RepoTags") or ()),
        size=int(data.get("Size") or 0),
        layers=tuple((data.get("RootFS") or {}).get("Layers") or ()),
        user=str((data.get("Config") or {}).get("User") or ""),
    )


def _split(image: str) -> tuple[str, str | None]:
    """Repository and tag (`latest` when none); with a digest the whole is the repository."""
    if "@" in image:
        return image, None
    head, colon, tag = image.rpartition(":")
    return (head, tag) if colon and "/" not in tag else (image, "latest")


def _explain(error: docker.errors.APIError) -> str:
    return str(error.explanation or error).strip()
