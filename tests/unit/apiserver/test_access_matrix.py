"""Eight identities, twelve resources, eight verbs: what each may do with Kubernetes' default roles, as a table."""

from __future__ import annotations

import itertools

import pytest

from common.api.kinds import CLUSTERROLEBINDINGS, CLUSTERROLES, RBAC, ROLEBINDINGS, ROLES
from common.api.meta import Object
from console.apiserver.access import defaults
from console.apiserver.access.attributes import Attributes
from console.apiserver.access.authorizer import Authorizer
from console.apiserver.caller import AUTHENTICATED, Caller
from console.controllers.clusterroleaggregation import plan
from console.store import Store, open_store

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
READ, WRITE = frozenset(VERBS[:3]), frozenset(VERBS[3:])
ALL, NONE, CREATE = frozenset(VERBS), frozenset[str](), frozenset({"create"})
RESOURCES = {
    "pods": "", "pods/log": "", "pods/exec": "", "secrets": "", "configmaps": "", "services": "", "nodes": "",
    "serviceaccounts/token": "", "deployments": "apps", "deployments/scale": "apps", "roles": RBAC,
    "clusterroles": RBAC,
}  # fmt: skip
_VIEW = {
    "pods": READ, "pods/log": READ, "configmaps": READ, "services": READ, "deployments": READ,
    "deployments/scale": READ,
}  # fmt: skip
_EDIT = {
    **_VIEW, "pods": ALL, "pods/exec": ALL, "secrets": ALL, "configmaps": ALL, "services": ALL, "deployments": ALL,
    "deployments/scale": ALL, "serviceaccounts/token": CREATE,
}  # fmt: skip
IDENTITIES: dict[str, Caller] = {
    name: Caller(user, frozenset({AUTHENTICATED, *groups}), "test")
    for name, user, groups in (
        ("administrator", "root", ("system:masters",)),
        ("admin of team", "lead", ()),
        ("editor by group", "dev", ("devs",)),
        ("viewer of all", "auditor", ()),
        ("robot", "system:serviceaccount:team:robot", ("system:serviceaccounts", "system:serviceaccounts:team")),
        ("robot of other", "system:serviceaccount:other:robot", ("system:serviceaccounts",)),
        ("node", "system:node:n1", ("system:nodes",)),
        ("anybody", "somebody", ()),
    )
}
# In the namespace `team`; what is not listed is refused.
TABLE: dict[str, dict[str, frozenset[str]]] = {
    "administrator": dict.fromkeys(RESOURCES, ALL),
    "admin of team": {**_EDIT, "roles": ALL},
    "editor by group": _EDIT,
    "viewer of all": _VIEW,
    "robot": {"pods": frozenset({"get", "list"}), "deployments/scale": frozenset({"patch"})},
    "robot of other": {},
    "node": {"services": READ, "nodes": READ},
    "anybody": {},
}


def binding(name: str, role: str, subject: Object, namespace: str = "", kind: str = "ClusterRole") -> Object:
    where = {"namespace": namespace} if namespace else {}
    reference = {"apiGroup": RBAC, "kind": kind, "name": role}
    return {"metadata": {"name": name, **where}, "roleRef": reference, "subjects": [subject]}


def user(name: str) -> Object:
    return {"kind": "User", "apiGroup": RBAC, "name": name}


ROBOT: Object = {
    "metadata": {"name": "robot", "namespace": "team"},
    "rules": [
        {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]},
        {"verbs": ["patch"], "apiGroups": ["apps"], "resources": ["deployments/scale"]},
    ],
}


@pytest.fixture
async def authorizer(tmp_path: object) -> Authorizer:
    store: Store = await open_store(tmp_path / "store.db")  # type: ignore[operator]
    await store.close()
    found = Authorizer(store)
    policy = found.policy
    roles = {role["metadata"]["name"]: role for role in defaults.ROLES}
    for _ in range(3):  # view goes into edit, and edit into admin
        for name, role in roles.items():
            rules = plan(role, roles.values())
            if rules is not None:
                roles[name] = {**role, "rules": rules}
    for role in roles.values():
        policy.change(CLUSTERROLES, None, role)
    for obj in defaults.BINDINGS:
        policy.change(CLUSTERROLEBINDINGS, None, obj)
    policy.change(ROLES, None, ROBOT)
    policy.change(CLUSTERROLEBINDINGS, None, binding("auditor", "view", user("auditor")))
    group = {"kind": "Group", "apiGroup": RBAC, "name": "devs"}
    robot = {"kind": "ServiceAccount", "name": "robot", "namespace": "team"}
    for obj in (
        binding("lead", "admin", user("lead"), "team"),
        binding("devs", "edit", group, "team"),
        binding("robot", "robot", robot, "team", "Role"),
    ):
        policy.change(ROLEBINDINGS, None, obj)
    return found


def asked(verb: str, resource: str, namespace: str) -> Attributes:
    plural, _, subresource = resource.partition("/")
    place = "" if plural in {"nodes", "clusterroles"} else namespace
    return Attributes(verb, RESOURCES[resource], "v1", plural, subresource, place, "one")


async def test_everybody_may_do_what_the_table_says_and_no_more(authorizer: Authorizer) -> None:
    wrong = []
    for (name, caller), resource, verb in itertools.product(IDENTITIES.items(), RESOURCES, VERBS):
        expected = verb in TABLE[name].get(resource, NONE)
        if authorizer.allows(caller, asked(verb, resource, "team")) is not expected:
            wrong.append(f"{name} {verb} {resource} should be {'allowed' if expected else 'refused'}")
    assert wrong == []


async def test_rights_in_one_namespace_are_none_in_another(authorizer: Authorizer) -> None:
    everywhere = {"administrator", "viewer of all", "node"}
    wrong = []
    for (name, caller), resource, verb in itertools.product(IDENTITIES.items(), RESOURCES, VERBS):
        expected = name in everywhere and verb in TABLE[name].get(resource, NONE)
        if authorizer.allows(caller, asked(verb, resource, "elsewhere")) is not expected:
            wrong.append(f"{name} {verb} {resource}")
    assert wrong == []


async def test_a_binding_that_is_gone_gives_nothing(authorizer: Authorizer) -> None:
    request, caller = asked("get", "pods", "team"), IDENTITIES["admin of team"]
    assert authorizer.allows(caller, request)
    authorizer.policy.change(ROLEBINDINGS, binding("lead", "admin", user("lead"), "team"), None)
    assert not authorizer.allows(caller, request)


async def test_decisions_say_where_they_come_from(authorizer: Authorizer) -> None:
    found = authorizer.decide(IDENTITIES["robot"], asked("get", "pods", "team"))
    assert found.reason == ('RBAC: allowed by RoleBinding "robot/team" of Role "robot" to ServiceAccount "robot/team"')
    found = authorizer.decide(IDENTITIES["viewer of all"], asked("get", "pods", "team"))
    assert found.reason == 'RBAC: allowed by ClusterRoleBinding "auditor" of ClusterRole "view" to User "auditor"'


async def test_a_binding_without_its_role_is_named(authorizer: Authorizer) -> None:
    authorizer.policy.change(ROLEBINDINGS, None, binding("broken", "none", user("somebody"), "team"))
    found = authorizer.decide(IDENTITIES["anybody"], asked("get", "pods", "team"))
    assert (found.allowed, found.reason) == (False, 'RBAC: clusterrole.rbac.authorization.k8s.io "none" not found')


async def test_paths_are_decided_by_their_own_rules(authorizer: Authorizer) -> None:
    anybody, robot = IDENTITIES["anybody"], IDENTITIES["robot"]
    for path, who, allowed in (
        ("/version", anybody, True),
        ("/apis/apps/v1", anybody, True),
        ("/metrics", anybody, False),
        ("/openid/v1/jwks", anybody, False),
        ("/openid/v1/jwks", robot, True),
    ):
        assert authorizer.allows(who, Attributes("get", path=path)) is allowed, path
