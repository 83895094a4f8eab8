"""Shells on the host itself, as the agent's user and in its own namespaces.

They are for who may open one in the API, and only while the host allows it: `quarterdeck-agent host-shell on` is said
there, not from afar.

When a shell ends, when whoever uses it goes, when the agent stops: what is left of its session is ended with it, so
that no program goes on that nobody sees.
"""

from __future__ import annotations

import asyncio
import logging
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web

from common.aio import Tasks
from common.api.meta import Object
from common.clock import Clock

from . import terminal
from .runtime import streams
from .terminal import CHUNK, Terminal

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
PROTOCOL = "v5.channel.k8s.io"
PERMIT = "host-shell"
"""The file in the agent's folder that allows shells."""
MOST = 16  # at once
HEARTBEAT_SECONDS = 15.0  # a connection that died unseen ends its shell after two of them
REST_SECONDS = 1.0  # for a reader that is slow, after its shell has ended


def is_allowed(folder: Path) -> bool:
    """Whether the host of the agent whose folder this is allows shells. Blocks."""
    return (folder / PERMIT).is_file()


def allow(folder: Path, *, allowed: bool) -> None:
    """Allow them from now on, or no longer; what is open stays open. Blocks. OSError when the folder cannot be
    written."""
    if allowed:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / PERMIT).touch(mode=0o600)
    else:
        (folder / PERMIT).unlink(missing_ok=True)


class HostShells:
    """`folder` is the agent's, None for a host that is simulated."""

    def __init__(self, folder: Path | None, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._open = 0

    async def shell(self, request: web.Request) -> web.StreamResponse:
        """`WS /shell?command=…&stdin&tty`: without a command the login shell of the agent's user."""
        await self._check()
        command = request.query.getall("command", []) or [terminal.user().pw_shell or "/bin/sh", "-l"]
        stdin, tty = (request.query.get(name) == "true" for name in ("stdin", "tty"))
        self._open += 1
        try:
            socket = web.WebSocketResponse(
                protocols=(PROTOCOL,), max_msg_size=0, compress=False, heartbeat=HEARTBEAT_SECONDS
            )
            await socket.prepare(request)
            log.info("a shell on this host begins")
            await self._serve(socket, command, stdin=stdin, tty=tty)
        finally:
            self._open -= 1
            log.info("a shell on this host has ended")
        return socket

    async def _check(self) -> None:
        if self._folder is None:
            raise web.HTTPForbidden(text="this is a simulated node: there is no host to have a shell on")
        if not await asyncio.to_thread(is_allowed, self._folder):
            raise web.HTTPForbidden(
                text="this host allows no shells; `quarterdeck-agent host-shell on`, said there, allows them"
            )
        if self._open >= MOST:
            raise web.HTTPTooManyRequests(text=f"{MOST} shells are open on this host already")

    async def _serve(self, socket: web.WebSocketResponse, command: list[str], *, stdin: bool, tty: bool) -> None:
        try:
            if tty:
                status = await self._on_terminal(socket, command, stdin=stdin)
            else:
                status = await self._on_pipes(socket, command, stdin=stdin)
        except OSError as error:
            status = streams.failure_status(f"{command[0]}: {error.strerror or error}")
        await streams.finish(socket, status)

    async def _on_terminal(self, socket: web.WebSocketResponse, command: list[str], *, stdin: bool) -> Object:
        tasks = Tasks("hostshell")
        async with Terminal() as own:
            process = await terminal.start_on(own, command)
            output = tasks.start("output", _pass_on(socket, own.read, streams.STDOUT))
            try:
                feeding = streams.feed(socket, own.writer, stdin=stdin, resize=own.resize)
                status = await self._until(process, feeding)
                own.hang_up()
                await asyncio.wait({output}, timeout=REST_SECONDS)
            finally:
                await tasks.close()
        return status

    async def _on_pipes(self, socket: web.WebSocketResponse, command: list[str], *, stdin: bool) -> Object:
        process = await terminal.start_piped(command, stdin=stdin)
        tasks = Tasks("hostshell")
        outputs = [
            tasks.start(f"output {channel}", _pass_on(socket, partial(reader.read, CHUNK), channel))
            for reader, channel in ((process.stdout, streams.STDOUT), (process.stderr, streams.STDERR))
            if reader is not None
        ]
        try:
            status = await self._until(process, _feed(socket, process.stdin))
            await asyncio.wait(outputs, timeout=REST_SECONDS)
        finally:
            await tasks.close()
        return status

    async def _until(self, process: Process, feeding: Coroutine[Any, Any, None]) -> Object:
        """Wait for the end of the program or of the connection, then end the session. The final Status."""
        tasks = Tasks("hostshell/process")
        waiting, connection = tasks.start("wait", process.wait()), tasks.start("input", feeding)
        try:
            await asyncio.wait({waiting, connection}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # At once: an agent that is told to stop may have no time left for more.
            terminal.hang_up(process.pid)
            await asyncio.shield(terminal.end(process, self._clock))
            await tasks.close()
        code = process.returncode or 0
        return streams.exit_status(code if code >= 0 else 128 - code)


async def _pass_on(socket: web.WebSocketResponse, read: Callable[[], Awaitable[bytes]], channel: int) -> None:
    while data := await read():
        if socket.closed:
            return
        try:
            await socket.send_bytes(bytes([channel]) + data)
        except ConnectionError:
            return  # the reader has gone, which ends the session


async def _feed(socket: web.WebSocketResponse, writer: asyncio.StreamWriter | None) -> None:
    """Until the client is gone; one that has nothing to say is waited for all the same."""
    if writer is not None:
        await streams.feed(socket, writer, stdin=True, resize=_no_terminal)
        return
    async for _ in socket:
        pass


async def _no_terminal(_width: int, _height: int) -> None:
    """A program on pipes has no size."""
