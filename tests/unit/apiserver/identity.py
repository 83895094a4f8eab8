"""An API server whose clock can be moved, and requests to it as anybody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from common.api.meta import Object
from common.auditlog import every_line
from common.client.base import Client
from common.clock import SystemClock
from common.settings import ClusterConfig
from console.apiserver.server import ApiServer
from console.registry.catalog import default_registry
from console.store import Store, open_store


class MovedClock(SystemClock):
    """The machine's clock, ahead by `ahead`."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead


@dataclass
class Answer:
    code: int
    body: Any
    audit_id: str = ""

    @property
    def message(self) -> str:
        return str(self.body.get("message", ""))


@dataclass
class World:
    server: ApiServer
    store: Store
    clock: MovedClock
    session: aiohttp.ClientSession
    audit: Path
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def client(self) -> Client:
        """As a component of the control plane."""
        return self.server.local_client("test")

    async def __call__(
        self, method: str, path: str, body: Any = None, *, token: str = "", headers: Any = (), media: str = ""
    ) -> Answer:
        """Over the socket: as its owner, or as whoever the token or the impersonation headers say."""
        given = [("Content-Type", media or "application/json"), *dict(headers).items()]
        if isinstance(headers, list):
            given = [given[0], *headers]
        if token:
            given.append(("Authorization", f"Bearer {token}"))
        data = None if body is None else orjson.dumps(body)
        async with self.session.request(method, f"http://api{path}", data=data, headers=given) as response:
            text = await response.read()
            json = "json" in response.headers.get("Content-Type", "")
            body = orjson.loads(text) if json and text else text.decode()
            return Answer(response.status, body, response.headers.get("Audit-Id", ""))

    async def as_user(self, user: str, method: str, path: str, body: Any = None, **rest: Any) -> Answer:
        return await self(method, path, body, headers={"Impersonate-User": user}, **rest)

    async def token(self, account: str = "web", **spec: Any) -> str:
        path = f"/api/v1/namespaces/default/serviceaccounts/{account}/token"
        answer = await self("POST", path, {"spec": spec})
        assert answer.code == 201, answer.body
        return str(answer.body["status"]["token"])

    async def event(self, answer: Answer) -> Object:
        """What the audit log has of an answered request, once it is there."""
        (found,) = await self.events(answer, 1)
        return found

    async def events(self, answer: Answer, count: int) -> list[Object]:
        return await audited(self.audit, answer.audit_id, count)

    async def account(self, name: str = "web", namespace: str = "default") -> Object:
        answer = await self("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": name}})
        assert answer.code == 201
        found: Object = answer.body
        return found

    async def grant(self, user: str, verbs: str, resources: str, group: str = "", name: str = "grant") -> None:
        """A ClusterRole and its binding to a user, or to a ServiceAccount by its user name."""
        rule = {"verbs": verbs.split(), "apiGroups": [group], "resources": resources.split()}
        subject = {"kind": "User", "apiGroup": RBAC, "name": user}
        reference = {"apiGroup": RBAC, "kind": "ClusterRole", "name": name}
        for kind, obj in (
            ("clusterroles", {"rules": [rule]}),
            ("clusterrolebindings", {"roleRef": reference, "subjects": [subject]}),
        ):
            answer = await self("POST", f"/apis/{RBAC}/v1/{kind}", {"metadata": {"name": name}, **obj})
            assert answer.code == 201, answer.body


async def audited(folder: Path, audit_id: str, count: int = 1) -> list[Object]:
    """The events of one request, once there are so many; AssertionError when they do not come."""
    async with asyncio.timeout(20):
        while True:
            found = [event for event in await written(folder) if event["auditID"] == audit_id]
            if len(found) >= count:
                assert len(found) == count, found
                return found
            await asyncio.sleep(0.01)


async def written(folder: Path) -> list[Object]:
    """All events of the log; the last line may be on its way while we read."""
    lines = await asyncio.to_thread(lambda: [*every_line(folder)])
    return [orjson.loads(line) for line in lines if line.endswith(b"\n")]


RBAC = "rbac.authorization.k8s.io"
PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = MovedClock()
    registry = default_registry()
    volatile = frozenset(row.resource.group_resource for row in registry.rows() if not row.durable)
    store = await open_store(tmp_path / "store.db", volatile)
    server = ApiServer(store, registry, clock, ClusterConfig(), audit=tmp_path / "audit")
    await server.start(tmp_path / "api.sock")
    connector = aiohttp.UnixConnector(str(tmp_path / "api.sock"))
    async with aiohttp.ClientSession(connector=connector) as session:
        yield World(server, store, clock, session, tmp_path / "audit")
    await server.close()
    await store.close()
