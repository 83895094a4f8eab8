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

from .identity import World, world

__all__ = ["world"]

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
    "node": {"services": READ, "nodes": frozenset({"create", "update", "patch"})},  # of others: NodeRestriction
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


# The same over HTTP, where paths and methods say what is asked


async def test_requests_are_refused_exactly_where_the_table_says(world: World) -> None:
    await grant_all(world)
    wrong = []
    for (name, caller), resource, verb in itertools.product(IDENTITIES.items(), RESOURCES, VERBS):
        request = over_http(verb, resource)
        if request is None:
            continue
        headers = [("Impersonate-User", caller.user), *(("Impersonate-Group", group) for group in caller.groups)]
        answer = await world(*request, headers=headers)
        refused = answer.code == 403 and " cannot " in answer.message
        if refused is (verb in TABLE[name].get(resource, NONE)):
            wrong.append(f"{name} {verb} {resource}: {answer.code} {answer.body}")
    assert wrong == []


async def test_a_right_to_one_name_is_a_right_to_that_name_alone(world: World) -> None:
    verbs = ["get", "list", "watch", "update", "patch", "delete", "create", "deletecollection"]
    rules = [
        {"verbs": verbs, "apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["mine"]},
        {
            "verbs": ["get", "patch"],
            "apiGroups": ["apps"],
            "resources": ["deployments/scale"],
            "resourceNames": ["mine"],
        },
    ]
    await world("POST", f"{RBAC_PATH}/clusterroles", {"metadata": {"name": "keeper"}, "rules": rules})
    await world("POST", f"{RBAC_PATH}/clusterrolebindings", binding("keeper", "keeper", user("keeper")))
    maps, scales = "/api/v1/namespaces/default/configmaps", "/apis/apps/v1/namespaces/default/deployments"
    merge = "application/merge-patch+json"
    for method, path, allowed in (
        ("GET", f"{maps}/mine", True), ("GET", f"{maps}/other", False), ("GET", maps, False),
        ("GET", f"{maps}?fieldSelector=metadata.name%3Dmine", True),
        ("GET", f"{maps}?fieldSelector=metadata.name%3Dother", False),
        ("GET", f"{maps}?fieldSelector=metadata.name%3Dmine,metadata.namespace%3Ddefault", True),
        ("GET", f"{maps}?fieldSelector=metadata.name!%3Dmine", False),
        ("POST", maps, False), ("PUT", f"{maps}/mine", True), ("PUT", f"{maps}/other", False),
        ("PATCH", f"{maps}/mine", True), ("DELETE", f"{maps}/mine", True), ("DELETE", f"{maps}/other", False),
        ("DELETE", maps, False), ("DELETE", f"{maps}?fieldSelector=metadata.name%3Dmine", True),
        ("GET", f"{scales}/mine/scale", True), ("GET", f"{scales}/other/scale", False),
        ("GET", f"{scales}/mine", False), ("PATCH", f"{scales}/mine/scale", True),
        ("PUT", f"{scales}/mine/scale", False),
    ):  # fmt: skip
        answer = await world.as_user("keeper", method, path, None if method == "GET" else {}, media=merge)
        assert (answer.code != 403) is allowed, f"{method} {path}: {answer.code} {answer.body}"


RBAC_PATH = f"/apis/{RBAC}/v1"


async def grant_all(world: World) -> None:
    """The roles of Kubernetes with what their controller makes of them, and the bindings of the table."""
    for _ in range(3):
        roles = (await world("GET", f"{RBAC_PATH}/clusterroles")).body["items"]
        for role in roles:
            rules = plan(role, roles)
            if rules is not None:
                name = role["metadata"]["name"]
                assert (await world("PUT", f"{RBAC_PATH}/clusterroles/{name}", {**role, "rules": rules})).code < 300
    await world("POST", "/api/v1/namespaces", {"metadata": {"name": "team"}})
    group = {"kind": "Group", "apiGroup": RBAC, "name": "devs"}
    robot = {"kind": "ServiceAccount", "name": "robot", "namespace": "team"}
    space = f"{RBAC_PATH}/namespaces/team"
    for path, obj in (
        (f"{space}/roles", ROBOT),
        (f"{RBAC_PATH}/clusterrolebindings", binding("auditor", "view", user("auditor"))),
        (f"{space}/rolebindings", binding("lead", "admin", user("lead"))),
        (f"{space}/rolebindings", binding("devs", "edit", group)),
        (f"{space}/rolebindings", binding("robot", "robot", robot, "team", "Role")),
    ):
        answer = await world("POST", path, obj)
        assert answer.code == 201, answer.body


def over_http(verb: str, resource: str) -> tuple[str, str, Object | None] | None:
    """A request that asks for that and changes nothing; None for what none can ask. Where it is allowed, it fails for
    what is wrong in it."""
    plural, _, subresource = resource.partition("/")
    group = RESOURCES[resource]
    place = "" if plural in {"nodes", "clusterroles"} else "/namespaces/team"
    base = f"/{f'apis/{group}' if group else 'api'}/v1{place}/{plural}"
    one = f"{base}/one/{subresource}" if subresource else f"{base}/one"
    if subresource and verb in {"list", "watch", "deletecollection"}:
        return None
    wrong = "labelSelector=%21%21"
    requests: dict[str, tuple[str, str, Object | None]] = {
        "get": ("GET", one, None), "list": ("GET", f"{base}?{wrong}", None),
        "watch": ("GET", f"{base}?watch=1&{wrong}", None),
        "create": ("POST", f"{one if subresource else base}?dryRun=All", {}),
        "update": ("PUT", f"{one}?dryRun=All", {}), "patch": ("PATCH", f"{one}?dryRun=All", {}),
        "delete": ("DELETE", f"{one}?dryRun=All", None), "deletecollection": ("DELETE", f"{base}?{wrong}", None),
    }  # fmt: skip
    return requests[verb]
