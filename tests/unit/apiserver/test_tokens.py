"""Tokens of ServiceAccounts: who gets them, what they are good for, and when they end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from common.api.kinds import PODS as POD_KIND
from common.jwt import SigningKey
from common.pki import new_key

from .identity import PODS, World, world

__all__ = ["world"]
WHOAMI = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
TOKEN = "/api/v1/namespaces/default/serviceaccounts/web/token"
ISSUER = "https://kubernetes.default.svc.cluster.local"


def pod(name: str = "p", account: str = "web") -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"serviceAccountName": account, "containers": [{"name": "main", "image": "web:1"}]},
    }


async def bound(world: World, name: str = "p", **spec: Any) -> str:
    made = (await world("POST", PODS, pod(name))).body
    reference = {"kind": "Pod", "apiVersion": "v1", "name": name, "uid": made["metadata"]["uid"]}
    return await world.token(boundObjectRef=reference, **spec)


async def code(world: World, token: str) -> int:
    return (await world("POST", WHOAMI, {}, token=token)).code


async def test_a_token_is_its_account(world: World) -> None:
    account = await world.account()
    found = (await world("POST", WHOAMI, {}, token=await world.token())).body["status"]["userInfo"]
    assert found["username"] == "system:serviceaccount:default:web"
    assert found["uid"] == account["metadata"]["uid"]
    assert found["groups"] == ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"]
    assert found["extra"]["authentication.kubernetes.io/credential-id"][0].startswith("JTI=")


async def test_the_answer_says_what_was_given(world: World) -> None:
    await world.account()
    answer = (await world("POST", TOKEN, {"spec": {"expirationSeconds": 900}})).body
    assert (answer["kind"], answer["metadata"]["name"], answer["metadata"]["namespace"]) == (
        "TokenRequest", "web", "default"
    )  # fmt: skip
    assert answer["spec"]["audiences"] == [ISSUER]
    claims = world.server.tokens.key.verify(answer["status"]["token"])
    assert claims["exp"] - claims["iat"] == 900
    assert (claims["iss"], claims["aud"], claims["sub"]) == (ISSUER, [ISSUER], "system:serviceaccount:default:web")
    assert claims["kubernetes.io"]["serviceaccount"]["name"] == "web"


async def test_a_token_ends_when_it_expires(world: World) -> None:
    await world.account()
    token = await world.token(expirationSeconds=600)
    world.clock.ahead = timedelta(seconds=598)
    assert await code(world, token) == 201
    world.clock.ahead = timedelta(seconds=601)
    answer = await world("POST", WHOAMI, {}, token=token)
    assert (answer.code, answer.body["reason"], answer.message) == (401, "Unauthorized", "Unauthorized")


async def test_a_token_of_the_future_is_not_good_yet(world: World) -> None:
    await world.account()
    world.clock.ahead = timedelta(hours=1)
    token = await world.token()
    world.clock.ahead = timedelta(0)
    assert await code(world, token) == 401


async def test_tampered_and_foreign_tokens_are_refused(world: World) -> None:
    await world.account()
    token = await world.token()
    head, claims, signature = token.split(".")
    other = SigningKey(new_key()).sign(world.server.tokens.key.verify(token))
    for wrong in (f"{head}.{claims}.{'A' * len(signature)}", other, "x", f"{token}x", head):
        assert await code(world, wrong) == 401
    assert await code(world, token) == 201


async def test_a_token_for_another_audience_is_refused_by_the_api(world: World) -> None:
    await world.account()
    token = await world.token(audiences=["vault"])
    assert await code(world, token) == 401
    review = (await world("POST", REVIEWS, {"spec": {"token": token, "audiences": ["vault", "x"]}})).body["status"]
    assert (review["authenticated"], review["audiences"]) == (True, ["vault"])
    review = (await world("POST", REVIEWS, {"spec": {"token": token}})).body["status"]
    assert review.get("authenticated") is None
    assert "audience" in review["error"]


async def test_a_token_ends_with_its_account(world: World) -> None:
    await world.account()
    token = await world.token()
    await world("DELETE", "/api/v1/namespaces/default/serviceaccounts/web")
    assert await code(world, token) == 401
    await world.account()  # a namesake is another account
    assert await code(world, token) == 401


async def test_a_token_ends_with_its_pod(world: World) -> None:
    await world.account()
    token = await bound(world)
    assert await code(world, token) == 201
    await world("DELETE", f"{PODS}/p")
    assert await code(world, token) == 401
    await world("POST", PODS, pod())
    assert await code(world, token) == 401


async def test_a_pod_that_ends_keeps_its_token_for_a_minute(world: World) -> None:
    await world.account()
    token = await bound(world)
    await world.client.patch(POD_KIND, "p", {"metadata": {"finalizers": ["test.io/hold"]}}, "default")
    await world("DELETE", f"{PODS}/p")
    assert await code(world, token) == 201
    world.clock.ahead = timedelta(seconds=62)
    assert await code(world, token) == 401


async def test_a_mounted_token_lasts_while_its_pod_does(world: World) -> None:
    await world.account()
    token = await bound(world, expirationSeconds=3607)
    claims = world.server.tokens.key.verify(token)
    assert claims["kubernetes.io"]["warnafter"] == claims["iat"] + 3607
    world.clock.ahead = timedelta(days=30)
    assert await code(world, token) == 201
    assert await code(world, await bound(world, "other", expirationSeconds=3606)) == 201
    world.clock.ahead = timedelta(days=366)
    assert await code(world, token) == 401


@pytest.mark.parametrize(
    ("spec", "code", "message"),
    [
        ({"expirationSeconds": 599}, 422, "may not specify a duration less than 10 minutes"),
        ({"expirationSeconds": 2**32 + 1}, 422, "may not specify a duration larger than 2^32 seconds"),
        ({"boundObjectRef": {"kind": "Deployment", "apiVersion": "apps/v1", "name": "x"}}, 400, "cannot bind token"),
        ({"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "none"}}, 404, 'pods "none" not found'),
        ({"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "p", "uid": "x"}}, 409, "the UID in the bound"),
        (
            {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "other"}}, 400,
            "pod running with different serviceaccount name",
        ),
    ],
)  # fmt: skip
async def test_requests_that_are_refused(world: World, spec: dict[str, Any], code: int, message: str) -> None:
    await world.account()
    await world.account("another")
    await world("POST", PODS, pod())
    await world("POST", PODS, pod("other", "another"))
    answer = await world("POST", TOKEN, {"spec": spec})
    assert answer.code == code
    assert message in answer.message


async def test_a_request_is_for_the_account_of_its_path_and_says_which_one_it_was(world: World) -> None:
    account = await world.account()
    name = 'metadata.name: Invalid value: "other": must match the service account name if specified'
    uid = f"(wrong) does not match the UID of the service account ({account['metadata']['uid']})"
    for metadata, code, message in (
        ({"name": "other"}, 422, f'TokenRequest.authentication.k8s.io "web" is invalid: {name}'),
        ({"namespace": "other"}, 400, "does not match the namespace"),
        ({"uid": "wrong"}, 409, f"the UID in the token request {uid}"),
    ):
        answer = await world("POST", TOKEN, {"metadata": metadata, "spec": {}})
        assert answer.code == code
        assert message in answer.message
    answer = await world("POST", TOKEN, {"metadata": {"uid": account["metadata"]["uid"]}, "spec": {}})
    assert answer.body["metadata"]["uid"] == account["metadata"]["uid"]
    issued = (await world.event(answer))["annotations"]["authentication.kubernetes.io/issued-credential-id"]
    shown = await world("POST", REVIEWS, {"spec": {"token": answer.body["status"]["token"]}})
    assert shown.body["status"]["user"]["extra"]["authentication.kubernetes.io/credential-id"] == [issued]


async def test_a_node_gets_only_tokens_that_end_with_its_pods(world: World) -> None:
    await world.account()
    uids = {}
    for name, node in (("mine", "n1"), ("other", "n2")):
        made = (await world("POST", PODS, {**pod(name), "spec": {**pod()["spec"], "nodeName": node}})).body
        uids[name] = made["metadata"]["uid"]
    as_node = [("Impersonate-User", "system:node:n1"), ("Impersonate-Group", "system:nodes")]

    async def asked(**reference: str) -> tuple[int, str]:
        spec = {"boundObjectRef": {"apiVersion": "v1", "kind": "Pod", **reference}} if reference else {}
        answer = await world("POST", TOKEN, {"spec": spec}, headers=as_node)
        return answer.code, answer.message.rpartition(": ")[2]

    assert await asked() == (403, "node requested token not bound to a pod")
    assert await asked(name="mine") == (403, "node requested token with a pod binding without a uid")
    elsewhere = "node requested token bound to a pod scheduled on a different node"
    assert await asked(name="other", uid=uids["other"]) == (403, elsewhere)
    assert (await asked(name="mine", uid=uids["mine"]))[0] == 201


async def test_nobody_gets_a_token_of_an_account_that_is_not_there(world: World) -> None:
    answer = await world("POST", TOKEN, {})
    assert (answer.code, answer.message) == (404, 'serviceaccounts "web" not found')


async def test_whoever_may_not_ask_for_tokens_gets_none(world: World) -> None:
    await world.account()
    answer = await world.as_user("jane", "POST", TOKEN, {})
    assert answer.code == 403
    assert answer.message == (
        'serviceaccounts "web" is forbidden: User "jane" cannot create resource "serviceaccounts/token" in API group '
        '"" in the namespace "default"'
    )


async def test_a_token_without_end_needs_its_secret(world: World) -> None:
    account = await world.account()
    token = world.server.tokens.issue_legacy(account, "kept")
    assert await code(world, token) == 401
    marks = {"name": "kept", "annotations": {"kubernetes.io/service-account.name": "web"}}
    secret = {"metadata": marks, "type": "kubernetes.io/service-account-token", "stringData": {"token": token}}
    assert (await world("POST", "/api/v1/namespaces/default/secrets", secret)).code == 201
    assert await code(world, token) == 201
    await world("DELETE", "/api/v1/namespaces/default/secrets/kept")
    assert await code(world, token) == 401


async def test_others_can_verify_with_the_published_key(world: World) -> None:
    document = (await world("GET", "/.well-known/openid-configuration")).body
    assert (document["issuer"], document["jwks_uri"]) == (ISSUER, f"{ISSUER}/openid/v1/jwks")
    keys = (await world("GET", "/openid/v1/jwks")).body["keys"]
    assert [key["kid"] for key in keys] == [world.server.tokens.key.key_id]
    assert (await world.as_user("jane", "GET", "/openid/v1/jwks")).code == 403
