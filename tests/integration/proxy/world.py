"""Objects of a small cluster, servers behind them, and clients in front."""

from __future__ import annotations

import base64
import socket
from collections import Counter
from typing import Any

import aiohttp
from aiohttp import web

from common.api.ingressclass import built_in
from common.api.ingressnode import ProxySettings
from common.api.meta import Object
from common.api.weights import WEIGHTS, render
from nodeagent.proxy.plan import Inputs


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """Answers its name, the path and some headers; counts requests."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.port = 0
        self.requests: Counter[str] = Counter()
        self._runner: web.ServerRunner | None = None

    async def start(self) -> Server:
        self._runner = web.ServerRunner(web.Server(self._answer))
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests[request.method] += 1
        if request.path == "/ws":
            reply = web.WebSocketResponse()
            await reply.prepare(request)
            async for message in reply:
                await reply.send_str(f"{self.name}: {message.data}")
            return reply
        if request.path == "/fail":
            return web.Response(status=500, text="no")
        kept = {key: value for key, value in request.headers.items() if key.startswith("X-")}
        return web.json_response({"name": self.name, "path": request.path, "headers": kept})


def service(name: str, **spec: Any) -> Object:
    return {
        "metadata": {"name": name, "namespace": "default", "uid": f"s-{name}"},
        "spec": {"ports": [{"name": "http", "port": 80}], "ipFamilies": ["IPv4"], **spec},
    }


def endpoints(name: str, *servers: Server, weights: dict[int, int] | None = None, **conditions: bool) -> list[Object]:
    """One slice a server, because a slice has one port."""
    found = []
    for server in servers:
        weight = render({"127.0.0.1": (weights or {}).get(server.port, 100)})
        found.append({
            "metadata": {
                "name": f"{name}-{server.port}", "namespace": "default",
                "labels": {"kubernetes.io/service-name": name}, "annotations": {WEIGHTS: weight} if weight else {},
            },
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": server.port}],
            "endpoints": [{"addresses": ["127.0.0.1"], "conditions": conditions}],
        })  # fmt: skip
    return found


def ingress(
    name: str, *paths: tuple[str, str, str], tls: list[Object] | None = None, created: int = 0, **annotations: str
) -> Object:
    """`paths` are host, path and Service; a path that ends with `=` is an exact one."""
    rules = [
        {"host": host, "http": {"paths": [{
            "path": path.rstrip("="), "pathType": "Exact" if path.endswith("=") else "Prefix",
            "backend": {"service": {"name": backend, "port": {"number": 80}}},
        }]}}
        for host, path, backend in paths
    ]  # fmt: skip
    full = {f"quarterdeck.io/{key.replace('_', '-')}": value for key, value in annotations.items()}
    moment = f"2026-01-01T00:00:{created:02}Z"
    return {
        "metadata": {
            "name": name, "namespace": "default", "uid": f"i-{name}", "creationTimestamp": moment, "annotations": full,
        },
        "spec": {"ingressClassName": "quarterdeck", "rules": rules, "tls": tls or []},
    }  # fmt: skip


def secret(name: str, pem: bytes) -> Object:
    """A TLS Secret of a file with chain and key."""
    mark = b"-----BEGIN PRIVATE KEY-----"
    chain, _, key = pem.partition(mark)
    data = {"tls.crt": base64.b64encode(chain).decode(), "tls.key": base64.b64encode(mark + key).decode()}
    return {"metadata": {"name": name, "namespace": "default", "uid": f"t-{name}"}, "data": data}


def inputs(settings: ProxySettings, *objects: Object, slices: list[Object], secrets: tuple[Object, ...] = ()) -> Inputs:
    return Inputs(
        settings=settings,
        ingresses=tuple(obj for obj in objects if "rules" in obj["spec"]),
        classes=({**built_in()},),
        services=tuple(obj for obj in objects if "ports" in obj["spec"]),
        slices=tuple(slices),
        secrets=secrets,
    )


class Client:
    """Requests to the proxy; every connection is kept open for the next."""

    def __init__(self, settings: ProxySettings) -> None:
        self._settings = settings
        self._session = aiohttp.ClientSession()

    async def get(self, host: str, path: str = "/", **headers: str) -> tuple[int, Any]:
        url = f"http://127.0.0.1:{self._settings.http_port}{path}"
        async with self._session.get(url, headers={"Host": host, **headers}, allow_redirects=False) as response:
            if response.content_type == "application/json":
                return response.status, await response.json()
            return response.status, response.headers.get("Location") or await response.text()

    async def names(self, host: str, count: int, path: str = "/") -> Counter[str]:
        return Counter([(await self.get(host, path))[1]["name"] for _ in range(count)])

    async def close(self) -> None:
        await self._session.close()
