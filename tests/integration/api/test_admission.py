"""Webhooks over real HTTPS and policies in CEL: what they change, refuse and warn of, and what their failures cost."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from aiohttp import web

from common.api.kinds import (
    CONFIGMAPS,
    MUTATINGWEBHOOKCONFIGURATIONS,
    NAMESPACES,
    SERVICES,
    VALIDATINGADMISSIONPOLICIES,
    VALIDATINGADMISSIONPOLICYBINDINGS,
    VALIDATINGWEBHOOKCONFIGURATIONS,
    Resource,
)
from common.api.meta import Object
from common.client.base import PatchType
from common.client.http import HttpClient
from common.clock import SystemClock
from common.errors import ApiError, BadRequest, Forbidden, InternalError, Invalid
from common.pki import Authority, Subject
from common.tls import server_context

RULE = {"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
Answer = Callable[[Object], Object]


async def _at_once() -> None:
    """The patience of a quick webhook."""


@dataclass
class Hook:
    """A webhook of a stranger; `answer` makes its response of a request."""

    url: str
    bundle: str
    answer: Answer = lambda _request: {"allowed": True}
    asked: list[Object] = field(default_factory=list)
    wait: Callable[[], Awaitable[None]] = _at_once

    async def serve(self, http: web.BaseRequest) -> web.Response:
        request = orjson.loads(await http.read())["request"]
        self.asked.append(request)
        await self.wait()
        response = {"uid": request["uid"], **self.answer(request)}
        review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
        return web.Response(body=orjson.dumps(review), content_type="application/json")

    def configuration(self, **fields: Any) -> Object:
        hook = {
            "name": "hook.example.com", "rules": [RULE], "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "clientConfig": {"url": self.url, "caBundle": self.bundle}, **fields,
        }  # fmt: skip
        return {"metadata": {"name": "hook"}, "webhooks": [hook]}


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    clock = SystemClock()
    authority = Authority.create("stranger", clock.now())
    identity = authority.issue(Subject("hook", names=("127.0.0.1",), server=True), clock.now())
    found = Hook("", base64.b64encode(authority.certificate_pem).decode())
    runner = web.ServerRunner(web.Server(found.serve))
    await runner.setup()
    context = server_context(identity, authority.certificate_pem)
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    found.url = f"https://127.0.0.1:{runner.addresses[0][1]}/review"
    yield found
    await runner.cleanup()


def configmap(name: str, **data: str) -> Object:
    return {"metadata": {"name": name, "namespace": "default"}, "data": data}


def patching(*operations: Object) -> Answer:
    patch = base64.b64encode(orjson.dumps(operations)).decode()
    return lambda _request: {"allowed": True, "patchType": "JSONPatch", "patch": patch}


async def refusal(client: HttpClient, obj: Object, kind: type[ApiError]) -> str:
    with pytest.raises(kind) as caught:
        await client.create(CONFIGMAPS, obj)
    return caught.value.message


async def test_a_webhook_changes_what_is_written(client: HttpClient, hook: Hook) -> None:
    hook.answer = patching({"op": "add", "path": "/data/added", "value": "yes"})
    await client.create(MUTATINGWEBHOOKCONFIGURATIONS, hook.configuration())
    made = await client.create(CONFIGMAPS, configmap("c", own="1"))
    assert made["data"] == {"own": "1", "added": "yes"}
    (request,) = hook.asked
    assert (request["operation"], request["namespace"], request["resource"]["resource"]) == (
        "CREATE", "default", "configmaps",
    )  # fmt: skip
    assert request["object"]["data"] == {"own": "1"}


async def test_services_that_wait_for_a_webhook_at_once_share_no_address(client: HttpClient, hook: Hook) -> None:
    meeting = asyncio.Event()

    async def both_are_here() -> None:
        if len(hook.asked) == 2:
            meeting.set()
        await meeting.wait()

    hook.wait = both_are_here
    rule = {**RULE, "resources": ["services"], "operations": ["CREATE"]}
    await client.create(MUTATINGWEBHOOKCONFIGURATIONS, hook.configuration(rules=[rule]))

    def made(named: str) -> Object:
        return {
            "metadata": {"name": named, "namespace": "default"},
            "spec": {"clusterIP": "10.43.7.7", "ports": [{"port": 80}]},
        }

    results = await asyncio.gather(*(client.create(SERVICES, made(named)) for named in "ab"), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Invalid", "dict"]
    (refused,) = [result for result in results if isinstance(result, Invalid)]
    assert "provided IP is already allocated" in refused.message


async def test_a_webhook_refuses(client: HttpClient, hook: Hook) -> None:
    hook.answer = lambda request: {
        "allowed": request["operation"] != "DELETE",
        "status": {"message": "keep it", "code": 403, "reason": "Forbidden"},
    }  # fmt: skip
    await client.create(VALIDATINGWEBHOOKCONFIGURATIONS, hook.configuration())
    await client.create(CONFIGMAPS, configmap("c"))
    with pytest.raises(Forbidden, match=r'admission webhook "hook\.example\.com" denied the request: keep it'):
        await client.delete(CONFIGMAPS, "c", "default")
    await client.patch(CONFIGMAPS, "c", {"data": {"a": "b"}}, "default")
    assert [request["operation"] for request in hook.asked] == ["CREATE", "DELETE", "UPDATE"]
    assert "data" not in hook.asked[-1]["oldObject"]
    hook.answer = lambda _request: {"allowed": False}
    message = await refusal(client, configmap("d"), BadRequest)
    assert message == 'admission webhook "hook.example.com" denied the request without explanation'


async def test_a_patch_that_makes_nonsense_is_refused(client: HttpClient, hook: Hook) -> None:
    hook.answer = patching({"op": "add", "path": "/data/wrong key", "value": "yes"})
    await client.create(MUTATINGWEBHOOKCONFIGURATIONS, hook.configuration())
    assert "wrong key" in await refusal(client, configmap("c", own="1"), Invalid)


@pytest.mark.parametrize("url", ["https://127.0.0.1:1/gone", None])
async def test_a_failure_costs_what_its_policy_says(client: HttpClient, hook: Hook, url: str | None) -> None:
    """The address is dead, or the certificate is of nobody that is trusted."""
    config = {"url": url or hook.url}
    await client.create(VALIDATINGWEBHOOKCONFIGURATIONS, hook.configuration(clientConfig=config))
    assert 'failed calling webhook "hook.example.com"' in await refusal(client, configmap("c"), InternalError)
    ignoring = {"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Ignore"}
    await client.patch(VALIDATINGWEBHOOKCONFIGURATIONS, "hook", [ignoring], kind=PatchType.JSON)
    await client.create(CONFIGMAPS, configmap("c"))


async def test_only_what_matches_is_asked(client: HttpClient, hook: Hook) -> None:
    hook.answer = lambda _request: {"allowed": False}
    conditions = [{"name": "named", "expression": "object.metadata.name.startsWith('bad')"}]
    selector = {"matchLabels": {"hooked": "yes"}}
    configuration = hook.configuration(matchConditions=conditions, namespaceSelector=selector)
    await client.create(VALIDATINGWEBHOOKCONFIGURATIONS, configuration)
    await client.create(CONFIGMAPS, configmap("bad"))
    await client.patch(NAMESPACES, "default", {"metadata": {"labels": {"hooked": "yes"}}})
    await client.create(CONFIGMAPS, configmap("good"))
    await refusal(client, configmap("bad-too"), BadRequest)
    assert len(hook.asked) == 1


def policy(*validations: Object, **spec: Any) -> Object:
    rule = {**RULE, "operations": ["CREATE", "UPDATE"]}
    constraints = {"resourceRules": [rule]}
    return {
        "metadata": {"name": "policy"},
        "spec": {"matchConstraints": constraints, "validations": list(validations), **spec},
    }


async def bound(client: HttpClient, made: Object, **spec: Any) -> None:
    await client.create(VALIDATINGADMISSIONPOLICIES, made)
    binding = {"policyName": "policy", "validationActions": ["Deny"], **spec}
    await client.create(VALIDATINGADMISSIONPOLICYBINDINGS, {"metadata": {"name": "binding"}, "spec": binding})


async def test_a_policy_refuses(client: HttpClient) -> None:
    small = {"expression": "variables.count <= 1", "messageExpression": "'too many: ' + string(variables.count)"}
    counted = [{"name": "count", "expression": "has(object.data) ? object.data.size() : 0"}]
    await bound(client, policy(small, variables=counted))
    await client.create(CONFIGMAPS, configmap("c", a="1"))
    message = await refusal(client, configmap("d", a="1", b="2"), Invalid)
    assert message == (
        "configmaps \"d\" is forbidden: ValidatingAdmissionPolicy 'policy' with binding 'binding' denied request: "
        "too many: 2"
    )
    with pytest.raises(Invalid):
        await client.patch(CONFIGMAPS, "c", {"data": {"b": "2"}}, "default")


async def test_a_policy_asks_its_params(client: HttpClient) -> None:
    await client.create(CONFIGMAPS, configmap("params", prefix="ok-"))
    rule = {"expression": "object.metadata.name.startsWith(params.data.prefix)", "reason": "Forbidden"}
    kind = {"apiVersion": "v1", "kind": "ConfigMap"}
    reference = {"name": "params", "parameterNotFoundAction": "Deny"}
    await bound(client, policy(rule, paramKind=kind), paramRef=reference)
    await client.create(CONFIGMAPS, configmap("ok-1"))
    assert "failed expression: object.metadata.name" in await refusal(client, configmap("no"), Forbidden)
    await client.delete(CONFIGMAPS, "params", "default")
    assert "no params found" in await refusal(client, configmap("ok-2"), Invalid)


@pytest.mark.parametrize(("failure_policy", "passes"), [("Fail", False), ("Ignore", True)])
async def test_an_error_fails_as_the_policy_says(client: HttpClient, failure_policy: str, *, passes: bool) -> None:
    await bound(client, policy({"expression": "object.data.absent == 'x'"}, failurePolicy=failure_policy))
    if passes:
        await client.create(CONFIGMAPS, configmap("c", a="1"))
    else:
        assert "no such key: absent" in await refusal(client, configmap("c", a="1"), Invalid)


@pytest.mark.parametrize(
    ("resource", "obj", "problem"),
    [
        (VALIDATINGADMISSIONPOLICIES, policy({"expression": "object.x +"}), "compilation failed"),
        (VALIDATINGADMISSIONPOLICIES, policy({"expression": "'text'"}), "must evaluate to bool"),
        (
            VALIDATINGADMISSIONPOLICIES,
            policy({"expression": "variables.two > 1"}, variables=[{"name": "one", "expression": "1"}]),
            "compilation failed: ERROR: <input>:1:10: undefined field 'two'",
        ),
        (
            VALIDATINGADMISSIONPOLICIES,
            policy(
                {"expression": "variables.one > 1"},
                variables=[{"name": "one", "expression": "variables.two"}, {"name": "two", "expression": "1"}],
            ),
            "spec.variables[0].expression: Invalid value",
        ),
        (VALIDATINGADMISSIONPOLICIES, policy(), "validations or auditAnnotations must contain at least one item"),
        (
            VALIDATINGWEBHOOKCONFIGURATIONS,
            Hook("http://x", "").configuration(),
            "'https' is the only allowed URL scheme",
        ),
        (
            VALIDATINGWEBHOOKCONFIGURATIONS,
            Hook("https://x", "").configuration(name="short", timeoutSeconds=99),
            "the timeout value must be between 1 and 30 seconds",
        ),
    ],
)
async def test_nonsense_is_named(client: HttpClient, resource: Resource, obj: Object, problem: str) -> None:
    with pytest.raises(Invalid) as caught:
        await client.create(resource, obj)
    assert problem in caught.value.message
