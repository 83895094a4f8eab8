"""A shell in a container or on a host: the terminal itself is lent to the stream, so that vi, top and resizing just
work.

The console is suspended meanwhile and the bridge runs in a thread with an event loop and a client of its own: the
console's loop may still paint, and awaiting the bridge in it would deadlock with that.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import sys
import termios
import threading
import tty
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import aiohttp
import orjson

from common.aio import Tasks
from common.api import meta
from common.api.kinds import NODES, PODS
from common.api.meta import Key
from common.errors import ApiError
from console.streams.channels import ERROR, PROTOCOL, RESIZE, STDERR, STDIN, STDOUT

from .gateway import Connect

SHELL = ("/bin/sh", "-c", "command -v bash >/dev/null && exec bash || exec sh")
DETACH = b"\x10\x11"  # ctrl-p ctrl-q, as Docker has it: leaves an attached process running
RESIZE_SECONDS = 0.3  # how often the terminal's size is looked at; signals reach the main thread only
DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


@dataclass(frozen=True, slots=True)
class Wish:
    """Where to go: a path of the API and what it is asked, `label` for people. A process that goes on without us
    `can_detach`."""

    label: str
    path: str
    params: tuple[tuple[str, str], ...]
    can_detach: bool = False


_STREAMS = (("stdin", "true"), ("stdout", "true"), ("tty", "true"))


def in_container(pod: Key, container: str, command: Sequence[str] = SHELL) -> Wish:
    """A command in a container; an empty one attaches to the main process."""
    path = PODS.path(pod.namespace, pod.name, "exec" if command else "attach")
    words = (("command", word) for word in command)
    return Wish(
        f"{pod} container {container}", path, (("container", container), *_STREAMS, *words), can_detach=not command
    )


def on_host(node: str) -> Wish:
    """A login shell on the host of a node."""
    return Wish(f"host of node {node}", NODES.path(None, node, "shell"), _STREAMS)


@dataclass(frozen=True, slots=True)
class Ended:
    text: str
    orderly: bool


def default_container(pod: meta.Object) -> str:
    """The container that commands mean when none is named: the annotated one, else the first."""
    names = [str(item["name"]) for item in (pod.get("spec") or {}).get("containers") or ()]
    wanted = meta.annotations(pod).get(DEFAULT_CONTAINER, "")
    return wanted if wanted in names else names[0]


def ending(frame: bytes) -> Ended:
    """What the error channel says: a `Status`, whose failure may be just the command's exit code."""
    try:
        status = orjson.loads(frame)
    except orjson.JSONDecodeError:
        return Ended(frame.decode(errors="replace"), orderly=False)
    if status.get("status") == "Success":
        return Ended("the shell has ended", orderly=True)
    causes = (status.get("details") or {}).get("causes") or ()
    code = next((cause.get("message") for cause in causes if cause.get("reason") == "ExitCode"), None)
    if code is not None:
        return Ended(f"ended with exit code {code}", orderly=True)
    return Ended(str(status.get("message") or "the stream failed"), orderly=False)


def run(connect: Connect, wish: Wish) -> Ended:
    """Lend the terminal to the other end until it ends. Blocks; call it in a thread with the console suspended."""
    with _raw_terminal():
        return asyncio.run(_bridge(connect, wish))


@contextlib.contextmanager
def _raw_terminal() -> Iterator[None]:
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setraw(descriptor)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


async def _bridge(connect: Connect, wish: Wish) -> Ended:
    client = connect()
    tasks = Tasks("shell")
    try:
        socket = await client.websocket(wish.path, wish.params, (PROTOCOL,))
        tasks.start("size", _send_sizes(socket))
        detached = asyncio.Event()
        reader = _Keyboard(socket, asyncio.get_running_loop(), detached, can_detach=wish.can_detach)
        reader.start()
        try:
            return await _until(socket, detached)
        finally:
            reader.stop()
            await socket.close()
    except (ApiError, OSError, aiohttp.ClientError) as error:
        return Ended(str(error), orderly=False)
    finally:
        await tasks.close()
        await client.close()


async def _until(socket: aiohttp.ClientWebSocketResponse, detached: asyncio.Event) -> Ended:
    tasks = Tasks("shell-output")
    output = tasks.start("output", _show_output(socket))
    leaving = tasks.start("detach", detached.wait())
    try:
        await asyncio.wait({output, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return output.result() if output.done() else Ended("detached; the process goes on", orderly=True)
    finally:
        await tasks.close()


async def _show_output(socket: aiohttp.ClientWebSocketResponse) -> Ended:
    ended = Ended("the stream was cut", orderly=False)
    async for message in socket:
        if message.type is not aiohttp.WSMsgType.BINARY or not message.data:
            continue
        channel, payload = message.data[0], message.data[1:]
        if channel in {STDOUT, STDERR}:
            await asyncio.to_thread(_write_all, payload)
        elif channel == ERROR:
            ended = ending(payload)
    return ended


def _write_all(data: bytes) -> None:
    while data:
        data = data[os.write(sys.stdout.fileno(), data) :]


async def _send_sizes(socket: aiohttp.ClientWebSocketResponse) -> None:
    known = None
    while True:
        size = os.get_terminal_size(sys.stdout.fileno())
        if size != known:
            known = size
            await socket.send_bytes(bytes([RESIZE]) + orjson.dumps({"Width": size.columns, "Height": size.lines}))
        await asyncio.sleep(RESIZE_SECONDS)


class _Keyboard:
    """Sends what is typed. A thread, because a terminal may only be read by blocking; a pipe wakes it to stop."""

    def __init__(
        self, socket: aiohttp.ClientWebSocketResponse, loop: asyncio.AbstractEventLoop, detached: asyncio.Event, *,
        can_detach: bool,
    ) -> None:  # fmt: skip
        self._socket = socket
        self._loop = loop
        self._detached = detached
        self._can_detach = can_detach
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._read, name="shell-keyboard", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        os.write(self._wake_write, b"x")
        self._thread.join(timeout=2)
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _read(self) -> None:
        keyboard = sys.stdin.fileno()
        while True:
            ready, _, _ = select.select([keyboard, self._wake_read], [], [])
            if self._wake_read in ready:
                return
            data = os.read(keyboard, 4096)
            if not data or (self._can_detach and DETACH in data):
                self._loop.call_soon_threadsafe(self._detached.set)
                return
            sent = asyncio.run_coroutine_threadsafe(self._socket.send_bytes(bytes([STDIN]) + data), self._loop)
            with contextlib.suppress(Exception):
                sent.result()
