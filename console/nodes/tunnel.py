"""The control plane's end of the tunnel: streams that agents open become connections to the API server's TLS port."""

from __future__ import annotations

import asyncio

from common.tunnel import Connect

CONNECT_SECONDS = 5.0


def api_connector(host: str, port: int) -> Connect:
    """Opens a connection to the API server; TimeoutError or OSError when it does not answer."""

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await asyncio.open_connection(host, port)

    return connect
