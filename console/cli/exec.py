"""`exec`: a command in a container, its terminal joined to this one; ends with the command's exit code."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import os
import signal
import stat
import struct
import sys
import termios
import tty
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import IO

import aiohttp

from common.aio import Tasks
from common.api.kinds import PODS
from common.api.meta import Object, name
from common.errors import from_status

from . import arguments
from .context import Context
from .exits import Exit, Failure
from .logs import find_pod, pick_container

STDIN, STDOUT, STDERR, STATUS, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255  # the channels of v5.channel.k8s.io
PROTOCOL = "v5.channel.k8s.io"
CHUNK = 32 * 1024  # bytes of input sent at once


def configure(parser: argparse.ArgumentParser) -> None:
    parser.usage = "quarterdeck exec [-n NS] [-c CONTAINER] [-i] [-t] OBJECT -- COMMAND [ARG…]"
    parser.description = "Run a command in a container: exec POD -- ls, exec -it deploy/hello -- sh."
    arguments.namespace(parser)
    parser.add_argument("-c", "--container", default="", help="which container (default: the first one)")
    parser.add_argument("-i", "--stdin", action="store_true", help="pass standard input on")
    parser.add_argument("-t", "--tty", action="store_true", help="give the command a terminal")
    parser.add_argument("object", metavar="OBJECT", help="POD or KIND/NAME")
    parser.add_argument("command", nargs="+", metavar="COMMAND", help="after --")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    context = Context.of(args)
    if args.tty and not (args.stdin and sys.stdin.isatty()):
        raise Failure("-t needs -i and a terminal as standard input", Exit.USAGE)
    pod = find_pod(context, context.single([args.object], default_kind="pods"))
    query = [("container", pick_container(pod, args.container)), *(("command", word) for word in args.command)]
    query += [(key, "true") for key, on in (("stdout", True), ("stderr", not args.tty), ("stdin", args.stdin)) if on]
    if args.tty:
        query.append(("tty", "true"))
    path = context.path(PODS, name(pod), "exec")
    return asyncio.run(_exec(context, path, query, stdin=args.stdin, terminal=args.tty))


async def _exec(context: Context, path: str, query: list[tuple[str, str]], *, stdin: bool, terminal: bool) -> int:
    connector = aiohttp.UnixConnector(str(context.home.api_socket))
    tasks = Tasks("exec")
    async with aiohttp.ClientSession(connector=connector) as session:
        try:
            socket = await session.ws_connect(
                f"http://localhost{path}", params=query, protocols=(PROTOCOL,), max_msg_size=0
            )
        except aiohttp.WSServerHandshakeError as error:
            answer = await session.get(f"http://localhost{path}", params=query)
            raise from_status(_status(await answer.read()), error.status) from None
        try:
            with _raw_terminal() if terminal else _unchanged():
                if terminal:
                    _follow_size(socket, tasks)
                if stdin:
                    tasks.start("stdin", _send_input(socket))
                return await _receive(socket)
        finally:
            await tasks.close()
            await socket.close()


async def _receive(socket: aiohttp.ClientWebSocketResponse) -> int:
    """Write what comes until the status does; the command's exit code."""
    async for message in socket:
        if message.type is not aiohttp.WSMsgType.BINARY or not message.data:
            continue
        channel, data = message.data[0], message.data[1:]
        if channel in {STDOUT, STDERR}:
            target = sys.stdout.buffer if channel == STDOUT else sys.stderr.buffer
            target.write(data)
            target.flush()
        elif channel == STATUS:
            return exit_code(_status(data))
    raise Failure("the connection to the container was cut before the command ended")


def _status(data: bytes) -> Object:
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def exit_code(status: Object) -> int:
    """The code in the Status that ends an exec. Raises ApiError when the command never ran."""
    if status.get("status") == "Success":
        return Exit.OK
    causes = (status.get("details") or {}).get("causes") or ()
    code = next((each.get("message") for each in causes if each.get("reason") == "ExitCode"), None)
    if code is None or not str(code).isdigit():
        raise from_status(status, int(status.get("code") or 500))
    return int(code)


async def _send_input(socket: aiohttp.ClientWebSocketResponse) -> None:
    async for data in pieces(sys.stdin):
        await socket.send_bytes(bytes([STDIN]) + data)
    await socket.send_bytes(bytes([CLOSE, STDIN]))


async def pieces(source: IO[str]) -> AsyncIterator[bytes]:
    """What is read from a terminal, a pipe or a file, as it comes, until its end."""
    mode = os.fstat(source.fileno()).st_mode
    if not (source.isatty() or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):  # a file or /dev/null: always readable
        while data := await asyncio.to_thread(os.read, source.fileno(), CHUNK):
            yield data
        return
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), source
    )
    try:
        while data := await reader.read(CHUNK):
            yield data
    finally:
        transport.close()


def _follow_size(socket: aiohttp.ClientWebSocketResponse, tasks: Tasks) -> None:
    def send() -> None:
        rows, columns, _, _ = struct.unpack("HHHH", fcntl.ioctl(0, termios.TIOCGWINSZ, bytes(8)))
        size = json.dumps({"Width": columns, "Height": rows}).encode()
        tasks.start("resize", socket.send_bytes(bytes([RESIZE]) + size))

    send()
    asyncio.get_running_loop().add_signal_handler(signal.SIGWINCH, send)


@contextmanager
def _raw_terminal() -> Iterator[None]:
    saved = termios.tcgetattr(0)
    blocking = os.get_blocking(1)
    tty.setraw(0)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, saved)
        # Reading without blocking was set on the terminal that standard output shares.
        os.set_blocking(1, blocking)


@contextmanager
def _unchanged() -> Iterator[None]:
    yield
