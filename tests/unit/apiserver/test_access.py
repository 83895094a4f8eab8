"""Access over HTTP: refusals in Kubernetes' words, escalation, impersonation, and questions about access."""

from __future__ import annotations

from typing import Any

import pytest

from .identity import PODS, RBAC, World, world

__all__ = ["world"]
ROLES = f"/apis/{RBAC}/v1/namespaces/default/roles"
BINDINGS = f"/apis/{RBAC}/v1/namespaces/default/rolebindings"
CLUSTERROLES = f"/apis/{RBAC}/v1/clusterroles"
AUTHORIZATION = "/apis/authorization.k8s.io/v1"


def role(verbs: str, resources: str = "pods", name: str = "r") -> dict[str, Any]:
    rule = {"verbs": verbs.split(), "apiGroups": [""], "resources": resources.split()}
    return {"metadata": {"name": name}, "rules": [rule]}


def binding(to: str, user: str = "jane", kind: str = "Role", name: str = "b") -> dict[str, Any]:
    reference = {"apiGroup": RBAC, "kind": kind, "name": to}
    return {"metadata": {"name": name}, "roleRef": reference, "subjects": [{"kind": "User", "name": user}]}


# Refusals


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        ("GET", PODS, ('pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace '
                      '"default"')),
        ("GET", f"{PODS}?watch=true", ('pods is forbidden: User "jane" cannot watch resource "pods" in API group "" in '
                                      'the namespace "default"')),
        ("GET", f"{PODS}/web/log", ('pods "web" is forbidden: User "jane" cannot get resource "pods/log" in API group '
                                   '"" in the namespace "default"')),
        ("GET", "/api/v1/nodes", ('nodes is forbidden: User "jane" cannot list resource "nodes" in API group "" at the '
                                 "cluster scope")),
        ("GET", "/api/v1/namespaces/default", ('namespaces "default" is forbidden: User "jane" cannot get resource '
                                              '"namespaces" in API group "" in the namespace "default"')),
        ("DELETE", "/apis/apps/v1/namespaces/default/deployments", ('deployments.apps is forbidden: User "jane" cannot '
         'deletecollection resource "deployments" in API group "apps" in the namespace "default"')),
        ("GET", f"{PODS}?fieldSelector=metadata.name%3Dweb", ('pods "web" is forbidden: User "jane" cannot list '
         'resource "pods" in API group "" in the namespace "default"')),
        ("GET", "/metrics", 'forbidden: User "jane" cannot get path "/metrics"'),
    ],
)  # fmt: skip
async def test_refusals_have_kubernetes_words(world: World, method: str, path: str, message: str) -> None:
    answer = await world.as_user("jane", method, path)
    assert (answer.code, answer.message, answer.body["reason"]) == (403, message, "Forbidden")


async def test_a_right_to_one_name_is_none_to_the_others(world: World) -> None:
    await world(
        "POST", ROLES, {**role("get list"), "rules": [{**role("get list")["rules"][0], "resourceNames": ["a"]}]}
    )
    await world("POST", BINDINGS, binding("r"))
    assert (await world.as_user("jane", "GET", f"{PODS}/a")).code == 404
    assert (await world.as_user("jane", "GET", f"{PODS}/b")).code == 403
    assert (await world.as_user("jane", "GET", PODS)).code == 403
    assert (await world.as_user("jane", "GET", f"{PODS}?fieldSelector=metadata.name%3Da")).code == 200


async def test_reading_rights_open_no_stream_into_a_container(world: World) -> None:
    await world.grant("jane", "get", "pods/exec")
    answer = await world.as_user("jane", "GET", f"{PODS}/web/exec?command=sh")
    assert answer.code == 403
    assert 'cannot create resource "pods/exec"' in answer.message


async def test_an_apply_that_creates_needs_the_right_to_create(world: World) -> None:
    await world.grant("jane", "patch", "configmaps")
    path = "/api/v1/namespaces/default/configmaps/c?fieldManager=m"
    wanted = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}}
    answer = await world.as_user("jane", "PATCH", path, wanted, media="application/apply-patch+yaml")
    assert answer.code == 403
    assert 'cannot create resource "configmaps"' in answer.message
    await world("POST", "/api/v1/namespaces/default/configmaps", wanted)
    assert (await world.as_user("jane", "PATCH", path, wanted, media="application/apply-patch+yaml")).code in {200, 409}


async def test_a_missing_role_is_named_in_the_refusal(world: World) -> None:
    await world("POST", BINDINGS, binding("none"))
    answer = await world.as_user("jane", "GET", PODS)
    assert answer.message.endswith(': RBAC: role.rbac.authorization.k8s.io "none" not found')


async def test_rights_hold_from_the_answer_on_that_gives_them(world: World) -> None:
    for _ in range(5):
        await world("POST", ROLES, role("list"))
        await world("POST", BINDINGS, binding("r"))
        assert (await world.as_user("jane", "GET", PODS)).code == 200
        await world("DELETE", f"{BINDINGS}/b")
        assert (await world.as_user("jane", "GET", PODS)).code == 403
        await world("DELETE", f"{ROLES}/r")


# Escalation


async def test_nobody_gives_away_what_they_do_not_have(world: World) -> None:
    await world.grant("jane", "create update get list", "roles rolebindings", RBAC, "writer")
    answer = await world.as_user("jane", "POST", ROLES, role("get delete", "secrets"))
    assert answer.code == 403
    assert answer.message == (
        'roles.rbac.authorization.k8s.io "r" is forbidden: user "jane" (groups=["system:authenticated"]) is '
        "attempting to grant RBAC permissions not currently held:\n"
        '{APIGroups:[""], Resources:["secrets"], Verbs:["delete" "get"]}'
    )
    await world.grant("jane", "get", "secrets", name="reader")
    answer = await world.as_user("jane", "POST", ROLES, role("get delete", "secrets"))
    assert answer.message.endswith('\n{APIGroups:[""], Resources:["secrets"], Verbs:["delete"]}')
    assert (await world.as_user("jane", "POST", ROLES, role("get", "secrets"))).code == 201
    assert (await world.as_user("jane", "PUT", f"{ROLES}/r", role("get list", "secrets"))).code == 403


async def test_whoever_makes_by_replacing_may_make(world: World) -> None:
    await world.grant("jane", "update", "roles", RBAC, "writer")
    answer = await world.as_user("jane", "PUT", f"{ROLES}/new", {"metadata": {"name": "new"}})
    assert answer.code == 403
    assert 'cannot create resource "roles" in API group "rbac.authorization.k8s.io"' in answer.message


async def test_a_binding_gives_no_more_than_its_maker_has(world: World) -> None:
    await world.grant("jane", "create", "rolebindings", RBAC, "writer")
    await world("POST", ROLES, role("get"))
    answer = await world.as_user("jane", "POST", BINDINGS, binding("r", "jim"))
    assert answer.code == 403
    assert 'rolebindings.rbac.authorization.k8s.io "b" is forbidden: user "jane"' in answer.message
    answer = await world.as_user("jane", "POST", BINDINGS, binding("none", "jim"))
    assert (answer.code, answer.message) == (404, 'roles.rbac.authorization.k8s.io "none" not found')
    await world.grant("jane", "get", "pods", name="holder")
    assert (await world.as_user("jane", "POST", BINDINGS, binding("r", "jim"))).code == 201


async def test_bind_and_escalate_are_the_ways_around_it(world: World) -> None:
    await world.grant("jane", "create", "rolebindings roles", RBAC, "writer")
    await world.grant("jane", "bind", "clusterroles", RBAC, "binder")
    answer = await world.as_user("jane", "POST", BINDINGS, binding("cluster-admin", "jim", "ClusterRole"))
    assert answer.code == 201
    await world.grant("jane", "escalate", "roles", RBAC, "escalator")
    assert (await world.as_user("jane", "POST", ROLES, role("*", "*"))).code == 201


async def test_only_who_has_everything_makes_a_role_of_others(world: World) -> None:
    await world.grant("jane", "create", "clusterroles", RBAC, "writer")
    selector = {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}
    wanted = {"metadata": {"name": "sum"}, "aggregationRule": selector}
    assert (await world.as_user("jane", "POST", CLUSTERROLES, wanted)).code == 403
    assert (await world("POST", CLUSTERROLES, wanted)).code == 201


# Impersonation


async def test_only_who_may_acts_as_others(world: World) -> None:
    await world.account()
    token = await world.token()
    answer = await world("GET", PODS, token=token, headers={"Impersonate-User": "root"})
    assert answer.code == 403
    assert answer.message == (
        'pods is forbidden: User "system:serviceaccount:default:web" cannot impersonate-on:user-info:list resource '
        '"pods" in API group "" in the namespace "default"'
    )
    await world.grant("system:serviceaccount:default:web", "impersonate", "users")
    answer = await world("GET", PODS, token=token, headers={"Impersonate-User": "root"})
    assert answer.message.startswith('pods is forbidden: User "root" cannot list')
    groups = {"Impersonate-User": "root", "Impersonate-Group": "system:masters"}
    answer = await world("GET", PODS, token=token, headers=groups)
    assert answer.message.startswith('groups "system:masters" is forbidden')


async def test_an_impersonated_user_is_who_writes(world: World) -> None:
    headers = [
        ("Impersonate-User", "jane"), ("Impersonate-Group", "a"), ("Impersonate-Group", "b"),
        ("Impersonate-Uid", "u1"), ("Impersonate-Extra-Reason", "test"),
    ]  # fmt: skip
    answer = await world("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, headers=headers)
    assert answer.body["status"]["userInfo"] == {
        "username": "jane", "uid": "u1", "groups": ["a", "b", "system:authenticated"], "extra": {"reason": ["test"]}
    }  # fmt: skip


async def test_a_service_account_is_impersonated_with_its_groups(world: World) -> None:
    answer = await world.as_user(
        "system:serviceaccount:default:web", "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}
    )
    assert answer.body["status"]["userInfo"]["groups"] == [
        "system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"
    ]  # fmt: skip


async def test_groups_without_a_user_are_a_mistake(world: World) -> None:
    answer = await world("GET", PODS, headers={"Impersonate-Group": "a"})
    assert answer.code == 400
    assert answer.message == (
        'requested &user.DefaultInfo{Name:"", UID:"", Groups:[]string{"a"}, Extra:map[string][]string(nil)} without '
        "impersonating a user name"
    )


# Questions


async def test_questions_of_access_are_answered(world: World) -> None:
    await world.grant("jane", "get", "pods")
    attributes = {"verb": "get", "resource": "pods", "namespace": "default"}
    own = await world.as_user(
        "jane", "POST", f"{AUTHORIZATION}/selfsubjectaccessreviews", {"spec": {"resourceAttributes": attributes}}
    )
    assert own.code == 201
    assert own.body["status"] == {
        "allowed": True,
        "reason": 'RBAC: allowed by ClusterRoleBinding "grant" of ClusterRole "grant" to User "jane"',
    }
    asked = {"spec": {"resourceAttributes": {**attributes, "verb": "list"}, "user": "jane"}}
    other = await world("POST", f"{AUTHORIZATION}/subjectaccessreviews", asked)
    assert other.body["status"] == {"allowed": False}
    local = f"{AUTHORIZATION}/namespaces/default/localsubjectaccessreviews"
    assert (await world("POST", local, asked)).body["status"] == {"allowed": False}
    path = {"spec": {"nonResourceAttributes": {"verb": "get", "path": "/version"}, "groups": ["system:authenticated"]}}
    assert (await world("POST", f"{AUTHORIZATION}/subjectaccessreviews", path)).body["status"]["allowed"] is True


@pytest.mark.parametrize(
    ("kind", "spec", "message"),
    [
        ("subjectaccessreviews", {"user": "jane"}, "exactly one of nonResourceAttributes or resourceAttributes"),
        ("subjectaccessreviews", {"resourceAttributes": {"verb": "get"}}, "at least one of user or group"),
        (
            "subjectaccessreviews",
            {"user": "j", "resourceAttributes": {"verb": "get"}, "nonResourceAttributes": {"path": "/"}},
            "cannot be specified in combination with resourceAttributes",
        ),
        (
            "namespaces/default/localsubjectaccessreviews",
            {"user": "j", "resourceAttributes": {"namespace": "other"}},
            "must match metadata.namespace",
        ),
    ],
)
async def test_questions_that_are_none_are_refused(world: World, kind: str, spec: dict[str, Any], message: str) -> None:
    answer = await world("POST", f"{AUTHORIZATION}/{kind}", {"spec": spec})
    assert answer.code == 422
    assert message in answer.message


async def test_everybody_may_ask_what_they_may_do(world: World) -> None:
    await world.grant("jane", "get", "pods")
    path, body = f"{AUTHORIZATION}/selfsubjectrulesreviews", {"spec": {"namespace": "default"}}
    status = (await world.as_user("jane", "POST", path, body)).body["status"]
    assert {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]} in status["resourceRules"]
    assert status["incomplete"] is False
    assert any("/version" in rule["nonResourceURLs"] for rule in status["nonResourceRules"])
    assert (await world.as_user("jane", "POST", path, {})).code == 400


# Validation of the kinds


@pytest.mark.parametrize(
    ("path", "obj", "message"),
    [
        (ROLES, {"rules": [{"apiGroups": [""], "resources": ["pods"]}]},
         "rules[0].verbs: Required value: verbs must contain at least one value"),
        (ROLES, {"rules": [{"verbs": ["get"], "resources": ["pods"]}]},
         "rules[0].apiGroups: Required value: resource rules must supply at least one api group"),
        (ROLES, {"rules": [{"verbs": ["get"], "apiGroups": [""]}]},
         "rules[0].resources: Required value: resource rules must supply at least one resource"),
        (ROLES, {"rules": [{"verbs": ["get"], "nonResourceURLs": ["/x"]}]},
         "namespaced rules cannot apply to non-resource URLs"),
        (CLUSTERROLES, {"rules": [{"verbs": ["get"], "nonResourceURLs": ["/x"], "resources": ["pods"]}]},
         "rules cannot apply to both regular resources and non-resource URLs"),
        (CLUSTERROLES, {"aggregationRule": {}}, "at least one clusterRoleSelector required"),
        (BINDINGS, {"roleRef": {"kind": "Pod", "name": "x"}},
         'roleRef.kind: Unsupported value: "Pod": supported values: "Role", "ClusterRole"'),
        (BINDINGS, {"roleRef": {"kind": "Role"}}, "roleRef.name: Required value"),
        (BINDINGS, {"roleRef": {"kind": "Role", "name": "a/b"}}, "may not contain '/'"),
        (BINDINGS, {"roleRef": {"kind": "Role", "name": "x", "apiGroup": "x"}}, "roleRef.apiGroup: Unsupported value"),
        (BINDINGS, {"roleRef": {"kind": "Role", "name": "x"}, "subjects": [{"kind": "ServiceAccount", "name": "a"}]},
         "subjects[0].namespace: Required value"),
        (BINDINGS, {"roleRef": {"kind": "Role", "name": "x"}, "subjects": [{"kind": "Robot", "name": "a"}]},
         'subjects[0].kind: Unsupported value: "Robot"'),
    ],
)  # fmt: skip
async def test_wrong_roles_and_bindings_are_refused(world: World, path: str, obj: dict[str, Any], message: str) -> None:
    answer = await world("POST", path, {"metadata": {"name": "x"}, **obj})
    assert answer.code == 422
    assert message in answer.message


async def test_the_role_of_a_binding_stays(world: World) -> None:
    await world("POST", BINDINGS, binding("r"))
    answer = await world("PUT", f"{BINDINGS}/b", binding("other"))
    assert answer.code == 422
    assert "roleRef: Invalid value:" in answer.message
    assert "cannot change roleRef" in answer.message


async def test_names_of_roles_may_have_colons(world: World) -> None:
    assert (await world("POST", ROLES, role("get", name="system:mine"))).code == 201
    assert (await world("POST", ROLES, role("get", name="a%b"))).code == 422


# The defaults


async def test_defaults_come_back_completed_and_leave_changes_alone(world: World) -> None:
    from console.apiserver.access.reconcile import reconcile

    path = f"{CLUSTERROLES}/system:basic-user"
    own = {"verbs": ["get"], "apiGroups": [""], "resources": ["nodes"]}
    await world("PATCH", path, {"rules": [own]}, media="application/merge-patch+json")
    await world("DELETE", f"{CLUSTERROLES}/system:discovery")
    kept = f"{CLUSTERROLES}/system:monitoring"
    marked = {"metadata": {"annotations": {"rbac.authorization.kubernetes.io/autoupdate": "false"}}, "rules": [own]}
    await world("PATCH", kept, marked, media="application/merge-patch+json")
    await reconcile(world.client)
    rules = (await world("GET", path)).body["rules"]
    assert own in rules
    assert any("selfsubjectreviews" in rule["resources"] for rule in rules)
    assert (await world("GET", f"{CLUSTERROLES}/system:discovery")).code == 200
    assert (await world("GET", kept)).body["rules"] == [own]
    before = world.store.revision
    await reconcile(world.client)
    assert world.store.revision == before
