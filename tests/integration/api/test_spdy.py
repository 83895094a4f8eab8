"""exec and port-forward for clients that ask for SPDY on the plain connection."""

from __future__ import annotations

import asyncio
import hashlib
import json

import orjson
import pytest

from common.auditlog import newest_lines
from common.settings import Home

from .conftest import MakePod, Running
from .kubectl import Kubectl, echoes_large_data, forwarded_port
from .spdyclient import SpdyClient

pytestmark = pytest.mark.kubectl
POD = "/api/v1/namespaces/default/pods/web"
VERSIONS = ("v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io")
SPDY = {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false", "KUBECTL_PORT_FORWARD_WEBSOCKETS": "false"}


def shell(command: str, *flags: str) -> list[tuple[str, str]]:
    return [*(("command", part) for part in ("sh", "-c", command)), *((flag, "true") for flag in flags)]


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_command_runs_in_every_version(make_pod: MakePod, api: Running, version: str) -> None:
    await make_pod("web")
    query = shell("cat; echo bad >&2; exit 7", "stdin", "stdout", "stderr")
    client = await SpdyClient.ask(api.socket, f"{POD}/exec", query, ["v9.channel.k8s.io", version])
    assert client.status == 101
    assert f"x-stream-protocol-version: {version}\r\n" in client.head.lower()
    assert "connection: upgrade\r\nupgrade: spdy/3.1\r\n" in client.head.lower()
    error, stdin, stdout, stderr = (client.open(kind) for kind in ("error", "stdin", "stdout", "stderr"))
    client.send(stdin, b"there and ")
    client.send(stdin, b"back", fin=True)
    client.writer.write(client.encoder.ping(1))
    await client.hear_end_of(error, stdin, stdout, stderr)
    await client.close()
    heard = client.heard
    assert (heard[stdout].data, heard[stderr].data) == (b"there and back", b"bad\n")
    assert (client.replies, client.pings) == ([error, stdin, stdout, stderr], [1])
    if version == VERSIONS[0]:
        status = orjson.loads(heard[error].data)
        assert status["reason"] == "NonZeroExitCode"
        assert status["details"]["causes"] == [{"reason": "ExitCode", "message": "7"}]
    else:
        assert heard[error].data == b"command terminated with non-zero exit code: 7"


@pytest.mark.parametrize(("version", "ending"), [(VERSIONS[0], b'"Success"'), (VERSIONS[2], b"")])
async def test_a_success_is_told_as_the_version_has_it(
    make_pod: MakePod, api: Running, monkeypatch: pytest.MonkeyPatch, version: str, ending: bytes
) -> None:
    monkeypatch.setattr("console.apiserver.streams.takeover.LINGER_SECONDS", 0.05)
    await make_pod("web")
    client = await SpdyClient.ask(api.socket, f"{POD}/exec", shell("echo hi", "stdout"), [version])
    error, stdout = client.open("error"), client.open("stdout")
    await client.hear_end_of(error, stdout)
    assert client.heard[stdout].data == b"hi\n"
    assert ending in client.heard[error].data
    assert bool(ending) == bool(client.heard[error].data)
    # Who does not end the connection finds it ended.
    while await client.hear():
        pass
    await client.close()


async def test_a_command_may_be_long(make_pod: MakePod, api: Running) -> None:
    await make_pod("web")
    letters = "a" * 100_000
    client = await SpdyClient.ask(api.socket, f"{POD}/exec", shell(f"echo {letters}", "stdout"), VERSIONS)
    error, stdout = client.open("error"), client.open("stdout")
    await client.hear_end_of(error, stdout)
    await client.close()
    assert client.heard[stdout].data.decode() == letters + "\n"


async def test_no_protocol_in_common_is_refused_with_those_there_are(make_pod: MakePod, api: Running) -> None:
    await make_pod("web")
    query = shell("true", "stdout")
    none = await SpdyClient.ask(api.socket, f"{POD}/exec", query)
    other = await SpdyClient.ask(api.socket, f"{POD}/exec", query, ["v9.channel.k8s.io"])
    forward = await SpdyClient.ask(api.socket, f"{POD}/portforward", (), ["v4.channel.k8s.io"])
    assert (none.status, other.status, forward.status) == (400, 403, 403)
    accepted = [f"x-accepted-stream-protocol-versions: {name}\r\n" for name in VERSIONS]
    assert all(line in other.head.lower() for line in accepted)
    assert "x-accepted-stream-protocol-versions: portforward.k8s.io\r\n" in forward.head.lower()
    for client in (none, other, forward):
        await client.close()


async def test_who_opens_no_streams_is_let_go(make_pod: MakePod, api: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.apiserver.streams.spdycommand.STREAM_SECONDS", 0.05)
    monkeypatch.setattr("console.apiserver.streams.takeover.LINGER_SECONDS", 0.05)
    await make_pod("web")
    client = await SpdyClient.ask(api.socket, f"{POD}/exec", shell("cat", "stdin", "stdout"), VERSIONS)
    client.open("error")
    while await client.hear():
        pass
    await client.close()


async def test_nonsense_ends_the_connection(make_pod: MakePod, api: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.apiserver.streams.takeover.LINGER_SECONDS", 0.05)
    await make_pod("web")
    client = await SpdyClient.ask(api.socket, f"{POD}/exec", shell("cat", "stdin", "stdout"), VERSIONS)
    client.writer.write(b"\x80\x02\x00\x01\x00\x00\x00\x0a" + b"\x00" * 10)
    while await client.hear():
        pass
    await client.close()


async def test_a_client_that_goes_is_in_the_audit_log_and_ends_the_command(make_pod: MakePod, api: Running) -> None:
    await make_pod("web")
    client = await SpdyClient.ask(api.socket, f"{POD}/exec", shell("cat", "stdin", "stdout"), VERSIONS)
    stdin, stdout, _ = client.open("stdin"), client.open("stdout"), client.open("error")
    client.send(stdin, b"hello")
    while client.heard[stdout].data != b"hello":
        await client.hear()
    await client.close()
    folder = Home(api.socket.parent).audit
    events: list[tuple[str, int]] = []
    async with asyncio.timeout(60):
        while len(events) < 2:
            lines = map(json.loads, newest_lines(folder, 1 << 20))
            events = [
                (event["stage"], event["responseStatus"]["code"])
                for event in lines
                if event["requestURI"].startswith(f"{POD}/exec")
            ]
            await asyncio.sleep(0.02)
    assert sorted(events) == [("ResponseComplete", 101), ("ResponseStarted", 101)]


async def test_a_slow_reader_gets_everything(make_pod: MakePod, api: Running) -> None:
    await make_pod("web")
    size = 32 * 1024 * 1024
    query = shell(f"head -c {size} /dev/zero", "stdout")
    client = await SpdyClient.ask(api.socket, f"{POD}/exec", query, VERSIONS)
    error, stdout = client.open("error"), client.open("stdout")
    count = 0
    while not client.heard[error].ended:
        assert await client.hear()
        count += len(client.heard[stdout].data)
        client.heard[stdout].data = b""
        await asyncio.sleep(0)
    await client.close()
    assert count == size
    assert b"Success" in client.heard[error].data


async def test_ports_are_forwarded(make_pod: MakePod, api: Running, echo: int) -> None:
    await make_pod("web")
    client = await SpdyClient.ask(api.socket, f"{POD}/portforward", (), ["portforward.k8s.io"])
    assert client.status == 101
    pairs = []
    for request in ("0", "1", ""):
        named = {"requestid": request} if request else {}  # who names none opens the two one after the other
        error = client.open("error", port=str(echo), **named)
        client.send(error, b"", fin=True)
        pairs.append((error, client.open("data", port=str(echo), **named)))
    wrong = [client.open("data", port="0"), client.open("other", port="80"), client.open("error")]
    for index, (_, data) in enumerate(pairs):
        client.send(data, b"connection %d" % index, fin=True)
    await client.hear_end_of(*(stream for pair in pairs for stream in pair))
    assert [client.heard[data].data for _, data in pairs] == [b"connection 0", b"connection 1", b"connection 2"]
    assert [client.heard[error].data for error, _ in pairs] == [b"", b"", b""]
    assert [client.heard[stream].reset for stream in wrong] == [True, True, True]
    await client.close()


async def test_kubectl_without_websockets(make_pod: MakePod, kubectl: Kubectl, echo: int) -> None:
    await make_pod("web")
    result = await kubectl.run("exec", "web", "--", "sh", "-c", "echo bad >&2; exit 7", **SPDY)
    assert (result.code, result.err.splitlines()[0]) == (7, "bad")
    text = "through stdin\n" * 10_000
    assert await kubectl("exec", "-i", "web", "--", "cat", stdin=text, **SPDY) == text
    large = await kubectl("exec", "web", "--", "sh", "-c", "head -c 20000000 /dev/zero | tr '\\0' a", **SPDY)
    assert hashlib.sha256(large.encode()).digest() == hashlib.sha256(b"a" * 20_000_000).digest()
    process = await kubectl.start("port-forward", "--address=127.0.0.1", "pod/web", f":{echo}", **SPDY)
    try:
        assert await echoes_large_data(await forwarded_port(process))
    finally:
        process.terminate()
        await process.wait()
