"""Bodies of requests: large ones hold nobody up, whatever is asked with them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import StreamReader, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.test_utils import make_mocked_request

from common.aio import Tasks
from console.apiserver.body import read_document, read_object
from console.registry.scale import SCALES

LINES = 10_000


def request(body: bytes, content_type: str) -> web.Request:
    loop = asyncio.get_running_loop()
    payload = StreamReader(BaseProtocol(loop), len(body), loop=loop)
    payload.feed_data(body)
    payload.feed_eof()
    return make_mocked_request("PUT", "/", headers={"Content-Type": content_type}, payload=payload)


@pytest.mark.parametrize(
    "read",
    [lambda http: read_document(http, "DeleteOptions"), lambda http: read_object(http, SCALES, "Ignore")],
    ids=["document", "object"],
)
async def test_others_have_their_turn_while_a_large_body_is_decoded(
    read: Callable[[web.BaseRequest], Awaitable[Any]],
) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    body = b"".join(b"field%d: value\n" % number for number in range(LINES))
    http, tasks = request(body, "application/yaml"), Tasks("test")
    tasks.start("count", count())
    try:
        assert await read(http)
    finally:
        await tasks.close()
    assert turns > 10
