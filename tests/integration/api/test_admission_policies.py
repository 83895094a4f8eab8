"""Policies in CEL as Kubernetes' own cases try them: validating ones, mutating ones, and what is checked of both."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from common.api.kinds import (
    CONFIGMAPS,
    CUSTOMRESOURCEDEFINITIONS,
    DEPLOYMENTS,
    MUTATINGADMISSIONPOLICIES,
    MUTATINGADMISSIONPOLICYBINDINGS,
    NAMESPACES,
    PODS,
    REPLICASETS,
    VALIDATINGADMISSIONPOLICIES,
    VALIDATINGADMISSIONPOLICYBINDINGS,
    Resource,
)
from common.api.meta import Object
from common.client.http import HttpClient
from common.errors import Forbidden, Invalid, NotFound

from .conftest import Running
from .kubectl import Kubectl

WANTS = "'wants replicas > 1, got ' + object.spec.replicas"  # a text and a number have no sum
DEPLOYMENT_RULE = {"apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments"]}
CONFIGMAP_RULE = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
POD_RULE = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}


def policy(rule: Object, *validations: Object, **spec: Any) -> Object:
    constraints = {"resourceRules": [{"operations": ["CREATE", "UPDATE"], **rule}]}
    return {
        "metadata": {"name": "policy"},
        "spec": {"matchConstraints": constraints, "validations": list(validations), **spec},
    }


def binding(**spec: Any) -> Object:
    whole = {"policyName": "policy", "validationActions": ["Deny"], **spec}
    return {"metadata": {"name": "binding"}, "spec": whole}


async def bound(client: HttpClient, made: Object, **spec: Any) -> None:
    await client.create(VALIDATINGADMISSIONPOLICIES, made)
    await client.create(VALIDATINGADMISSIONPOLICYBINDINGS, binding(**spec))


def workload(name: str, replicas: int) -> Object:
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "main", "image": "x"}]},
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": spec}


def configmap(name: str, **data: str) -> Object:
    return {"metadata": {"name": name, "namespace": "default"}, "data": data}


def pod(name: str, **spec: Any) -> Object:
    containers = [{"name": "main", "image": "x"}]
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"containers": containers, **spec}}


async def test_deployments_are_judged_where_the_binding_says(client: HttpClient) -> None:
    """The message's expression does not fit its types, so that the default message is shown."""
    await client.patch(NAMESPACES, "default", {"metadata": {"labels": {"mine": "true"}}})
    await client.create(NAMESPACES, {"metadata": {"name": "other"}})
    wants = {"expression": "object.spec.replicas > 1", "messageExpression": WANTS}
    selector = {"namespaceSelector": {"matchLabels": {"mine": "true"}}}
    await bound(client, policy(DEPLOYMENT_RULE, wants), matchResources=selector)
    with pytest.raises(Invalid) as caught:
        await client.create(DEPLOYMENTS, workload("single", 1))
    assert caught.value.message == (
        "deployments.apps \"single\" is forbidden: ValidatingAdmissionPolicy 'policy' with binding 'binding' denied "
        "request: failed expression: object.spec.replicas > 1"
    )
    await client.create(DEPLOYMENTS, workload("replicated", 2))
    with pytest.raises(Invalid):
        await client.patch(DEPLOYMENTS, "replicated", {"spec": {"replicas": 1}}, "default")
    await client.create(REPLICASETS, workload("single", 1))
    elsewhere = workload("single", 1)
    elsewhere["metadata"]["namespace"] = "other"
    await client.create(DEPLOYMENTS, elsewhere, "other")


async def test_expressions_refer_to_variables(client: HttpClient) -> None:
    variables = [
        {"name": "replicas", "expression": "object.spec.replicas"},
        {"name": "oddReplicas", "expression": "variables.replicas % 2 == 1"},
    ]
    validations = [
        {"expression": "variables.replicas > 1"},
        {"expression": "variables.oddReplicas", "messageExpression": "'wants odd, got ' + string(variables.replicas)"},
    ]
    await bound(client, policy(DEPLOYMENT_RULE, *validations, variables=variables))
    with pytest.raises(Invalid, match=r"failed expression: variables\.replicas > 1"):
        await client.create(DEPLOYMENTS, workload("one", 1))
    with pytest.raises(Invalid, match="wants odd, got 2"):
        await client.create(DEPLOYMENTS, workload("two", 2))
    await client.create(DEPLOYMENTS, workload("three", 3))


async def typed(client: HttpClient, *, generation: int = 1) -> Object:
    """The status of the policy, once its types are checked."""
    while True:
        status = (await client.get(VALIDATINGADMISSIONPOLICIES, "policy")).get("status") or {}
        if status.get("observedGeneration") == generation:
            return dict(status)
        await asyncio.sleep(0.01)


async def test_expressions_are_checked_against_types(client: HttpClient) -> None:
    confused = {"expression": "object.spec.replicas > '1'", "messageExpression": WANTS}
    await client.create(VALIDATINGADMISSIONPOLICIES, policy(DEPLOYMENT_RULE, confused))
    first, second = (await typed(client))["typeChecking"]["expressionWarnings"]
    assert (first["fieldRef"], second["fieldRef"]) == (
        "spec.validations[0].expression", "spec.validations[0].messageExpression",
    )  # fmt: skip
    assert first["warning"] == (
        "apps/v1, Kind=Deployment: ERROR: <input>:1:22: found no matching overload for '_>_' applied to "
        "'(int, string)'\n | object.spec.replicas > '1'\n | .....................^\n"
    )
    assert "found no matching overload for '_+_' applied to '(string, int)'" in second["warning"]
    right = {"expression": "!has(object.spec.replicas) || object.spec.replicas > 1"}
    good = policy(DEPLOYMENT_RULE, right)["spec"]
    await client.patch(VALIDATINGADMISSIONPOLICIES, "policy", {"spec": {"validations": good["validations"]}})
    assert (await typed(client, generation=2))["typeChecking"] == {}


async def test_expressions_are_checked_against_types_of_users(client: HttpClient) -> None:
    spec = {"type": "object", "properties": {"replicas": {"type": "integer"}}}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    versions = [{"name": "v1", "served": True, "storage": True, "schema": schema}]
    names = {"plural": "crontabs", "kind": "CronTab"}
    made = {"group": "stable.example.com", "scope": "Namespaced", "names": names, "versions": versions}
    await client.create(CUSTOMRESOURCEDEFINITIONS, {"metadata": {"name": "crontabs.stable.example.com"}, "spec": made})
    crontabs = Resource("stable.example.com", "v1", "crontabs", "CronTab")
    while True:
        try:
            await client.list(crontabs)
            break
        except NotFound:
            await asyncio.sleep(0.01)
    rule = {"apiGroups": ["stable.example.com"], "apiVersions": ["v1"], "resources": ["crontabs"]}
    validations = [{"expression": "object.spec.replicas == 'x'"}, {"expression": "object.spec.replcas > 1"}]
    await client.create(VALIDATINGADMISSIONPOLICIES, policy(rule, *validations))
    first, second = (await typed(client))["typeChecking"]["expressionWarnings"]
    assert "stable.example.com/v1, Kind=CronTab: " in first["warning"]
    assert "'_==_' applied to '(int, string)'" in first["warning"]
    assert "<input>:1:12: undefined field 'replcas'" in second["warning"]


async def test_who_asks_counts(api: Running, client: HttpClient) -> None:
    may = "authorizer.requestResource.check('breakglass').allowed()"
    other = "authorizer.serviceAccount('default', 'none').group('').resource('pods').check('list').errored()"
    await bound(client, policy(CONFIGMAP_RULE, {"expression": may}, {"expression": f"!{other}"}))
    await client.create(CONFIGMAPS, configmap("by-admin"))
    with pytest.raises(Invalid, match="requestResource"):
        await api.server.local_client("nobody").create(CONFIGMAPS, configmap("by-nobody"))


@pytest.mark.parametrize(("action", "warned"), [("Warn", True), ("Audit", False)])
async def test_other_actions_let_pass(client: HttpClient, kubectl: Kubectl, action: str, *, warned: bool) -> None:
    await bound(
        client, policy(CONFIGMAP_RULE, {"expression": "false", "message": "not so"}), validationActions=[action]
    )
    result = await kubectl.run("create", "configmap", "c")
    text = "Warning: Validation failed for ValidatingAdmissionPolicy 'policy' with binding 'binding': not so"
    assert (result.code, text in result.err) == (0, warned)


async def test_params_are_chosen_by_selector(client: HttpClient) -> None:
    """Each object of the params has to be content; without any the binding says what happens."""
    kind = {"apiVersion": "v1", "kind": "ConfigMap"}
    judge = {"expression": "object.spec.replicas <= int(params.data.max)"}
    selector = {"selector": {"matchLabels": {"limits": "yes"}}, "parameterNotFoundAction": "Allow"}
    await bound(client, policy(DEPLOYMENT_RULE, judge, paramKind=kind), paramRef=selector)
    await client.create(DEPLOYMENTS, workload("free", 9))
    for name, most in (("loose", "5"), ("strict", "2")):
        params = configmap(name, max=most)
        params["metadata"]["labels"] = {"limits": "yes"}
        await client.create(CONFIGMAPS, params)
    with pytest.raises(Invalid):
        await client.create(DEPLOYMENTS, workload("three", 3))
    await client.create(DEPLOYMENTS, workload("two", 2))


async def test_annotations_for_audits_must_be_texts(client: HttpClient) -> None:
    annotation = {"key": "size", "valueExpression": "object.data.size() == 1 ? 1 : 'fine'"}
    made = policy(CONFIGMAP_RULE, auditAnnotations=[{**annotation, "valueExpression": "dyn(object.data.size())"}])
    await bound(client, made)
    with pytest.raises(Invalid, match="Return type must be either string or null"):
        await client.create(CONFIGMAPS, configmap("c", a="1"))


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        (VALIDATINGADMISSIONPOLICIES, policy(CONFIGMAP_RULE, {"expression": "true"})),
        (VALIDATINGADMISSIONPOLICYBINDINGS, binding()),
    ],
)
async def test_policies_are_objects_like_others(api: Running, client: HttpClient, kind: Resource, made: Object) -> None:
    """Every verb, by label too, and what a watch sees of it."""
    revision = (await client.list(kind)).resource_version
    labelled = {**made, "metadata": {"name": "one", "labels": {"mine": "yes"}}}
    created = await client.create(kind, labelled)
    await client.create(kind, {**made, "metadata": {"name": "two", "labels": {"mine": "yes"}}})
    await client.create(kind, {**made, "metadata": {"name": "three"}})
    assert (await client.get(kind, "one"))["spec"] == created["spec"]
    assert len((await client.list(kind, label_selector="mine=yes")).items) == 2
    patched = await client.patch(kind, "one", {"metadata": {"annotations": {"patched": "true"}}})
    assert patched["metadata"]["annotations"] == {"patched": "true"}
    patched["metadata"]["annotations"]["updated"] = "true"
    patched["metadata"].pop("resourceVersion")
    updated = await client.update(kind, patched)
    assert updated["metadata"]["annotations"] == {"patched": "true", "updated": "true"}
    await client.delete(kind, "one")
    with pytest.raises(NotFound):
        await client.get(kind, "one")
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(api.socket))) as session,
        session.delete(f"http://api{kind.path()}?labelSelector=mine%3Dyes") as answer,
    ):
        assert answer.status == 200
    assert [item["metadata"]["name"] for item in (await client.list(kind)).items] == ["three"]
    seen: list[str] = []
    async for event in client.watch(kind, resource_version=revision, label_selector="mine=yes"):
        if event.object["metadata"]["name"] == "one":
            seen.append(event.type)
        if event.type == "DELETED" and event.object["metadata"]["name"] == "two":
            break
    assert (seen[0], seen[-1], set(seen[1:-1])) == ("ADDED", "DELETED", {"MODIFIED"})


async def test_the_status_of_a_policy_is_apart(client: HttpClient) -> None:
    await client.create(VALIDATINGADMISSIONPOLICIES, policy(CONFIGMAP_RULE, {"expression": "true"}))
    await typed(client)
    found = await client.get(VALIDATINGADMISSIONPOLICIES, "policy", subresource="status")
    condition = {
        "type": "StatusPatched", "status": "True", "reason": "E2E", "message": "Set by a test",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    patch = {"status": {"conditions": [condition]}}
    patched = await client.patch(VALIDATINGADMISSIONPOLICIES, "policy", patch, subresource="status")
    assert patched["status"]["conditions"] == [condition]
    patched["status"]["conditions"].append({**condition, "type": "StatusUpdated"})
    patched["spec"]["failurePolicy"] = "Ignore"
    updated = await client.update(VALIDATINGADMISSIONPOLICIES, patched, subresource="status")
    assert [item["type"] for item in updated["status"]["conditions"]] == ["StatusPatched", "StatusUpdated"]
    assert updated["spec"] == found["spec"]


def mutating(rule: Object, *mutations: Object, name: str = "policy", **spec: Any) -> Object:
    constraints = {"resourceRules": [{"operations": ["CREATE", "UPDATE"], **rule}]}
    whole = {
        "matchConstraints": constraints, "mutations": list(mutations), "reinvocationPolicy": "Never",
        "failurePolicy": "Fail", **spec,
    }  # fmt: skip
    return {"metadata": {"name": name}, "spec": whole}


def applying(text: str) -> Object:
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": text}}


def json_patching(text: str) -> Object:
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": text}}


async def changing(client: HttpClient, made: Object, **spec: Any) -> None:
    name = made["metadata"]["name"]
    await client.create(MUTATINGADMISSIONPOLICIES, made)
    whole = {"policyName": name, **spec}
    await client.create(MUTATINGADMISSIONPOLICYBINDINGS, {"metadata": {"name": name}, "spec": whole})


SIDECAR = """
Object{
  metadata: Object.metadata{labels: {"mesh": "on"}},
  spec: Object.spec{
    initContainers: [
      Object.spec.initContainers{
        name: "mesh-proxy", image: "mesh/proxy:v1", restartPolicy: "Always",
        env: [Object.spec.initContainers.env{name: "WHERE", value: variables.where}]
      }
    ]
  }
}
"""


async def test_a_policy_applies_a_configuration(client: HttpClient) -> None:
    """It is merged as server-side apply merges, defaulted, and owned by nobody."""
    conditions = [{"name": "no-proxy", "expression": "!has(object.spec.initContainers)"}]
    variables = [{"name": "where", "expression": "namespaceObject.metadata.name"}]
    made = mutating(POD_RULE, applying(SIDECAR), matchConditions=conditions, variables=variables)
    await changing(client, made)
    created = await client.create(PODS, pod("p"))
    (sidecar,) = created["spec"]["initContainers"]
    assert (sidecar["name"], sidecar["env"]) == ("mesh-proxy", [{"name": "WHERE", "value": "default"}])
    assert sidecar["terminationMessagePolicy"] == "File"
    assert created["metadata"]["labels"] == {"mesh": "on"}
    assert "f:initContainers" not in str(created["metadata"]["managedFields"])
    own = [{"name": "own", "image": "x"}]
    assert [
        item["name"] for item in (await client.create(PODS, pod("q", initContainers=own)))["spec"]["initContainers"]
    ] == ["own"]


async def test_a_policy_patches(client: HttpClient) -> None:
    text = """[
      JSONPatch{op: "test", path: "/data/color", value: "red"},
      JSONPatch{op: "replace", path: "/data/color", value: "green"},
      JSONPatch{op: "add", path: "/metadata/annotations", value: {"a/b": "1"}},
      JSONPatch{op: "add", path: "/metadata/annotations/" + jsonpatch.escapeKey("c/d"), value: object.data.color}
    ]"""
    await changing(client, mutating(CONFIGMAP_RULE, json_patching(text)))
    made = await client.create(CONFIGMAPS, configmap("c", color="red"))
    assert made["data"] == {"color": "green"}
    assert made["metadata"]["annotations"] == {"a/b": "1", "c/d": "red"}
    assert (await client.create(CONFIGMAPS, configmap("d", color="blue")))["data"] == {"color": "blue"}


@pytest.mark.parametrize(
    ("mutation", "problem"),
    [
        (
            applying("Object{spec: Object.spec{tolerations: [Object.spec.tolerations{key: 'a'}]}}"),
            "may not mutate atomic",
        ),
        (applying("Object{spec: Object.wrong{hostname: 'a'}}"), 'unexpected type name "Object.wrong"'),
        (applying("{'spec': {'hostname': 'a'}}"), "must be Object"),
        (json_patching("[JSONPatch{op: 'remove', path: '/spec/none'}]"), "denied request: JSON Patch: error in remove"),
        (json_patching("['no patch']"), "should evaluate to array of JSONPatch"),
        (applying("Object{spec: Object.spec{hostname: object.spec.none}}"), "no such key: none"),
        (applying("Object{spec: Object.spec{hostname: 'a', hostname2: 5}}"), ""),
    ],
)
async def test_a_mutation_that_fails_refuses(client: HttpClient, mutation: Object, problem: str) -> None:
    await changing(client, mutating(POD_RULE, mutation))
    if not problem:
        assert (await client.create(PODS, pod("p")))["spec"]["hostname"] == "a"
        return
    with pytest.raises(Invalid) as caught:
        await client.create(PODS, pod("p"))
    assert problem in caught.value.message
    await client.patch(MUTATINGADMISSIONPOLICIES, "policy", {"spec": {"failurePolicy": "Ignore"}})
    assert "hostname" not in (await client.create(PODS, pod("p")))["spec"]


async def test_policies_see_what_others_changed(client: HttpClient) -> None:
    """The first one wants to be asked again, and then finds what the second one added."""
    first = """has(object.data.two) ? Object{data: Object.data{seen: "yes"}} : Object{data: Object.data{one: "1"}}"""
    await changing(client, mutating(CONFIGMAP_RULE, applying(first), name="a", reinvocationPolicy="IfNeeded"))
    await changing(client, mutating(CONFIGMAP_RULE, applying("Object{data: Object.data{two: '2'}}"), name="b"))
    made = await client.create(CONFIGMAPS, configmap("c", own="0"))
    assert made["data"] == {"own": "0", "one": "1", "two": "2", "seen": "yes"}


async def test_a_mutation_asks_its_params(client: HttpClient) -> None:
    await client.create(CONFIGMAPS, configmap("params", priority="high"))
    made = mutating(
        POD_RULE, applying("Object{metadata: Object.metadata{labels: {'priority': params.data.priority}}}"),
        paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
    )  # fmt: skip
    reference = {"name": "params", "namespace": "default", "parameterNotFoundAction": "Deny"}
    await changing(client, made, paramRef=reference)
    assert (await client.create(PODS, pod("p")))["metadata"]["labels"] == {"priority": "high"}
    await client.delete(CONFIGMAPS, "params", "default")
    with pytest.raises(Invalid, match="no params found for policy binding with `Deny` parameterNotFoundAction"):
        await client.create(PODS, pod("q"))


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"mutations": []}, "spec.mutations: Required value: mutations must contain at least one item"),
        ({"mutations": [applying("Object{")]}, "spec.mutations[0].applyConfiguration.expression: Invalid value"),
        ({"mutations": [applying("Object{spec: Object.spec{x: variables.x}}")]}, "undefined field 'x'"),
        ({"mutations": [{"patchType": "JSONPatch"}]}, "spec.mutations[0].jsonPatch: Required value"),
        ({"variables": [{"name": "1x", "expression": "1"}]}, "name is not a valid CEL identifier"),
        ({"reinvocationPolicy": "Always"}, "spec.reinvocationPolicy: Unsupported value"),
    ],
)
async def test_nonsense_is_named(client: HttpClient, spec: Object, problem: str) -> None:
    made = mutating(POD_RULE, applying("Object{}"))
    with pytest.raises(Invalid) as caught:
        await client.create(MUTATINGADMISSIONPOLICIES, {**made, "spec": {**made["spec"], **spec}})
    assert problem in caught.value.message


async def test_policies_are_about_connections_too(client: HttpClient, kubectl: Kubectl) -> None:
    await client.create(PODS, pod("p"))
    rule = {"operations": ["CONNECT"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/exec"]}
    never = {"expression": "object.command != ['sh']", "message": "no shells", "reason": "Forbidden"}
    await bound(client, policy(rule, never))
    assert "no shells" in await kubectl.fails("exec", "p", "--", "sh")
    with pytest.raises(Forbidden):
        await client.websocket("/api/v1/namespaces/default/pods/p/exec", [("command", "sh")], ("v5.channel.k8s.io",))
