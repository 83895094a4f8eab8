"""A token that no longer counts: another one is asked for once, and what was refused is asked again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest
from aiohttp import WSMsgType, web

from common.client.endpoint import Endpoint
from common.client.http import HttpClient
from common.errors import Unauthorized


@dataclass
class Api:
    """Takes one token alone, and answers with what it was sent."""

    url: str = ""
    token: str = "new"
    refused: int = 0
    asked: int = 0
    tokens: list[str] = field(default_factory=lambda: ["new"])

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            self.refused += 1
            return web.json_response({"kind": "Status", "message": "Unauthorized", "code": 401}, status=401)
        if request.path == "/exec":
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            await socket.send_str("there")
            await socket.close()
            return socket
        return web.json_response({"body": body.decode()})

    def renew(self) -> str:
        self.asked += 1
        return self.tokens.pop(0) if self.tokens else ""

    def client(self, renew: Callable[[], str] | None) -> HttpClient:
        return HttpClient(Endpoint(self.url, token="old", renew=renew))


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    found = Api()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", found.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


async def test_many_that_are_refused_ask_for_one_token_and_lose_nothing(api: Api) -> None:
    async with api.client(api.renew) as client:
        answers = await asyncio.gather(*(client.request_json("POST", "/x", body={"a": n}) for n in range(20)))
    assert [answer["body"] for answer in answers] == [f'{{"a":{n}}}' for n in range(20)]
    assert (api.asked, api.refused) == (1, 20)


@pytest.mark.parametrize("tokens", [["old"], []], ids=["the same", "none"])
async def test_without_another_token_the_refusal_counts_and_nobody_is_asked_at_once_again(
    api: Api, tokens: list[str]
) -> None:
    api.tokens = tokens
    async with api.client(api.renew) as client:
        for _ in range(3):
            with pytest.raises(Unauthorized):
                await client.request_json("GET", "/x")
    assert (api.asked, api.refused) == (1, 3)


async def test_another_token_that_is_refused_too_is_not_shown_for_ever(api: Api) -> None:
    api.tokens = ["other"]
    async with api.client(api.renew) as client:
        with pytest.raises(Unauthorized):
            await client.request_json("GET", "/x")
        with pytest.raises(Unauthorized):
            await client.websocket("/exec")
    assert api.asked == 1


async def test_a_token_for_good_is_shown_once(api: Api) -> None:
    async with api.client(None) as client:
        with pytest.raises(Unauthorized):
            await client.request_json("GET", "/x")
    assert api.refused == 1


async def test_a_websocket_is_opened_with_the_other_token(api: Api) -> None:
    async with api.client(api.renew) as client:
        socket = await client.websocket("/exec")
        message = await socket.receive()
        assert (message.type, message.data) == (WSMsgType.TEXT, "there")
        await socket.close()
