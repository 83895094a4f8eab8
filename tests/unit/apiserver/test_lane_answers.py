"""A GET that goes past aiohttp is answered, logged and counted as one that does not: whoever asks, in whatever form,
and whatever has changed since the request before.

`Case.lanes` says how many of the requests after the first of a connection go past aiohttp, so that none of the cases
shows nothing.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from common.api.kinds import Resource
from common.api.meta import Object
from common.pki import MASTERS, NODES, Authority, Subject
from common.settings import ClusterConfig
from common.tls import client_context, server_context
from console.apiserver.caller import ANONYMOUS
from console.apiserver.flowcontrol.levels import Level
from console.apiserver.resources import Resources
from console.apiserver.server import ApiServer
from console.registry.catalog import default_registry
from console.store import open_store
from tests.unit.client_contract.objects import deployment

from .identity import RBAC, MovedClock, World, written
from .test_lane import until, waiter_of

DEFAULT = "/api/v1/namespaces/default"
VERSION = "/version"
FLOW = "/apis/flowcontrol.apiserver.k8s.io/v1"
SETTINGS = f"{DEFAULT}/configmaps/settings"
ROLE = f"/apis/{RBAC}/v1/clusterroles/system:node"
BOT = "system:serviceaccount:default:bot"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
LIST_METADATA = METADATA.replace("Metadata;", "MetadataList;")
OWN = re.compile(rb"((?:Audit-Id|Date): )[^\r]*|(?<=\r\n\r\n)(\x1f\x8b..)....", re.DOTALL)
"""What no two answers have alike, the time of compression with it."""
_OWN = {"auditID", "requestReceivedTimestamp", "stageTimestamp"}
DEPLOYMENT = deployment("web")
AUTOSCALER = {
    "metadata": {"name": "web"},
    "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "maxReplicas": 3},
}  # fmt: skip
BOATS = "/apis/example.com/v1/namespaces/default/boats"
OWN_GROUP = {"apiVersion": "example.com/v1"}
EXTENSIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def definition(kind: str, scope: str, *versions: str) -> Object:
    plural = kind.lower()
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {
            "group": "example.com", "scope": scope, "names": {"plural": plural, "kind": kind},
            "versions": [
                {"name": name, "served": True, "storage": name == "v1", "schema": schema} for name in versions
            ],
        },
    }  # fmt: skip


DEFINITION = definition("Boats", "Namespaced", "v1", "v1beta1")
OLDER = definition("Watch", "Cluster", "v1")


class StillClock(MovedClock):
    """One that only the test moves, so that no age in an answer changes by itself."""

    def __init__(self) -> None:
        super().__init__()
        self._start = super().now()

    def now(self) -> datetime:
        return self._start + self.ahead


@dataclass(frozen=True)
class Case:
    """`who` has a certificate of that name; nobody for none, the owner of the socket for `socket`."""

    path: str = SETTINGS
    headers: str = ""
    who: str = "admin"
    lanes: int = 2
    code: int = 200
    agent: str = ""


CASES = {
    "an administrator": Case(),
    "the owner of the socket": Case(who="socket"),
    "somebody with rights": Case(who="jane"),
    "somebody without": Case(ROLE, who="jane", lanes=0, code=403),
    "nobody, with rights": Case(who=""),
    "nobody": Case(ROLE, who="", lanes=0, code=403),
    "a node": Case("/api/v1/nodes/n1", who="system:node:n1"),
    "another node": Case("/api/v1/nodes/n2", who="system:node:n1", lanes=0, code=403),
    "a token that is none": Case(headers="Authorization: Bearer x", who="", lanes=0, code=401),
    "a certificate before a token": Case(headers="Authorization: Bearer x"),
    "as somebody else": Case(headers="Impersonate-User: jane", lanes=0),
    "as somebody else who may not": Case(ROLE, "Impersonate-User: jane", lanes=0, code=403),
    "in any form": Case(headers="Accept: */*"),
    "in JSON": Case(headers="Accept: application/json"),
    "in Protobuf or JSON": Case(headers="Accept: application/vnd.kubernetes.protobuf,application/json"),
    "in Protobuf": Case(headers="Accept: application/vnd.kubernetes.protobuf", lanes=0, code=406),
    "as a Table": Case(headers=f"Accept: {TABLE}"),
    "its metadata": Case(headers=f"Accept: {METADATA}"),
    "the metadata of a list": Case(headers=f"Accept: {LIST_METADATA}", lanes=0, code=406),
    "in YAML": Case(headers="Accept: application/yaml", lanes=0),
    "as a page": Case(headers="Accept: text/html", lanes=0, code=406),
    "compressed, were it large": Case(headers="Accept-Encoding: gzip"),
    "compressed": Case(f"{DEFAULT}/configmaps/large", "Accept-Encoding: gzip", lanes=0),
    "large": Case(f"{DEFAULT}/configmaps/large", lanes=0),
    "reading alone": Case(headers="Quarterdeck-Read-Only: true"),
    "by people": Case(agent="curl/8.5.0", lanes=0),
    "with an id": Case(headers="Audit-Id: mine"),
    "with an id that is none": Case(headers=f"Audit-Id: {'x' * 200}"),
    "through proxies": Case(headers="X-Forwarded-For: 10.0.0.1, nonsense"),
    "not there": Case(f"{DEFAULT}/configmaps/none", lanes=0, code=404),
    "of no resource": Case(f"{DEFAULT}/things/settings", lanes=0, code=404),
    "of no group": Case("/apis/nothing.example/v1/namespaces/default/things/x", lanes=0, code=404),
    "in no namespace": Case("/api/v1/configmaps/settings", lanes=0, code=404),
    "in a namespace though of the cluster": Case(f"{DEFAULT}/nodes/n1", lanes=0, code=404),
    "of the cluster": Case(ROLE),
    "a namespace": Case(DEFAULT),
    "of a group": Case("/apis/apps/v1/namespaces/default/deployments/web"),
    "in an older version": Case("/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers/web"),
    "of a user's kind": Case("/apis/example.com/v1/namespaces/default/boats/b"),
    "of a user's kind, in another version": Case("/apis/example.com/v1beta1/namespaces/default/boats/b"),
    "of a kind that is called as watches were": Case("/apis/example.com/v1/watch/x", lanes=0, code=404),
    "with a warning": Case(f"{DEFAULT}/endpoints/web", lanes=0),
    "kept nowhere": Case("/apis/metrics.k8s.io/v1beta1/namespaces/default/pods/web"),
    "kept nowhere, and not there": Case("/apis/metrics.k8s.io/v1beta1/namespaces/default/pods/none", lanes=0, code=404),
    "a part of it": Case("/apis/apps/v1/namespaces/default/deployments/web/status", lanes=0),
    "all of them": Case(f"{DEFAULT}/configmaps", lanes=0),
    "with an option": Case(f"{SETTINGS}?pretty=true", lanes=0),
    "of a newer state": Case(f"{SETTINGS}?resourceVersion=999999", lanes=0, code=504),
    "a path": Case(VERSION, lanes=0),
}


class Used:
    """What the pod web uses."""

    def one(self, resource: Resource, namespace: str, name: str, _query: object) -> Object | None:
        found = {"kind": resource.kind, "apiVersion": resource.api_version}
        return {**found, "metadata": {"namespace": namespace, "name": name}} if name == "web" else None

    def every(self, _resource: Resource, _namespace: str, _query: object) -> list[Object]:
        return []


@dataclass
class Sea(World):
    """A World that also answers over TLS. `ordinary` counts requests that aiohttp made. While `withdrawn` has something
    every certificate is revoked."""

    authority: Authority = field(kw_only=True)
    ordinary: Counter[str] = field(default_factory=Counter)
    withdrawn: list[str] = field(default_factory=list)

    async def connect(self, who: str = "") -> Connection:
        before = self.lanes
        connection = Connection(self, *await self._open(who))
        await until(lambda: any(lane not in before for lane in self.lanes))
        await self.rest()
        return connection

    async def _open(self, who: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if who == "socket":
            return await asyncio.open_unix_connection(self.audit.parent / "api.sock")
        host, port = self.server.addresses[0]
        subject = Subject(who, _GROUPS.get(who, ()))
        identity = self.authority.issue(subject, self.clock.now()) if who else None
        context = client_context(identity, self.authority.certificate_pem)
        return await asyncio.open_connection(host, port, ssl=context, server_hostname=host)

    async def prepare(self) -> None:
        """What the cases ask for."""
        for path, obj in (
            (f"{DEFAULT}/configmaps", {"metadata": {"name": "settings"}, "data": {"a": "ä" * 40}}),
            (f"{DEFAULT}/configmaps", {"metadata": {"name": "large"}, "data": {"a": "b" * 200_000}}),
            (f"{DEFAULT}/endpoints", {"metadata": {"name": "web"}}),
            ("/api/v1/nodes", {"metadata": {"name": "n1"}}),
            ("/apis/apps/v1/namespaces/default/deployments", DEPLOYMENT),
            ("/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers", AUTOSCALER),
            (EXTENSIONS, DEFINITION),
            (EXTENSIONS, OLDER),
            ("/apis/example.com/v1/watch", {**OWN_GROUP, "kind": "Watch", "metadata": {"name": "x"}}),
            (BOATS, {**OWN_GROUP, "kind": "Boats", "metadata": {"name": "b"}, "a": 1}),
        ):
            answer = await self("POST", path, obj)
            assert answer.code == 201, answer.body
        await self.grant("jane", "get", "configmaps namespaces")
        await self.grant(ANONYMOUS, "get", "configmaps", name="nobody")

    @property
    def lanes(self) -> list[Any]:
        runner: Any = self.server._runner
        return [lane for lane in runner.server.connections if lane.connected]

    async def rest(self) -> None:
        """Until all connections are at rest, which they are a moment after their answers."""
        await until(lambda: all(waiter_of(lane) is not None for lane in self.lanes))

    async def fresh(self, case: Case) -> bytes:
        """The first answer of a new connection."""
        connection = await self.connect(case.who)
        try:
            return await connection.ask(case)
        finally:
            connection.writer.close()

    async def logged(self, agent: str) -> list[Object]:
        """What the audit log has of a client so far, without what no two requests have alike."""
        await self.event(await self("GET", SETTINGS))  # events are written in the order in which requests end
        found = [event for event in await written(self.audit) if event.get("userAgent") == agent]
        return [{key: value for key, value in event.items() if key not in _OWN} for event in found]

    def counted(self) -> Counter[str]:
        """What /metrics counts, but for how long requests took."""
        lines = (line.rpartition(" ") for line in self.server._figures() if line.startswith("apiserver"))
        return Counter({name: int(float(value)) for name, _, value in lines if not _is_time(name)})


def _is_time(name: str) -> bool:
    return "_sum{" in name or ("_bucket{" in name and 'le="+Inf"' not in name)


_GROUPS = {"admin": (MASTERS,), "system:node:n1": (NODES,)}


@dataclass
class Connection:
    sea: Sea
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, case: Case) -> bytes:
        """The answer without what no two have alike."""
        self.send(case)
        return await self.answer()

    def send(self, case: Case) -> None:
        lines = (f"GET {case.path} HTTP/1.1", "Host: api", f"User-Agent: {case.agent}", case.headers)
        self.writer.write("".join(f"{line}\r\n" for line in lines if line).encode() + b"\r\n")

    async def answer(self) -> bytes:
        async with asyncio.timeout(20):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split()[0])
            found = head + await self.reader.readexactly(length)
        await self.sea.rest()
        return OWN.sub(rb"\1\2", found)


@pytest.fixture
async def sea(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sea]:
    clock = StillClock()
    authority = Authority.create("test", clock.now())
    identity = authority.issue(Subject("server", names=("127.0.0.1",), server=True), clock.now())
    registry = default_registry()
    volatile = frozenset(row.resource.group_resource for row in registry.rows() if not row.durable)
    store = await open_store(tmp_path / "store.db", volatile)
    handle, ordinary = ApiServer._handle, Counter[str]()

    async def count(server: ApiServer, http: Any) -> Any:
        ordinary[http.path] += 1
        return await handle(server, http)

    monkeypatch.setattr(ApiServer, "_handle", count)
    withdrawn: list[str] = []
    server = ApiServer(
        store, registry, clock, ClusterConfig(), computed=Used(), audit=tmp_path / "audit",
        revoked=lambda _serial: bool(withdrawn),
    )  # fmt: skip
    context = server_context(identity, authority.certificate_pem)
    await server.start(tmp_path / "api.sock", ("127.0.0.1", 0, context))
    connector = aiohttp.UnixConnector(str(tmp_path / "api.sock"))
    async with aiohttp.ClientSession(connector=connector) as session:
        sea = Sea(server, store, clock, session, tmp_path / "audit", authority=authority, ordinary=ordinary,
                  withdrawn=withdrawn)  # fmt: skip
        await sea.prepare()
        yield sea
    await server.close()
    await store.close()


async def test_answers_logs_and_figures_are_those_of_the_ordinary_way(sea: Sea) -> None:
    for name, case in ((name, replace(case, agent=case.agent or name)) for name, case in CASES.items()):
        connection = await sea.connect(case.who)
        figures, ordinary = [sea.counted()], sea.ordinary.total()
        first = await connection.ask(case)
        figures.append(sea.counted())
        assert first.startswith(f"HTTP/1.1 {case.code} ".encode()), (name, first)
        assert [await connection.ask(case) for _ in range(2)] == [first] * 2, name
        figures.append(sea.counted())
        assert sea.ordinary.total() - ordinary == 3 - case.lanes, name
        once = figures[1] - figures[0]
        assert once, name
        assert figures[2] - figures[1] == once + once, name
        events = await sea.logged(case.agent)
        assert events == events[:1] * (0 if case.path == VERSION else 3), name
        connection.writer.close()


Change = Callable[[Sea], Awaitable[object]]
TOKEN = "Authorization: Bearer {}"
BOT_WITH_TOKEN = Case(who="", headers=TOKEN)
BOAT_OF_OLD = Case("/apis/example.com/v1beta1/namespaces/default/boats/b")
FLOW_SCHEMA = {
    "metadata": {"name": "mine"},
    "spec": {
        "matchingPrecedence": 2, "priorityLevelConfiguration": {"name": "workload-low"},
        "rules": [{
            "subjects": [{"kind": "User", "user": {"name": "jane"}}],
            "resourceRules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["configmaps"], "namespaces": ["*"]}],
        }],
    },
}  # fmt: skip


async def _account_goes(sea: Sea) -> None:
    await sea("DELETE", f"{DEFAULT}/serviceaccounts/bot")


async def _time_passes(sea: Sea) -> None:
    sea.clock.ahead += timedelta(hours=2)


def _sends(method: str, path: str, body: Any = None) -> Change:
    async def change(sea: Sea) -> None:
        media = "application/json-patch+json" if isinstance(body, list) else "application/merge-patch+json"
        answer = await sea(method, path, body, media=media if method == "PATCH" else "")
        assert answer.code in {200, 201}, answer.body

    return change


def _of_version(field: str, value: object) -> list[Object]:
    """A patch of the older version of the definition."""
    return [{"op": "add", "path": f"/spec/versions/1/{field}", "value": value}]


CHANGES: dict[str, tuple[Case, Change, int]] = {
    "the object is changed": (Case(), _sends("PATCH", SETTINGS, {"data": {"a": "new"}}), 200),
    "the object becomes large": (Case(), _sends("PATCH", SETTINGS, {"data": {"a": "b" * 200_000}}), 200),
    "the object is deleted": (Case(), _sends("DELETE", SETTINGS), 404),
    "a right is taken away": (Case(who="jane"), _sends("DELETE", f"/apis/{RBAC}/v1/clusterrolebindings/grant"), 403),
    "a token expires": (BOT_WITH_TOKEN, _time_passes, 401),
    "a token's account is deleted": (BOT_WITH_TOKEN, _account_goes, 401),
    "a version gets a warning": (BOAT_OF_OLD, _sends("PATCH", f"{EXTENSIONS}/boats.example.com",
                                                     _of_version("deprecated", value=True)), 200),
    "a version is served no longer": (BOAT_OF_OLD, _sends("PATCH", f"{EXTENSIONS}/boats.example.com",
                                                          _of_version("served", value=False)), 404),
    "requests belong elsewhere": (Case(who="jane"), _sends("POST", f"{FLOW}/flowschemas", FLOW_SCHEMA), 200),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
async def test_what_has_changed_since_is_seen_at_once(sea: Sea, name: str) -> None:
    case, change, code = CHANGES[name]
    if case.headers == TOKEN:
        await sea.account("bot")
        await sea.grant(BOT, "get", "configmaps", name="bot")
        case = replace(case, headers=TOKEN.format(await sea.token("bot")))
    connection, ordinary = await sea.connect(case.who), sea.ordinary.total()
    first = [await connection.ask(case) for _ in range(3)]
    assert first == first[:1] * 3
    assert first[0].startswith(b"HTTP/1.1 200 ")
    assert sea.ordinary.total() - ordinary == 1
    await change(sea)
    found = await connection.ask(case)
    assert found.startswith(f"HTTP/1.1 {code} ".encode()), found
    assert found != first[0]
    assert found == await sea.fresh(case)
    connection.writer.close()


def _revoke(sea: Sea) -> None:
    sea.withdrawn.append("all")


def _end(sea: Sea) -> None:
    sea.clock.ahead += timedelta(days=4000)


@pytest.mark.parametrize("end", [_revoke, _end])
@pytest.mark.parametrize("case", [Case(), Case(f"{DEFAULT}/configmaps", lanes=0)])
async def test_a_certificate_that_ends_while_its_connection_is_open_counts_no_longer(
    sea: Sea, case: Case, end: Callable[[Sea], None]
) -> None:
    connection, nobody = await sea.connect(case.who), await sea.connect()
    assert [(await connection.ask(case))[:13] for _ in range(3)] == [b"HTTP/1.1 200 "] * 3
    answered = await nobody.ask(Case(VERSION))
    end(sea)
    assert [(await connection.ask(case))[:13] for _ in range(2)] == [b"HTTP/1.1 401 "] * 2
    assert await nobody.ask(Case(VERSION)) == answered
    for each in (connection, nobody):
        each.writer.close()


async def test_a_right_that_is_given_counts_at_once(sea: Sea) -> None:
    case = Case(ROLE, who="jane")
    connection = await sea.connect(case.who)
    assert (await connection.ask(case)).startswith(b"HTTP/1.1 403 ")
    await sea.grant("jane", "get", "clusterroles", RBAC, name="roles")
    assert (await connection.ask(case)).startswith(b"HTTP/1.1 200 ")
    connection.writer.close()


async def test_a_request_without_a_seat_waits_for_one(sea: Sea) -> None:
    case = Case(who="jane")
    connection = await sea.connect(case.who)
    first = [await connection.ask(case) for _ in range(2)][-1]
    level: Level = sea.server._flow._levels["global-default"]
    level.executing += level.seats
    ordinary = sea.ordinary.total()
    connection.send(case)
    await until(lambda: level.waiting == 1)
    for _ in range(level.seats):
        level.leave()
    assert await connection.answer() == first
    assert sea.ordinary.total() - ordinary == 1
    assert level.executing == 0
    connection.writer.close()


async def test_what_fails_is_told_in_the_ordinary_way(
    sea: Sea, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    case = Case()
    connection = await sea.connect(case.who)
    await connection.ask(case)

    def fail(*_: object) -> None:
        raise ValueError("broken")

    monkeypatch.setattr(Resources, "row", fail)
    assert (await connection.ask(case)).startswith(b"HTTP/1.1 500 ")
    assert [record.message for record in caplog.records] == [f"GET {SETTINGS} failed in an unexpected way"]
    connection.writer.close()
