"""A shell from the console, in a real terminal: keys, output, size and exit code cross the exec stream."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import struct
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest
from aiohttp import WSMsgType, web

from console.tui.shell import ERROR, PROTOCOL, RESIZE, STDIN, STDOUT

CLIENT = """
import sys
from pathlib import Path
from common.client.endpoint import Endpoint
from common.api.meta import Key
from common.client.http import HttpClient
from console.tui.shell import in_container, run

command = tuple(sys.argv[2:])
wish = in_container(Key("default", "web"), "app", command)
ended = run(lambda: HttpClient(Endpoint.of_socket(Path(sys.argv[1]))), wish)
print(f"<{ended.text}|{ended.orderly}>")
"""


class Kubelet:
    """Serves exec and attach as the API does: shouts back what is typed, ends with code 3 on `q`."""

    def __init__(self) -> None:
        self.sizes: list[dict[str, int]] = []
        self.asked: list[tuple[str, list[tuple[str, str]]]] = []
        self.resized = asyncio.Event()
        self.refuse = False

    async def stream(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.path, list(request.query.items())))
        if self.refuse:
            status = {"kind": "Status", "code": 404, "reason": "NotFound", "message": 'pods "web" not found'}
            return web.json_response(status, status=404)
        socket = web.WebSocketResponse(protocols=(PROTOCOL,))
        await socket.prepare(request)
        await socket.send_bytes(bytes([STDOUT]) + b"ready$ ")
        async for message in socket:
            if message.type is not WSMsgType.BINARY:
                continue
            channel, data = message.data[0], message.data[1:]
            if channel == RESIZE:
                self.sizes.append(orjson.loads(data))
                self.resized.set()
            elif channel == STDIN and data == b"q":
                await socket.send_bytes(bytes([ERROR]) + orjson.dumps(_exit_code(3)))
                await socket.close()
            elif channel == STDIN:
                await socket.send_bytes(bytes([STDOUT]) + b"got " + data.upper())
        return socket


def _exit_code(code: int) -> dict[str, object]:
    causes = [{"reason": "ExitCode", "message": str(code)}]
    return {"status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": causes}}


class Terminal:
    """The master side of a pseudo-terminal that a client process runs in."""

    def __init__(self, socket: Path, *command: str) -> None:
        self.master, self._slave = pty.openpty()
        self.resize(80, 24)
        self._arguments = [sys.executable, "-c", CLIENT, str(socket), *command]
        self.seen = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """The client; it is ended whatever the test found."""
        process = await asyncio.create_subprocess_exec(
            *self._arguments, stdin=self._slave, stdout=self._slave, stderr=self._slave, start_new_session=True
        )
        os.close(self._slave)
        os.set_blocking(self.master, False)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            os.close(self.master)

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def type(self, data: bytes) -> None:
        os.write(self.master, data)

    async def wait_for(self, text: str) -> None:
        async with asyncio.timeout(60):
            while text not in self.seen:
                try:
                    self.seen += os.read(self.master, 4096).decode(errors="replace")
                except BlockingIOError:
                    await asyncio.sleep(0.02)


@pytest.fixture
async def kubelet(tmp_path: Path) -> AsyncIterator[Kubelet]:
    found = Kubelet()
    application = web.Application()
    path = "/api/v1/namespaces/default/pods/web/{verb}"
    application.router.add_get(path, found.stream)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "api.sock")).start()
    yield found
    await runner.cleanup()


async def test_keys_output_size_and_exit_code_cross_the_stream(kubelet: Kubelet, tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "api.sock", "/bin/sh")
    async with terminal.running() as process:
        await terminal.wait_for("ready$ ")
        terminal.type(b"\x03")  # raw: Ctrl-C belongs to the container
        await terminal.wait_for("got \x03")
        terminal.resize(100, 40)
        async with asyncio.timeout(60):
            while {"Width": 100, "Height": 40} not in kubelet.sizes:
                kubelet.resized.clear()
                await kubelet.resized.wait()
        terminal.type(b"q")
        await terminal.wait_for("<ended with exit code 3|True>")
        assert await process.wait() == 0
    path, params = kubelet.asked[0]
    assert path.endswith("/exec")
    assert ("command", "/bin/sh") in params
    assert kubelet.sizes[0] == {"Width": 80, "Height": 24}


async def test_detaching_leaves_the_process_alone(kubelet: Kubelet, tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "api.sock")
    async with terminal.running() as process:
        await terminal.wait_for("ready$ ")
        terminal.type(b"\x10\x11")
        await terminal.wait_for("<detached; the process goes on|True>")
        assert await process.wait() == 0
    assert kubelet.asked[0][0].endswith("/attach")


async def test_a_refusal_is_told_with_the_servers_words(kubelet: Kubelet, tmp_path: Path) -> None:
    kubelet.refuse = True
    terminal = Terminal(tmp_path / "api.sock", "/bin/sh")
    async with terminal.running() as process:
        await terminal.wait_for('<pods "web" not found|False>')
        assert await process.wait() == 0
