"""Ways to more than one was given: each is refused, and each is in the audit log as what it was."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import orjson
import pytest
from yarl import URL

from common.jwt import SigningKey
from common.pki import new_key

from .identity import PODS, RBAC, Answer, World, world

__all__ = ["world"]
ROLES = f"/apis/{RBAC}/v1"
SPACE = f"{ROLES}/namespaces/default"
SECRETS = "/api/v1/namespaces/default/secrets"
WEB = "system:serviceaccount:default:web"
EVERYTHING = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
ALL_ROLES = "roles clusterroles rolebindings clusterrolebindings"


async def refused(world: World, answer: Answer, user: str, message: str) -> Answer:
    """The answer, when it is a refusal that the log has as one of that user."""
    assert answer.code == 403, answer.body
    assert message in answer.message
    event = await world.event(answer)
    assert event["responseStatus"]["code"] == 403
    assert message in event["responseStatus"]["message"]
    assert user in {event["user"]["username"], event.get("impersonatedUser", {}).get("username")}
    return answer


async def unknown(world: World, token: str, why: str) -> None:
    """The token is refused without a word, and the log has why."""
    answer = await world("GET", PODS, token=token)
    assert (answer.code, answer.message) == (401, "Unauthorized")
    event = await world.event(answer)
    assert event["user"] == {}
    assert why in event["annotations"]["quarterdeck.io/refused"]


def binding(kind: str, name: str, user: str) -> dict[str, Any]:
    subject = {"kind": "User", "apiGroup": RBAC, "name": user}
    return {
        "metadata": {"name": "up"},
        "roleRef": {"apiGroup": RBAC, "kind": kind, "name": name},
        "subjects": [subject],
    }


# Roles and bindings


async def test_by_binding_a_stronger_role(world: World) -> None:
    await world.grant("eve", "create update patch", ALL_ROLES, RBAC)
    for path in (f"{ROLES}/clusterrolebindings", f"{SPACE}/rolebindings"):
        answer = await world.as_user("eve", "POST", path, binding("ClusterRole", "cluster-admin", "eve"))
        await refused(world, answer, "eve", "is attempting to grant RBAC permissions not currently held")


async def test_by_adding_oneself_to_a_binding(world: World) -> None:
    await world.grant("eve", "get update patch", ALL_ROLES, RBAC)
    await world("POST", f"{SPACE}/rolebindings", binding("ClusterRole", "cluster-admin", "boss"))
    patch = {"subjects": [{"kind": "User", "apiGroup": RBAC, "name": "eve"}]}
    media = "application/merge-patch+json"
    answer = await world.as_user("eve", "PATCH", f"{SPACE}/rolebindings/up", patch, media=media)
    await refused(world, answer, "eve", "is attempting to grant RBAC permissions not currently held")


async def test_by_writing_rights_into_a_role(world: World) -> None:
    await world.grant("eve", "create update patch", ALL_ROLES, RBAC)
    answer = await world.as_user("eve", "POST", f"{SPACE}/roles", {"metadata": {"name": "up"}, "rules": EVERYTHING})
    await refused(world, answer, "eve", "is attempting to grant RBAC permissions not currently held")
    config = {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": {"name": "up"}, "rules": EVERYTHING}
    answer = await world.as_user(
        "eve", "PATCH", f"{SPACE}/roles/up?fieldManager=eve", config, media="application/apply-patch+yaml"
    )
    await refused(world, answer, "eve", "is attempting to grant RBAC permissions not currently held")


@pytest.mark.parametrize(
    "role",
    [
        {"rules": EVERYTHING, "metadata": {"name": "up", "labels": {f"{RBAC}/aggregate-to-view": "true"}}},
        {"metadata": {"name": "up"}, "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}},
    ],
)
async def test_by_a_role_that_others_are_made_of(world: World, role: dict[str, Any]) -> None:
    await world.grant("eve", "create", ALL_ROLES, RBAC)
    answer = await world.as_user("eve", "POST", f"{ROLES}/clusterroles", role)
    await refused(world, answer, "eve", "is attempting to grant RBAC permissions not currently held")


async def test_by_giving_oneself_the_way_around(world: World) -> None:
    await world.grant("eve", "create", ALL_ROLES, RBAC)
    for verb in ("escalate", "bind", "impersonate", "*"):
        rules = [{"verbs": [verb], "apiGroups": ["*"], "resources": ["*"]}]
        answer = await world.as_user("eve", "POST", f"{SPACE}/roles", {"metadata": {"name": "up"}, "rules": rules})
        await refused(world, answer, "eve", "is attempting to grant RBAC permissions not currently held")


async def test_by_a_role_of_a_deleted_binding(world: World) -> None:
    await world.grant("eve", "get", "secrets")
    assert (await world.as_user("eve", "GET", f"{SECRETS}/none")).code == 404
    await world("DELETE", f"{ROLES}/clusterrolebindings/grant")
    await refused(world, await world.as_user("eve", "GET", f"{SECRETS}/none"), "eve", "cannot get resource")


# Other identities


@pytest.mark.parametrize(
    "headers",
    [
        {"Impersonate-User": "root"},
        {"Impersonate-User": "system:serviceaccount:kube-system:default"},
        {"Impersonate-User": "system:node:n1"},
        {"Impersonate-User": WEB, "Impersonate-Group": "system:masters"},
        {"Impersonate-User": WEB, "Impersonate-Uid": "1"},
        {"Impersonate-User": WEB, "Impersonate-Extra-Scopes": "all"},
        {"impersonate-user": "root"},
    ],
)
async def test_by_acting_as_somebody_else(world: World, headers: dict[str, str]) -> None:
    await world.account()
    token = await world.token()
    await refused(world, await world("GET", SECRETS, token=token, headers=headers), WEB, "impersonate")


async def test_by_acting_as_a_group_beside_a_user_that_one_may_be(world: World) -> None:
    await world.account()
    await world.grant(WEB, "impersonate", "users")
    headers = {"Impersonate-User": "jane", "Impersonate-Group": "system:masters"}
    answer = await world("GET", SECRETS, token=await world.token(), headers=headers)
    await refused(world, answer, WEB, "impersonat")


async def test_headers_of_a_front_proxy_make_nobody_anybody(world: World) -> None:
    await world.account()
    headers = {"X-Remote-User": "root", "X-Remote-Group": "system:masters"}
    answer = await world("GET", SECRETS, token=await world.token(), headers=headers)
    await refused(world, answer, WEB, f'User "{WEB}" cannot list')


async def test_by_a_node_for_more_than_its_pods(world: World) -> None:
    for name in ("n1", "n2"):
        await world("POST", "/api/v1/nodes", {"metadata": {"name": name}})
    await world.account()
    merge = "application/merge-patch+json"
    token = {"spec": {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "x"}}}
    label = {"metadata": {"labels": {"node-restriction.kubernetes.io/a": "b"}}}
    for method, path, body in (
        ("GET", f"{SECRETS}/any", None), ("GET", SECRETS, None), ("GET", "/api/v1/nodes", None),
        ("PATCH", "/api/v1/nodes/n2", {"metadata": {"labels": {"a": "b"}}}), ("DELETE", "/api/v1/nodes/n2", None),
        ("PATCH", "/api/v1/nodes/n1", label), ("PATCH", "/api/v1/nodes/n1", {"spec": {"taints": [{"key": "a"}]}}),
        ("POST", "/api/v1/namespaces/default/serviceaccounts/web/token", token),
        ("POST", PODS, {"metadata": {"name": "a"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}),
        ("POST", f"{ROLES}/clusterrolebindings", binding("ClusterRole", "cluster-admin", "system:node:n1")),
        ("GET", f"{PODS}?fieldSelector=spec.nodeName%3Dn2", None),
    ):  # fmt: skip
        headers = [("Impersonate-User", "system:node:n1"), ("Impersonate-Group", "system:nodes")]
        answer = await world(method, path, body, headers=headers, media=merge if method == "PATCH" else "")
        if "taints" in str(body):
            assert answer.code in {403, 422}
            continue
        await refused(world, answer, "system:node:n1", "forbidden")


async def test_by_calling_oneself_a_node_of_no_name(world: World) -> None:
    headers = [("Impersonate-User", "system:node:"), ("Impersonate-Group", "system:nodes")]
    answer = await world("GET", "/api/v1/services", headers=headers)
    await refused(world, answer, "system:node:", 'unknown node for user "system:node:"')


# Tokens


async def test_by_a_token_whose_end_has_come(world: World) -> None:
    await world.account()
    pod = {
        "metadata": {"name": "p"},
        "spec": {"serviceAccountName": "web", "containers": [{"name": "c", "image": "i"}]},
    }
    await world("POST", "/api/v1/nodes", {"metadata": {"name": "n1"}})
    await world("POST", PODS, pod)
    await world("POST", SECRETS, {"metadata": {"name": "s"}})
    tokens = {
        "Pod": await world.token(boundObjectRef={"kind": "Pod", "apiVersion": "v1", "name": "p"}),
        "Secret": await world.token(boundObjectRef={"kind": "Secret", "apiVersion": "v1", "name": "s"}),
        "Node": await world.token(boundObjectRef={"kind": "Node", "apiVersion": "v1", "name": "n1"}),
    }
    plain, elsewhere = await world.token(), await world.token(audiences=["vault"])
    assert {(await world("GET", PODS, token=token)).code for token in (plain, *tokens.values())} == {403}
    await unknown(world, elsewhere, "it is not for this audience")
    for path in (f"{PODS}/p?gracePeriodSeconds=0", f"{SECRETS}/s", "/api/v1/nodes/n1"):
        await world("DELETE", path)
    for kind, token in tokens.items():
        await unknown(world, token, f"{kind} ")
    world.clock.ahead = timedelta(hours=2)
    await unknown(world, plain, "service account token has expired")
    world.clock.ahead = timedelta(0)
    await world("DELETE", "/api/v1/namespaces/default/serviceaccounts/web")
    await unknown(world, plain, "ServiceAccount web is not there any more")
    await world.account()  # of the same name, but another
    await unknown(world, plain, "ServiceAccount web is not there any more")


def coded(value: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(value)).rstrip(b"=").decode()


async def test_by_a_token_of_ones_own_making(world: World) -> None:
    await world.account()
    head, body, signature = (await world.token()).split(".")
    claims = orjson.loads(base64.urlsafe_b64decode(body + "=="))
    stranger = SigningKey(new_key())
    for token in (
        f"{head}.{coded({**claims, 'sub': 'system:serviceaccount:kube-system:admin'})}.{signature}",
        f"{coded({'alg': 'none', 'typ': 'JWT'})}.{body}.",
        f"{coded({'alg': 'HS256', 'typ': 'JWT'})}.{body}.{signature}",
        stranger.sign(claims),
        f"{head}.{body}.", f"{head}.{body}", f"{head}..{signature}", "....", "%00", head,
    ):  # fmt: skip
        await unknown(world, token, "invalid bearer token")


# Paths


SPELLINGS = (
    "//api/v1/namespaces/default/secrets/s", "/api//v1//namespaces//default//secrets//s",
    "/api/v1/namespaces/default/secrets/s/", "/api/v1/namespaces/default/secrets%2Fs",
    "/api/v1/namespaces%2Fdefault%2Fsecrets%2Fs", "/%61pi/v1/namespaces/default/%73ecrets/s",
    "/api/v1/namespaces/default/configmaps/../secrets/s", "/api/v1/namespaces/default/configmaps/%2e%2e/secrets/s",
    "/api/v1/namespaces/default/configmaps/..%2Fsecrets%2Fs",
    "/api/v1/namespaces/default/configmaps/a/../../secrets", "/api/v1/namespaces/./default/secrets/s",
    "/api/v1/Secrets", "/API/v1/secrets", "/api/V1/secrets", "/api/v1/namespaces/DEFAULT/secrets/s",
    "/api/v1/namespaces/default/secrets/s%00", "/api/v1/secrets?watch=1",
    "/api/v1/namespaces/default/secrets;a=b/s", "/apis//v1/namespaces/default/secrets/s", "/apis/core/v1/secrets",
    "/api/v1/namespaces/default/configmaps/..;/secrets/s", "/readyz/../api/v1/secrets",
    "/healthz/..%2Fapi/v1/secrets", "/version/../api/v1/secrets", "/api/v1/watch/secrets",
    "/api/v1/proxy/namespaces/default/secrets/s", "/api/v1/namespaces/default/secrets/s/status", "/apis/v1/secrets",
    "/api/v1/namespaces/default/s%65crets", "/openapi/v3/../../api/v1/secrets",
)  # fmt: skip


async def test_by_writing_a_path_in_another_way(world: World) -> None:
    await world.account()
    await world("POST", SECRETS, {"metadata": {"name": "s"}, "stringData": {"k": "hunter2"}})
    await world.grant(WEB, "get list watch", "configmaps")
    token = await world.token()
    for path in SPELLINGS:
        answer = await raw(world, path, token)
        assert answer.code in {403, 404}, (path, answer.code, answer.body)
        assert "aHVudGVyMg==" not in str(answer.body), path
        event = await world.event(answer)
        assert (event["responseStatus"]["code"], event["user"]["username"]) == (answer.code, WEB), path


async def raw(world: World, path: str, token: str) -> Answer:
    """A request whose path goes out as it is written."""
    headers = {"Authorization": f"Bearer {token}"}
    async with world.session.get(URL(f"http://api{path}", encoded=True), headers=headers) as response:
        body = await response.read()
        found = orjson.loads(body) if body[:1] == b"{" else body.decode()
        return Answer(response.status, found, response.headers.get("Audit-Id", ""))
