"""What the audit log has of requests: everything that changes, connects or was refused, and nothing secret."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from common.api.kinds import CHANGES as HISTORY
from console.apiserver.audit.events import CHANGES

from .identity import PODS, World, world

__all__ = ["world"]
MAPS = "/api/v1/namespaces/default/configmaps"
SECRETS = "/api/v1/namespaces/default/secrets"


def changes(event: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = orjson.loads(event["annotations"][CHANGES])
    return found


async def test_an_event_says_who_asked_for_what_and_why_it_was_allowed(world: World) -> None:
    await world.grant("anna", "create", "configmaps")
    answer = await world.as_user("anna", "POST", f"{MAPS}?dryRun=All", {"metadata": {"name": "a"}})
    event = await world.event(answer)
    assert (event["kind"], event["apiVersion"], event["level"]) == ("Event", "audit.k8s.io/v1", "Metadata")
    assert (event["verb"], event["stage"], event["requestURI"]) == ("create", "ResponseComplete", f"{MAPS}?dryRun=All")
    assert event["user"]["username"] == "quarterdeck-admin"
    assert event["impersonatedUser"] == {"username": "anna", "groups": ["system:authenticated"]}
    assert event["objectRef"] == {"resource": "configmaps", "namespace": "default", "apiVersion": "v1"}
    assert event["responseStatus"] == {"metadata": {}, "code": 201}
    assert event["annotations"] == {
        "authorization.k8s.io/decision": "allow",
        "authorization.k8s.io/reason": 'RBAC: allowed by ClusterRoleBinding "grant" of ClusterRole "grant" to User '
        '"anna"',
    }
    assert event["requestReceivedTimestamp"] <= event["stageTimestamp"]


async def test_a_write_has_before_and_after_and_its_place_in_the_history(world: World) -> None:
    made = await world("POST", MAPS, {"metadata": {"name": "a"}, "data": {"x": "1"}})
    patched = await world("PATCH", f"{MAPS}/a", {"data": {"x": "2"}}, media="application/merge-patch+json")
    gone = await world("DELETE", f"{MAPS}/a")
    found = [changes(await world.event(answer))[0] for answer in (made, patched, gone)]
    assert [item["verb"] for item in found] == ["create", "update", "delete"]
    assert (found[0]["after"]["data"], "before" in found[0]) == ({"x": "1"}, False)
    assert (found[1]["before"], found[1]["after"]) == ({"data.x": "1"}, {"data.x": "2"})
    assert (found[2]["before"]["data"], "after" in found[2]) == ({"x": "2"}, False)
    for item, answer in zip(found, (made, patched, gone), strict=True):
        recorded = (await world("GET", HISTORY.path(None, item["change"]))).body
        assert (recorded["auditID"], recorded["verb"]) == (answer.audit_id, item["verb"])


async def test_one_request_that_writes_much_is_one_event(world: World) -> None:
    for name in ("a", "b"):
        await world("POST", MAPS, {"metadata": {"name": name}})
    event = await world.event(await world("DELETE", MAPS))
    assert event["verb"] == "deletecollection"
    assert {item["object"]["name"] for item in changes(event)} >= {"a", "b"}


async def test_a_huge_change_is_named_only(world: World) -> None:
    answer = await world("POST", MAPS, {"metadata": {"name": "a"}, "data": {"x": "y" * 100_000}})
    assert [set(item) for item in changes(await world.event(answer))] == [{"change"}]


async def test_values_of_secrets_are_never_in_it(world: World) -> None:
    values = {"k": "aHVudGVyMg=="}
    answers = [
        await world("POST", SECRETS, {"metadata": {"name": "s"}, "data": values}),
        await world("PATCH", f"{SECRETS}/s", {"data": {"k": "Y29ycmVjdA=="}}, media="application/merge-patch+json"),
        await world("PATCH", f"{SECRETS}/s", {"data": {"k": "no base64!"}}, media="application/merge-patch+json"),
        await world("PUT", f"{SECRETS}/s", {"metadata": {"name": "s"}, "stringData": {"other": "pa55word"}}),
        await world("GET", f"{SECRETS}/s"),
        await world("DELETE", f"{SECRETS}/s"),
        await world("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {"spec": {"token": "eyHidden"}}),
    ]
    assert [answer.code for answer in answers] == [201, 200, 422, 200, 200, 200, 201] or answers[2].code == 400
    for answer in answers:
        await world.event(answer)
    written = (world.audit / "audit.log").read_text()
    for value in (
        "aHVudGVyMg==",
        "hunter2",
        "Y29ycmVjdA==",
        "correct",
        "no base64!",
        "pa55word",
        "cGE1NXdvcmQ=",
        "eyH",
    ):
        assert value not in written
    assert '\\"data.k\\":\\"12 characters\\"' in written


async def test_tokens_are_never_in_it(world: World) -> None:
    await world.account()
    answer = await world("POST", "/api/v1/namespaces/default/serviceaccounts/web/token", {"spec": {}})
    event = await world.event(answer)
    assert event["objectRef"]["subresource"] == "token"
    shown = await world("GET", "/api/v1/namespaces", token=answer.body["status"]["token"])
    event = await world.event(shown)
    assert event["user"]["username"] == "system:serviceaccount:default:web"
    token: str = answer.body["status"]["token"]
    assert token.rpartition(".")[2] not in (world.audit / "audit.log").read_text()


async def test_who_shows_nothing_good_is_in_it_with_what_was_wrong(world: World) -> None:
    event = await world.event(await world("GET", SECRETS, token="nonsense"))
    assert (event["user"], event["responseStatus"]["code"]) == ({}, 401)
    assert event["annotations"] == {"quarterdeck.io/refused": "invalid bearer token: it is no signed token"}
    assert "nonsense" not in str(event)


async def test_a_refusal_says_what_was_refused(world: World) -> None:
    answer = await world.as_user("jane", "DELETE", f"{SECRETS}/s")
    event = await world.event(answer)
    assert event["annotations"]["authorization.k8s.io/decision"] == "forbid"
    assert event["responseStatus"]["code"] == 403
    assert event["responseStatus"]["message"] == answer.message
    assert event["objectRef"]["name"] == "s"


async def test_who_may_not_act_as_another_is_in_it_as_themselves(world: World) -> None:
    await world.account()
    token = await world.token()
    answer = await world("GET", PODS, token=token, headers={"Impersonate-User": "root"})
    event = await world.event(answer)
    assert event["user"]["username"] == "system:serviceaccount:default:web"
    assert "impersonatedUser" not in event
    assert event["annotations"]["authorization.k8s.io/decision"] == "forbid"


async def test_reading_is_in_it_but_for_chatter_and_what_every_client_reads(world: World) -> None:
    assert (await world.event(await world("GET", f"{MAPS}/nothing")))["responseStatus"]["code"] == 404
    for path in (
        "/api/v1/events", "/apis/coordination.k8s.io/v1/leases", "/healthz", "/version", "/apis", "/openapi/v2",
        "/apis/apps/v1",
    ):  # fmt: skip
        await world("GET", path)
    refused = await world.as_user("jane", "GET", "/metrics")
    assert (await world.event(refused))["verb"] == "get"
    lines = [orjson.loads(line) for line in (world.audit / "audit.log").read_bytes().splitlines()]
    assert {event["requestURI"] for event in lines} == {f"{MAPS}/nothing", "/metrics"}


async def test_a_watch_is_in_it_when_it_begins_and_when_it_ends(world: World) -> None:
    answer = await world("GET", f"{MAPS}?watch=1&timeoutSeconds=1")
    begun, over = await world.events(answer, 2)
    assert (begun["stage"], over["stage"]) == ("ResponseStarted", "ResponseComplete")
    assert {event["verb"] for event in (begun, over)} == {"watch"}


async def test_a_client_may_name_its_request(world: World) -> None:
    answer = await world("GET", MAPS, headers={"Audit-ID": "mine"})
    assert answer.audit_id == "mine"
    assert (await world.event(answer))["auditID"] == "mine"
    assert (await world("GET", MAPS, headers={"Audit-ID": "x" * 500})).audit_id != "x" * 500


async def test_what_is_no_text_costs_nobody_the_log(world: World) -> None:
    reader, writer = await asyncio.open_unix_connection(world.audit.parent / "api.sock")
    writer.write(b"GET /api/v1/nodes?a=\xff HTTP/1.1\r\nHost: a\r\nUser-Agent: \xff\xfe\r\nAudit-ID: \xff\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    writer.close()
    await world.event(await world("GET", MAPS))
    lines = [orjson.loads(line) for line in (world.audit / "audit.log").read_bytes().splitlines()]
    assert lines[-1]["requestURI"] == MAPS


@pytest.mark.parametrize("address", ["10.1.2.3", "fd00::1"])
async def test_where_a_request_says_it_comes_from(world: World, address: str) -> None:
    event = await world.event(await world("GET", MAPS, headers={"X-Forwarded-For": f"{address}, nonsense"}))
    assert event["sourceIPs"] == [address]
