"""`exec` and `attach`: a command in a container, or its main process, joined to this terminal. `exec` ends with the
command's exit code."""

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
from common.client.endpoint import Endpoint
from common.client.http import HttpClient
from console.streams.channels import (
    CHUNK,
    CLOSE,
    ERROR,
    PROTOCOL,
    RESIZE,
    STDERR,
    STDIN,
    STDOUT,
    exit_code,
    status_of,
)  # fmt: skip

from . import arguments
from .context import Context
from .exits import Exit, Failure
from .podtargets import find_pod, pick_container


def configure(parser: argparse.ArgumentParser) -> None:
    parser.usage = "quarterdeck exec [-n NS] [-c CONTAINER] [-i] [-t] OBJECT -- COMMAND [ARG…]"
    parser.description = "Run a command in a container: exec POD -- ls, exec -it deploy/hello -- sh."
    _arguments(parser)
    parser.add_argument("command", nargs="+", metavar="COMMAND", help="after --")
    parser.set_defaults(run=run)


def configure_attach(parser: argparse.ArgumentParser) -> None:
    parser.usage = "quarterdeck attach [-n NS] [-c CONTAINER] [-i] [-t] OBJECT"
    parser.description = "Join the main process of a container: see what it writes, and with -i type to it."
    _arguments(parser)
    parser.set_defaults(run=run_attach)


def _arguments(parser: argparse.ArgumentParser) -> None:
    arguments.namespace(parser)
    parser.add_argument("-c", "--container", default="", help="which container (default: the first one)")
    parser.add_argument("-i", "--stdin", action="store_true", help="pass standard input on")
    parser.add_argument("-t", "--tty", action="store_true", help="this terminal becomes the container's")
    parser.add_argument("object", metavar="OBJECT", help="POD or KIND/NAME")


def run(args: argparse.Namespace) -> int:
    context, pod = _begin(args)
    query = [*_query(pod, args), *(("command", word) for word in args.command)]
    path = context.path(PODS, name(pod), "exec")
    return asyncio.run(join(context, path, query, stdin=args.stdin, terminal=args.tty))


def run_attach(args: argparse.Namespace) -> int:
    context, pod = _begin(args)
    container = pick_container(pod, args.container)
    spec: Object = next((each for each in pod["spec"]["containers"] if each["name"] == container), {})
    if args.stdin and not spec.get("stdin"):
        raise Failure(f'container "{container}" does not read standard input (its spec has no `stdin: true`)')
    if args.tty and not spec.get("tty"):
        raise Failure(f'container "{container}" has no terminal (its spec has no `tty: true`): attach without -t')
    path = context.path(PODS, name(pod), "attach")
    return asyncio.run(join(context, path, _query(pod, args), stdin=args.stdin, terminal=args.tty))


def _begin(args: argparse.Namespace) -> tuple[Context, Object]:
    context = Context.of(args)
    if args.tty and not (args.stdin and sys.stdin.isatty()):
        raise Failure("-t needs -i and a terminal as standard input", Exit.USAGE)
    return context, find_pod(context, context.single([args.object], default_kind="pods"))


def _query(pod: Object, args: argparse.Namespace) -> list[tuple[str, str]]:
    wanted = (("stdout", True), ("stderr", not args.tty), ("stdin", args.stdin), ("tty", args.tty))
    return [("container", pick_container(pod, args.container)), *((key, "true") for key, on in wanted if on)]


async def join(context: Context, path: str, query: list[tuple[str, str]], *, stdin: bool, terminal: bool) -> int:
    """Join a command at the other end of a WebSocket to this terminal, or to pipes; its exit code."""
    tasks = Tasks("exec")
    async with HttpClient(Endpoint.of_socket(context.home.api_socket)) as client:
        socket = await client.websocket(path, query, (PROTOCOL,))
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
        elif channel == ERROR:
            return exit_code(status_of(data))
    raise Failure("the connection was cut before the command ended")


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
