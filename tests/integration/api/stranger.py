"""A server of a stranger with a certificate of its own authority: webhooks and aggregated API servers.

It is reached by URL, or as a pod on the node of `node.py` behind a Service.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from common.api.kinds import ENDPOINTSLICES, NAMESPACES, PODS, SERVICES
from common.api.meta import Object
from common.client.http import HttpClient
from common.clock import SystemClock
from common.pki import Authority, Subject
from common.tls import server_context

SPACE, NAME = "strangers", "stranger"
CLIENT_PORT = 443


@dataclass
class Stranger:
    """`answer` makes the response to the request of a review; `asked` has the requests so far."""

    port: int
    bundle: str
    answer: Callable[[Object], Any] = lambda _request: {"allowed": True}
    delay: asyncio.Event | None = None  # waited for before each answer
    asked: list[Object] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    @property
    def by_url(self) -> Object:
        return {"url": f"https://127.0.0.1:{self.port}/review", "caBundle": self.bundle}

    @property
    def by_service(self) -> Object:
        service = {"namespace": SPACE, "name": NAME, "path": "/review", "port": CLIENT_PORT}
        return {"service": service, "caBundle": self.bundle}

    async def serve(self, http: web.BaseRequest) -> web.StreamResponse:
        review = orjson.loads(await http.read())
        if self.delay is not None:
            await self.delay.wait()
        self.asked.append(review["request"])
        self.paths.append(str(http.rel_url))
        answer = self.answer(review["request"])
        if isinstance(answer, web.StreamResponse):
            return answer
        head = {"apiVersion": review["apiVersion"], "kind": review["kind"]}
        response = {"uid": review["request"]["uid"], **answer}
        return web.Response(body=orjson.dumps({**head, "response": response}), content_type="application/json")


async def expose(client: HttpClient, port: int) -> None:
    """Let what listens here on `port` be a pod on node-1 behind the Service strangers/stranger."""
    await client.create(NAMESPACES, {"metadata": {"name": SPACE}})
    metadata = {"name": NAME, "namespace": SPACE}
    pod = {"metadata": metadata, "spec": {"containers": [{"name": "main", "image": "x"}]}}
    await client.create(PODS, pod)
    await client.post(PODS, NAME, "binding", {"target": {"name": "node-1"}}, SPACE)
    await client.create(SERVICES, {"metadata": metadata, "spec": {"ports": [{"port": CLIENT_PORT}]}})
    reference = {"kind": "Pod", "namespace": SPACE, "name": NAME}
    endpoint = {"addresses": ["10.42.0.7"], "nodeName": "node-1", "targetRef": reference}
    made = {
        "metadata": {**metadata, "labels": {"kubernetes.io/service-name": NAME}}, "addressType": "IPv4",
        "endpoints": [endpoint], "ports": [{"name": "", "port": port, "protocol": "TCP"}],
    }  # fmt: skip
    await client.create(ENDPOINTSLICES, made)


Handler = Callable[[web.BaseRequest], Any]


@asynccontextmanager
async def listening(
    handler: Handler, names: tuple[str, ...], clients: bytes | None = None
) -> AsyncIterator[tuple[int, str]]:
    """A TLS server: its port and the bundle that it is to be trusted by. `clients` is the PEM of the authority whose
    certificates it asks for."""
    clock = SystemClock()
    authority = Authority.create("stranger", clock.now())
    identity = authority.issue(Subject("stranger", names=names, server=True), clock.now())
    context = server_context(identity, clients or authority.certificate_pem)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    runner = web.ServerRunner(web.Server(handler), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield runner.addresses[0][1], base64.b64encode(authority.certificate_pem).decode()
    await runner.cleanup()


@asynccontextmanager
async def webhook(*names: str) -> AsyncIterator[Stranger]:
    """A webhook whose certificate is for 127.0.0.1 and its Service, or for `names`."""
    found = Stranger(0, "")
    async with listening(found.serve, names or ("127.0.0.1", f"{NAME}.{SPACE}.svc")) as (port, bundle):
        found.port, found.bundle = port, bundle
        yield found
