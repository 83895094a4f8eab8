"""Shells on hosts through the API: who may have one, and what is told of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from common.api.kinds import CLUSTERROLEBINDINGS, CLUSTERROLES, EVENTS, NODES
from common.client.contexts import endpoint_of
from common.client.http import HttpClient
from common.clock import SystemClock
from common.errors import BadRequest, Forbidden, NotFound, Timeout
from common.pki import MASTERS, Subject, node_user
from common.pki import NODES as NODE_GROUP
from console.streams.channels import PROTOCOL
from nodeagent import hostshell
from nodeagent.hostshell import HostShells

from .conftest import Running
from .node import Node

SHELL = NODES.path(None, "node-1", "shell")


class Host(Node):
    """A node whose host allows shells."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        hostshell.allow(folder, allowed=True)
        self._shells = HostShells(folder, SystemClock())

    def routes(self, app: web.Application) -> None:
        app.router.add_get("/shell", self._shells.shell)


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    host = Host(tmp_path)
    await host.start()
    yield host
    await host.close()


@pytest.fixture(autouse=True)
async def _registered(client: HttpClient) -> None:
    await client.create(NODES, {"metadata": {"name": "node-1"}})


def of(api: Running, folder: Path, name: str, *groups: str) -> HttpClient:
    return HttpClient(endpoint_of(api.kubeconfig_for(folder, Subject(name, groups))))


async def allow(client: HttpClient, name: str, *verbs: str) -> None:
    rules = [{"apiGroups": [""], "resources": ["nodes/shell"], "verbs": list(verbs)}]
    await client.create(CLUSTERROLES, {"metadata": {"name": name}, "rules": rules})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
    subjects = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}]
    await client.create(CLUSTERROLEBINDINGS, {"metadata": {"name": name}, "roleRef": role, "subjects": subjects})


async def said(client: HttpClient, *command: str) -> tuple[bytes, dict[str, object]]:
    """Output and the last word of a command on the host."""
    socket = await client.websocket(SHELL, [("command", word) for word in command], (PROTOCOL,))
    output, status = b"", {}
    async for message in socket:
        if message.type is aiohttp.WSMsgType.BINARY and message.data[0] == 3:
            status = json.loads(message.data[1:])
        elif message.type is aiohttp.WSMsgType.BINARY:
            output += message.data[1:]
    return output, status


async def events(client: HttpClient, reason: str) -> list[str]:
    """What events of a reason say, as soon as there are some."""
    for _ in range(600):
        found = [str(event["message"]) for event in (await client.list(EVENTS)).items if event["reason"] == reason]
        if found:
            return found
        await asyncio.sleep(0.05)
    raise Timeout(f"no event {reason}")


async def test_who_may_make_shells_has_one_and_events_tell_of_it(
    api: Running, client: HttpClient, tmp_path: Path
) -> None:
    await allow(client, "ada", "get", "create")
    async with of(api, tmp_path, "ada") as ada:
        output, status = await said(ada, "sh", "-c", "echo here; exit 3")
    assert output == b"here\n"
    assert status["details"] == {"causes": [{"reason": "ExitCode", "message": "3"}]}
    assert await events(client, "HostShellStarted") == ["ada has a shell on this host"]
    (ended,) = await events(client, "HostShellEnded")
    assert ended.startswith("The shell of ada on this host has ended after ")
    assert ended.endswith(": command terminated with non-zero exit code: exit status 3")


async def test_reading_nodes_is_not_enough_for_a_shell(api: Running, client: HttpClient, tmp_path: Path) -> None:
    await allow(client, "bob", "get")
    for name in ("bob", "eve"):
        async with of(api, tmp_path, name) as caller:
            with pytest.raises(Forbidden, match='resource "nodes/shell"'):
                await said(caller, "true")


async def test_no_node_gets_a_shell_whatever_it_was_given(api: Running, client: HttpClient, tmp_path: Path) -> None:
    async with of(api, tmp_path, node_user("node-2"), NODE_GROUP, MASTERS) as thief:
        with pytest.raises(Forbidden, match="no node gets a shell"):
            await said(thief, "true")


async def test_a_console_that_only_reads_gets_no_shell(client: HttpClient) -> None:
    client.read_only = True
    with pytest.raises(Forbidden, match="read-only"):
        await said(client, "true")


async def test_a_node_that_is_not_there_is_named(client: HttpClient) -> None:
    with pytest.raises(NotFound, match='nodes "elsewhere" not found'):
        await client.websocket(NODES.path(None, "elsewhere", "shell"), (), (PROTOCOL,))


async def test_a_host_that_allows_no_shells_says_what_to_do(client: HttpClient, tmp_path: Path) -> None:
    hostshell.allow(tmp_path, allowed=False)
    with pytest.raises(Forbidden, match="quarterdeck-agent host-shell on"):
        await client.request_json("GET", SHELL)
    hostshell.allow(tmp_path, allowed=True)
    with pytest.raises(BadRequest, match="Upgrade request required"):
        await client.request_json("GET", SHELL)
