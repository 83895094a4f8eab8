"""The console in a browser: the page, its WebSocket, and whom neither is for."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import pytest

from tests.integration.api.conftest import Running
from tests.integration.cli.conftest import QUARTERDECK, Command

ADDRESS = re.compile(r"(http://127\.0\.0\.1:\d+)/\?key=(\S+)")
PATIENCE = 60.0


@dataclass(frozen=True)
class Served:
    origin: str
    key: str

    @property
    def address(self) -> str:
        return f"{self.origin}/?key={self.key}"

    @property
    def socket(self) -> str:
        return f"{self.origin}/ws?width=120&height=36"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@asynccontextmanager
async def serving(api: Running) -> AsyncIterator[Served]:
    process = await asyncio.create_subprocess_exec(
        str(QUARTERDECK), "web", "--port", str(free_port()),
        env={"QUARTERDECK_HOME": str(api.socket.parent), "PATH": "/usr/bin:/bin", "HOME": str(api.socket.parent)},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            told = ADDRESS.search((await process.stdout.readline()).decode())
        assert told is not None
        yield Served(told[1], told[2])
    finally:
        process.terminate()
        await process.wait()


async def until_shown(browser: aiohttp.ClientWebSocketResponse, text: str) -> None:
    shown = ""
    async with asyncio.timeout(PATIENCE):
        while text not in shown:
            message = await browser.receive()
            assert message.type in {aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT}, shown[-500:]
            data = message.data if isinstance(message.data, bytes) else str(message.data).encode()
            shown += re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", data.decode(errors="replace"))


async def test_the_page_opens_the_console(api: Running) -> None:
    async with serving(api) as served, aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        async with session.get(served.address) as page:
            assert page.status == 200
            assert str(page.url) == f"{served.origin}/"
            text = await page.text()
        assert "textual.js" in text
        assert "googleapis" not in text
        async with session.get(f"{served.origin}/static/js/textual.js") as script:
            assert script.status == 200
        async with session.ws_connect(served.socket, headers={"Origin": served.origin}) as browser:
            await until_shown(browser, "Pods")
            await browser.send_json(["stdin", "?"])
            await until_shown(browser, "Keys: pods")


async def test_nobody_else_gets_in(api: Running) -> None:
    async with serving(api) as served, aiohttp.ClientSession() as session:
        cookie = {"Cookie": f"quarterdeck={served.key}"}
        refused = [
            (served.origin, {}),
            (f"{served.origin}/?key=guess", {}),
            (served.socket, {}),
            (served.socket, {**cookie, "Origin": "https://elsewhere.example"}),
            (served.origin, {**cookie, "Host": "rebound.example"}),
        ]
        for url, headers in refused:
            async with session.get(url, headers=headers) as answer:
                assert answer.status == 403, url
        async with session.get(served.address, allow_redirects=False) as first:
            assert "HttpOnly" in first.headers["Set-Cookie"]
            assert "SameSite=Strict" in first.headers["Set-Cookie"]
            assert first.headers["Location"] == "/"


@pytest.mark.parametrize("address", ["0.0.0.0", "10.0.0.7", "::", "example.org"])
async def test_other_addresses_are_refused_with_the_way_to_do_it(quarterdeck: Command, address: str) -> None:
    outcome = await quarterdeck("web", "--address", address)
    assert outcome.code == 2
    assert f'"{address}" is no address of the loopback' in outcome.err
    assert "ssh -L 8000:127.0.0.1:8000" in outcome.err


async def test_a_bad_port_is_refused(quarterdeck: Command) -> None:
    outcome = await quarterdeck("web", "--port", "70000")
    assert (outcome.code, '"70000" is no port: 1 to 65535 are allowed' in outcome.err) == (2, True)
