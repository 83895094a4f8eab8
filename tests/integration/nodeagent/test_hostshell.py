"""Shells on the host as the control plane asks for them: real programs on real terminals. Needs no engine."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, WSServerHandshakeError, web
from aiohttp.test_utils import TestClient, TestServer

from common.clock import SystemClock
from nodeagent import hostshell, terminal
from nodeagent.cli import main
from nodeagent.hostshell import HostShells

from .node import until

Client = TestClient[Any, Any]
STDIN, STDOUT, STDERR, STATUS, RESIZE, CLOSE = (bytes([channel]) for channel in (0, 1, 2, 3, 4, 255))


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    hostshell.allow(tmp_path, allowed=True)
    app = web.Application()
    app.router.add_get("/shell", HostShells(tmp_path, SystemClock()).shell)
    async with TestClient(TestServer(app)) as client:
        yield client


async def shell(client: Client, *command: str, **flags: str) -> ClientWebSocketResponse:
    params = [("command", word) for word in command] + list(flags.items())
    return await client.ws_connect("/shell", params=params, protocols=("v5.channel.k8s.io",))


async def conversation(socket: ClientWebSocketResponse) -> dict[bytes, bytes]:
    channels: dict[bytes, bytes] = {}
    async for message in socket:
        if message.type is WSMsgType.BINARY:
            channel = message.data[:1]
            channels[channel] = channels.get(channel, b"") + message.data[1:]
    return channels


async def read_until(socket: ClientWebSocketResponse, wanted: bytes) -> bytes:
    seen = b""
    while wanted not in seen:
        message = await socket.receive(timeout=30)
        assert message.type is WSMsgType.BINARY, (message, seen)
        seen += message.data[1:]
    return seen


def code(channels: dict[bytes, bytes]) -> str:
    status = json.loads(channels[STATUS])
    return "0" if status["status"] == "Success" else str(status["details"]["causes"][0]["message"])


async def test_a_command_has_output_errors_and_an_exit_code(client: Client) -> None:
    channels = await conversation(await shell(client, "sh", "-c", "echo out; echo err >&2; exit 7"))
    assert (channels[STDOUT], channels[STDERR], code(channels)) == (b"out\n", b"err\n", "7")


async def test_a_command_reads_standard_input_to_its_end(client: Client) -> None:
    socket = await shell(client, "wc", "-c", stdin="true")
    await socket.send_bytes(STDIN + b"x" * 100_000)
    await socket.send_bytes(CLOSE + STDIN)
    channels = await conversation(socket)
    assert (channels[STDOUT].strip(), code(channels)) == (b"100000", "0")


async def test_a_command_that_a_signal_ends_says_so(client: Client) -> None:
    assert code(await conversation(await shell(client, "sh", "-c", "kill -TERM $$"))) == "143"


async def test_a_program_that_is_not_there_is_said(client: Client) -> None:
    channels = await conversation(await shell(client, "no-such-program"))
    assert "no-such-program: No such file or directory" in json.loads(channels[STATUS])["message"]


async def test_a_shell_has_a_terminal_of_its_own_that_is_resized(client: Client) -> None:
    socket = await shell(client, "sh", "-c", "tty; read line; stty size; echo $TERM; exit 4", stdin="true", tty="true")
    await read_until(socket, b"/dev/pts/")
    await socket.send_bytes(RESIZE + b'{"Width": 101, "Height": 33}')
    await socket.send_bytes(RESIZE + b'{"Width": -1}')
    await socket.send_bytes(STDIN + b"go\r")
    channels = await conversation(socket)
    assert b"33 101\r\nxterm-256color\r\n" in channels[STDOUT]
    assert code(channels) == "4"


async def test_all_that_was_written_to_a_terminal_arrives(client: Client) -> None:
    channels = await conversation(await shell(client, "sh", "-c", "seq 1 20000", tty="true"))
    assert channels[STDOUT].split() == [str(number).encode() for number in range(1, 20001)]


async def test_a_key_interrupts_what_runs_on_the_terminal(client: Client) -> None:
    # Short sleeps: a shell that gets the signal just before it starts a program runs its trap after that one.
    line = "trap 'echo caught; exit 5' INT; echo ready; while :; do sleep 0.05; done"
    socket = await shell(client, "sh", "-c", line, stdin="true", tty="true")
    await read_until(socket, b"ready")
    await socket.send_bytes(STDIN + b"\x03")
    channels = await conversation(socket)
    assert b"caught" in channels[STDOUT]
    assert code(channels) == "5"


@pytest.mark.parametrize("tty", ["true", "false"])
async def test_a_cut_connection_ends_all_of_the_session(client: Client, tty: str) -> None:
    line = "trap '' HUP; sleep 601 & echo at $$ end; sleep 602"
    socket = await shell(client, "sh", "-c", line, stdin="true", tty=tty)
    leader = int((await read_until(socket, b" end")).split()[1])
    assert len(terminal.members(leader)) >= 2
    await socket.close()
    await until("the end of the session", lambda: not terminal.members(leader))


async def test_what_a_shell_left_in_the_background_ends_with_it(client: Client) -> None:
    channels = await conversation(await shell(client, "sh", "-c", "sleep 603 </dev/null >/dev/null 2>&1 & echo $$"))
    assert terminal.members(int(channels[STDOUT])) == []


async def test_a_shell_gets_nothing_of_the_agents_environment(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_SECRET", "corsair")
    channels = await conversation(await shell(client, "env"))
    assert b"corsair" not in channels[STDOUT]
    assert b"HOME=" in channels[STDOUT]


async def test_a_host_allows_shells_only_where_it_was_told_to(
    client: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hostshell.allow(tmp_path, allowed=False)
    with pytest.raises(WSServerHandshakeError) as refused:
        await shell(client)
    assert refused.value.status == 403
    home = tmp_path / "home"
    assert [main(["host-shell", *words, "--home", str(home)]) for words in ((), ("on",), (), ("off",))] == [0, 0, 0, 0]
    assert capsys.readouterr().out.split() == ["off", "on", "on", "off"]


async def test_a_simulated_host_has_no_shell() -> None:
    app = web.Application()
    app.router.add_get("/shell", HostShells(None, SystemClock()).shell)
    async with TestClient(TestServer(app)) as client:
        answer = await client.get("/shell")
        assert (answer.status, "simulated" in await answer.text()) == (403, True)
