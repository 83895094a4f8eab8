"""An API server of a stranger behind ours: registered, found in discovery, asked in the caller's name, missed."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import orjson
import pytest
from aiohttp import WSMsgType, web
from yarl import URL

from common.api.kinds import APISERVICES, CONFIGMAPS, CUSTOMRESOURCEDEFINITIONS, ROLES, SERVICES, Resource
from common.api.meta import Object
from common.client.http import HttpClient
from common.errors import Invalid, NotFound, ServiceUnavailable
from common.pki import MASTERS, Subject
from console.apiserver.proxying import upgrading
from console.apiserver.streams.takeover import take_over

from .conftest import Running
from .kubectl import Kubectl
from .spdyclient import SpdyClient
from .stranger import NAME, SPACE, expose, listening

pytestmark = pytest.mark.kubectl

GROUP, VERSION = "wardle.example.com", "v1alpha1"
FLUNDERS = Resource(GROUP, VERSION, "flunders", "Flunder")
SERVICE_NAME = f"{VERSION}.{GROUP}"
VERBS = ["create", "delete", "get", "list"]


@dataclass
class Sample:
    """Flunders in memory; `headers` and `paths` are those of requests, `subjects` whose certificates came with them."""

    port: int = 0
    bundle: str = ""
    flunders: dict[str, Object] = field(default_factory=dict)
    headers: list[dict[str, list[str]]] = field(default_factory=list)
    subjects: set[str] = field(default_factory=set)
    paths: list[str] = field(default_factory=list)
    broken: bool = False

    async def serve(self, http: web.BaseRequest) -> web.StreamResponse:
        certificate = http.transport.get_extra_info("peercert") if http.transport else {}
        self.subjects |= {value for part in certificate["subject"] for name, value in part if name == "commonName"}
        if self.broken:
            return web.Response(status=500)
        if http.path == f"/apis/{GROUP}/{VERSION}":
            item = {
                "name": "flunders",
                "singularName": "flunder",
                "namespaced": True,
                "kind": "Flunder",
                "verbs": VERBS,
            }
            listed = [item, {**item, "name": "flunders/status", "singularName": "", "verbs": ["get", "update"]}]
            return _answer({"kind": "APIResourceList", "groupVersion": f"{GROUP}/{VERSION}", "resources": listed})
        if http.path == f"/openapi/v3/apis/{GROUP}/{VERSION}":
            return _answer({"openapi": "3.0.0", "info": {"title": "sample"}, "paths": {}})
        if http.path.endswith("/talk"):
            return await self._talk(http)
        if "flunders" not in http.path:
            return web.Response(status=404)
        self.paths.append(http.rel_url.raw_path_qs)
        self.headers.append({name: http.headers.getall(name) for name in http.headers})
        return await self._flunders(http)

    async def _talk(self, http: web.BaseRequest) -> web.StreamResponse:
        """Sends back what comes, and ends with a code of its own."""
        if http.headers["X-Remote-User"] == "mallory":
            return web.Response(status=403)
        if http.headers["Upgrade"] == "SPDY/3.1":
            response, wire = await take_over(http, {"Upgrade": "SPDY/3.1"})
            await wire.send(f"{http.headers['X-Remote-User']}: ".encode() + await anext(aiter(wire)))
            await wire.close(at_once=True)
            return response
        socket = web.WebSocketResponse(protocols=("second.example.com",))
        await socket.prepare(http)
        async for message in socket:
            if message.data == "bye":
                await socket.close(code=4001)
            elif message.type is WSMsgType.TEXT:
                await socket.send_str(f"{http.headers['X-Remote-User']}: {message.data}")
            else:
                await socket.send_bytes(message.data[::-1])
        return socket

    async def _flunders(self, http: web.BaseRequest) -> web.StreamResponse:
        name = http.path.partition("/flunders/")[2]
        if http.method == "POST":
            made = orjson.loads(await http.read())
            self.flunders[made["metadata"]["name"]] = made
            return _answer(made, 201)
        if http.method == "DELETE":
            del self.flunders[name]
            return _answer({"kind": "Status", "apiVersion": "v1", "status": "Success"})
        if name:
            found = self.flunders.get(name)
            gone = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404,
                    "message": "no such flunder"}  # fmt: skip
            return _answer(found, 200) if found else _answer(gone, 404)
        head = {"kind": "FlunderList", "apiVersion": f"{GROUP}/{VERSION}", "metadata": {"resourceVersion": "1"}}
        return _answer({**head, "items": list(self.flunders.values())})

    def registration(self, **spec: object) -> Object:
        reference = {"namespace": SPACE, "name": NAME}
        return {
            "metadata": {"name": SERVICE_NAME},
            "spec": {
                "group": GROUP, "version": VERSION, "service": reference, "caBundle": self.bundle,
                "groupPriorityMinimum": 2000, "versionPriority": 200, **spec,
            },
        }  # fmt: skip


def _answer(document: Object, code: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(document), status=code, content_type="application/json")


@pytest.fixture
async def sample(api: Running) -> AsyncIterator[Sample]:
    found = Sample()
    names = (f"{NAME}.{SPACE}.svc",)
    async with listening(found.serve, names, api.front_authority.certificate_pem) as (port, bundle):
        found.port, found.bundle = port, bundle
        yield found


async def condition(client: HttpClient, reason: str) -> Object:
    """The condition of the APIService once it has this reason."""
    while True:
        service = await client.get(APISERVICES, SERVICE_NAME)
        for found in (service.get("status") or {}).get("conditions") or ():
            if found["reason"] == reason:
                return dict(found)
        await asyncio.sleep(0.02)


async def discovered(client: HttpClient) -> None:
    while True:
        if FLUNDERS in [item.resource for item in await client.discover()]:
            return
        await asyncio.sleep(0.05)


def flunder(name: str) -> Object:
    return {"metadata": {"name": name, "namespace": "default"}}


async def test_a_server_behind_a_service_serves_its_group(api: Running, client: HttpClient, sample: Sample) -> None:
    await expose(client, sample.port)
    await client.create(APISERVICES, sample.registration())
    passed = await condition(client, "Passed")
    assert (passed["type"], passed["status"], passed["message"]) == ("Available", "True", "all checks passed")
    await client.create(FLUNDERS, flunder("one"))
    assert [item["metadata"]["name"] for item in (await client.list(FLUNDERS)).items] == ["one"]
    with pytest.raises(NotFound, match="no such flunder"):
        await client.get(FLUNDERS, "two", "default")
    await client.delete(FLUNDERS, "one", "default")
    assert sample.flunders == {}
    assert sample.subjects == {"front-proxy-client"}
    seen = sample.headers[0]
    assert "Content-Length" in seen  # some servers read no body of unknown length
    assert seen["X-Remote-User"] == ["quarterdeck-admin"]
    assert seen["X-Remote-Group"] == ["system:masters", "system:authenticated"]
    await client.delete(APISERVICES, SERVICE_NAME)
    with pytest.raises(NotFound):
        await client.list(FLUNDERS)


async def test_a_group_of_our_own_that_it_takes_over(client: HttpClient, sample: Sample) -> None:
    """From then on it is asked, also on a connection on which we answered the same request before."""
    schema = {"openAPIV3Schema": {"type": "object"}}
    spec = {
        "group": GROUP, "scope": "Namespaced", "names": {"plural": "flunders", "kind": "Flunder"},
        "versions": [{"name": VERSION, "served": True, "storage": True, "schema": schema}],
    }  # fmt: skip
    await client.create(CUSTOMRESOURCEDEFINITIONS, {"metadata": {"name": f"flunders.{GROUP}"}, "spec": spec})
    await client.create(FLUNDERS, flunder("ours"))
    for _ in range(3):
        assert (await client.get(FLUNDERS, "ours", "default"))["metadata"]["name"] == "ours"
    await expose(client, sample.port)
    await client.patch(APISERVICES, SERVICE_NAME, sample.registration())
    await condition(client, "Passed")
    with pytest.raises(NotFound, match="no such flunder"):
        await client.get(FLUNDERS, "ours", "default")


async def test_it_is_asked_in_the_callers_name_alone(
    api: Running, client: HttpClient, sample: Sample, kubectl: Kubectl, tmp_path: Path
) -> None:
    """What a client says of itself goes no further, and RBAC is asked here as for every kind."""
    await expose(client, sample.port)
    await client.create(APISERVICES, sample.registration())
    await condition(client, "Passed")
    jane = Kubectl(api.kubeconfig_for(tmp_path, Subject("jane", ("crew",))), tmp_path)
    path = f"/apis/{GROUP}/{VERSION}/namespaces/default/flunders"
    refused = await jane.fails("get", "--raw", path)
    assert 'User "jane" cannot list resource "flunders" in API group "wardle.example.com"' in refused
    await kubectl("create", "clusterrole", "flunders", "--verb=list", f"--resource=flunders.{GROUP}")
    await kubectl("create", "clusterrolebinding", "flunders", "--clusterrole=flunders", "--user=jane")
    assert json.loads(await jane("get", "--raw", path))["items"] == []
    assert sample.headers[-1]["X-Remote-User"] == ["jane"]
    assert sample.headers[-1]["X-Remote-Group"] == ["crew", "system:authenticated"]
    assert "Authorization" not in sample.headers[-1]


async def test_discovery_and_openapi_have_it_too(client: HttpClient, sample: Sample, kubectl: Kubectl) -> None:
    await expose(client, sample.port)
    await client.create(APISERVICES, sample.registration())
    await condition(client, "Passed")
    assert "flunders" in await kubectl("api-resources", f"--api-group={GROUP}")
    assert f"{GROUP}/{VERSION}" in await kubectl("api-versions")
    groups = json.loads(await kubectl("get", "--raw", "/apis"))["groups"]
    (group,) = [item for item in groups if item["name"] == GROUP]
    assert group["preferredVersion"] == {"groupVersion": f"{GROUP}/{VERSION}", "version": VERSION}
    assert json.loads(await kubectl("get", "--raw", f"/apis/{GROUP}"))["kind"] == "APIGroup"
    resources = json.loads(await kubectl("get", "--raw", f"/apis/{GROUP}/{VERSION}"))["resources"]
    assert [item["name"] for item in resources] == ["flunders", "flunders/status"]
    index = json.loads(await kubectl("get", "--raw", "/openapi/v3"))["paths"]
    address = index[f"apis/{GROUP}/{VERSION}"]["serverRelativeURL"]
    assert json.loads(await kubectl("get", "--raw", address))["info"]["title"] == "sample"


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("ServiceNotFound", f'service/{NAME} in "{SPACE}" is not present'),
        ("ServicePortError", f'service/{NAME} in "{SPACE}" is not listening on port 8443'),
        ("EndpointsNotFound", f'cannot find endpointslices for service/{NAME} in "{SPACE}"'),
        (
            "FailedDiscoveryCheck",
            "bad status from https://stranger.strangers.svc:443/apis/wardle.example.com/v1alpha1: 500",
        ),
    ],
)
async def test_a_server_that_is_not_there_is_said_to_be_missing(
    client: HttpClient, sample: Sample, reason: str, message: str
) -> None:
    spec: Object = {}
    if reason != "ServiceNotFound":
        await expose(client, sample.port)
    if reason == "ServicePortError":
        spec["service"] = {"namespace": SPACE, "name": NAME, "port": 8443}
    elif reason == "EndpointsNotFound":
        await client.create(
            SERVICES, {"metadata": {"name": "none", "namespace": SPACE}, "spec": {"ports": [{"port": 443}]}}
        )
        spec["service"] = {"namespace": SPACE, "name": "none"}
        message = message.replace(f"/{NAME} ", "/none ")
    sample.broken = True
    await client.create(APISERVICES, sample.registration(**spec))
    found = await condition(client, reason)
    assert found["status"] == "False"
    assert message in found["message"]
    with pytest.raises(ServiceUnavailable, match="service unavailable"):
        await client.list(FLUNDERS)
    await client.list(CONFIGMAPS)  # the rest of the API does not mind
    sample.broken = False
    if reason == "FailedDiscoveryCheck":
        await condition(client, "Passed")


async def test_a_path_goes_out_as_it_was_allowed(api: Running, client: HttpClient, sample: Sample) -> None:
    """Steps back in it would lead elsewhere than to what the caller was asked about."""
    await expose(client, sample.port)
    await client.create(APISERVICES, sample.registration())
    await condition(client, "Passed")
    path = f"/apis/{GROUP}/{VERSION}/namespaces/mine/flunders/x/proxy/../%2e%2e/../other/flunders/y"
    connector = aiohttp.UnixConnector(str(api.socket))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.get(URL(f"http://api{path}", encoded=True)) as answer,
    ):
        assert answer.status == 404
    assert sample.paths[-1] == path


async def test_what_lies_behind_a_subresource_takes_the_right_to_it(
    api: Running, client: HttpClient, sample: Sample
) -> None:
    """Whoever may read the API's paths, as everybody may, may not open a port of a machine with that."""
    await expose(client, sample.port)
    await client.create(APISERVICES, sample.registration())
    await condition(client, "Passed")
    path = f"/apis/{GROUP}/{VERSION}/namespaces/mine/flunders/one/portforward/22/tcp"
    connector = aiohttp.UnixConnector(str(api.socket))
    async with aiohttp.ClientSession(connector=connector) as session:
        async with session.get(f"http://api{path}", headers={"Impersonate-User": "jane"}) as answer:
            assert (answer.status, path in sample.paths) == (403, False)
            refused = (await answer.json())["message"]
        assert f'cannot get resource "flunders/portforward" in API group "{GROUP}" in the namespace "mine"' in refused
        async with session.get(f"http://api{path}") as answer:
            assert (answer.status, path in sample.paths) == (404, True)


async def test_a_websocket_message_without_end_is_not_gathered(
    api: Running, client: HttpClient, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrading, "MAX_MESSAGE", 1000)
    await expose(client, sample.port)
    await client.create(APISERVICES, sample.registration())
    await condition(client, "Passed")
    talk = f"http://api/apis/{GROUP}/{VERSION}/namespaces/default/flunders/one/talk"
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(api.socket))) as session,
        session.ws_connect(talk) as socket,
    ):
        await socket.send_bytes(b"x" * 900)
        assert (await socket.receive()).data == b"x" * 900
        await socket.send_bytes(b"x" * 1100)
        assert (await socket.receive()).data == 1009


async def test_a_server_for_the_group_without_a_name_stops_nothing(client: HttpClient, sample: Sample) -> None:
    found = await client.get(APISERVICES, "v1.")
    spec = {name: value for name, value in sample.registration()["spec"].items() if name != "group"}
    changed = await client.update(APISERVICES, {**found, "spec": {**spec, "version": "v1"}})
    await client.update(APISERVICES, {**changed, "spec": found["spec"]})


async def test_a_certificate_of_somebody_else_is_not_trusted(client: HttpClient, sample: Sample, api: Running) -> None:
    await expose(client, sample.port)
    wrong = base64.b64encode(api.authority.certificate_pem).decode()
    await client.create(APISERVICES, sample.registration(caBundle=wrong))
    await condition(client, "Passed")
    with pytest.raises(ServiceUnavailable, match=r"error trying to reach service: .*certificate"):
        await client.list(FLUNDERS)
    # What it says of itself is not believed either.
    assert FLUNDERS not in [item.resource for item in await client.discover()]
    found = await client.get(APISERVICES, SERVICE_NAME)
    await client.update(APISERVICES, {**found, "spec": {**found["spec"], "caBundle": sample.bundle}})
    await discovered(client)
    await client.list(FLUNDERS)


async def test_a_websocket_goes_through(api: Running, client: HttpClient, sample: Sample) -> None:
    await expose(client, sample.port)
    await client.create(APISERVICES, sample.registration())
    await condition(client, "Passed")
    talk = f"http://api/apis/{GROUP}/{VERSION}/namespaces/default/flunders/one/talk"
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(api.socket))) as session:
        async with session.ws_connect(talk, protocols=("first.example.com", "second.example.com")) as socket:
            assert socket.protocol == "second.example.com"
            await socket.send_str("hello")
            assert (await socket.receive()).data == "quarterdeck-admin: hello"
            await socket.send_bytes(b"x" * 100_000 + b"yz")
            assert (await socket.receive()).data == b"zy" + b"x" * 100_000
            await socket.send_str("bye")
            assert (await socket.receive()).data == 4001
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(talk, headers={"Impersonate-User": "mallory", "Impersonate-Group": MASTERS})
        assert refused.value.status == 403


async def test_another_upgrade_goes_through_as_bytes(api: Running, client: HttpClient, sample: Sample) -> None:
    await expose(client, sample.port)
    await client.create(APISERVICES, sample.registration())
    await condition(client, "Passed")
    talk = f"/apis/{GROUP}/{VERSION}/namespaces/default/flunders/one/talk"
    spdy = await SpdyClient.ask(api.socket, talk)
    assert (spdy.status, "\r\nUpgrade: SPDY/3.1\r\n" in spdy.head) == (101, True)
    spdy.writer.write(b"hello")
    async with asyncio.timeout(60):
        assert await spdy.reader.read() == b"quarterdeck-admin: hello"
    await spdy.close()


async def test_servers_learn_whom_to_trust(api: Running, client: HttpClient) -> None:
    found = await client.get(CONFIGMAPS, "extension-apiserver-authentication", "kube-system")
    assert found["data"] == {
        "client-ca-file": api.authority.certificate_pem.decode(),
        "requestheader-client-ca-file": api.front_authority.certificate_pem.decode(),
        "requestheader-allowed-names": '["front-proxy-client"]',
        "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
        "requestheader-group-headers": '["X-Remote-Group"]',
        "requestheader-uid-headers": '["X-Remote-Uid"]',
        "requestheader-username-headers": '["X-Remote-User"]',
    }
    reader = await client.get(ROLES, "extension-apiserver-authentication-reader", "kube-system")
    assert reader["rules"][0]["resourceNames"] == ["extension-apiserver-authentication"]


async def test_our_own_groups_are_always_available(client: HttpClient) -> None:
    service = await client.get(APISERVICES, "v1.apps")
    assert [(item["status"], item["reason"]) for item in service["status"]["conditions"]] == [("True", "Local")]
    with pytest.raises(Invalid, match="local APIServices"):
        await client.patch(APISERVICES, "v1.apps", {"spec": {"insecureSkipTLSVerify": True}})


async def test_the_registration_is_an_object_like_others(client: HttpClient, sample: Sample) -> None:
    """Read, listed by label, updated, patched, with its status, and removed by label; the check goes on meanwhile."""
    await expose(client, sample.port)
    made = await client.create(APISERVICES, {**sample.registration(), "metadata": {"name": SERVICE_NAME}})
    await condition(client, "Passed")
    patched = await client.patch(APISERVICES, SERVICE_NAME, {"spec": {"versionPriority": 400}})
    assert patched["spec"]["versionPriority"] == 400
    assert [item["reason"] for item in patched["status"]["conditions"]] == ["Passed"]
    labelled = await client.patch(APISERVICES, SERVICE_NAME, {"metadata": {"labels": {"mine": "patched"}}})
    assert labelled["metadata"]["labels"] == {"mine": "patched"}
    said = {"type": "StatusUpdated", "status": "True", "reason": "E2E", "message": "Set from a test"}
    status = await client.get(APISERVICES, SERVICE_NAME, subresource="status")
    status["status"]["conditions"].append({**said, "lastTransitionTime": made["metadata"]["creationTimestamp"]})
    updated = await client.update(APISERVICES, status, subresource="status")
    assert {item["type"] for item in updated["status"]["conditions"]} == {"Available", "StatusUpdated"}
    more = {"status": {"conditions": [*updated["status"]["conditions"], {**said, "type": "StatusPatched"}]}}
    await client.patch(APISERVICES, SERVICE_NAME, more, subresource="status")
    found = await client.get(APISERVICES, SERVICE_NAME)
    assert {item["type"] for item in found["status"]["conditions"]} == {"Available", "StatusUpdated", "StatusPatched"}
    assert [item["metadata"]["name"] for item in (await client.list(APISERVICES, label_selector="mine")).items] == [
        SERVICE_NAME
    ]
    await client.delete(APISERVICES, SERVICE_NAME)
    assert (await client.list(APISERVICES, label_selector="mine")).items == []
