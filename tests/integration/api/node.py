"""The streams of a node as its agent's server gives them, without an engine: text for logs, a shell for exec, a real
TCP connection for forward. Implements `NodeStreams`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import aiohttp
from aiohttp import WSMsgType, web

from common.errors import NotFound, ServiceUnavailable
from common.session import MAX_REQUEST_LINE

LINES = "".join(f"line {index}\n" for index in range(1, 6))


class Node:
    """Answers for the node `node-1`; `requests` remembers path and query of each request."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self._url = ""

    async def start(self) -> None:
        app = web.Application()
        self.routes(app)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, max_line_size=MAX_REQUEST_LINE)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self._url = f"http://{host}:{port}"
        self._session = aiohttp.ClientSession()

    def routes(self, app: web.Application) -> None:
        app.router.add_get("/logs/{ns}/{pod}/{container}", self._logs)
        app.router.add_get("/exec/{ns}/{pod}/{container}", self._exec)
        app.router.add_get("/attach/{ns}/{pod}/{container}", self._exec)
        app.router.add_get("/forward/{ns}/{pod}/{port}", self._forward)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
        if self._runner is not None:
            await self._runner.cleanup()

    # NodeStreams

    async def request(
        self, node: str, method: str, path: str, params: Mapping[str, str], data: bytes | aiohttp.StreamReader | None
    ) -> aiohttp.ClientResponse:
        return await self._client(node).request(method, self._url + path, params=params, data=data)

    async def websocket(self, node: str, path: str, params: list[tuple[str, str]]) -> aiohttp.ClientWebSocketResponse:
        return await self._client(node).ws_connect(self._url + path, params=params)

    def _client(self, node: str) -> aiohttp.ClientSession:
        if node == "node-away":
            raise ServiceUnavailable("the agent of node node-away cannot be reached: connection refused")
        if node != "node-1" or self._session is None:
            raise NotFound(f'nodes "{node}" not found')
        return self._session

    # The agent's side

    async def _logs(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.path, dict(request.query)))
        response = web.StreamResponse()
        await response.prepare(request)
        text = LINES if "tail" not in request.query else "".join(LINES.splitlines(True)[-int(request.query["tail"]) :])
        await response.write(text.encode())
        return response

    async def _exec(self, request: web.Request) -> web.WebSocketResponse:
        self.requests.append((request.path, {"command": " ".join(request.query.getall("command", []))}))
        socket = web.WebSocketResponse(protocols=("v5.channel.k8s.io",))
        await socket.prepare(request)
        if request.query.get("command") == "agent-dies":  # no last word, as when it is killed
            await socket.send_bytes(b"\x01begun\n")
            await socket.close()
            return socket
        process = await asyncio.create_subprocess_exec(
            *request.query.getall("command", ["cat"]),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        await asyncio.gather(
            _feed(socket, process, wanted="stdin" in request.query),
            _answer(process, socket),
        )
        return socket

    async def _forward(self, request: web.Request) -> web.WebSocketResponse:
        self.requests.append((request.path, {}))
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        reader, writer = await asyncio.open_connection("127.0.0.1", int(request.match_info["port"]))

        async def to_pod() -> None:
            async for message in socket:
                if message.data:
                    writer.write(message.data)
                    await writer.drain()
                else:
                    writer.write_eof()
            writer.close()

        async def to_client() -> None:
            while data := await reader.read(65536):
                await socket.send_bytes(data)
            await socket.close()

        await asyncio.gather(to_pod(), to_client())
        return socket


async def _feed(socket: web.WebSocketResponse, process: asyncio.subprocess.Process, *, wanted: bool) -> None:
    assert process.stdin is not None
    if not wanted:
        process.stdin.close()
    async for message in socket:
        if message.type is not WSMsgType.BINARY:
            break
        if message.data[0] == 255:
            process.stdin.close()
        elif message.data[0] == 0:
            process.stdin.write(message.data[1:])
            await process.stdin.drain()


async def _copy(stream: asyncio.StreamReader | None, socket: web.WebSocketResponse, channel: int) -> None:
    assert stream is not None
    while data := await stream.read(32768):
        await socket.send_bytes(bytes([channel]) + data)


async def _answer(process: asyncio.subprocess.Process, socket: web.WebSocketResponse) -> None:
    """All output, then the word about how it ended: whoever reads that may read no further."""
    await asyncio.gather(_copy(process.stdout, socket, 1), _copy(process.stderr, socket, 2))
    await _status(process, socket)


async def _status(process: asyncio.subprocess.Process, socket: web.WebSocketResponse) -> None:
    code = await process.wait()
    status: dict[str, object] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    if code:
        causes = [{"reason": "ExitCode", "message": str(code)}]
        status |= {"status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": causes},
                   "message": f"command terminated with non-zero exit code: {code}"}  # fmt: skip
    await socket.send_bytes(b"\x03" + json.dumps(status).encode())
    await socket.close()
