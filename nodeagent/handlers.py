"""What the control plane asks of the containers here: logs, exec, attach, port-forward, dial, figures, images.

Each answers with the status and the words that kubelet has for it. Who may ask is decided before, by the server.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import ip_address, ip_network
from typing import TypeVar

import orjson
from aiohttp import WSMsgType, web

from common import exposition
from common.aio import Tasks
from common.api import meta
from common.api.meta import Object, parse_time

from . import resource_metrics
from .assignment import Assignment
from .pods import PodRunner, Pods
from .runtime import netns
from .runtime.base import Runtime, RuntimeFailure
from .state.container import ContainerTrack, Phase
from .state.spec import host_network
from .state.status import addresses_of

PROTOCOL = "v5.channel.k8s.io"
T = TypeVar("T")
CHUNK = 32 * 1024
CONNECT_SECONDS = 5.0
LOOK_SECONDS = 1.0  # between two looks whether the reader of a stream is still there
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Handlers:
    def __init__(
        self, pods: Pods, runtime: Runtime, assignment: Assignment, summary: Callable[[], Awaitable[Object]]
    ) -> None:
        self._pods = pods
        self._runtime = runtime
        self._assignment = assignment
        self._summary = summary

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Method, path and handler of everything here, all for the control plane."""
        return [
            ("GET", "/logs/{namespace}/{pod}/{container}", self.logs),
            ("GET", "/exec/{namespace}/{pod}/{container}", self.exec),
            ("GET", "/attach/{namespace}/{pod}/{container}", self.attach),
            ("GET", "/forward/{namespace}/{pod}/{port}", self.forward),
            ("GET", "/dial/{address}/{port}", self.dial),
            ("GET", "/stats/summary", self.stats),
            ("GET", "/metrics/resource", self.resources),
            ("GET", "/images", self.images),
            ("GET", "/images/export", self.export_image),
            ("POST", "/images/check", self.check_image),
            ("PUT", "/images/load", self.load_images),
        ]

    def _runner(self, request: web.Request) -> PodRunner:
        namespace, name = request.match_info["namespace"], request.match_info["pod"]
        runner = self._pods.runner(namespace, name)
        if runner is None:
            raise web.HTTPNotFound(text=f'pods "{name}" not found on this node')
        return runner

    def _track(self, request: web.Request) -> ContainerTrack:
        runner = self._runner(request)
        name = request.match_info["container"]
        track = runner.machine.state.containers.get(name)
        if track is None:
            raise web.HTTPBadRequest(text=f"container {name} is not valid for pod {meta.name(runner.machine.pod)}")
        return track

    # Logs

    async def logs(self, request: web.Request) -> web.StreamResponse:
        """`GET /logs/…?follow&tail&since&timestamps&previous`: the log as it is, or until the container ends."""
        track = self._track(request)
        previous = _flag(request, "previous")
        container_id = _log_source(track, previous=previous)
        if not container_id:
            raise web.HTTPBadRequest(text=_no_log(request, track, previous=previous))
        stream = self._runtime.logs(
            container_id,
            follow=_flag(request, "follow") and not previous,
            tail=_number(request, "tail"),
            since=_since(request),
            timestamps=_flag(request, "timestamps"),
        )
        return await _stream(request, stream, "text/plain")

    # Streams

    async def exec(self, request: web.Request) -> web.StreamResponse:
        track = self._running(request)
        command = request.query.getall("command", [])
        if not command:
            raise web.HTTPBadRequest(text="you must specify at least 1 command for the container")
        socket = await _upgrade(request)
        await self._runtime.exec_stream(
            track.id, command, socket, stdin=_flag(request, "stdin"), tty=_flag(request, "tty")
        )
        return socket

    async def attach(self, request: web.Request) -> web.StreamResponse:
        track = self._running(request)
        socket = await _upgrade(request)
        await self._runtime.attach_stream(
            track.id, socket, stdin=_flag(request, "stdin"), tty=bool(track.spec.get("tty"))
        )
        return socket

    def _running(self, request: web.Request) -> ContainerTrack:
        track = self._track(request)
        if track.phase is not Phase.RUNNING:
            raise web.HTTPInternalServerError(text=f'container not found ("{track.name}")')
        return track

    async def forward(self, request: web.Request) -> web.StreamResponse:
        """One TCP connection to a port of the pod, made where its programs say localhost, as kubelet has it."""
        state = self._runner(request).machine.state
        addresses = addresses_of(state) if state.any_running else ()
        if not addresses:
            raise web.HTTPBadRequest(text=f"unable to forward port because pod {meta.name(state.pod)} is not running")
        own = not host_network(state.pod)
        namespace = await _guarded(self._runtime.network_namespace(state.sandbox.id)) if own else ""
        return await _tcp(request, namespace, (*netns.LOOPBACK, *addresses), _port(request))

    async def dial(self, request: web.Request) -> web.StreamResponse:
        """One TCP connection from this node, to an address of a pod or Service only."""
        address = request.match_info["address"]
        config = self._assignment.config
        try:
            wanted = ip_address(address)
            allowed = [ip_network(cidr) for key in ("pod_cidrs", "service_cidrs") for cidr in config.get(key) or ()]
        except ValueError as error:
            raise web.HTTPBadRequest(text=f"{address!r} is not an address: {error}") from error
        if not any(wanted in network for network in allowed if network.version == wanted.version):
            raise web.HTTPForbidden(text=f"{address} is neither a pod's nor a Service's address in this cluster")
        return await _tcp(request, "", (address,), _port(request))

    async def stats(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(await self._summary())

    async def resources(self, _request: web.Request) -> web.StreamResponse:
        body = resource_metrics.text(await self._summary()).encode()
        return web.Response(body=body, headers={"Content-Type": exposition.MEDIA_TYPE})

    # Images

    async def images(self, _request: web.Request) -> web.StreamResponse:
        found = await _guarded(self._runtime.list_images())
        return web.json_response(
            {"items": [{"id": image.id, "tags": image.tags, "size": image.size} for image in found]}
        )

    async def check_image(self, request: web.Request) -> web.StreamResponse:
        """`{"id": image id, "layers": [diff id]}` -> `{"present": bool, "missing": [diff id]}`."""
        try:
            body = orjson.loads(await request.read())
            image_id, layers = str(body["id"]), [str(layer) for layer in body["layers"]]
        except (ValueError, KeyError, TypeError) as error:
            raise web.HTTPBadRequest(text=f"the body is not {{id, layers}}: {error}") from error
        found = await _guarded(self._runtime.list_images())
        # A layer can be used again only on top of the same layers below it.
        have = {image.layers[: count + 1] for image in found for count in range(len(image.layers))}
        missing = [layer for index, layer in enumerate(layers) if tuple(layers[: index + 1]) not in have]
        return web.json_response({"present": any(image.id == image_id for image in found), "missing": missing})

    async def load_images(self, request: web.Request) -> web.StreamResponse:
        """A `docker save` archive in the body, without the layers that `check` did not call missing."""
        loaded = await _guarded(self._runtime.load_images(request.content.iter_any()))
        return web.json_response({"loaded": loaded})

    async def export_image(self, request: web.Request) -> web.StreamResponse:
        """`?image=NAME`: the image as a `docker save` archive, for the console to send on."""
        name = request.query.get("image", "")
        if not name or await _guarded(self._runtime.find_image(name)) is None:
            raise web.HTTPNotFound(text=f'image "{name}" is not on this node')
        return await _stream(request, self._runtime.export_image(name), "application/x-tar")


def _log_source(track: ContainerTrack, *, previous: bool) -> str:
    """Which run's log is meant: the one before, or the current or last one."""
    if previous:
        if track.phase is Phase.DEAD and track.ended is not None and track.last is None:
            return track.ended.id
        return track.last.id if track.last is not None else ""
    if track.id:
        return track.id
    return track.last.id if track.last is not None else ""


def _no_log(request: web.Request, track: ContainerTrack, *, previous: bool) -> str:
    where = f'container "{track.name}" in pod "{request.match_info["pod"]}"'
    if previous:
        return f"previous terminated {where} not found"
    reason, message = track.waiting
    return f"{where} is waiting to start: {message or reason or 'ContainerCreating'}"


async def _guarded(work: Awaitable[T]) -> T:
    """Failures of the engine as answers."""
    try:
        return await work
    except RuntimeFailure as failure:
        status = web.HTTPServiceUnavailable if failure.reason == "EngineUnavailable" else web.HTTPBadRequest
        raise status(text=failure.message) from failure


async def _stream(request: web.Request, chunks: AsyncIterator[bytes], kind: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": kind})
    first = await _guarded(anext(chunks, b""))
    await response.prepare(request)
    tasks = Tasks("stream")
    copying = tasks.start("copy", _copy(first, chunks, response))
    try:
        # A reader that leaves while nothing is said is noticed here; the engine's connection must not outlive it.
        while not copying.done() and request.transport is not None:
            await asyncio.wait({copying}, timeout=LOOK_SECONDS)
    finally:
        await tasks.close()
    return response


async def _copy(first: bytes, chunks: AsyncIterator[bytes], response: web.StreamResponse) -> None:
    with contextlib.suppress(ConnectionError):  # the reader has gone: nothing is lost
        await response.write(first)
        with contextlib.suppress(RuntimeFailure):  # the engine went away in the middle: the stream ends there
            async for chunk in chunks:
                await response.write(chunk)
        await response.write_eof()


async def _upgrade(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(protocols=(PROTOCOL,), max_msg_size=0, compress=False)
    await socket.prepare(request)
    return socket


async def _tcp(request: web.Request, namespace: str, addresses: tuple[str, ...], port: int) -> web.StreamResponse:
    """Connect to the first address that answers, then carry bytes until the pod's side ends or the client is gone; an
    empty message of the client ends its direction only."""
    try:
        reader, writer = await netns.connect(namespace, addresses, port, CONNECT_SECONDS)
    except OSError as error:
        raise web.HTTPBadGateway(text=str(error)) from error
    socket = web.WebSocketResponse(max_msg_size=0, compress=False)
    await socket.prepare(request)
    tasks = Tasks("tcp")
    outgoing = tasks.start("out", _to_socket(reader, socket))
    incoming = tasks.start("in", _from_socket(socket, writer))
    try:
        await asyncio.wait({outgoing, incoming}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await tasks.close()
        writer.close()
    await socket.close()
    return socket


async def _to_socket(reader: asyncio.StreamReader, socket: web.WebSocketResponse) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(CHUNK):
            await socket.send_bytes(data)


async def _from_socket(socket: web.WebSocketResponse, writer: asyncio.StreamWriter) -> None:
    ended = False
    with contextlib.suppress(ConnectionError):
        async for message in socket:
            if message.type is not WSMsgType.BINARY or ended:
                continue
            if ended := not message.data:
                writer.write_eof()
            else:
                writer.write(message.data)
                await writer.drain()


def _flag(request: web.Request, name: str) -> bool:
    return request.query.get(name, "false").lower() in {"true", "1", ""}


def _number(request: web.Request, name: str) -> int | None:
    text = request.query.get(name)
    if text is None:
        return None
    if not text.isdecimal():
        raise web.HTTPBadRequest(text=f"{name}={text!r} is not a number of lines")
    return int(text)


def _since(request: web.Request) -> float | None:
    """Seconds since the epoch; given as that, or as RFC 3339."""
    text = request.query.get("since")
    if not text:
        return None
    try:
        return float(text) if text.replace(".", "", 1).isdecimal() else parse_time(text).timestamp()
    except ValueError as error:
        raise web.HTTPBadRequest(text=f"since={text!r} is no moment: {error}") from error


def _port(request: web.Request) -> int:
    text = request.match_info["port"]
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise web.HTTPBadRequest(text=f"{text!r} is not a port number")
    return int(text)
