"""Admission webhooks as Kubernetes' own cases try them: what they see, change, refuse, and what is theirs to decide."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import orjson
import pytest

from common.api.kinds import (
    CONFIGMAPS,
    CUSTOMRESOURCEDEFINITIONS,
    DEPLOYMENTS,
    MUTATINGWEBHOOKCONFIGURATIONS,
    NAMESPACES,
    PODS,
    VALIDATINGWEBHOOKCONFIGURATIONS,
    Resource,
)
from common.api.meta import Object
from common.client.base import PatchType
from common.client.http import HttpClient
from common.errors import ApiError, BadRequest, Forbidden, InternalError, Invalid, NotFound

from .conftest import Running
from .kubectl import Kubectl
from .stranger import Stranger, expose, webhook

CONFIGMAP = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
GROUP = "hooked.example.com"
WIDGETS = Resource(GROUP, "v1", "widgets", "Widget")
WIDGETS_V2 = Resource(GROUP, "v2", "widgets", "Widget")
BOTH = pytest.mark.parametrize("kind", [MUTATINGWEBHOOKCONFIGURATIONS, VALIDATINGWEBHOOKCONFIGURATIONS])


@pytest.fixture
async def hook() -> AsyncIterator[Stranger]:
    async with webhook() as found:
        yield found


def source(hook: Stranger, *operations: str, name: str = "hook.example.com", **fields: Any) -> Object:
    rule = {"operations": list(operations or ("CREATE",)), **fields.pop("rule", CONFIGMAP)}
    return {
        "name": name, "rules": [rule], "sideEffects": "None", "admissionReviewVersions": ["v1", "v1beta1"],
        "clientConfig": hook.by_url, **fields,
    }  # fmt: skip


def configuration(*sources: Object, name: str = "hook", **labels: str) -> Object:
    return {"metadata": {"name": name, "labels": labels}, "webhooks": list(sources)}


def refusing(_request: Object) -> Object:
    return {"allowed": False, "status": {"message": "the webhook says no", "code": 403, "reason": "NoReason"}}


def patching(*operations: Object) -> Callable[[Object], Object]:
    patch = base64.b64encode(orjson.dumps(operations)).decode()
    return lambda _request: {"allowed": True, "patchType": "JSONPatch", "patch": patch}


def stage(request: Object) -> Object:
    """Adds a second entry where the first is, and a third where the second is."""
    data = request["object"]["data"]
    steps = {"mutation-start": "mutation-stage-1", "mutation-stage-1": "mutation-stage-2"}
    wanted = [name for start, name in steps.items() if data.get(start) == "yes" and name not in data]
    operations = [{"op": "add", "path": f"/data/{name}", "value": "yes"} for name in wanted[:1]]
    return patching(*operations)(request)


def configmap(name: str, **data: str) -> Object:
    return {"metadata": {"name": name, "namespace": "default"}, "data": data}


def pod(name: str) -> Object:
    container = {"name": "main", "image": "x"}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"containers": [container]}}


async def mutated(client: HttpClient, name: str) -> bool:
    made = await client.create(CONFIGMAPS, configmap(name, **{"mutation-start": "yes"}))
    return "mutation-stage-1" in made["data"]


async def denied(client: HttpClient, name: str) -> bool:
    try:
        await client.create(CONFIGMAPS, configmap(name))
    except ApiError as error:
        return 'admission webhook "hook.example.com" denied the request: the webhook says no' in error.message
    return False


@BOTH
async def test_configurations_are_listed_and_removed_together(
    api: Running, client: HttpClient, hook: Stranger, kind: Resource
) -> None:
    is_mutating = kind is MUTATINGWEBHOOKCONFIGURATIONS
    hook.answer = stage if is_mutating else refusing
    for index in range(10):
        await client.create(kind, configuration(source(hook), name=f"hook-{index}", run="mine"))
    assert len((await client.list(kind, label_selector="run=mine")).items) == 10
    assert await (mutated if is_mutating else denied)(client, "one")
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(api.socket))) as session:
        path = f"http://api{kind.path()}?labelSelector=run%3Dmine"
        async with session.delete(path) as answer:
            assert answer.status == 200
    assert (await client.list(kind)).items == []
    assert not await (mutated if is_mutating else denied)(client, "two")


@BOTH
async def test_a_changed_configuration_counts_at_once(client: HttpClient, hook: Stranger, kind: Resource) -> None:
    is_mutating = kind is MUTATINGWEBHOOKCONFIGURATIONS
    hook.answer = stage if is_mutating else refusing
    acts = mutated if is_mutating else denied
    made = await client.create(kind, configuration(source(hook)))
    assert await acts(client, "created")
    made["webhooks"][0]["rules"][0]["operations"] = ["UPDATE"]
    await client.update(kind, made)
    assert not await acts(client, "updated")
    operations = [{"op": "replace", "path": "/webhooks/0/rules/0/operations", "value": ["CREATE"]}]
    await client.patch(kind, "hook", operations, kind=PatchType.JSON)
    assert await acts(client, "patched")


@BOTH
async def test_match_conditions_are_kept_and_checked(client: HttpClient, hook: Stranger, kind: Resource) -> None:
    conditions = [
        {"name": "expression-1", "expression": "object.metadata.namespace == 'production'"},
        {"name": "expression-2", "expression": "!authorizer.group('').resource('pods').check('x').allowed()"},
    ]
    made = await client.create(kind, configuration(source(hook, matchConditions=conditions[:1])))
    assert made["webhooks"][0]["matchConditions"] == conditions[:1]
    made["webhooks"][0]["matchConditions"] = conditions
    await client.update(kind, made)
    assert (await client.get(kind, "hook"))["webhooks"][0]["matchConditions"] == conditions
    wrong = [{"name": "invalid", "expression": "... [] bad expression"}]
    with pytest.raises(Invalid, match="compilation failed"):
        await client.create(kind, configuration(source(hook, matchConditions=wrong), name="other"))


async def test_a_condition_leaves_out_one_name(client: HttpClient, hook: Stranger) -> None:
    hook.answer = stage
    conditions = [{"name": "skip-me", "expression": "object.metadata.name != 'skip-me'"}]
    await client.create(MUTATINGWEBHOOKCONFIGURATIONS, configuration(source(hook, matchConditions=conditions)))
    assert not await mutated(client, "skip-me")
    assert await mutated(client, "other")


async def test_a_condition_asks_the_authorizer(api: Running, client: HttpClient, hook: Stranger) -> None:
    hook.answer = refusing
    asks = "authorizer.group('').resource('secrets').namespace(request.namespace).check('get').allowed()"
    conditions = [{"name": "privileged", "expression": asks}]
    await client.create(VALIDATINGWEBHOOKCONFIGURATIONS, configuration(source(hook, matchConditions=conditions)))
    assert await denied(client, "by-admin")
    nobody = api.server.local_client("nobody")
    await nobody.create(CONFIGMAPS, configmap("by-nobody"))


async def test_a_condition_that_fails_refuses_as_forbidden(client: HttpClient, hook: Stranger) -> None:
    conditions = [{"name": "fails", "expression": "object.data.absent == 'x'"}]
    await client.create(VALIDATINGWEBHOOKCONFIGURATIONS, configuration(source(hook, matchConditions=conditions)))
    with pytest.raises(Forbidden) as caught:
        await client.create(CONFIGMAPS, configmap("c", a="b"))
    assert caught.value.message == (
        "configmaps \"c\" is forbidden: expression 'object.data.absent == 'x'' resulted in error: no such key: absent"
    )
    ignoring = [{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Ignore"}]
    await client.patch(VALIDATINGWEBHOOKCONFIGURATIONS, "hook", ignoring, kind=PatchType.JSON)
    await client.create(CONFIGMAPS, configmap("c", a="b"))
    assert hook.asked == []


async def test_webhooks_see_what_those_before_them_changed(client: HttpClient, hook: Stranger) -> None:
    hook.answer = stage
    await expose(client, hook.port)
    by_service = {"clientConfig": hook.by_service}
    sources = [source(hook, name=f"adding-{number}.example.com", **by_service) for number in (1, 2)]
    await client.create(MUTATINGWEBHOOKCONFIGURATIONS, configuration(*sources))
    made = await client.create(CONFIGMAPS, configmap("c", **{"mutation-start": "yes"}))
    assert made["data"] == dict.fromkeys(("mutation-start", "mutation-stage-1", "mutation-stage-2"), "yes")
    assert hook.paths == ["/review?timeout=10s"] * 2


async def test_a_webhook_is_asked_again_when_it_wants_to(client: HttpClient, hook: Stranger) -> None:
    """The first sees only in its second turn what the second added."""
    seen: list[str] = []

    def answer(request: Object) -> Object:
        seen.append(",".join(sorted(request["object"]["data"])))
        return stage(request) if len(seen) == 2 else {"allowed": True}

    hook.answer = answer
    again = source(hook, name="again.example.com", reinvocationPolicy="IfNeeded")
    await client.create(MUTATINGWEBHOOKCONFIGURATIONS, configuration(again, source(hook, name="adding.example.com")))
    await client.create(CONFIGMAPS, configmap("c", **{"mutation-start": "yes"}))
    assert seen == ["mutation-start", "mutation-start", "mutation-stage-1,mutation-start"]


async def test_what_webhooks_add_is_defaulted(client: HttpClient, hook: Stranger) -> None:
    added = [{"name": "added", "image": "added-image"}]
    hook.answer = patching({"op": "add", "path": "/spec/initContainers", "value": added})
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
    await client.create(MUTATINGWEBHOOKCONFIGURATIONS, configuration(source(hook, rule=rule)))
    (container,) = (await client.create(PODS, pod("p")))["spec"]["initContainers"]
    assert (container["name"], container["image"]) == ("added", "added-image")
    assert container["terminationMessagePolicy"] == "File"


async def test_webhooks_change_what_a_request_writes_and_no_more(client: HttpClient, hook: Stranger) -> None:
    """A status as part of a whole object, and all but the status through that: taken back, as from anybody else."""
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments", "deployments/status"]}
    hooked = source(hook, "CREATE", "UPDATE", rule=rule)
    await client.create(MUTATINGWEBHOOKCONFIGURATIONS, configuration(hooked))
    hook.answer = patching(
        {"op": "add", "path": "/metadata/labels", "value": {"by": "webhook"}},
        {"op": "add", "path": "/metadata/annotations", "value": {"by": "webhook"}},
        {"op": "replace", "path": "/spec/minReadySeconds", "value": 7},
        {"op": "add", "path": "/status", "value": {"replicas": 9}},
    )
    template = {"metadata": {"labels": {"app": "d"}}, "spec": {"containers": [{"name": "main", "image": "x"}]}}
    spec = {"replicas": 0, "minReadySeconds": 1, "selector": {"matchLabels": {"app": "d"}}, "template": template}
    made = await client.create(DEPLOYMENTS, {"metadata": {"name": "d", "namespace": "default"}, "spec": spec})
    assert (made["spec"]["minReadySeconds"], made.get("status", {}).get("replicas")) == (7, None)

    async def patched(body: Object, subresource: str = "") -> Object:
        return await client.patch(DEPLOYMENTS, "d", body, "default", subresource=subresource)

    found = await patched({"spec": {"minReadySeconds": 2}})
    assert (found["spec"]["minReadySeconds"], found.get("status", {}).get("replicas")) == (7, None)
    hook.answer = patching(
        {"op": "replace", "path": "/metadata/labels/by", "value": "status"},
        {"op": "replace", "path": "/metadata/annotations/by", "value": "status"},
        {"op": "replace", "path": "/spec/minReadySeconds", "value": 8},
        {"op": "add", "path": "/status/replicas", "value": 9},
    )
    written = await patched({"status": {"readyReplicas": 0}}, "status")
    assert written["spec"] == found["spec"]
    assert written["metadata"]["generation"] == found["metadata"]["generation"]
    assert (written["metadata"]["labels"], written["metadata"]["annotations"]) == ({"by": "webhook"}, {"by": "status"})
    assert written["status"]["replicas"] == 9


async def test_through_a_subresource_webhooks_change_no_more_than_that(client: HttpClient, hook: Stranger) -> None:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/ephemeralcontainers"]}
    await client.create(MUTATINGWEBHOOKCONFIGURATIONS, configuration(source(hook, "UPDATE", rule=rule)))
    hook.answer = patching(
        {"op": "add", "path": "/metadata/labels", "value": {"by": "webhook"}},
        {"op": "replace", "path": "/spec/containers/0/image", "value": "another"},
        {"op": "replace", "path": "/spec/ephemeralContainers/0/image", "value": "mended"},
    )
    made = await client.create(PODS, pod("p"))
    wanted = {"spec": {"ephemeralContainers": [{"name": "debug", "image": "x"}]}}
    found = await client.patch(PODS, "p", wanted, "default", subresource="ephemeralcontainers")
    assert found["spec"].pop("ephemeralContainers")[0]["image"] == "mended"
    assert found["spec"] == made["spec"]
    assert "labels" not in found["metadata"]


async def test_a_webhook_may_mend_what_would_be_refused(client: HttpClient, hook: Stranger) -> None:
    """Fields are looked at when nobody changes them any more; without a webhook such a pod is refused."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}
    await client.create(MUTATINGWEBHOOKCONFIGURATIONS, configuration(source(hook, rule=rule)))
    unnamed = pod("p")
    unnamed["spec"]["containers"][0]["name"] = "No Name"
    with pytest.raises(Invalid, match="RFC 1123 label"):
        await client.create(PODS, unnamed)
    hook.answer = patching({"op": "replace", "path": "/spec/containers/0/name", "value": "named"})
    assert (await client.create(PODS, unnamed))["spec"]["containers"][0]["name"] == "named"


async def test_writes_are_denied(client: HttpClient, hook: Stranger) -> None:
    hook.answer = lambda request: (
        refusing(request)
        if request["object"].get("data", {}).get("disallow") or request["name"] == "disallowed"
        else {"allowed": True}
    )
    rules = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps", "pods"]}
    selector = {"matchExpressions": [{"key": "skip-webhook", "operator": "NotIn", "values": ["yes"]}]}
    guard = source(hook, "CREATE", "UPDATE", rule=rules, namespaceSelector=selector)
    await client.create(VALIDATINGWEBHOOKCONFIGURATIONS, configuration(guard))
    with pytest.raises(Forbidden, match="denied the request: the webhook says no"):
        await client.create(PODS, pod("disallowed"))
    with pytest.raises(Forbidden):
        await client.create(CONFIGMAPS, configmap("c", disallow="yes"))
    made = await client.create(CONFIGMAPS, configmap("c", allow="yes"))
    with pytest.raises(Forbidden):
        await client.update(CONFIGMAPS, {**made, "data": {"disallow": "yes"}})
    with pytest.raises(Forbidden):
        await client.patch(CONFIGMAPS, "c", {"data": {"disallow": "yes"}}, "default")
    assert (await client.get(CONFIGMAPS, "c", "default"))["data"] == {"allow": "yes"}
    await client.create(NAMESPACES, {"metadata": {"name": "free", "labels": {"skip-webhook": "yes"}}})
    free = configmap("c", disallow="yes")
    await client.create(CONFIGMAPS, {**free, "metadata": {"name": "c", "namespace": "free"}}, "free")


@pytest.mark.parametrize(("timeout", "policy", "passes"), [(1, "Fail", False), (1, "Ignore", True), (10, "Fail", True)])
async def test_a_slow_webhook_costs_its_timeout(
    client: HttpClient, hook: Stranger, timeout: int, policy: str, *, passes: bool
) -> None:
    """It answers after its timeout of one second, and before that of ten."""
    hook.delay = release = asyncio.Event()
    if timeout == 10:
        asyncio.get_running_loop().call_later(1.1, release.set)
    guard = source(hook, timeoutSeconds=timeout, failurePolicy=policy)
    await client.create(VALIDATINGWEBHOOKCONFIGURATIONS, configuration(guard))
    if passes:
        await client.create(CONFIGMAPS, configmap("c"))
    else:
        with pytest.raises(InternalError, match="context deadline exceeded"):
            await client.create(CONFIGMAPS, configmap("c"))
    release.set()


async def test_a_webhook_that_cannot_be_reached_refuses_everything(client: HttpClient, hook: Stranger) -> None:
    """No bundle, so that nobody's certificate is trusted."""
    await expose(client, hook.port)
    config = {"service": hook.by_service["service"]}
    await client.create(VALIDATINGWEBHOOKCONFIGURATIONS, configuration(source(hook, clientConfig=config)))
    with pytest.raises(InternalError) as caught:
        await client.create(CONFIGMAPS, configmap("c"))
    assert caught.value.message.startswith(
        'Internal error occurred: failed calling webhook "hook.example.com": failed to call webhook: '
        'Post "https://stranger.strangers.svc:443/review?timeout=10s": tls: failed to verify certificate'
    )


@pytest.mark.parametrize(
    ("service", "problem"),
    [
        ({"namespace": "nowhere", "name": "none"}, 'service "none" not found'),
        ({"namespace": "default", "name": "kubernetes", "port": 1}, 'no service port 1 found for service "kubernetes"'),
        ({"namespace": "default", "name": "kubernetes"}, 'no endpoints available for service "kubernetes"'),
    ],
)
async def test_a_service_without_a_server_is_named(
    client: HttpClient, hook: Stranger, service: Object, problem: str
) -> None:
    guard = source(hook, clientConfig={"service": service, "caBundle": hook.bundle})
    await client.create(VALIDATINGWEBHOOKCONFIGURATIONS, configuration(guard))
    with pytest.raises(InternalError) as caught:
        await client.create(CONFIGMAPS, configmap("c"))
    assert problem in caught.value.message


async def test_configurations_are_beyond_all_webhooks(client: HttpClient, hook: Stranger) -> None:
    resources = ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"]
    rule = {"apiGroups": ["admissionregistration.k8s.io"], "apiVersions": ["*"], "resources": resources}
    hook.answer = refusing
    await client.create(
        VALIDATINGWEBHOOKCONFIGURATIONS, configuration(source(hook, "DELETE", "CREATE", rule=rule), name="guard")
    )
    async with webhook() as changer:
        changer.answer = patching({"op": "add", "path": "/metadata/labels/added", "value": "yes"})
        await client.create(MUTATINGWEBHOOKCONFIGURATIONS, configuration(source(changer, rule=rule), name="changer"))
        for kind in (VALIDATINGWEBHOOKCONFIGURATIONS, MUTATINGWEBHOOKCONFIGURATIONS):
            made = await client.create(kind, configuration(source(hook), name="plain", own="1"))
            assert made["metadata"]["labels"] == {"own": "1"}
            await client.delete(kind, "plain")
        assert changer.asked == []
    assert hook.asked == []


def definition(**fields: Any) -> Object:
    """v1 and v2 with the same schema; v1 is stored."""
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"data": fields["data"]}}}
    versions = [{"name": name, "served": True, "storage": name == "v1", "schema": schema} for name in ("v1", "v2")]
    names = {"plural": "widgets", "kind": "Widget"}
    spec = {"group": GROUP, "scope": "Namespaced", "names": names, "versions": versions}
    return {"metadata": {"name": f"widgets.{GROUP}"}, "spec": spec}


OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
WIDGET_RULE = {"apiGroups": [GROUP], "apiVersions": ["v1"], "resources": ["widgets"]}


async def define(client: HttpClient, data: Object = OPEN) -> None:
    await client.create(CUSTOMRESOURCEDEFINITIONS, definition(data=data))
    while True:
        try:
            await client.list(WIDGETS_V2)
            return
        except NotFound:
            await asyncio.sleep(0.01)


async def test_custom_resources_are_denied(client: HttpClient, hook: Stranger) -> None:
    def judge(request: Object) -> Object:
        obj = request["object"] or request["oldObject"]
        return {"allowed": True} if obj["data"].get("verdict") != request["operation"] else refusing(request)

    hook.answer = judge
    await define(client)
    guard = source(hook, "CREATE", "UPDATE", "DELETE", rule=WIDGET_RULE)
    await client.create(VALIDATINGWEBHOOKCONFIGURATIONS, configuration(guard))
    with pytest.raises(Forbidden):
        await client.create(WIDGETS, configmap("w", verdict="CREATE"))
    made = await client.create(WIDGETS, configmap("w", verdict="DELETE"))
    with pytest.raises(Forbidden):
        await client.update(WIDGETS, {**made, "data": {"verdict": "UPDATE"}})
    with pytest.raises(Forbidden):
        await client.delete(WIDGETS, "w", "default")
    await client.patch(WIDGETS, "w", {"data": {"verdict": "none"}}, "default")
    await client.delete(WIDGETS, "w", "default")
    assert hook.asked[0]["kind"] == {"group": GROUP, "version": "v1", "kind": "Widget"}


async def test_custom_resources_are_changed(client: HttpClient, hook: Stranger) -> None:
    hook.answer = stage
    await define(client)
    await client.create(MUTATINGWEBHOOKCONFIGURATIONS, configuration(source(hook, rule=WIDGET_RULE)))
    made = await client.create(WIDGETS, configmap("w", **{"mutation-start": "yes"}))
    assert made["data"] == {"mutation-start": "yes", "mutation-stage-1": "yes"}
    # By default a webhook is asked about the other versions too, and sees the one that it names.
    other = await client.create(WIDGETS_V2, configmap("v", **{"mutation-start": "yes"}))
    assert (other["apiVersion"], other["data"]["mutation-stage-1"]) == (f"{GROUP}/v2", "yes")
    assert hook.asked[-1]["object"]["apiVersion"] == f"{GROUP}/v1"


async def test_what_webhooks_add_is_pruned(client: HttpClient, hook: Stranger) -> None:
    hook.answer = stage
    texts = {name: {"type": "string"} for name in ("mutation-start", "mutation-stage-1")}
    await define(client, {"type": "object", "properties": texts})
    sources = [source(hook, name=f"adding-{number}.example.com", rule=WIDGET_RULE) for number in (1, 2)]
    await client.create(MUTATINGWEBHOOKCONFIGURATIONS, configuration(*sources))
    made = await client.create(WIDGETS, configmap("w", **{"mutation-start": "yes"}))
    assert made["data"] == {"mutation-start": "yes", "mutation-stage-1": "yes"}
    assert len(hook.asked) == 2


async def test_custom_resources_are_changed_when_another_version_is_stored(client: HttpClient, hook: Stranger) -> None:
    hook.answer = stage
    await define(client)
    rule = {**WIDGET_RULE, "apiVersions": ["*"]}
    await client.create(MUTATINGWEBHOOKCONFIGURATIONS, configuration(source(hook, "CREATE", "UPDATE", rule=rule)))
    await client.create(WIDGETS, configmap("w"))
    stored = [
        {"op": "replace", "path": "/spec/versions/0/storage", "value": False},
        {"op": "replace", "path": "/spec/versions/1/storage", "value": True},
    ]
    await client.patch(CUSTOMRESOURCEDEFINITIONS, f"widgets.{GROUP}", stored, kind=PatchType.JSON)
    patched = await client.patch(WIDGETS, "w", {"data": {"mutation-start": "yes"}}, "default")
    assert patched["data"] == {"mutation-start": "yes", "mutation-stage-1": "yes"}


async def test_definitions_are_denied(client: HttpClient, hook: Stranger) -> None:
    hook.answer = refusing
    rule = {"apiGroups": ["apiextensions.k8s.io"], "apiVersions": ["*"], "resources": ["customresourcedefinitions"]}
    await client.create(VALIDATINGWEBHOOKCONFIGURATIONS, configuration(source(hook, rule=rule)))
    with pytest.raises(Forbidden, match="denied the request: the webhook says no"):
        await client.create(CUSTOMRESOURCEDEFINITIONS, definition(data=OPEN))


@pytest.fixture
async def running(client: HttpClient) -> None:
    await client.create(PODS, pod("p"))
    await client.post(PODS, "p", "binding", {"target": {"name": "node-1"}}, "default")
    await client.patch(PODS, "p", {"status": {"phase": "Running"}}, "default", subresource="status")


@pytest.mark.kubectl
@pytest.mark.usefixtures("running")
@pytest.mark.parametrize(
    ("arguments", "subresource", "opened"),
    [
        (("attach", "p", "-i"), "attach", {"kind": "PodAttachOptions", "stdin": True, "container": "main"}),
        (("exec", "p", "--", "true"), "exec", {"kind": "PodExecOptions", "command": ["true"], "container": "main"}),
        (("get", "--raw", "/api/v1/namespaces/default/pods/p/proxy/a/b"), "proxy",
         {"kind": "PodProxyOptions", "path": "/a/b"}),
    ],
)  # fmt: skip
async def test_connections_are_denied(
    client: HttpClient, kubectl: Kubectl, hook: Stranger, arguments: tuple[str, ...], subresource: str, opened: Object
) -> None:
    hook.answer = refusing
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": [f"pods/{subresource}"]}
    await client.create(VALIDATINGWEBHOOKCONFIGURATIONS, configuration(source(hook, "CONNECT", rule=rule)))
    assert "denied the request: the webhook says no" in await kubectl.fails(*arguments)
    request = hook.asked[0]
    assert (request["operation"], request["name"], request["subResource"]) == ("CONNECT", "p", subresource)
    assert opened.items() <= request["object"].items()


async def test_bindings_and_evictions_are_denied(client: HttpClient, hook: Stranger) -> None:
    hook.answer = refusing
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/binding", "pods/eviction"]}
    await client.create(VALIDATINGWEBHOOKCONFIGURATIONS, configuration(source(hook, rule=rule)))
    await client.create(PODS, pod("p"))
    with pytest.raises(Forbidden, match="the webhook says no"):
        await client.post(PODS, "p", "binding", {"target": {"name": "node-1"}}, "default")
    with pytest.raises(Forbidden, match="the webhook says no"):
        await client.post(PODS, "p", "eviction", {"metadata": {"name": "p"}}, "default")
    assert [request["kind"]["kind"] for request in hook.asked] == ["Binding", "Eviction"]
    assert "nodeName" not in (await client.get(PODS, "p", "default"))["spec"]


async def test_a_dry_run_asks_only_who_has_no_side_effects(client: HttpClient, hook: Stranger, api: Running) -> None:
    await client.create(VALIDATINGWEBHOOKCONFIGURATIONS, configuration(source(hook)))
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(api.socket))) as session:
        path = f"http://api{CONFIGMAPS.path('default')}?dryRun=All"
        async with session.post(path, json={**configmap("c"), "kind": "ConfigMap", "apiVersion": "v1"}) as answer:
            assert answer.status == 201
    (request,) = hook.asked
    assert (request["dryRun"], request["options"]["dryRun"]) == (True, ["All"])
    with pytest.raises(NotFound):
        await client.get(CONFIGMAPS, "c", "default")


async def test_warnings_reach_the_caller(client: HttpClient, hook: Stranger, kubectl: Kubectl) -> None:
    hook.answer = lambda _request: {"allowed": True, "warnings": ["think again"], "auditAnnotations": {"key": "value"}}
    await client.create(VALIDATINGWEBHOOKCONFIGURATIONS, configuration(source(hook)))
    result = await kubectl.run("create", "configmap", "c")
    assert (result.code, "Warning: think again" in result.err) == (0, True)


async def test_a_webhook_of_the_old_review_version_is_asked_in_it(client: HttpClient, hook: Stranger) -> None:
    old = source(hook)
    old["admissionReviewVersions"] = ["v1beta1"]
    hook.answer = refusing
    await client.create(VALIDATINGWEBHOOKCONFIGURATIONS, configuration(old))
    with pytest.raises((BadRequest, Forbidden)):
        await client.create(CONFIGMAPS, configmap("c"))


async def test_webhooks_are_in_the_discovery_documents(client: HttpClient, kubectl: Kubectl) -> None:
    group = "admissionregistration.k8s.io"
    groups = orjson.loads(await kubectl("get", "--raw", "/apis"))["groups"]
    version = {"groupVersion": f"{group}/v1", "version": "v1"}
    assert [version in item["versions"] for item in groups if item["name"] == group] == [True]
    assert version in orjson.loads(await kubectl("get", "--raw", f"/apis/{group}"))["versions"]
    names = [item["name"] for item in orjson.loads(await kubectl("get", "--raw", f"/apis/{group}/v1"))["resources"]]
    assert {"mutatingwebhookconfigurations", "validatingwebhookconfigurations"} <= set(names)
    policies = {"validatingadmissionpolicies", "validatingadmissionpolicies/status", "mutatingadmissionpolicies"}
    assert policies | {"validatingadmissionpolicybindings", "mutatingadmissionpolicybindings"} <= set(names)


@pytest.mark.parametrize(
    ("versions", "policy", "seen"),
    [
        (["v1"], "Exact", "v1"),
        (["v2"], "Exact", None),
        (["v2"], "Equivalent", "v2"),
        (["v1", "v2"], "Equivalent", "v1"),
    ],
)
async def test_a_request_in_an_older_version_is_shown_in_the_one_that_is_named(
    client: HttpClient, hook: Stranger, versions: list[str], policy: str, seen: str | None
) -> None:
    """And what is changed in it there is kept."""
    hook.answer = patching({"op": "add", "path": "/metadata/labels", "value": {"added": "yes"}})
    rule = {"apiGroups": ["autoscaling"], "apiVersions": versions, "resources": ["horizontalpodautoscalers"]}
    await client.create(MUTATINGWEBHOOKCONFIGURATIONS, configuration(source(hook, rule=rule, matchPolicy=policy)))
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": target, "maxReplicas": 3, "targetCPUUtilizationPercentage": 70}
    scaler = Resource("autoscaling", "v1", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
    made = await client.create(scaler, {"metadata": {"name": "a", "namespace": "default"}, "spec": spec})
    assert made["spec"]["targetCPUUtilizationPercentage"] == 70
    if seen is None:
        assert hook.asked == []
        return
    (request,) = hook.asked
    assert (request["kind"]["version"], request["requestKind"]["version"]) == (seen, "v1")
    assert request["object"]["apiVersion"] == f"autoscaling/{seen}"
    assert ("metrics" in request["object"]["spec"]) is (seen == "v2")
    assert made["metadata"]["labels"] == {"added": "yes"}


@pytest.mark.parametrize(
    "status", ["no object", {"message": 5, "reason": ["x"], "code": "x", "details": {"causes": ["x", {"field": 1}]}}]
)
async def test_nonsense_in_a_refusal_is_still_a_refusal(client: HttpClient, hook: Stranger, status: Any) -> None:
    hook.answer = lambda _request: {"allowed": False, "status": status, "warnings": "no list"}
    await client.create(VALIDATINGWEBHOOKCONFIGURATIONS, configuration(source(hook)))
    with pytest.raises(BadRequest, match=r'admission webhook "hook\.example\.com" denied the request'):
        await client.create(CONFIGMAPS, configmap("c"))
