"""A command in a container without a terminal: its input from a program, its output to one, then its exit code."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import aiohttp

from common.aio import Tasks
from common.api.kinds import PODS
from common.api.meta import Key
from common.errors import ServiceUnavailable

from .channels import CHUNK, CLOSE, ERROR, PROTOCOL, STDERR, STDIN, STDOUT, Opener, exit_code, status_of

Sink = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Place:
    """A container; empty when the pod has only one."""

    pod: Key
    container: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """`err` is the end of what the command wrote to standard error."""

    code: int
    err: str


async def _nowhere(_data: bytes) -> None:
    """Output that nobody wants."""


async def execute(
    client: Opener, place: Place, command: list[str], *, source: AsyncIterator[bytes] | None = None,
    sink: Sink = _nowhere,
) -> Done:  # fmt: skip
    """Run it to its end; `sink` is awaited for each piece of output, so a slow one holds the command back. Raises
    ApiError when it cannot be run, ServiceUnavailable when the connection is cut."""
    params = [("stdout", "true"), ("stderr", "true"), *(("command", word) for word in command)]
    params += [("container", place.container)] if place.container else []
    params += [("stdin", "true")] if source is not None else []
    path = PODS.path(place.pod.namespace, place.pod.name, "exec")
    socket = await client.websocket(path, params, (PROTOCOL,))
    tasks = Tasks("execute")
    try:
        if source is not None:
            tasks.start("input", _feed(socket, source))
        return await _receive(socket, sink)
    finally:
        await tasks.close()
        await socket.close()


async def _feed(socket: aiohttp.ClientWebSocketResponse, source: AsyncIterator[bytes]) -> None:
    try:
        async for data in source:
            await socket.send_bytes(bytes([STDIN]) + data)
        await socket.send_bytes(bytes([CLOSE, STDIN]))
    except (ConnectionError, aiohttp.ClientError):
        return  # the command's end tells why


async def _receive(socket: aiohttp.ClientWebSocketResponse, sink: Sink) -> Done:
    err = b""
    async for message in socket:
        if message.type is not aiohttp.WSMsgType.BINARY or not message.data:
            continue
        channel, data = message.data[0], message.data[1:]
        if channel == STDOUT:
            await sink(data)
        elif channel == STDERR:
            err = (err + data)[-CHUNK:]
        elif channel == ERROR:
            return Done(exit_code(status_of(data)), err.decode(errors="replace"))
    raise ServiceUnavailable("the connection to the container was cut before the command ended")
