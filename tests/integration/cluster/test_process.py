"""`quarterdeck serve` as a process: how it starts, stops and is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from common.api.kinds import CONFIGMAPS
from common.client.endpoint import Endpoint
from common.client.http import HttpClient
from common.errors import ApiError
from common.settings import Home

from .conftest import eventually

Serve = Callable[[], Awaitable[asyncio.subprocess.Process]]


async def start(home: Home) -> asyncio.subprocess.Process:
    program = str(Path(sys.executable).with_name("quarterdeck"))
    environment = {**os.environ, "QUARTERDECK_HOME": str(home.path)}
    return await asyncio.create_subprocess_exec(
        program, "serve", "--listen", "127.0.0.1:0", env=environment, stderr=asyncio.subprocess.PIPE
    )


async def answers(home: Home) -> bool:
    client = HttpClient(Endpoint.of_socket(home.api_socket))
    try:
        await client.get(CONFIGMAPS, "kept", "default")
    except ApiError as error:
        return error.code == 404
    finally:
        await client.close()
    return True


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
async def serve(home: Home) -> AsyncIterator[Serve]:
    """Starts control planes on `home`; none outlives the test."""
    started: list[asyncio.subprocess.Process] = []

    async def begin() -> asyncio.subprocess.Process:
        started.append(await start(home))
        return started[-1]

    yield begin
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def test_sigterm_ends_it_in_order_and_it_starts_again(home: Home, serve: Serve) -> None:
    for _ in range(2):
        process = await serve()
        await eventually(lambda: answers(home), "the API answering")
        process.send_signal(signal.SIGTERM)
        _, log = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0, log.decode()
        assert b"Traceback" not in log
        assert not home.api_socket.exists()


async def test_after_a_kill_it_starts_again_with_all_that_was_acknowledged(home: Home, serve: Serve) -> None:
    process = await serve()
    await eventually(lambda: answers(home), "the API answering")
    client = HttpClient(Endpoint.of_socket(home.api_socket))
    await client.create(CONFIGMAPS, {"metadata": {"name": "kept"}}, "default")
    await client.close()
    process.kill()
    await process.communicate()
    await serve()
    await eventually(lambda: answers(home), "the API answering again")
    client = HttpClient(Endpoint.of_socket(home.api_socket))
    assert (await client.get(CONFIGMAPS, "kept", "default"))["metadata"]["name"] == "kept"
    await client.close()


async def test_a_second_one_on_the_same_state_ends_with_a_reason(home: Home, serve: Serve) -> None:
    await serve()
    await eventually(lambda: answers(home), "the API answering")
    second = await serve()
    _, log = await asyncio.wait_for(second.communicate(), 60)
    assert second.returncode == 1
    assert f"already runs on {home.path}".encode() in log
    assert await answers(home)


@pytest.mark.parametrize("damaged", ["cluster.json", "epoch.json", "pki/ca.pem", "store.db"])
async def test_a_damaged_file_is_named_and_nothing_is_replaced(home: Home, serve: Serve, damaged: str) -> None:
    process = await serve()
    await eventually(lambda: answers(home), "the API answering")
    process.terminate()
    await process.communicate()
    file = home.path / "console" / damaged
    file.write_bytes(b"\x00" * 64)
    process = await serve()
    _, log = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 1
    assert file.name.encode() in log
    assert b"Traceback" not in log
    assert file.read_bytes() == b"\x00" * 64
