"""Acting as somebody else in the constrained ways: who may be whom, and for what."""

from __future__ import annotations

from typing import Any

import pytest

from .identity import PODS, World, world

__all__ = ["world"]
BOT = "system:serviceaccount:default:bot"
REVIEW = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
AUTHN = "authentication.k8s.io"
JANE = {"Impersonate-User": "jane"}


@pytest.fixture
async def token(world: World) -> str:
    await world.account("bot")
    return await world.token("bot")


def message(answer: Any) -> str:
    assert answer.code == 403, answer.body
    return str(answer.message)


async def test_a_user_for_one_verb_alone(world: World, token: str) -> None:
    async def ask(method: str = "GET", path: str = PODS, headers: Any = JANE) -> Any:
        return await world(method, path, {} if method == "POST" else None, token=token, headers=headers)

    assert 'cannot impersonate-on:user-info:list resource "pods"' in message(await ask())
    await world.grant(BOT, "impersonate-on:user-info:list", "pods", name="on")
    assert message(await ask()) == (
        f'users.authentication.k8s.io "jane" is forbidden: User "{BOT}" cannot impersonate:user-info resource "users" '
        'in API group "authentication.k8s.io" at the cluster scope'
    )
    await world.grant(BOT, "impersonate:user-info", "users groups", AUTHN, name="be")
    assert message(await ask()).startswith('pods is forbidden: User "jane" cannot list')
    assert "cannot impersonate-on:user-info:get" in message(await ask(path=f"{PODS}/one"))
    masters = {**JANE, "Impersonate-Group": "system:masters"}
    assert "impersonating the system:masters group is not allowed" in message(await ask(headers=masters))
    assert message(await ask(headers={**JANE, "Impersonate-Group": "devs"})).startswith(
        'pods is forbidden: User "jane"'
    )
    assert "impersonate-on:" in message(await ask(headers={"Impersonate-User": "system:serviceaccount:default:web"}))
    assert "impersonate-on:arbitrary-node:list" in message(await ask(headers={"Impersonate-User": "system:node:n1"}))


async def test_the_log_names_the_constraint(world: World, token: str) -> None:
    await world.grant(BOT, "impersonate-on:user-info:create", "selfsubjectreviews", AUTHN, name="on")
    await world.grant(BOT, "impersonate:user-info", "users", AUTHN, name="be")
    answer = await world("POST", REVIEW, {}, token=token, headers=JANE)
    assert answer.body["status"]["userInfo"] == {"username": "jane", "groups": ["system:authenticated"]}
    event = await world.event(answer)
    assert event["authenticationMetadata"] == {"impersonationConstraint": "impersonate:user-info"}
    assert (event["user"]["username"], event["impersonatedUser"]["username"]) == (BOT, "jane")


async def test_extra_values_need_keys_with_a_domain(world: World, token: str) -> None:
    await world.grant(BOT, "impersonate-on:user-info:create", "selfsubjectreviews", AUTHN, name="on")
    await world.grant(BOT, "impersonate:user-info", "users userextras/acme.io/scopes", AUTHN, name="be")
    good = {**JANE, "Impersonate-Extra-acme.io%2fscopes": "view"}
    answer = await world("POST", REVIEW, {}, token=token, headers=good)
    assert answer.body["status"]["userInfo"]["extra"] == {"acme.io/scopes": ["view"]}
    bad = await world("POST", REVIEW, {}, token=token, headers={**JANE, "Impersonate-Extra-Scopes": "view"})
    assert "impersonating an invalid key in extra is not allowed" in message(bad)


async def test_a_service_account_by_its_own_right(world: World, token: str) -> None:
    await world.grant(BOT, "impersonate-on:serviceaccount:create", "selfsubjectreviews", AUTHN, name="on")
    await world.grant(BOT, "impersonate:serviceaccount", "serviceaccounts", AUTHN, name="be")
    asked = {"Impersonate-User": "system:serviceaccount:default:web"}
    answer = await world("POST", REVIEW, {}, token=token, headers=asked)
    assert answer.body["status"]["userInfo"]["groups"] == [
        "system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"
    ]  # fmt: skip
    with_group = await world("POST", REVIEW, {}, token=token, headers={**asked, "Impersonate-Group": "x"})
    assert "cannot impersonate resource" in message(with_group)


async def test_a_pod_acts_as_its_own_node_alone(world: World) -> None:
    await world.account("bot")
    for node in ("n1", "n2"):
        assert (await world("POST", "/api/v1/nodes", {"metadata": {"name": node}})).code == 201
    pod = {
        "metadata": {"name": "agent"},
        "spec": {"serviceAccountName": "bot", "nodeName": "n1", "containers": [{"name": "c", "image": "i"}]},
    }
    assert (await world("POST", PODS, pod)).code == 201
    token = await world.token("bot", boundObjectRef={"kind": "Pod", "apiVersion": "v1", "name": "agent"})

    async def pods(node: str, verb: str = "") -> Any:
        query = f"?fieldSelector=spec.nodeName={node}{verb}"
        return await world(
            "GET", f"/api/v1/pods{query}", token=token, headers={"Impersonate-User": f"system:node:{node}"}
        )

    assert "impersonate-on:associated-node:list" in message(await pods("n1"))
    await world.grant(BOT, "impersonate-on:associated-node:list", "pods", name="on")
    await world.grant(BOT, "impersonate:associated-node", "nodes", AUTHN, name="be")
    answer = await pods("n1")
    assert [item["metadata"]["name"] for item in answer.body["items"]] == ["agent"]
    assert "cannot impersonate" in message(await pods("n2"))
    assert "cannot impersonate" in message(await pods("n1", "&watch=1"))
    event = await world.event(answer)
    assert event["impersonatedUser"]["groups"] == ["system:nodes", "system:authenticated"]
