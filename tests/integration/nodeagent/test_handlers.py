"""What the control plane asks of containers, over HTTP and WebSockets as it asks it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer

from nodeagent.handlers import Handlers
from tests.integration.engine import IMAGE, TestEngine

from .node import SERVE, Node, pod, script, until

pytestmark = [pytest.mark.root, pytest.mark.engine]
Client = TestClient[Any, Any]


@pytest.fixture
async def client(node: Node) -> AsyncIterator[Client]:
    async def summary() -> dict[str, Any]:
        return {"node": {"nodeName": "n1"}}

    app = web.Application()
    for method, path, handler in Handlers(node.pods, node.runtime, node.assignment, summary).routes():
        app.router.add_route(method, path, handler)
    async with TestClient(TestServer(app)) as client:
        yield client


async def conversation(socket: ClientWebSocketResponse) -> dict[int, bytes]:
    """What came on each channel until the other side closed."""
    channels: dict[int, bytes] = {}
    async for message in socket:
        if message.type is WSMsgType.BINARY:
            channels[message.data[0]] = channels.get(message.data[0], b"") + message.data[1:]
    return channels


async def run(client: Client, name: str, *command: str, **options: str) -> dict[int, bytes]:
    query = [("command", word) for word in command] + list(options.items())
    socket = await client.ws_connect(f"/exec/default/{name}/main", params=query, protocols=("v5.channel.k8s.io",))
    assert socket.protocol == "v5.channel.k8s.io"
    return await conversation(socket)


async def test_exec_carries_output_errors_and_the_exit_code(node: Node, client: Client) -> None:
    node.sync(full=True, pods=[pod("web", script(SERVE))])
    await node.wait_ready("web")
    channels = await run(client, "web", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (channels[1], channels[2]) == (b"out\n", b"err\n")
    assert json.loads(channels[3]) == {
        "metadata": {},
        "status": "Failure",
        "message": "command terminated with non-zero exit code: exit status 3",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": "3"}]},
    }
    assert json.loads((await run(client, "web", "true"))[3])["status"] == "Success"
    assert json.loads((await run(client, "web", "/nosuch"))[3])["status"] == "Failure"


async def test_exec_carries_input_and_its_end(node: Node, client: Client) -> None:
    node.sync(full=True, pods=[pod("web", script(SERVE))])
    await node.wait_ready("web")
    query = {"command": "cat", "stdin": "true"}
    socket = await client.ws_connect("/exec/default/web/main", params=query, protocols=("v5.channel.k8s.io",))
    payload = b"x" * 100_000
    await socket.send_bytes(b"\x00" + payload)
    await socket.send_bytes(b"\x09rubbish on an unknown channel")
    await socket.send_bytes(b"\x04not a size")
    await socket.send_bytes(b"\xff\x00")
    channels = await conversation(socket)
    assert channels[1] == payload
    assert json.loads(channels[3])["status"] == "Success"


async def test_a_terminal_has_the_size_it_was_given(node: Node, client: Client) -> None:
    node.sync(full=True, pods=[pod("web", script(SERVE))])
    await node.wait_ready("web")
    query = [("command", word) for word in ("sh", "-c", "read x; stty size")]
    query += [("stdin", "true"), ("tty", "true")]
    socket = await client.ws_connect("/exec/default/web/main", params=query, protocols=("v5.channel.k8s.io",))
    await socket.send_bytes(b"\x04" + json.dumps({"Width": 91, "Height": 33}).encode())
    await socket.send_bytes(b"\x00\n")
    assert b"33 91" in (await conversation(socket))[1]


async def test_a_client_that_goes_away_leaves_nothing_running_here(node: Node, client: Client) -> None:
    node.sync(full=True, pods=[pod("web", script(SERVE))])
    await node.wait_ready("web")
    before = len(asyncio.all_tasks())
    socket = await client.ws_connect("/exec/default/web/main", params={"command": "cat", "stdin": "true"})
    await socket.close()
    await until("its tasks to end", lambda: len(asyncio.all_tasks()) <= before, asyncio.all_tasks)


async def test_attach_sees_what_the_process_writes(node: Node, client: Client) -> None:
    node.sync(full=True, pods=[pod("web", script("read line; echo got $line; sleep 0.3", stdin=True))])
    await node.wait_ready("web")
    socket = await client.ws_connect("/attach/default/web/main", params={"stdin": "true"})
    await socket.send_bytes(b"\x00hello\n")
    channels = await conversation(socket)
    assert channels[1] == b"got hello\n"


async def test_logs(node: Node, client: Client) -> None:
    node.sync(full=True, pods=[pod("web", script("echo one; echo two; exit 1"))])
    await node.wait_phase("web", "Running")
    await _wait_for_restart(node)
    answer = await client.get("/logs/default/web/main", params={"previous": "true", "tail": "1"})
    assert (answer.status, await answer.text()) == (200, "two\n")
    stamped = await client.get("/logs/default/web/main", params={"timestamps": "1", "since": "2026-01-01T00:00:00Z"})
    assert (await stamped.text()).splitlines()[0].endswith("Z one")


async def _wait_for_restart(node: Node) -> None:
    await until("a restart", lambda: node.status("web")["containerStatuses"][0]["restartCount"], node.stories)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/logs/default/nosuch/main", 404, 'pods "nosuch" not found'),
        ("/logs/default/web/other", 400, "container other is not valid for pod web"),
        ("/logs/default/web/main?tail=x", 400, "tail='x' is not a number"),
        ("/logs/default/web/main?since=yesterday", 400, "since='yesterday' is no moment"),
        ("/logs/default/web/main?previous=true", 400, "previous terminated container"),
        ("/exec/default/web/main", 400, "at least 1 command"),
        ("/forward/default/web/0", 400, "'0' is not a port"),
        ("/dial/192.0.2.1/80", 403, "neither a pod's nor a Service's"),
        ("/dial/nonsense/80", 400, "is not an address"),
        ("/images/export?image=no/such:1", 404, "is not on this node"),
    ],
)
async def test_bad_requests_get_clear_answers(node: Node, client: Client, path: str, status: int, words: str) -> None:
    node.sync(full=True, pods=[pod("web", script(SERVE))])
    await node.wait_ready("web")
    answer = await client.get(path)
    assert answer.status == status
    assert words in await answer.text()


async def test_the_log_of_a_container_that_waits(node: Node, client: Client) -> None:
    broken = {"name": "main", "image": "no/such:1", "imagePullPolicy": "Never"}
    node.sync(full=True, pods=[pod("web", broken)])
    await node.wait_phase("web", "Pending")
    answer = await client.get("/logs/default/web/main")
    assert answer.status == 400
    assert 'container "main" in pod "web" is waiting to start' in await answer.text()
    execution = await client.get("/exec/default/web/main", params={"command": "true"})
    assert "container not found" in await execution.text()


async def test_images_are_listed_checked_and_sent(node: Node, client: Client, engine: TestEngine) -> None:
    listed = (await (await client.get("/images")).json())["items"]
    image = next(item for item in listed if IMAGE in item["tags"])
    found = await node.runtime.find_image(IMAGE)
    assert found is not None
    body = {"id": image["id"], "layers": [*found.layers, "sha256:other"]}
    checked = await (await client.post("/images/check", json=body)).json()
    assert checked == {"present": True, "missing": ["sha256:other"]}
    assert (await client.post("/images/check", data=b"rubbish")).status == 400
    exported = await (await client.get("/images/export", params={"image": IMAGE})).read()
    loaded = await client.put("/images/load", data=BytesIO(exported))
    assert (await loaded.json())["loaded"] == [IMAGE]
    assert (await client.put("/images/load", data=b"rubbish")).status == 400
