"""Secrets that hold tokens, and roles that are made of others."""

from __future__ import annotations

import base64
from typing import Any

from common.api.meta import Object
from console.controllers import clusterroleaggregation
from console.controllers.serviceaccounttokens import NAME, UID, is_of_namesake, plan

ACCOUNT: Object = {"metadata": {"name": "web", "namespace": "default", "uid": "u1"}}


def secret(uid: str = "", **data: str) -> Object:
    marks = {NAME: "web", **({UID: uid} if uid else {})}
    encoded = {key.replace("_", "."): base64.b64encode(value.encode()).decode() for key, value in data.items()}
    metadata = {"name": "kept", "namespace": "default", "annotations": marks, "resourceVersion": "7"}
    return {"metadata": metadata, "type": "kubernetes.io/service-account-token", "data": encoded}


def issue(account: Object, name: str) -> str:
    return f"token of {account['metadata']['name']} in {name}"


def test_an_empty_secret_is_filled() -> None:
    patch = plan(secret(), ACCOUNT, "PEM", issue)
    assert patch is not None
    assert patch["metadata"] == {"resourceVersion": "7", "annotations": {UID: "u1"}}
    assert {key: base64.b64decode(value).decode() for key, value in patch["data"].items()} == {
        "token": "token of web in kept", "ca.crt": "PEM", "namespace": "default"
    }  # fmt: skip


def test_a_full_secret_is_left_alone_and_keeps_its_token() -> None:
    full = {"token": "old", "ca_crt": "PEM", "namespace": "default"}
    assert plan(secret("u1", **full), ACCOUNT, "PEM", issue) is None
    patch = plan(secret("u1", **full), ACCOUNT, "NEW", issue)
    assert patch is not None
    assert set(patch["data"]) == {"ca.crt"}


def test_a_secret_of_an_earlier_account_is_an_orphan() -> None:
    assert is_of_namesake(secret("u0"), ACCOUNT)
    assert not is_of_namesake(secret("u1"), ACCOUNT)
    assert not is_of_namesake(secret(), ACCOUNT)


def role(name: str, *verbs: str, selects: str = "", label: str = "") -> Object:
    found: dict[str, Any] = {"metadata": {"name": name, "labels": {label: "true"} if label else {}}}
    found["rules"] = [{"verbs": [verb], "apiGroups": [""], "resources": ["pods"]} for verb in verbs]
    if selects:
        found["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": {selects: "true"}}]}
    return found


def test_a_role_is_the_sum_of_those_it_selects() -> None:
    parts = [role("b", "list", "get", label="part"), role("a", "get", label="part"), role("c", "delete")]
    rules = clusterroleaggregation.plan(role("sum", selects="part"), [*parts, role("sum", selects="part")])
    assert rules is not None
    assert [rule["verbs"] for rule in rules] == [["get"], ["list"]]
    assert clusterroleaggregation.plan({**role("sum", selects="part"), "rules": rules}, parts) is None


def test_a_role_without_selection_or_parts_is_left_alone() -> None:
    assert clusterroleaggregation.plan(role("plain", "get"), [role("a", "get")]) is None
    assert clusterroleaggregation.plan(role("sum", selects="part"), []) is None
