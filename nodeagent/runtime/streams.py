"""Byte streams between the engine and clients: Docker's multiplexed frames, and v5.channel.k8s.io over a WebSocket.

Channels: 0 stdin, 1 stdout, 2 stderr, 3 the final Status, 4 terminal size, 255 "this channel ends". A client that goes
away must not leave a reader or an engine connection behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

import orjson
from aiohttp import WSMsgType, web

from common.aio import Tasks
from common.api.meta import Object

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
CHUNK = 32 * 1024
QUIET_SECONDS = 2.0  # without output after the end of the input, and a process has answered
ANSWER_SECONDS = 10.0  # the same for one that is never quiet
_FRAME = struct.Struct(">BxxxI")

Resize = Callable[[int, int], Awaitable[None]]


class Demultiplexer:
    """Splits Docker's framed stream into (channel, bytes); frames may come in any pieces."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        self._buffer += data
        found = []
        while len(self._buffer) >= _FRAME.size:
            channel, size = _FRAME.unpack_from(self._buffer)
            if len(self._buffer) < _FRAME.size + size:
                break
            found.append((channel, bytes(self._buffer[_FRAME.size : _FRAME.size + size])))
            del self._buffer[: _FRAME.size + size]
        return found


async def demultiplexed(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """stdout and stderr as one stream, in the order in which they were written."""
    splitter = Demultiplexer()
    async for chunk in chunks:
        for _, data in splitter.feed(chunk):
            yield data


async def bridge(
    socket: web.WebSocketResponse,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    *,
    stdin: bool,
    tty: bool,
    resize: Resize,
    ends_input: bool = True,
) -> None:
    """Carry both directions until the engine's side ends or the client is gone. The end of the client's input is
    passed on where it `ends_input` of the process too. Where it does not, that is the end of all, as in Kubernetes,
    once the process has answered."""
    tasks = Tasks("stream")
    heard, ended = asyncio.Event(), None if ends_input else asyncio.Event()
    outgoing = tasks.start("output", _output(socket, reader, heard, tty=tty))
    incoming = tasks.start("input", feed(socket, writer, stdin=stdin, resize=resize, ended=ended))
    endings = {outgoing} if ended is None else {outgoing, tasks.start("answer", _answer(ended, heard))}
    try:
        await asyncio.wait({incoming, *endings}, return_when=asyncio.FIRST_COMPLETED)
        if incoming.done() and not socket.closed:
            await asyncio.wait(endings, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await tasks.close()
        writer.close()


async def _answer(ended: asyncio.Event, heard: asyncio.Event) -> None:
    """Until the input has ended and nothing more is heard."""
    await ended.wait()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ANSWER_SECONDS):
            while True:
                heard.clear()
                async with asyncio.timeout(QUIET_SECONDS):
                    await heard.wait()


async def _output(
    socket: web.WebSocketResponse, reader: asyncio.StreamReader, heard: asyncio.Event, *, tty: bool
) -> None:
    splitter = Demultiplexer()
    while data := await reader.read(CHUNK):
        heard.set()
        for channel, part in [(STDOUT, data)] if tty else splitter.feed(data):
            if socket.closed:
                return
            await socket.send_bytes(bytes([channel]) + part)


async def feed(
    socket: web.WebSocketResponse,
    writer: asyncio.StreamWriter,
    *,
    stdin: bool,
    resize: Resize,
    ended: asyncio.Event | None = None,
) -> None:
    """What the client types and how large its terminal is, until it is gone. The end of what it types is passed on, or
    told to `ended`."""
    async for message in socket:
        if message.type is not WSMsgType.BINARY or not message.data:
            continue
        channel, data = message.data[0], message.data[1:]
        if channel == STDIN and stdin:
            try:
                writer.write(data)
                await writer.drain()
            except ConnectionError:
                continue  # the process has closed its input; its output may go on
        elif channel == RESIZE:
            await _resize(data, resize)
        elif channel == CLOSE and data[:1] == bytes([STDIN]):
            if ended is not None:
                ended.set()
            elif writer.can_write_eof():
                writer.write_eof()


async def _resize(data: bytes, resize: Resize) -> None:
    try:
        size = orjson.loads(data)
        width, height = int(size["Width"]), int(size["Height"])
    except (ValueError, KeyError, TypeError):
        return  # a malformed size is no reason to end a session
    if 0 < width < 65536 and 0 < height < 65536:
        await resize(width, height)


def exit_status(code: int) -> Object:
    """The Status that ends an exec, as Kubernetes shapes it."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def failure_status(message: str) -> Object:
    """The Status of a command that could not be run at all."""
    return {"metadata": {}, "status": "Failure", "message": message, "reason": "InternalError", "code": 500}


async def finish(socket: web.WebSocketResponse, status: Object) -> None:
    """Send the final Status and close; a client that is gone already is no error."""
    if socket.closed:
        return
    try:
        await socket.send_bytes(bytes([ERROR]) + orjson.dumps(status))
        await socket.close()
    except ConnectionError:
        return
