"""Webhooks that fail, lie or go too far: what it costs under both failure policies, what audits and figures say."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web

from common.api.kinds import (
    CONFIGMAPS,
    LIMITRANGES,
    MUTATINGADMISSIONPOLICIES,
    MUTATINGADMISSIONPOLICYBINDINGS,
    MUTATINGWEBHOOKCONFIGURATIONS,
    PODS,
    SERVICEACCOUNTS,
    VALIDATINGADMISSIONPOLICIES,
    VALIDATINGADMISSIONPOLICYBINDINGS,
    VALIDATINGWEBHOOKCONFIGURATIONS,
    Resource,
)
from common.api.meta import Object
from common.client.base import PatchType
from common.client.http import HttpClient
from common.errors import ApiError, BadRequest, InternalError
from common.settings import Home
from console.apiserver.extension import clients
from tests.unit.apiserver.identity import audited

from .conftest import Running
from .stranger import Stranger, webhook

CONFIGMAP = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
POD = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
NONE_PATCH = base64.b64encode(b"[]").decode()
WRONG_PATCH = base64.b64encode(orjson.dumps([{"op": "remove", "path": "/none"}])).decode()


@pytest.fixture
async def hook() -> AsyncIterator[Stranger]:
    async with webhook() as found:
        yield found


def configuration(config: Object, *operations: str, name: str = "hook", **fields: Any) -> Object:
    rule = {"operations": list(operations or ("CREATE",)), **fields.pop("rule", CONFIGMAP)}
    source = {
        "name": f"{name}.example.com", "rules": [rule], "sideEffects": "None", "admissionReviewVersions": ["v1"],
        "clientConfig": config, **fields,
    }  # fmt: skip
    return {"metadata": {"name": name}, "webhooks": [source]}


def configmap(name: str, **data: str) -> Object:
    return {"metadata": {"name": name, "namespace": "default"}, "data": data}


def patch_of(*operations: Object) -> Object:
    patch = base64.b64encode(orjson.dumps(operations)).decode()
    return {"allowed": True, "patchType": "JSONPatch", "patch": patch}


def plain(body: bytes, status: int = 200, **headers: str) -> Callable[[Object], Any]:
    return lambda _request: web.Response(body=body, status=status, headers=headers)


def of(**response: Any) -> Callable[[Object], Any]:
    return lambda _request: {"allowed": True, **response}


def review(**parts: Any) -> Callable[[Object], Any]:
    head = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
    return plain(orjson.dumps({**head, **parts}))


CALL, ANSWER = "failed to call webhook: ", "received invalid webhook response: "
ANY_SORT: dict[str, tuple[Callable[[Object], Any], str]] = {
    "an error": (plain(b"boom", 500), f'{CALL}an error on the server ("boom") has prevented'),
    "nothing there": (plain(b"", 404), f"{CALL}the server could not find the requested resource"),
    "a redirect": (plain(b"", 302, Location="https://127.0.0.1:1/"), f"{CALL}the server responded with the status"),
    "garbage": (plain(b"\xff{"), CALL),
    "a list": (plain(b"[]"), CALL),
    "another kind": (review(kind="Other"), (f"{ANSWER}expected webhook response of admission.k8s.io/v1, "
                     "Kind=AdmissionReview, got admission.k8s.io/v1, Kind=Other")),
    "no response": (review(), f"{ANSWER}webhook response was absent"),
    "another's answer": (of(uid="other"), f'{ANSWER}expected response.uid="'),
    "too much": (plain(b" " * 5000), CALL),
}  # fmt: skip
MUTATING = {
    "a patch of no type": (of(patch=NONE_PATCH), f"{ANSWER}webhook returned response.patch but not response.patchType"),
    "a type of no patch": (of(patchType="JSONPatch"),
                           f"{ANSWER}webhook returned response.patchType but not response.patch"),
    "a patch of another type": (of(patch=NONE_PATCH, patchType="Merge"),
                                f'{ANSWER}webhook returned invalid response.patchType of "Merge"'),
}  # fmt: skip
VALIDATING = {
    "a patch": (of(patch=NONE_PATCH, patchType="JSONPatch"),
                f"{ANSWER}validating webhook may not return response.patch"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("resource", "faults"),
    [
        (MUTATINGWEBHOOKCONFIGURATIONS, {**ANY_SORT, **MUTATING}),
        (VALIDATINGWEBHOOKCONFIGURATIONS, {**ANY_SORT, **VALIDATING}),
    ],
)
async def test_a_fault_costs_what_the_failure_policy_says(
    client: HttpClient, hook: Stranger, monkeypatch: pytest.MonkeyPatch, resource: Resource, faults: Any
) -> None:
    monkeypatch.setattr(clients, "_MAX_ANSWER", 4000)
    await client.create(resource, configuration(hook.by_url, timeoutSeconds=5))
    for fault, (answer, problem) in faults.items():
        hook.answer = answer
        with pytest.raises(InternalError) as caught:
            await client.create(CONFIGMAPS, configmap("refused"))
        expected = f'Internal error occurred: failed calling webhook "hook.example.com": {problem}'
        assert caught.value.message.startswith(expected), (fault, caught.value.message)
    ignoring = {"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Ignore"}
    await client.patch(resource, "hook", [ignoring], kind=PatchType.JSON)
    for number, (fault, (answer, _)) in enumerate(faults.items()):
        hook.answer = answer
        made = await client.create(CONFIGMAPS, configmap(f"let-in-{number}", own="1"))
        assert made["data"] == {"own": "1"}, fault


@pytest.mark.parametrize("policy", ["Fail", "Ignore"])
async def test_a_patch_that_cannot_be_carried_out_is_never_ignored(
    client: HttpClient, hook: Stranger, policy: str
) -> None:
    await client.create(MUTATINGWEBHOOKCONFIGURATIONS, configuration(hook.by_url, "*", failurePolicy=policy))
    for patch in ("no base64", base64.b64encode(b"no json").decode(), WRONG_PATCH):
        hook.answer = of(patch=patch, patchType="JSONPatch")
        with pytest.raises(InternalError, match=r'patch of admission webhook "hook\.example\.com" cannot be applied'):
            await client.create(CONFIGMAPS, configmap("c"))
    hook.answer = of(patch=NONE_PATCH, patchType="JSONPatch")
    await client.create(CONFIGMAPS, configmap("c"))
    hook.answer = lambda _request: patch_of({"op": "add", "path": "/data", "value": {}})
    with pytest.raises(InternalError, match=r"attempted to modify the object, which is not supported for this"):
        await client.delete(CONFIGMAPS, "c", "default")


@pytest.mark.parametrize("policy", ["Fail", "Ignore"])
async def test_a_patch_that_spoils_the_object_is_refused(client: HttpClient, hook: Stranger, policy: str) -> None:
    await client.create(MUTATINGWEBHOOKCONFIGURATIONS, configuration(hook.by_url, failurePolicy=policy))
    hook.answer = lambda _request: patch_of({"op": "replace", "path": "/data", "value": [5]})
    with pytest.raises(ApiError) as caught:
        await client.create(CONFIGMAPS, configmap("c"))
    assert caught.value.code in {400, 500}
    assert "data" in caught.value.message


async def test_a_certificate_of_nobody_that_is_trusted(client: HttpClient, hook: Stranger) -> None:
    async with webhook("other.example.com") as other:
        for config in ({**hook.by_url, "caBundle": other.bundle}, {**other.by_url}):
            await client.create(VALIDATINGWEBHOOKCONFIGURATIONS, configuration(config))
            with pytest.raises(InternalError, match="tls: failed to verify certificate"):
                await client.create(CONFIGMAPS, configmap("c"))
            await client.delete(VALIDATINGWEBHOOKCONFIGURATIONS, "hook")
    assert hook.asked == []


async def test_configurations_can_be_repaired_while_nothing_else_can_be_written(client: HttpClient) -> None:
    dead = configuration({"url": "https://127.0.0.1:1/"}, "*", rule={
        "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"],
    })  # fmt: skip
    for resource in (MUTATINGWEBHOOKCONFIGURATIONS, VALIDATINGWEBHOOKCONFIGURATIONS):
        await client.create(resource, dead)
    with pytest.raises(InternalError, match="failed calling webhook"):
        await client.create(CONFIGMAPS, configmap("c"))
    for resource in (MUTATINGWEBHOOKCONFIGURATIONS, VALIDATINGWEBHOOKCONFIGURATIONS):
        await client.patch(resource, "hook", {"metadata": {"labels": {"a": "b"}}})
        await client.delete(resource, "hook")
    await client.create(CONFIGMAPS, configmap("c"))


async def test_a_refusal_has_the_code_and_reason_that_the_webhook_gave(
    client: HttpClient, hook: Stranger, api: Running
) -> None:
    details = {"causes": [{"message": "wrong", "field": "data", "reason": "Odd"}]}
    hook.answer = of(allowed=False, status={"code": 451, "reason": "Unavailable", "message": "no", "details": details},
                     warnings=["mind the gap"])  # fmt: skip
    await client.create(VALIDATINGWEBHOOKCONFIGURATIONS, configuration(hook.by_url))
    connector = aiohttp.UnixConnector(str(api.socket))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.post("http://api/api/v1/namespaces/default/configmaps", json=configmap("c")) as answer,
    ):
        status = await answer.json()
        assert (answer.status, status["code"], status["reason"]) == (451, 451, "Unavailable")
        assert status["message"] == 'admission webhook "hook.example.com" denied the request: no'
        assert status["details"]["causes"] == details["causes"]
        assert answer.headers["Warning"] == '299 - "mind the gap"'


async def test_what_a_webhook_brings_gets_what_every_pod_gets(client: HttpClient, hook: Stranger) -> None:
    """Limits and credentials too, which are given before webhooks are asked."""
    limit = {"type": "Container", "default": {"cpu": "1"}, "defaultRequest": {"cpu": "100m"}}
    ranged = {"metadata": {"name": "l", "namespace": "default"}, "spec": {"limits": [limit]}}
    await client.create(LIMITRANGES, ranged)
    added = {"op": "add", "path": "/spec/containers/-", "value": {"name": "sidecar", "image": "x"}}
    hook.answer = lambda _request: patch_of(added)
    await client.create(MUTATINGWEBHOOKCONFIGURATIONS, configuration(hook.by_url, rule=POD))
    spec = {"containers": [{"name": "main", "image": "x"}]}
    made = await client.create(PODS, {"metadata": {"name": "p", "namespace": "default"}, "spec": spec})
    main, sidecar = made["spec"]["containers"]
    assert sidecar["resources"] == main["resources"] == {"limits": {"cpu": "1"}, "requests": {"cpu": "100m"}}
    assert sidecar["volumeMounts"] == main["volumeMounts"]
    assert len(made["spec"]["volumes"]) == 1


async def test_policies_see_again_what_webhooks_changed(client: HttpClient, hook: Stranger) -> None:
    expression = "has(object.data.hooked) ? Object{data: Object.data{seen: 'yes'}} : Object{}"
    mutation = {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}
    spec = {
        "matchConstraints": {"resourceRules": [{"operations": ["CREATE"], **CONFIGMAP}]}, "mutations": [mutation],
        "reinvocationPolicy": "IfNeeded",
    }  # fmt: skip
    await client.create(MUTATINGADMISSIONPOLICIES, {"metadata": {"name": "policy"}, "spec": spec})
    bound = {"metadata": {"name": "policy"}, "spec": {"policyName": "policy"}}
    await client.create(MUTATINGADMISSIONPOLICYBINDINGS, bound)
    hook.answer = lambda _request: patch_of({"op": "add", "path": "/data/hooked", "value": "yes"})
    await client.create(MUTATINGWEBHOOKCONFIGURATIONS, configuration(hook.by_url))
    made = await client.create(CONFIGMAPS, configmap("c", own="1"))
    assert made["data"] == {"own": "1", "hooked": "yes", "seen": "yes"}
    assert len(hook.asked) == 1


async def test_a_request_for_a_token_stays_one(client: HttpClient, hook: Stranger) -> None:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["serviceaccounts/token"]}
    await client.create(SERVICEACCOUNTS, {"metadata": {"name": "web", "namespace": "default"}})
    await client.create(MUTATINGWEBHOOKCONFIGURATIONS, configuration(hook.by_url, rule=rule))
    for value in ({"audiences": 5}, {"audiences": ["a"], "expirationSeconds": "soon"}, [], "x"):
        changed = {"op": "replace", "path": "/spec", "value": value}
        hook.answer = lambda _request, changed=changed: patch_of(changed)
        with pytest.raises(BadRequest):
            await client.post(SERVICEACCOUNTS, "web", "token", {}, "default")
    hook.answer = lambda _request: patch_of({"op": "replace", "path": "/spec", "value": {"audiences": ["mine"]}})
    answer = await client.post(SERVICEACCOUNTS, "web", "token", {}, "default")
    assert answer["spec"]["audiences"] == ["mine"]


async def test_a_binding_stays_one(client: HttpClient, hook: Stranger) -> None:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/binding"]}
    spec = {"containers": [{"name": "main", "image": "x"}]}
    await client.create(PODS, {"metadata": {"name": "p", "namespace": "default"}, "spec": spec})
    await client.create(MUTATINGWEBHOOKCONFIGURATIONS, configuration(hook.by_url, rule=rule))
    for changed in (
        {"op": "add", "path": "/metadata", "value": {"labels": 5}},
        {"op": "replace", "path": "/target", "value": 1},
    ):
        hook.answer = lambda _request, changed=changed: patch_of(changed)
        with pytest.raises(BadRequest):
            await client.post(PODS, "p", "binding", {"target": {"kind": "Node", "name": "n"}}, "default")


async def test_webhooks_see_how_a_write_was_asked_for(client: HttpClient, hook: Stranger, api: Running) -> None:
    await client.create(VALIDATINGWEBHOOKCONFIGURATIONS, configuration(hook.by_url, "*"))
    connector = aiohttp.UnixConnector(str(api.socket))
    path = "http://api/api/v1/namespaces/default/configmaps"
    async with aiohttp.ClientSession(connector=connector) as session:
        await session.post(f"{path}?fieldManager=me&fieldValidation=Strict", json=configmap("c"))
        gentle = {"propagationPolicy": "Foreground", "preconditions": {"resourceVersion": "1"}}
        await session.delete(f"{path}/c?dryRun=All", json={"propagationPolicy": "Foreground"})
        await session.delete(f"{path}/c", json=gentle)
    head = {"apiVersion": "meta.k8s.io/v1"}
    assert [request["options"] for request in hook.asked] == [
        {**head, "kind": "CreateOptions", "fieldManager": "me", "fieldValidation": "Strict"},
        {**head, "kind": "DeleteOptions", "dryRun": ["All"], "propagationPolicy": "Foreground"},
    ]


async def test_audits_and_figures_say_what_was_decided(
    client: HttpClient, hook: Stranger, api: Running, tmp_path: Path
) -> None:
    folder = Home(tmp_path).audit
    hook.answer = lambda _request: {
        **patch_of({"op": "add", "path": "/data/b", "value": "2"}), "auditAnnotations": {"why": "so"},
    }  # fmt: skip
    await client.create(MUTATINGWEBHOOKCONFIGURATIONS, configuration(hook.by_url, "CREATE", "UPDATE"))
    dead = configuration({"url": "https://127.0.0.1:1/"}, name="dead", failurePolicy="Ignore")
    await client.create(VALIDATINGWEBHOOKCONFIGURATIONS, dead)
    spec = {
        "matchConstraints": {"resourceRules": [{"operations": ["CREATE"], **CONFIGMAP}]},
        "validations": [{"expression": "true"}, {"expression": "object.data.size() > 5", "message": "too small"}],
        "auditAnnotations": [{"key": "size", "valueExpression": "string(object.data.size())"}],
    }  # fmt: skip
    await client.create(VALIDATINGADMISSIONPOLICIES, {"metadata": {"name": "policy"}, "spec": spec})
    bound = {"policyName": "policy", "validationActions": ["Audit", "Warn"]}
    await client.create(VALIDATINGADMISSIONPOLICYBINDINGS, {"metadata": {"name": "binding"}, "spec": bound})
    connector = aiohttp.UnixConnector(str(api.socket))
    async with aiohttp.ClientSession(connector=connector) as session:
        headers = {"Audit-Id": "told"}
        path = "http://api/api/v1/namespaces/default/configmaps"
        async with session.post(path, json=configmap("c", a="1"), headers=headers) as answer:
            assert answer.status == 201
        (event,) = await audited(folder, "told")
        async with session.get("http://api/metrics") as answer:
            lines = (await answer.text()).splitlines()
    found = event["annotations"]
    assert orjson.loads(found["mutation.webhook.admission.k8s.io/round_0_index_0"]) == {
        "configuration": "hook", "webhook": "hook.example.com", "mutated": True,
    }  # fmt: skip
    assert found["hook.example.com/why"] == "so"
    assert found["failed-open.validating.webhook.admission.k8s.io/round_0_index_0"] == "dead.example.com"
    assert found["policy/size"] == "2"
    (failure,) = orjson.loads(found["validation.policy.admission.k8s.io/validation_failure"])
    assert failure == {
        "message": "too small", "policy": "policy", "binding": "binding", "expressionIndex": 1,
        "validationActions": ["Audit", "Warn"],
    }  # fmt: skip
    called = 'apiserver_admission_webhook_request_total{code="200",name="hook.example.com",operation="CREATE",'
    assert f'{called}rejected="false",type="admit"}} 1' in lines
    assert 'apiserver_admission_webhook_fail_open_count{name="dead.example.com",type="validating"} 1' in lines
    assert any(
        line.startswith("apiserver_validating_admission_policy_check_total{") and 'enforcement_action="audit"' in line
        for line in lines
    )
