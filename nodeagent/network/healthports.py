"""Answers load balancers that ask whether this node has endpoints of a Service (`spec.healthCheckNodePort`).

As kube-proxy does: 200 with at least one ready endpoint here, 503 without, a body that says so in lines, and a header
by which balancers may weigh the nodes. A port that is taken by another program is told in the log; the Service itself
works without.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping

from common.api import meta
from common.api.meta import Key, Object

from .services import proxied, readiness

log = logging.getLogger(__name__)
SECONDS = 5.0  # for a balancer to say what it wants
MAX_LINE = 8192


def counts(
    services: Iterable[Object], slices: Mapping[Key, list[Object]], node: str, unready: frozenset[str]
) -> dict[int, tuple[Key, int]]:
    """By port the Service, and how many ready endpoints it has on this node."""
    found: dict[int, tuple[Key, int]] = {}
    for service in proxied(services):
        spec = service.get("spec") or {}
        port = spec.get("healthCheckNodePort")
        if port and spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local":
            key = meta.key(service)
            here = {
                str((entry.get("targetRef") or {}).get("uid") or entry["addresses"][0])
                for item in slices.get(key, ())
                for entry in item.get("endpoints") or ()
                if entry.get("nodeName") == node and readiness(entry) == "ready"
                and not unready.intersection(entry.get("addresses") or ())
            }  # fmt: skip
            found[int(port)] = (key, len(here))
    return found


class HealthPorts:
    """`host` None listens on every address of the node."""

    def __init__(self, host: str | None = None) -> None:
        self._host = host
        self._servers: dict[int, asyncio.Server] = {}
        self._counts: dict[int, tuple[Key, int]] = {}

    async def apply(self, wanted: dict[int, tuple[Key, int]]) -> None:
        self._counts = wanted
        for port in self._servers.keys() - wanted.keys():
            self._servers.pop(port).close()
        for port in wanted.keys() - self._servers.keys():
            try:
                self._servers[port] = await asyncio.start_server(self._handler(port), self._host, port, limit=MAX_LINE)
            except OSError as error:
                log.warning("health checks of Service %s cannot be answered: %s", wanted[port][0], error)

    def _handler(self, port: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                async with asyncio.timeout(SECONDS):
                    await reader.readuntil(b"\r\n\r\n")
                    writer.write(self._answer(port))
                    await writer.drain()
            writer.close()

        return handle

    def _answer(self, port: int) -> bytes:
        key, count = self._counts.get(port, (Key("", ""), 0))
        status = "200 OK" if count else "503 Service Unavailable"
        service = {"namespace": key.namespace, "name": key.name}
        said = {"service": service, "localEndpoints": count, "serviceProxyHealthy": True}
        body = json.dumps(said, indent="\t").encode()
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        weight = f"X-Load-Balancing-Endpoint-Weight: {count}\r\n"
        return f"{head}X-Content-Type-Options: nosniff\r\n{weight}Connection: close\r\n\r\n".encode() + body

    async def close(self) -> None:
        await self.apply({})
