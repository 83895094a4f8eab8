"""What people see of roles, bindings and ServiceAccounts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from common.api import kinds
from common.api.kinds import Resource
from common.api.meta import Object
from console.views.columns import columns_for
from console.views.columns.access import reach, subject_text
from console.views.status import Status

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def cells(resource: Resource, obj: Object) -> dict[str, str]:
    found = {"kind": resource.kind, "metadata": {"name": "x", "namespace": "team"}, **obj}
    shown = {column.title: column.value(found, NOW) for column in columns_for(resource) if column.title != "AGE"}
    return {title: value.word if isinstance(value, Status) else value for title, value in shown.items()}


@pytest.mark.parametrize(
    ("verbs", "resources", "words"),
    [
        (["*"], ["*"], "everything"),
        (["get", "watch"], ["*"], "looks"),
        (["get", "delete"], ["pods"], "changes"),
        (["*"], ["pods"], "changes"),
    ],
)
def test_the_reach_of_a_role_is_told_in_a_word(verbs: list[str], resources: list[str], words: str) -> None:
    assert reach({"rules": [{"verbs": verbs, "resources": resources}]}).word == words


def test_a_role_without_rules_reaches_nothing() -> None:
    shown = cells(kinds.CLUSTERROLES, {})
    assert (shown["REACH"], shown["RULES"], shown["VERBS"]) == ("nothing", "0", "-")


def test_a_role_shows_verbs_and_resources_once() -> None:
    rules = [{"verbs": ["get"], "resources": ["pods"]}, {"verbs": ["get", "*"], "resources": ["nodes"]}]
    shown = cells(kinds.ROLES, {"rules": rules})
    assert (shown["VERBS"], shown["RESOURCES"]) == ("get, all", "pods, nodes")


def test_a_binding_shows_role_and_subjects() -> None:
    subjects = [
        {"kind": "User", "name": "jane"},
        {"kind": "Group", "name": "devs"},
        {"kind": "ServiceAccount", "name": "robot", "namespace": "team"},
    ]
    reference = {"kind": "ClusterRole", "name": "view"}
    shown = cells(kinds.ROLEBINDINGS, {"roleRef": reference, "subjects": subjects})
    assert (shown["ROLE"], shown["WHO"]) == ("cluster role view", "jane, group devs, sa team/robot")
    shown = cells(kinds.CLUSTERROLEBINDINGS, {"roleRef": reference})
    assert (shown["ROLE"], shown["WHO"]) == ("view", "nobody")
    assert subject_text({"kind": "User", "name": "jane"}) == "jane"


def test_an_account_says_whether_pods_get_its_token() -> None:
    assert cells(kinds.SERVICEACCOUNTS, {})["TOKEN IN PODS"] == "yes"
    assert cells(kinds.SERVICEACCOUNTS, {"automountServiceAccountToken": False})["TOKEN IN PODS"] == "no"
