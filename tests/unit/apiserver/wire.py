"""Requests to an API server as they go over the wire."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest

from tests.unit.client_contract.conftest import Api

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
NOT_TAKEN = "the server does not allow this method on the requested resource"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


class Http:
    """Requests as they go over the wire."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def __call__(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any, Any]:
        data = None if body is None else io.BytesIO(body if isinstance(body, bytes) else orjson.dumps(body))
        given = {"Content-Type": "application/json", **(headers or {})}
        async with self.session.request(method, f"http://api{path}", data=data, headers=given) as response:
            text = await response.read()
            json = "json" in response.headers.get("Content-Type", "")
            return response.status, orjson.loads(text) if json else text.decode(), response.headers

    async def lines(self, path: str, count: int) -> list[Any]:
        """The first lines of a watch."""
        found: list[Any] = []
        async with asyncio.timeout(10), self.session.get(f"http://api{path}") as response:
            assert response.status == 200
            async for line in response.content:
                found.append(orjson.loads(line))
                if len(found) == count:
                    break
        return found


@pytest.fixture
async def http(api: Api) -> AsyncIterator[Http]:
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(api.socket))) as session:
        yield Http(session)
