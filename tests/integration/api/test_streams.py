"""Logs, exec, attach and port-forward, as kubectl and the Python client ask for them."""

from __future__ import annotations

import asyncio
import base64

import aiohttp
import pytest

from common.api.kinds import PODS
from common.api.meta import Key
from common.client.http import HttpClient
from common.errors import BadRequest, ServiceUnavailable
from console.streams.forward import Forward
from console.streams.ports import Pair

from .conftest import MakePod, Running, python_client
from .kubectl import Kubectl, echoes_large_data, forwarded_port
from .node import LINES, Node

pytestmark = pytest.mark.kubectl


async def test_logs_and_their_options_reach_the_node(make_pod: MakePod, kubectl: Kubectl, node: Node) -> None:
    await make_pod("web", containers=("a", "b"))
    assert await kubectl("logs", "web", "-c", "b") == LINES
    assert await kubectl("logs", "web", "-c", "b", "--tail=2", "--timestamps", "--since=1h") == "line 4\nline 5\n"
    path, query = node.requests[-1]
    assert path == "/logs/default/web/b"
    assert query.pop("since").endswith("Z")
    assert query == {"tail": "2", "timestamps": "true"}
    assert await kubectl("logs", "web", "-c", "a", "--limit-bytes=8") == "line 1\nl"


@pytest.mark.parametrize(
    ("protocols", "text"), [((), False), (("binary.k8s.io",), False), (("base64.binary.k8s.io",), True)]
)
async def test_logs_over_a_websocket(make_pod: MakePod, api: Running, protocols: tuple[str, ...], text: bool) -> None:
    await make_pod("web")
    path = "/api/v1/namespaces/default/pods/web/log?container=main"
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(api.socket))) as session:
        async with session.ws_connect(f"http://api{path}", protocols=protocols) as socket:
            assert socket.protocol == (protocols[0] if protocols else None)
            said = [message.data async for message in socket]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await session.ws_connect(f"http://api{path}x")
    assert b"".join(base64.b64decode(part) if text else part for part in said).decode() == LINES
    assert refusal.value.status == 400


@pytest.mark.parametrize("protocols", [(), ("channel.k8s.io",)])
@pytest.mark.parametrize(("command", "ending"), [("echo hi", b"\x03"), ("echo hi; exit 3", b"\x03command terminated")])
async def test_exec_in_the_first_version_of_the_channels(
    make_pod: MakePod, api: Running, command: str, ending: bytes, protocols: tuple[str, ...]
) -> None:
    await make_pod("web")
    path = "/api/v1/namespaces/default/pods/web/exec"
    query = [("command", "sh"), ("command", "-c"), ("command", command), ("stdout", "1"), ("stderr", "1")]
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(api.socket))) as session,
        session.ws_connect(f"http://api{path}", params=query, protocols=protocols) as socket,
    ):
        said = [message.data async for message in socket]
    assert b"".join(part[1:] for part in said if part[:1] == b"\x01") == b"hi\n"
    last = said[-1]
    assert last == ending if ending == b"\x03" else last.startswith(ending)


@pytest.mark.parametrize("protocol", ["base64.channel.k8s.io", "v4.base64.channel.k8s.io"])
async def test_exec_in_the_text_form_of_the_channels(make_pod: MakePod, api: Running, protocol: str) -> None:
    await make_pod("web")
    path = "/api/v1/namespaces/default/pods/web/exec"
    query = [("command", "head"), ("command", "-n1"), ("stdin", "1"), ("stdout", "1")]
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(api.socket))) as session,
        session.ws_connect(f"http://api{path}", params=query, protocols=(protocol,)) as socket,
    ):
        assert socket.protocol == protocol
        await socket.send_str("0" + base64.b64encode(b"there and back\n").decode())
        said = [message.data async for message in socket]
    assert b"".join(base64.b64decode(part[1:]) for part in said if part[:1] == "1") == b"there and back\n"
    ending = base64.b64decode(said[-1][1:])
    assert said[-1][:1] == "3"
    assert not ending if protocol == "base64.channel.k8s.io" else b"Success" in ending


async def test_logs_that_do_not_exist_say_why(make_pod: MakePod, kubectl: Kubectl, client: HttpClient) -> None:
    await make_pod("web", containers=("a", "b"))
    await make_pod("slow", state={"waiting": {"reason": "ImagePullBackOff"}})
    await make_pod("pending", node="", phase="Pending")
    await make_pod("away", node="node-away")
    with pytest.raises(BadRequest, match=r"a container name must be specified for pod web, choose one of: \[a b\]"):
        await client.request_json("GET", "/api/v1/namespaces/default/pods/web/log")
    assert "container nope is not valid for pod web" in await kubectl.fails("logs", "web", "-c", "nope")
    assert 'previous terminated container "a" in pod "web" not found' in await kubectl.fails(
        "logs", "web", "-c", "a", "-p"
    )
    assert 'container "main" in pod "slow" is waiting to start: trying and failing to pull image' in (
        await kubectl.fails("logs", "slow")
    )
    assert await kubectl("logs", "pending") == ""
    assert "cannot be reached" in await kubectl.fails("logs", "away")
    assert 'pods "none" not found' in await kubectl.fails("logs", "none")


async def test_exec_runs_a_command_and_tells_its_exit_code(make_pod: MakePod, kubectl: Kubectl) -> None:
    await make_pod("web")
    assert await kubectl("exec", "web", "--", "echo", "hello world") == "hello world\n"
    result = await kubectl.run("exec", "web", "--", "sh", "-c", "echo bad >&2; exit 7")
    assert result.code == 7
    assert result.err.startswith("bad\n")
    assert (
        await kubectl("exec", "-i", "web", "--", "cat", stdin="through stdin\n" * 10_000) == "through stdin\n" * 10_000
    )


async def test_exec_refuses_before_the_upgrade(make_pod: MakePod, kubectl: Kubectl, client: HttpClient) -> None:
    await make_pod("pending", node="", phase="Pending")
    await make_pod("done", phase="Succeeded")
    assert "pod pending does not have a host assigned" in await kubectl.fails("exec", "pending", "--", "true")
    assert "cannot exec" in await kubectl.fails("exec", "done", "--", "true")
    with pytest.raises(BadRequest, match="pod pending does not have a host assigned"):
        await client.websocket("/api/v1/namespaces/default/pods/pending/exec", {"command": "x"}, ["v5.channel.k8s.io"])


async def test_the_python_client_executes_and_forwards(api: Running, make_pod: MakePod, echo: int) -> None:
    await make_pod("web")
    assert await python_client(api, "streams", str(echo)) == ["hi\n", "ping"]


async def test_a_port_is_forwarded_to_who_names_no_subprotocol(api: Running, make_pod: MakePod, echo: int) -> None:
    await make_pod("web")
    path = f"/api/v1/namespaces/default/pods/web/portforward?ports={echo}"
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(api.socket))) as session,
        session.ws_connect(f"http://api{path}") as socket,
    ):
        port = echo.to_bytes(2, "little")
        first = [await socket.receive_bytes(timeout=60) for _ in range(2)]
        assert first == [b"\x00" + port, b"\x01" + port]
        await socket.send_bytes(b"\x00ping")
        assert await socket.receive_bytes(timeout=60) == b"\x00ping"


async def test_port_forward_carries_large_and_parallel_connections(
    make_pod: MakePod, kubectl: Kubectl, echo: int
) -> None:
    await make_pod("web")
    process = await kubectl.start("port-forward", "--address=127.0.0.1", "pod/web", f":{echo}")
    try:
        assert await echoes_large_data(await forwarded_port(process))
    finally:
        process.terminate()
        await process.wait()


async def test_port_forward_tells_that_nothing_listens(make_pod: MakePod, kubectl: Kubectl) -> None:
    await make_pod("away", node="node-away")
    process = await kubectl.start("port-forward", "--address=127.0.0.1", "pod/away", ":80")
    try:
        port = await forwarded_port(process)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""
        writer.close()
        assert process.stderr is not None
        assert "error forwarding port 80 to pod away" in (await process.stderr.readline()).decode()
    finally:
        process.terminate()
        await process.wait()


async def test_a_stream_whose_agent_goes_ends_with_the_reason_and_not_as_a_success(
    make_pod: MakePod, kubectl: Kubectl
) -> None:
    await make_pod("web")
    result = await kubectl.run("exec", "web", "--", "agent-dies")
    assert (result.code, result.out) == (1, "begun\n")
    assert "the connection to the agent of node node-1 was cut before the command ended" in result.err


async def test_our_own_forward_carries_the_end_of_input_and_tells_why_it_failed(
    make_pod: MakePod, client: HttpClient
) -> None:
    async def echo_at_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read())
        await writer.drain()
        writer.close()

    program = await asyncio.start_server(echo_at_the_end, "127.0.0.1", 0)
    await make_pod("web")
    await make_pod("away", node="node-away")
    told: list[str] = []
    to_web, to_away = (
        Forward(client, PODS, Key("default", pod), Pair(0, str(program.sockets[0].getsockname()[1])), told=told.append)
        for pod in ("web", "away")
    )
    await to_web.start()
    await to_away.start()
    data = bytes(range(256)) * 4096
    reader, writer = await asyncio.open_connection("127.0.0.1", to_web.port)
    writer.write(data)
    writer.write_eof()
    assert await reader.read() == data
    writer.close()
    reader, writer = await asyncio.open_connection("127.0.0.1", to_away.port)
    assert await reader.read() == b""
    writer.close()
    await to_web.close()
    await to_away.close()
    program.close()
    assert any("node node-away cannot be reached" in text for text in told)
    assert (to_web.figures.received, to_web.figures.problem) == (len(data), "")


async def test_without_a_backend_streams_are_unavailable(client: HttpClient) -> None:
    with pytest.raises(ServiceUnavailable, match="not connected to hosts"):
        await client.request_json("POST", "/apis/quarterdeck.io/v1/hosts/h/adopt", body={"code": "x"})
