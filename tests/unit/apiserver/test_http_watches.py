"""Lists and watches as they go over the wire: revisions, pages, bookmarks, chunks and older spellings."""

from __future__ import annotations

import asyncio

import orjson
import pytest
import yaml

from tests.unit.client_contract.conftest import Api, api
from tests.unit.client_contract.objects import configmap, deployment

from .wire import CONFIGMAPS, NOT_TAKEN, TABLE, Http, http

__all__ = ["api", "http"]
WATCHED = "/api/v1/watch/namespaces/default/configmaps/a"
OTHER_NAME = "fieldSelector metadata.name doesn't match requested name"


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("x", "illegal base64 data at input byte 0"),
        ("ab~c", "illegal base64 data at input byte 2"),
        ("abc", "invalid character 'i' looking for beginning of value"),
        ("e30", 'server does not recognize this encoded version ""'),
        ("eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MX0", "empty encoded start key (version meta.k8s.io/v1)"),
        ("eyJ2IjoieCJ9", 'server does not recognize this encoded version "x"'),
        ("eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ", "incorrect encoded start resourceVersion (version meta.k8s.io/v1)"),
    ],
)
async def test_tokens_of_nobody(http: Http, token: str, why: str) -> None:
    code, status, _ = await http("GET", f"{CONFIGMAPS}?continue={token}")
    assert (code, status["message"]) == (400, f"invalid continue token: continue key is not valid: {why}")


async def test_a_watch_of_tables_says_first_what_it_cannot_include(http: Http) -> None:
    code, status, _ = await http("GET", f"{CONFIGMAPS}?watch=1&includeObject=All", headers={"Accept": TABLE})
    assert (code, status["reason"]) == (400, "BadRequest")
    assert "must be 'Metadata', 'Object', 'None', or empty" in status["message"]


async def test_tables_of_an_older_version_have_objects_of_it(http: Http) -> None:
    await http("POST", CONFIGMAPS, configmap())
    headers = {"Accept": TABLE.replace("v=v1;", "v=v1beta1;")}
    for include, version in (("Metadata", "meta.k8s.io/v1beta1"), ("Object", "v1"), ("None", None)):
        _, found, _ = await http("GET", f"{CONFIGMAPS}?includeObject={include}", headers=headers)
        (row,) = found["rows"]
        assert (found["apiVersion"], (row["object"] or {}).get("apiVersion")) == ("meta.k8s.io/v1beta1", version)


async def test_older_spellings_of_watches_are_served(http: Http) -> None:
    await http("POST", CONFIGMAPS, configmap("watched"))
    await http("POST", CONFIGMAPS, configmap("other"))
    (event,) = await http.lines("/api/v1/watch/namespaces/default/configmaps/watched?resourceVersion=0", 1)
    assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "watched")
    roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
    await http("POST", roles, {"metadata": {"name": "a=b,c"}, "rules": []})
    (event,) = await http.lines(f"{roles.replace('/v1/', '/v1/watch/')}/a=b,c?resourceVersion=0", 1)
    assert event["object"]["metadata"]["name"] == "a=b,c"


@pytest.mark.parametrize(
    ("method", "path", "code", "why"),
    [
        ("POST", "/api/v1/watch/configmaps", 405, NOT_TAKEN),
        ("DELETE", "/api/v1/watch/namespaces/default/configmaps", 405, NOT_TAKEN),
        ("PUT", "/apis/apps/v1/watch/namespaces/default/deployments/web", 405, NOT_TAKEN),
        ("TRACE", "/api/v1/watch/configmaps", 405, NOT_TAKEN),
        ("POST", "/api/v1/watch/things", 404, "the server could not find the requested resource"),
        ("GET", f"{WATCHED}?fieldSelector=metadata.name=b", 400, OTHER_NAME),
        ("GET", f"{WATCHED}?fieldSelector=metadata.name!=a", 400, OTHER_NAME),
        ("GET", f"{WATCHED}?fieldSelector=metadata.namespace=default", 400, OTHER_NAME),
        ("GET", f"{WATCHED}?fieldSelector=a%5E", 400, "invalid selector: 'a^'; can't understand 'a^'"),
    ],
)
async def test_older_spellings_are_of_watches_alone(http: Http, method: str, path: str, code: int, why: str) -> None:
    answer, status, _ = await http(method, path, {} if method in {"POST", "PUT"} else None)
    assert (answer, status["message"]) == (code, why)


async def test_a_list_may_ask_for_a_revision(http: Http) -> None:
    _, first, _ = await http("POST", CONFIGMAPS, configmap("a"))
    await http("POST", CONFIGMAPS, configmap("b"))
    revision = first["metadata"]["resourceVersion"]
    _, exact, _ = await http("GET", f"{CONFIGMAPS}?resourceVersion={revision}&resourceVersionMatch=Exact")
    assert [item["metadata"]["name"] for item in exact["items"]] == ["a"]
    assert exact["metadata"]["resourceVersion"] == revision
    _, newer, _ = await http("GET", f"{CONFIGMAPS}?resourceVersion={revision}&resourceVersionMatch=NotOlderThan")
    assert len(newer["items"]) == 2
    _, page, _ = await http("GET", f"{CONFIGMAPS}?limit=1")
    assert page["metadata"]["remainingItemCount"] == 1
    _, whole, _ = await http("GET", f"{CONFIGMAPS}?limit=1&resourceVersion=0")
    assert len(whole["items"]) == 2
    assert "continue" not in whole["metadata"]


async def test_an_old_snapshot_is_expired_and_can_be_gone_on_from(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "abcdef":
        await http("POST", CONFIGMAPS, configmap(name))
    _, first, _ = await http("GET", f"{CONFIGMAPS}?limit=2")
    token, revision = first["metadata"]["continue"], first["metadata"]["resourceVersion"]
    monkeypatch.setattr("console.apiserver.listing.SNAPSHOT_SECONDS", 0)
    await http("DELETE", f"{CONFIGMAPS}/d")
    for _ in range(2):
        await http("GET", CONFIGMAPS)
    code, status, _ = await http("GET", f"{CONFIGMAPS}?limit=2&continue={token}")
    assert (code, status["reason"]) == (410, "Expired")
    assert status["message"].startswith("The provided continue parameter is too old to display a consistent list")
    _, second, _ = await http("GET", f"{CONFIGMAPS}?limit=2&continue={status['metadata']['continue']}")
    assert [item["metadata"]["name"] for item in second["items"]] == ["c", "e"]
    assert second["metadata"]["remainingItemCount"] == 1
    assert second["metadata"]["resourceVersion"] != revision
    monkeypatch.undo()
    _, third, _ = await http("GET", f"{CONFIGMAPS}?limit=2&continue={second['metadata']['continue']}")
    assert [item["metadata"]["name"] for item in third["items"]] == ["f"]
    assert third["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]
    code, status, _ = await http("GET", f"{CONFIGMAPS}?resourceVersion={revision}&resourceVersionMatch=Exact")
    assert (code, status["message"]) == (410, "The resourceVersion for the provided list is too old.")


async def test_a_watch_may_begin_with_what_there_is(http: Http) -> None:
    await http("POST", CONFIGMAPS, configmap("a"))
    query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    added, bookmark = await http.lines(f"{CONFIGMAPS}?{query}", 2)
    assert (added["type"], added["object"]["metadata"]["name"]) == ("ADDED", "a")
    assert bookmark["type"] == "BOOKMARK"
    assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert int(bookmark["object"]["metadata"]["resourceVersion"]) > 0
    (only,) = await http.lines(f"{CONFIGMAPS}?watch=True&timeoutSeconds=1", 5)
    assert only["object"]["metadata"]["name"] == "a"


async def test_bookmarks_tell_how_far_a_quiet_watch_is(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.apiserver.watchstream.BOOKMARK_SECONDS", 0.05)
    _, listed, _ = await http("GET", CONFIGMAPS)
    revision = listed["metadata"]["resourceVersion"]
    await http("POST", "/apis/apps/v1/namespaces/default/deployments", deployment())
    (bookmark,) = await http.lines(f"{CONFIGMAPS}?watch=1&allowWatchBookmarks=1&resourceVersion={revision}", 1)
    assert bookmark["type"] == "BOOKMARK"
    assert bookmark["object"]["kind"] == "ConfigMap"
    assert int(bookmark["object"]["metadata"]["resourceVersion"]) > int(revision)


async def test_watchers_who_get_the_same_get_it_whole_and_in_order_however_slow_they_are(http: Http, api: Api) -> None:
    _, listed, _ = await http("GET", CONFIGMAPS)
    watch = f"http://api{CONFIGMAPS}?watch=1&resourceVersion={listed['metadata']['resourceVersion']}"
    slow_reader, slow_writer = await asyncio.open_unix_connection(str(api.socket), limit=2**10)
    slow_writer.write(f"GET {watch.removeprefix('http://api')} HTTP/1.1\r\nHost: api\r\n\r\n".encode())
    assert b"200" in await slow_reader.readuntil(b"\r\n")
    async with (
        asyncio.timeout(60),
        http.session.get(watch) as one,
        http.session.get(f"{watch}&labelSelector=!x") as other,
    ):
        names = [f"m{number:03}" for number in range(120)]
        text = "x" * 20_000  # more than sockets hold for who does not read
        for name in names:
            assert (await http("POST", CONFIGMAPS, configmap(name, a=text)))[0] == 201
        for reader in (one, other):
            seen = [orjson.loads(await reader.content.readline()) for _ in names]
            assert [(event["type"], event["object"]["metadata"]["name"]) for event in seen] == [
                ("ADDED", name) for name in names
            ]
            assert all(event["object"]["data"]["a"] == text for event in seen)
        told: list[str] = []
        await slow_reader.readuntil(b"\r\n\r\n")
        while len(told) < len(names):
            lines = await slow_reader.readexactly(int((await slow_reader.readline()).strip(), 16))
            told += [orjson.loads(line)["object"]["metadata"]["name"] for line in lines.splitlines()]
            assert await slow_reader.readexactly(2) == b"\r\n"
    assert told == names
    slow_writer.close()


async def test_who_knows_no_chunks_is_told_lines_until_the_end(http: Http, api: Api) -> None:
    _, listed, _ = await http("GET", CONFIGMAPS)
    reader, writer = await asyncio.open_unix_connection(str(api.socket))
    revision = listed["metadata"]["resourceVersion"]
    writer.write(f"GET {CONFIGMAPS}?watch=1&resourceVersion={revision}&timeoutSeconds=2 HTTP/1.0\r\n\r\n".encode())
    async with asyncio.timeout(30):
        head = await reader.readuntil(b"\r\n\r\n")
        assert (await http("POST", CONFIGMAPS, configmap("a")))[0] == 201
        lines = (await reader.read()).splitlines()
    assert head.startswith(b"HTTP/1.0 200 ")
    assert b"chunked" not in head
    assert [(orjson.loads(line)["type"], orjson.loads(line)["object"]["metadata"]["name"]) for line in lines] == [
        ("ADDED", "a")
    ]
    writer.close()


async def test_an_expired_watch_says_so_in_its_first_event(http: Http) -> None:
    (event,) = await http.lines(f"{CONFIGMAPS}?watch=1&resourceVersion=99999", 5)
    assert event["type"] == "ERROR"
    assert event["object"]["code"] == 410
    assert event["object"]["reason"] == "Expired"


async def test_a_watch_from_what_is_no_revision_does_not_begin(http: Http) -> None:
    code, status, _ = await http("GET", f"{CONFIGMAPS}?watch=1&resourceVersion=abc")
    assert (code, status["reason"]) == (400, "BadRequest")


async def test_watched_tables(http: Http) -> None:
    await http("POST", CONFIGMAPS, configmap("a"))
    async with (
        asyncio.timeout(10),
        http.session.get(f"http://api{CONFIGMAPS}?watch=1", headers={"Accept": TABLE}) as response,
    ):
        event = orjson.loads(await response.content.readline())
    assert event["object"]["kind"] == "Table"
    assert event["object"]["rows"][0]["cells"][0] == "a"


@pytest.mark.parametrize("form", ["application/json", "application/yaml", "gzip"])
async def test_a_large_list_comes_in_pieces_and_whole(http: Http, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.setattr("console.apiserver.responses.PIECE", 2000)
    monkeypatch.setattr("console.apiserver.responses.is_local", lambda _transport: False)
    for index in range(30):
        await http("POST", CONFIGMAPS, configmap(f"c{index:02}", data="x" * 300))
    asked = {"Accept-Encoding": "gzip"} if form == "gzip" else {"Accept": form, "Accept-Encoding": "identity"}
    code, body, headers = await http("GET", f"{CONFIGMAPS}?labelSelector=!none", headers=asked)
    assert (code, headers.get("Content-Encoding")) == (200, "gzip" if form == "gzip" else None)
    assert ("Content-Length" in headers) == (form == "application/yaml"), "pieces of no known length, but for YAML"
    listed = yaml.safe_load(body) if form == "application/yaml" else body
    assert listed["kind"] == "ConfigMapList"
    made = [item["metadata"]["name"] for item in listed["items"] if item["metadata"]["name"] != "kube-root-ca.crt"]
    assert made == [f"c{index:02}" for index in range(30)]
    gone = (await http("DELETE", CONFIGMAPS, headers=asked))[1]
    assert isinstance(gone, str) or len(gone["items"]) >= 30
