"""Questions of access as their kinds allow them: selectors, what must be empty, and what cannot be understood."""

from __future__ import annotations

from typing import Any

import pytest

from .identity import Answer, World, world

__all__ = ["world"]
BASE = "/apis/authorization.k8s.io/v1"
NODE = {"user": "system:node:n1", "groups": ["system:nodes"]}


async def ask(world: World, **attributes: Any) -> Answer:
    asked = {"verb": "list", "resource": "pods", **attributes}
    return await world("POST", f"{BASE}/subjectaccessreviews", {"spec": {**NODE, "resourceAttributes": asked}})


@pytest.mark.parametrize(
    ("selector", "allowed", "error"),
    [
        ({"rawSelector": "spec.nodeName=n1"}, True, None),
        ({"rawSelector": "metadata.name==a,spec.nodeName==n1"}, True, None),
        ({"rawSelector": "spec.nodeName=n2"}, False, None),
        ({"rawSelector": "spec.nodeName!=n1"}, False, None),
        ({"rawSelector": "what?"}, False, "spec.resourceAttributes.fieldSelector ignored due to parse error"),
        ({"requirements": [{"key": "spec.nodeName", "operator": "In", "values": ["n1"]}]}, True, None),
        ({"requirements": [{"key": "spec.nodeName", "operator": "NotIn", "values": ["n1"]}]}, False, None),
        (
            {"requirements": [{"key": "spec.nodeName", "operator": "In", "values": ["n1", "n2"]}]}, False,
            "spec.resourceAttributes.fieldSelector ignored due to parse error",
        ),
        (
            {"requirements": [
                {"key": "spec.nodeName", "operator": "In", "values": ["n1"]}, {"key": "x", "operator": "Exists"},
            ]}, True, "spec.resourceAttributes.fieldSelector partially ignored due to parse error",
        ),
    ],
)  # fmt: skip
async def test_a_question_about_a_selection(
    world: World, selector: dict[str, Any], error: str | None, *, allowed: bool
) -> None:
    status = (await ask(world, fieldSelector=selector)).body["status"]
    assert (status["allowed"], status.get("evaluationError")) == (allowed, error)
    if not allowed:
        assert status["reason"] == "can only list/watch pods with spec.nodeName field selector"


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        (
            {"fieldSelector": {"rawSelector": "a=b", "requirements": [{"key": "a", "operator": "Exists"}]}},
            'spec.resourceAttributes.fieldSelector.rawSelector: Invalid value: "a=b": may not specified at',
        ),
        (
            {"labelSelector": {}},
            "spec.resourceAttributes.labelSelector is specified, requirements or rawSelector is required",
        ),
        (
            {"labelSelector": {"requirements": [{"key": "a b", "operator": "Exists"}]}},
            "spec.resourceAttributes.labelSelector.requirements[0].key: Invalid value",
        ),
        (
            {"fieldSelector": {"requirements": [{"key": "a", "operator": "In"}]}},
            "requirements[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
        ),
        (
            {"labelSelector": {"requirements": [{"key": "a", "operator": "Exists", "values": ["b"]}]}},
            "values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        ),
    ],
)
async def test_selectors_that_are_none(world: World, attributes: dict[str, Any], message: str) -> None:
    answer = await ask(world, **attributes)
    assert answer.code == 422
    assert message in answer.message


async def test_operators_that_nobody_knows_yet_pass(world: World) -> None:
    selector = {"requirements": [{"key": "a", "operator": "Newer", "values": ["b"]}]}
    answer = await ask(world, labelSelector=selector)
    assert answer.code == 201
    expected = "spec.resourceAttributes.labelSelector ignored due to parse error"
    assert answer.body["status"]["evaluationError"] == expected


async def test_a_question_has_no_name(world: World) -> None:
    spec = {"nonResourceAttributes": {"verb": "get", "path": "/x"}}
    asked = {"metadata": {"name": "x"}, "spec": {**spec, "user": "a"}}
    for kind in ("subjectaccessreviews", "selfsubjectaccessreviews"):
        answer = await world("POST", f"{BASE}/{kind}", asked)
        assert answer.code == 422
        assert "metadata: Invalid value" in answer.message
        assert answer.message.endswith("must be empty")
    local = {"metadata": {"name": "x"}, "spec": {"user": "a", "resourceAttributes": {"namespace": "default"}}}
    answer = await world("POST", f"{BASE}/namespaces/default/localsubjectaccessreviews", local)
    assert answer.message.endswith("must be empty except for namespace")
    empty = {"metadata": {"creationTimestamp": None}, "spec": {**spec, "user": "a"}}
    assert (await world("POST", f"{BASE}/subjectaccessreviews", empty)).code == 201


async def test_an_administrator_reads_their_rights_in_the_rules_of_their_roles(world: World) -> None:
    review = await world("POST", f"{BASE}/selfsubjectrulesreviews", {"spec": {"namespace": "default"}})
    status = review.body["status"]
    assert {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]} in status["resourceRules"]
    assert any(rule["resources"] == ["selfsubjectreviews"] for rule in status["resourceRules"])
    assert status["incomplete"] is False


async def test_rules_of_a_node_are_not_all_that_it_may(world: World) -> None:
    headers = {"Impersonate-User": "system:node:n1", "Impersonate-Group": "system:nodes"}
    body = {"spec": {"namespace": "default"}}
    review = await world("POST", f"{BASE}/selfsubjectrulesreviews", body, headers=headers)
    status = review.body["status"]
    assert status["incomplete"] is True
    assert status["evaluationError"] == "node authorizer does not support user rule resolution"
